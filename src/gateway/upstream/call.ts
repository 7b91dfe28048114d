import { performance } from 'node:perf_hooks'
import type { BreakerPermit } from '../../core/protect/breaker.ts'
import type { Bulkhead } from '../../core/protect/bulkhead.ts'

/** One call of an upstream that its protections have let in. Settled at most once, ended exactly once. */
export class Call {
  readonly #permit: BreakerPermit | null
  readonly #bulkhead: Bulkhead | null
  readonly #startedAt: number
  #isSettled: boolean

  constructor(permit: BreakerPermit | null, bulkhead: Bulkhead | null, now: number) {
    this.#permit = permit
    this.#bulkhead = bulkhead
    this.#startedAt = now
    this.#isSettled = permit === null
  }

  /** Tells the breaker what it came to: when the head is there, so that a long body is no slow call. */
  settle(isSuccess: boolean, now: number): void {
    if (this.#isSettled) return
    this.#isSettled = true
    if (isSuccess) this.#permit!.succeed(now, now - this.#startedAt)
    else this.#permit!.fail(now, now - this.#startedAt)
  }

  /** Gives back what it held. A call that was not settled says nothing of the upstream: its client left. */
  end(): void {
    if (!this.#isSettled) this.#permit!.release()
    this.#isSettled = true
    this.#bulkhead?.leave(performance.now())
  }
}
