import type { Logger } from '../core/logger.ts'
import type { Recorder } from '../core/rollout/recorder.ts'
import type { Exchange } from '../gateway/exchange.ts'
import type { Hold } from '../gateway/hold.ts'
import type { Handler, LiveFilter, LiveVersion } from '../gateway/snapshot.ts'
import { mapError } from './report.ts'

/** What still keeps a replaced version from being disposed of. */
export interface Holding {
  readonly exchanges: number
  /** `GET /slow` of the oldest few. */
  readonly routes: readonly string[]
  /** What it holds through its scope. */
  readonly timers: number
  readonly listeners: number
  /** ISO 8601: it was replaced then. */
  readonly since: string
}

/** Whose code a version is, and how long what is inside may stay once it was replaced. */
export interface HeldOptions {
  /** What the module calls itself. */
  readonly name: string
  readonly version: string
  readonly digest: string
  readonly log: Logger
  /** Milliseconds after which requests, and streams, of a retired version are cut. */
  readonly drainMs: number
  readonly streamDrainMs: number
}

/**
 * One version of a module in one worker, wherever its code runs: open/retire, acquire/release. It counts the exchanges
 * inside and is disposed of after the last one, never before.
 */
export abstract class HeldVersion implements LiveVersion {
  readonly name: string
  readonly version: string
  readonly digest: string
  readonly log: Logger
  /** Set when it begins to serve. */
  recorder: Recorder | null
  readonly #options: HeldOptions
  /** The holds of the exchanges inside. */
  #first: Hold | null
  #count: number
  #survivor: (() => HeldVersion | null) | null
  #timers: NodeJS.Timeout[]
  #retiredAt: number
  #onDisposed: (() => void) | null

  constructor(options: HeldOptions) {
    this.name = options.name
    this.version = options.version
    this.digest = options.digest
    this.log = options.log
    this.recorder = null
    this.#options = options
    this.#first = null
    this.#count = 0
    this.#survivor = null
    this.#timers = []
    this.#retiredAt = 0
    this.#onDisposed = null
  }

  /** It has another name in the table from now on. What entered before still finds its handlers by the old one. */
  abstract rename(key: string): void
  abstract handlerOf(id: string): Handler | undefined
  abstract filterOf(name: string): LiveFilter | undefined
  /** Its state as it is now: the object itself, or a copy from where it lives. */
  abstract currentState(): unknown
  /** Whether it wants to see what was written late to the state of a version that it replaced. */
  abstract readonly hasSettle: boolean
  /** Takes it in. */
  abstract settle(other: unknown): void | Promise<void>
  /** Gives everything back; also of a version that never served. */
  abstract discard(): Promise<void>

  acquire(hold: Hold): void {
    const first = this.#first
    hold.next = first
    if (first !== null) first.previous = hold
    this.#first = hold
    this.#count += 1
  }

  release(hold: Hold): void {
    const { previous, next } = hold
    if (previous === null) this.#first = next
    else previous.next = next
    if (next !== null) next.previous = previous
    hold.previous = null
    hold.next = null
    this.#count -= 1
    if (this.#survivor !== null && this.#count === 0) this.#dispose()
  }

  /** Newest first. */
  #inside(): Hold[] {
    const inside: Hold[] = []
    for (let one = this.#first; one !== null; one = one.next) inside.push(one)
    return inside
  }

  /** What is inside, newest first. */
  exchanges(): readonly Exchange[] {
    return this.#inside().map(({ exchange }) => exchange)
  }

  get holding(): Holding {
    const routes = this.#inside().slice(-5).map(nameOf)
    const since = new Date(this.#retiredAt).toISOString()
    return { exchanges: this.#count, routes, ...this.scopeSize, since }
  }

  /** What its code holds through its scope; one in another process holds it there. */
  get scopeSize(): Pick<Holding, 'timers' | 'listeners'> {
    return { timers: 0, listeners: 0 }
  }

  /** True once no table needs it any more. */
  get isRetired(): boolean {
    return this.#survivor !== null
  }

  /**
   * No new exchange will enter. `survivor` tells who serves the module when the last exchange has left;
   * `onDisposed` is called when everything was given back.
   */
  retire(survivor: () => HeldVersion | null, onDisposed: () => void): void {
    this.#survivor = survivor
    this.#retiredAt = Date.now()
    this.#onDisposed = onDisposed
    if (this.#count === 0) {
      this.#dispose()
      return
    }
    const { drainMs, streamDrainMs } = this.#options
    this.#cutAfter(drainMs, ({ exchange }) => !exchange.transport.isHeadSent)
    this.#cutAfter(streamDrainMs, () => true)
  }

  /** Ends everything inside at once. */
  cut(reason: string): void {
    this.#cut(reason, () => true)
  }

  #cutAfter(delayMs: number, isMeant: (hold: Hold) => boolean): void {
    const timer = setTimeout(() => this.#cut('drain deadline', isMeant), delayMs)
    timer.unref()
    this.#timers.push(timer)
  }

  #cut(reason: string, isMeant: (hold: Hold) => boolean): void {
    const meant = this.#inside().filter(isMeant)
    if (meant.length === 0) return
    const routes = meant.slice(0, 5).map(nameOf)
    this.#options.log.warn('cut what would not leave a retired version', {
      reason,
      exchanges: meant.length,
      routes,
    })
    for (const { exchange } of meant) exchange.abort(reason)
    // A handler that never settles keeps its exchange inside: the version does not wait for it any longer. The timer
    // keeps the process alive, because `close` may be waiting for nothing else.
    const timer = setTimeout(() => {
      for (const hold of meant) hold.release()
    }, 1_000)
    this.#timers.push(timer)
  }

  #dispose(): void {
    const survivorOf = this.#survivor
    if (survivorOf === null || this.#onDisposed === null) return
    const done = this.#onDisposed
    this.#onDisposed = null
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers = []
    void this.#end(survivorOf(), done)
  }

  async #end(survivor: HeldVersion | null, done: () => void): Promise<void> {
    try {
      const settled = this.#settleWith(survivor)
      if (settled instanceof Promise) await settled
    } catch (error) {
      this.#options.log.error('state.settle failed', mapError(error))
    }
    await this.discard()
    done()
  }

  /** In this turn, where both are in this process. */
  #settleWith(survivor: HeldVersion | null): void | Promise<void> {
    if (survivor?.hasSettle !== true) return undefined
    const late = this.currentState()
    if (!(late instanceof Promise)) return survivor.settle(late)
    return late.then((copy: unknown) => survivor.settle(copy))
  }
}

const nameOf = ({ exchange }: Hold): string => `${exchange.method} ${exchange.path}`
