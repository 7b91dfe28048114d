import { createBulkhead, type Bulkhead, type Waiting } from '../core/protect/bulkhead.ts'
import type { BulkheadSettings } from '../core/route/upstream.ts'

/** A bulkhead with the clock: whoever waits is let in, or told that it waited too long. */
export class LiveBulkhead {
  readonly #bulkhead: Bulkhead
  readonly #lines: Map<Waiting, (isLetIn: boolean) => void>
  #timer: NodeJS.Timeout | null
  #timerAt: number

  constructor(settings: BulkheadSettings) {
    this.#bulkhead = createBulkhead(settings, 'relief')
    this.#lines = new Map()
    this.#timer = null
    this.#timerAt = Infinity
  }

  get inFlight(): number {
    return this.#bulkhead.inFlight
  }

  get waiting(): number {
    return this.#bulkhead.waiting
  }

  /** Takes a place, if one is free; each is left exactly once. */
  tryEnter(): boolean {
    return this.#bulkhead.tryEnter()
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
        resolve(isLetIn)
      }
      this.#lines.set(waiting, end)
      onLeft(() => {
        if (waiting.cancel()) end(false)
      })
      this.#watch(now)
    })
  }

  leave(): void {
    this.#bulkhead.leave(performance.now())
  }

  update(settings: BulkheadSettings): void {
    this.#bulkhead.update(settings, performance.now())
  }

  /** Nobody waits any more; who is in stays in. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    for (const [waiting, end] of this.#lines) if (waiting.cancel()) end(false)
  }

  #watch(now: number): void {
    const deadline = this.#bulkhead.nextDeadline(now)
    if (deadline === null || deadline >= this.#timerAt) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timerAt = deadline
    this.#timer = setTimeout(() => this.#expire(), Math.max(1, Math.ceil(deadline - now)))
  }

  #expire(): void {
    const now = performance.now()
    this.#timer = null
    this.#timerAt = Infinity
    for (const waiting of this.#bulkhead.expire(now)) this.#lines.get(waiting)?.(false)
    this.#watch(now)
  }
}
