import { performance } from 'node:perf_hooks'
import { createAdaptiveLimit, type AdaptiveLimit } from '../../core/protect/adaptive-limit.ts'
import { heapLevels, nextHeapLevel, type HeapLevel } from '../../core/protect/heap-level.ts'
import type { Logger } from '../../core/logger.ts'
import { LiveBulkhead } from '../../gateway/live-bulkhead.ts'
import { createMeter, type Meter } from './meter.ts'
import type { OverloadSettings, OverloadStatus } from '../../core/protect/overload.ts'

/** An answer, as far as it is known here. */
export interface Answering {
  readonly headersSent: boolean
}

/** An exchange that is under way. Linked both ways: a Set would hash each one. */
export interface Place {
  readonly response: Answering
  isHeld: boolean
  before: Place | null
  after: Place | null
}

const lookMs = 100
/** Of the exchanges on critical paths, so many pass a limit that is reached. */
const mostCritical = 10
/** Lowest that the adaptive limit goes by itself. */
const floor = 10

/**
 * Decides which exchanges a worker takes, before anything of them is read. It belongs to the process, not to a snapshot:
 * what is under way stays counted, whatever is published. Open until `close`.
 *
 * A place is held until the exchange has ended, or its head is out: an answer that streams, an event stream or a tunnel
 * keeps nobody out.
 */
export class Admission {
  readonly #settings: OverloadSettings
  readonly #limit: AdaptiveLimit
  readonly #bulkhead: LiveBulkhead
  readonly #critical: ReadonlySet<string>
  readonly #log: Logger
  readonly #meter: Meter
  readonly #timer: NodeJS.Timeout
  #level: HeapLevel
  #first: Place | null
  #wasHolding: boolean
  #wasLastResort: boolean
  #criticalPassed: number
  #shed: number
  #isPaced: boolean
  /** An exchange was let in, and has not come back from its first turn. */
  #isRunning: boolean
  /** The limit that is in force. */
  #most: number

  constructor(settings: OverloadSettings, log: Logger, meter: Meter = createMeter()) {
    const { concurrency } = settings
    this.#settings = settings
    this.#log = log
    this.#meter = meter
    this.#limit = createAdaptiveLimit(
      concurrency === 'adaptive'
        ? { floor, ceiling: Infinity }
        : { floor: concurrency, ceiling: concurrency },
    )
    this.#most = this.#limit.limit
    this.#bulkhead = new LiveBulkhead(this.#line())
    this.#critical = new Set(settings.critical)
    this.#level = 'open'
    this.#first = null
    this.#wasHolding = false
    this.#isPaced = false
    this.#isRunning = false
    this.#wasLastResort = false
    this.#criticalPassed = 0
    this.#shed = 0
    this.#timer = setInterval(() => this.look(), lookMs)
    this.#timer.unref()
  }

  /** Whether answers end their connections, so that what they hold is let go. */
  get isLast(): boolean {
    return this.#level !== 'open'
  }

  /** Whether new connections are refused. */
  get isClosed(): boolean {
    return this.#level === 'no-connections'
  }

  status(): OverloadStatus {
    const { inFlight, waiting } = this.#bulkhead
    return {
      limit: Number.isFinite(this.#most) ? this.#most : null,
      inFlight,
      waiting,
      shed: this.#shed,
      isHolding: this.#limit.isHolding,
      isLastResort: this.#limit.isLastResort,
      heap: this.#level,
    }
  }

  /** Takes a place, if one is free. Then `began` follows, and `hold`, `keep` or `leave`. `target`: path and query. */
  tryEnter(target: string): boolean {
    this.#takeBrokenOff()
    if (this.#bulkhead.tryEnter()) return true
    if (this.#critical.size === 0 || this.#criticalPassed >= mostCritical) return false
    const end = target.indexOf('?')
    if (!this.#critical.has(end < 0 ? target : target.slice(0, end))) return false
    this.#criticalPassed += 1
    this.#bulkhead.enterAnyway()
    return true
  }

  /** Waits for a place; false: it is not served, for there was none in time or its client left. Null: it is shed at once. */
  wait(onLeft: (left: () => void) => void): Promise<boolean> | null {
    return this.#bulkhead.wait(onLeft)
  }

  /** A connection was accepted. */
  connected(): void {
    this.#bulkhead.connected()
  }

  /** The exchange with a place begins its first turn. */
  began(): void {
    this.#isRunning = true
  }

  leave(): void {
    this.#isRunning = false
    this.#bulkhead.leave()
  }

  /** A first turn that was broken off from outside, by containment, ends without a word. True where one was. */
  #takeBrokenOff(): boolean {
    if (!this.#isRunning) return false
    this.leave()
    return true
  }

  /** Keeps the place until the exchange has ended, and says when that is. */
  hold(response: Answering, done: Promise<void> | void): Promise<void> | undefined {
    if (done === undefined) {
      this.leave()
      return undefined
    }
    const place = this.keep(response)
    return done.then(
      () => this.release(place),
      (error: unknown) => {
        this.release(place)
        throw error
      },
    )
  }

  /** Keeps the place beyond the first turn, until `release`. */
  keep(response: Answering): Place {
    this.#isRunning = false
    const place: Place = { response, isHeld: true, before: null, after: this.#first }
    if (this.#first !== null) this.#first.before = place
    this.#first = place
    return place
  }

  /** One was shed. */
  count(): void {
    this.#shed += 1
  }

  /** Looks at loop and heap, and at who needs its place no more. */
  look(): void {
    let place = this.#first
    while (place !== null) {
      const { after } = place
      if (place.response.headersSent) this.release(place)
      place = after
    }
    this.#criticalPassed = 0
    const isBrokenOff = this.#takeBrokenOff()
    const seen = this.#meter.look()
    // What was broken off says nothing of how much the process is asked for.
    if (!isBrokenOff) this.#limit.look(performance.now(), seen, this.#bulkhead.inFlight)
    const level = nextHeapLevel(this.#level, seen.heapUsed)
    if (level !== this.#level) this.#enterLevel(level, seen.heapUsed)
    this.#tellLimit()
    const isFull = heapLevels.indexOf(level) >= heapLevels.indexOf('no-exchanges')
    // One at a time still runs: a heap that nothing is allocated in is never collected.
    const most = isFull ? 1 : this.#limit.limit
    const isPaced = this.#limit.isHolding
    if (most === this.#most && isPaced === this.#isPaced) return
    this.#most = most
    this.#isPaced = isPaced
    this.#bulkhead.update(this.#line(), isPaced)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#meter.close()
    this.#bulkhead.close()
  }

  #line(): { maxConcurrentCalls: number; maxWaitDuration: number; maxWaitingCalls: number } {
    const { waiting, waitMs } = this.#settings
    return { maxConcurrentCalls: this.#most, maxWaitDuration: waitMs, maxWaitingCalls: waiting }
  }

  release(place: Place): void {
    if (!place.isHeld) return
    place.isHeld = false
    if (place.before === null) this.#first = place.after
    else place.before.after = place.after
    if (place.after !== null) place.after.before = place.before
    // One that got old would keep its neighbours, and they theirs, from being collected young.
    place.before = null
    place.after = null
    this.#bulkhead.leave()
  }

  #enterLevel(level: HeapLevel, used: number): void {
    const share = Math.round(used * 100)
    this.#level = level
    if (level === 'open') this.#log.info('the heap has room again', { heap_percent: share })
    else this.#log.warn('the heap is nearly full', { heap_percent: share, heap_level: level })
  }

  #tellLimit(): void {
    const { isHolding, isLastResort, limit: most } = this.#limit
    // None at all is no number that JSON has.
    const limit = Number.isFinite(most) ? most : null
    const { inFlight } = this.#bulkhead
    if (isHolding !== this.#wasHolding) {
      if (isHolding) this.#log.warn('overloaded: requests are shed', { limit, in_flight: inFlight })
      else this.#log.info('no longer overloaded', { shed: this.#shed })
    }
    if (isLastResort !== this.#wasLastResort) {
      if (isLastResort) this.#log.warn('the event loop is late in spite of the limit', { limit })
      else this.#log.info('the event loop keeps up again', { limit })
    }
    this.#wasHolding = isHolding
    this.#wasLastResort = isLastResort
  }
}
