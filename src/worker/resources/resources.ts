import type { Leak, RetiredFacts } from '../../core/leak.ts'
import type { ResourceEvent, ResourceName, ResourceSettings } from '../../core/protect/resources.ts'
import type { Trace, Whose } from '../../modules/trace.ts'
import { watchCollections, type Collections } from './collections.ts'
import { Leaks } from './leaks.ts'
import { Pressure } from './pressure.ts'
import { Stuck, type StuckCounts, type UnderWayLook } from './stuck.ts'

export interface ResourcesOptions {
  readonly settings: ResourceSettings
  /** The process serves and does nothing else. */
  readonly isOwnProcess: boolean
  readonly underWay: UnderWayLook
  readonly services: () => Readonly<Record<string, unknown>>
  readonly onEvent: (event: ResourceEvent) => void
  readonly onLeak: (leak: Leak) => void
  readonly onReleased: (whose: Whose) => void
}

const tickMs = 1_000
/** Ticks between two looks at what is under way. */
const sweepTicks = 5

/** All that is watched of a process that serves. One timer, which keeps nothing alive. Open until `close`. */
export class Resources {
  readonly #collections: Collections
  readonly #leaks: Leaks
  readonly #pressure: Pressure
  readonly #stuck: Stuck
  readonly #timer: NodeJS.Timeout
  #tickedAt: number
  #ticks: number

  constructor(options: ResourcesOptions) {
    const { settings, onEvent } = options
    this.#collections = watchCollections()
    this.#leaks = new Leaks({
      ...options,
      graceMs: settings.leakGraceMs,
      collections: settings.leakCollections,
      seen: this.#collections,
    })
    this.#pressure = new Pressure(settings, this.#collections, onEvent)
    this.#stuck = new Stuck(settings, options.underWay, onEvent)
    this.#tickedAt = performance.now()
    this.#ticks = 0
    this.#timer = setInterval(() => this.#tick(), tickMs)
    this.#timer.unref()
  }

  #tick(): void {
    const now = performance.now()
    const lateMs = Math.max(0, now - this.#tickedAt - tickMs)
    this.#tickedAt = now
    this.#ticks += 1
    this.#leaks.tick()
    this.#pressure.tick(lateMs)
    if (this.#ticks % sweepTicks === 0) this.#stuck.sweep(now)
  }

  /** For one load of a module. */
  trace(): Trace {
    return this.#leaks.trace()
  }

  /** Versions that were disposed of, until some time after their collection. */
  get retired(): readonly RetiredFacts[] {
    return this.#leaks.status()
  }

  /** Another number: something of `retired` may be new. */
  get serial(): string {
    return this.#leaks.serial
  }

  get over(): readonly ResourceName[] {
    return this.#pressure.over
  }

  get stuck(): StuckCounts {
    return this.#stuck.counts
  }

  close(): void {
    clearInterval(this.#timer)
    this.#pressure.close()
    this.#leaks.close()
    this.#collections.close()
  }
}

/** Of a process that serves nothing: what it is short of. Open until `close`. */
export class OwnPressure {
  readonly #collections: Collections
  readonly #pressure: Pressure
  readonly #timer: NodeJS.Timeout
  #tickedAt: number

  constructor(settings: ResourceSettings, onEvent: (event: ResourceEvent) => void) {
    this.#collections = watchCollections()
    this.#pressure = new Pressure(settings, this.#collections, onEvent)
    this.#tickedAt = performance.now()
    this.#timer = setInterval(() => {
      const now = performance.now()
      this.#pressure.tick(Math.max(0, now - this.#tickedAt - tickMs))
      this.#tickedAt = now
    }, tickMs)
    this.#timer.unref()
  }

  get over(): readonly ResourceName[] {
    return this.#pressure.over
  }

  close(): void {
    clearInterval(this.#timer)
    this.#pressure.close()
    this.#collections.close()
  }
}
