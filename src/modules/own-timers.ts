import { promisify } from 'node:util'
import { moduleFrame } from './frame.ts'

/** What Node's own functions give; what is read of them has been there since Node 11. */
export interface OwnTimer {
  readonly _destroyed?: boolean
  readonly _onTimeout?: unknown
  readonly _onImmediate?: unknown
}

/** A timer that has neither fired nor been cleared. */
export interface PendingTimer {
  readonly what: string
  /** Where it was set; null: nobody looked. */
  readonly frame: string | null
  /** Milliseconds since the epoch; null: nobody looked. */
  readonly since: number | null
  readonly callback: unknown
}

export type TimerName = 'setTimeout' | 'setInterval' | 'setImmediate'

type Set = (...args: unknown[]) => OwnTimer

const names: readonly TimerName[] = ['setTimeout', 'setInterval', 'setImmediate']

/** Fewer are not worth a look. */
const leastSwept = 64
/** Stacks that are looked at in a second: each costs more than the timer itself. */
const stacksPerSecond = 50

let stacksLeft = stacksPerSecond

/** Called about once a second. */
export function refillStacks(): void {
  stacksLeft = stacksPerSecond
}

/**
 * The timers that a module sets with Node's own functions, which its code gets under their usual names. Setting one costs
 * a push; those that are done are swept out when the list has doubled. Of intervals, and of the first few others in a
 * second, it is known where they were set.
 */
export class OwnTimers {
  /** What the module is given. */
  readonly given: Readonly<Record<TimerName, Set>>
  readonly #known: WeakMap<OwnTimer, { readonly frame: string | null; readonly since: number }>
  #all: OwnTimer[]
  #sweepAt: number

  constructor() {
    this.#known = new WeakMap()
    this.#all = []
    this.#sweepAt = leastSwept
    this.given = Object.fromEntries(names.map((name) => [name, this.#giver(name)])) as Record<
      TimerName,
      Set
    >
  }

  #giver(name: TimerName): Set {
    const target = globalThis as unknown as Record<TimerName, Set>
    const give: Set = (...args) => {
      // Looked up each time: whoever puts a clock of their own there means modules, too.
      const timer = target[name](...args)
      this.#all.push(timer)
      if (this.#all.length >= this.#sweepAt) this.#sweep()
      if (stacksLeft > 0 || name === 'setInterval') this.#look(timer)
      return timer
    }
    Object.defineProperty(give, 'name', { value: name })
    const custom = (target[name] as { readonly [promisify.custom]?: unknown })[promisify.custom]
    if (custom !== undefined) Object.defineProperty(give, promisify.custom, { value: custom })
    return give
  }

  #look(timer: OwnTimer): void {
    if (typeof timer !== 'object' || timer === null) return
    stacksLeft -= 1
    this.#known.set(timer, { frame: moduleFrame(4), since: Date.now() })
  }

  #sweep(): void {
    this.#all = this.#all.filter(({ _destroyed: isDone }) => isDone === false)
    this.#sweepAt = Math.max(leastSwept, this.#all.length * 2)
  }

  /** Clears what is left, and tells what that was. */
  clear(): readonly PendingTimer[] {
    this.#sweep()
    return this.#all.splice(0).map((timer) => {
      const callback = timer._onTimeout ?? timer._onImmediate
      const isInterval = (timer as { readonly _repeat?: unknown })._repeat != null
      const what =
        '_onImmediate' in timer ? 'setImmediate' : isInterval ? 'setInterval' : 'setTimeout'
      if (what === 'setImmediate') clearImmediate(timer as NodeJS.Immediate)
      else clearTimeout(timer as NodeJS.Timeout)
      const { frame = null, since = null } = this.#known.get(timer) ?? {}
      return { what, frame, since, callback }
    })
  }
}
