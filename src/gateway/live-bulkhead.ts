import { createBulkhead, type Bulkhead, type Waiting } from '../core/protect/bulkhead.ts'
import type { BulkheadSettings } from '../core/route/upstream.ts'

const longestPaceMs = 25

/**
 * A bulkhead with the clock: whoever waits is let in, or told that it waited too long.
 *
 * Paced, everybody waits until the loop has read what there is, and is let in at the end of its turn, for as long as the
 * rest took. So work that was begun goes on, and the loop comes back to its sockets soon. It accepts one connection in a
 * turn, and those that wait for that are a line that nobody sees: while some come, it makes turns for them alone.
 */
export class LiveBulkhead {
  readonly #bulkhead: Bulkhead
  readonly #lines: Map<Waiting, (isLetIn: boolean) => void>
  #timer: NodeJS.Timeout | null
  #timerAt: number
  #isPaced: boolean
  /** The end of this turn. */
  #turn: NodeJS.Immediate | null
  /** When nobody more was let in at the end of an earlier one. */
  #pacedAt: number
  #hasConnected: boolean
  #most: number

  constructor(settings: BulkheadSettings) {
    this.#bulkhead = createBulkhead(settings, 'relief')
    this.#lines = new Map()
    this.#timer = null
    this.#timerAt = Infinity
    this.#isPaced = false
    this.#turn = null
    this.#pacedAt = 0
    this.#hasConnected = false
    this.#most = settings.maxConcurrentCalls
  }

  get inFlight(): number {
    return this.#bulkhead.inFlight
  }

  get waiting(): number {
    return this.#bulkhead.waiting
  }

  /** Takes a place, if one is free; each is left exactly once. */
  tryEnter(): boolean {
    return !this.#isPaced && this.#bulkhead.tryEnter()
  }

  enterAnyway(): void {
    this.#bulkhead.enterAnyway()
  }

  /**
   * Waits for a place; false: there was none in time, or the client left. Null: nobody may wait any more. `onLeft` is given
   * what is to be called when the client has left.
   */
  wait(onLeft: (left: () => void) => void): Promise<boolean> | null {
    const now = performance.now()
    let end: (isLetIn: boolean) => void
    const waiting = this.#bulkhead.wait(now, () => end(true))
    if (waiting === null) return null
    return new Promise((resolve) => {
      end = (isLetIn) => {
        this.#lines.delete(waiting)
        if (this.#lines.size === 0) this.#rest()
        resolve(isLetIn)
      }
      this.#lines.set(waiting, end)
      onLeft(() => {
        if (waiting.cancel()) end(false)
      })
      this.#watch(now)
      if (this.#isPaced) this.#pace()
    })
  }

  leave(): void {
    if (this.waiting > 0 && !this.#isPaced) return this.#bulkhead.leave(performance.now())
    this.#bulkhead.free()
    this.#pace()
  }

  /** Goes on with other settings; who is in stays in. */
  update(settings: BulkheadSettings, isPaced: boolean = false): void {
    this.#bulkhead.update(settings)
    this.#most = settings.maxConcurrentCalls
    this.#isPaced = isPaced && settings.maxWaitingCalls > 0 && settings.maxWaitDuration > 0
    const now = performance.now()
    if (!this.#isPaced) while (this.#bulkhead.handOn(now));
    else this.#pace()
  }

  /** A connection was accepted. */
  connected(): void {
    this.#hasConnected = true
  }

  /** Nobody waits any more; who is in stays in. */
  close(): void {
    this.#rest()
    if (this.#turn !== null) clearImmediate(this.#turn)
    for (const [waiting, end] of this.#lines) if (waiting.cancel()) end(false)
  }

  /** Never for a turn that would let in nobody: a loop that turns for nothing looks as if it were busy. */
  #pace(): void {
    if (this.waiting === 0 || this.inFlight >= this.#most) return
    this.#turn ??= setImmediate(() => void this.#letIn())
  }

  async #letIn(): Promise<void> {
    const startedAt = performance.now()
    const forMs = Math.min(longestPaceMs, startedAt - this.#pacedAt)
    if (this.#hasConnected && forMs < longestPaceMs) {
      this.#hasConnected = false
      this.#turn = null
      return this.#pace()
    }
    let now = startedAt
    while (now - startedAt <= forMs && this.#bulkhead.handOn(now)) {
      // What was let in runs here, as far as it can.
      await Promise.resolve()
      now = performance.now()
    }
    this.#pacedAt = now
    this.#turn = null
    this.#pace()
  }

  #watch(now: number): void {
    const deadline = this.#bulkhead.nextDeadline(now)
    if (deadline === null || deadline >= this.#timerAt) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timerAt = deadline
    this.#timer = setTimeout(() => this.#expire(), Math.max(1, Math.ceil(deadline - now)))
  }

  /** No timer is left where nobody waits. */
  #rest(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#timerAt = Infinity
  }

  #expire(): void {
    const now = performance.now()
    this.#timer = null
    this.#timerAt = Infinity
    for (const waiting of this.#bulkhead.expire(now)) this.#lines.get(waiting)?.(false)
    this.#watch(now)
  }
}
