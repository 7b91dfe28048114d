import type { BreakerSettings } from '../route/upstream.ts'
import { type SlidingWindow, createCountWindow, createTimeWindow } from './sliding-window.ts'

/** `HALF_OPEN` is entered by time alone; the last three stay until they are left by hand. */
export type BreakerState =
  | 'CLOSED'
  | 'OPEN'
  | 'HALF_OPEN'
  /** Lets all through, counts nothing. */
  | 'DISABLED'
  /** Refuses all. */
  | 'FORCED_OPEN'
  /** Lets all through, counts all, never trips. */
  | 'METRICS_ONLY'

/** The right to one call. The first of its methods that is called settles it; later ones do nothing. */
export interface BreakerPermit {
  succeed(now: number, durationMs: number): void
  fail(now: number, durationMs: number): void
  /** The call says neither: it was cancelled, or never made. */
  release(): void
}

export type Acquired =
  | { readonly ok: true; readonly permit: BreakerPermit }
  /** `retryAfterMs` null: that is not known (forced open, or enough calls are out on trial). */
  | { readonly ok: false; readonly retryAfterMs: number | null }

/** Of the window of the present state; of an open breaker: those that it tripped by. */
export interface BreakerMetrics {
  /** Percent; -1 until there were enough calls. */
  readonly failureRate: number
  readonly slowCallRate: number
  readonly bufferedCalls: number
  readonly successfulCalls: number
  readonly failedCalls: number
  readonly slowCalls: number
  readonly slowFailedCalls: number
  readonly notPermittedCalls: number
}

export type OnTransition = (from: BreakerState, to: BreakerState, now: number) => void

/** Stops calls after failures. A state machine that takes `now`. */
export interface Breaker {
  tryAcquire(now: number): Acquired
  /** Does what time alone brings; others do it too, so this is only for being told in time. */
  tick(now: number): void
  state(now: number): BreakerState
  metrics(now: number): BreakerMetrics
  /** From when on an open one lets calls try; null: it is not open. */
  openUntil(now: number): number | null
  /** Into a state by hand; into the present one: starts it anew. */
  forceTo(state: BreakerState, now: number): void
}

/**
 * Makes a breaker with the semantics of Resilience4j's `CircuitBreakerStateMachine`. Two things are narrower: a call
 * that began in an earlier state counts in no later one, and the wait is over at its last millisecond, not after it, so
 * that who comes back after `retryAfterMs` is let in.
 *
 *              rate >= threshold                  waitDurationInOpenState
 *     CLOSED ---------------------> OPEN <-----> HALF_OPEN
 *        ^                               rate >= threshold, or                |
 *        |                               maxWaitDurationInHalfOpenState       |
 *        +------------------ both rates below their thresholds --------------+
 */
export function createBreaker(
  settings: BreakerSettings,
  now: number,
  onTransition?: OnTransition,
): Breaker {
  return new StateMachine(settings, now, onTransition ?? null)
}

/** Kinds of a call in the window; the sum of these two is a failure that was slow as well. */
const failed = 1
const slow = 2

class StateMachine implements Breaker {
  readonly #settings: BreakerSettings
  readonly #onTransition: OnTransition | null
  #state: BreakerState
  /** When the state was entered. */
  #since: number
  /** Counts states, so that a permit knows its own. */
  #turn = 0
  #trialsLeft = 0
  #window: SlidingWindow
  #minimumCalls = 0
  #notPermitted = 0

  constructor(settings: BreakerSettings, now: number, onTransition: OnTransition | null) {
    this.#settings = settings
    this.#onTransition = onTransition
    this.#state = settings.initialState
    this.#since = now
    this.#window = this.#freshWindow(now)
  }

  tryAcquire(now: number): Acquired {
    this.#advance(now)
    if (this.#state === 'OPEN') {
      const left = this.#since + this.#settings.waitDurationInOpenState - now
      if (left > 0) return this.#refuse(left)
      this.#enter('HALF_OPEN', now)
    }
    if (this.#state === 'FORCED_OPEN') return this.#refuse(null)
    if (this.#state === 'HALF_OPEN') {
      if (this.#trialsLeft === 0) return this.#refuse(null)
      this.#trialsLeft -= 1
    }
    return { ok: true, permit: new Permit(this, this.#turn) }
  }

  tick(now: number): void {
    this.#advance(now)
  }

  state(now: number): BreakerState {
    this.#advance(now)
    return this.#state
  }

  metrics(now: number): BreakerMetrics {
    this.#advance(now)
    const slowFailedCalls = this.#window.count(failed + slow, now)
    const failedCalls = this.#window.count(failed, now) + slowFailedCalls
    const slowCalls = this.#window.count(slow, now) + slowFailedCalls
    const fast = this.#window.count(0, now)
    const bufferedCalls = fast + failedCalls + slowCalls - slowFailedCalls
    return {
      failureRate: this.#rate(failedCalls, bufferedCalls),
      slowCallRate: this.#rate(slowCalls, bufferedCalls),
      bufferedCalls,
      successfulCalls: bufferedCalls - failedCalls,
      failedCalls,
      slowCalls,
      slowFailedCalls,
      notPermittedCalls: this.#notPermitted,
    }
  }

  openUntil(now: number): number | null {
    this.#advance(now)
    return this.#state === 'OPEN' ? this.#since + this.#settings.waitDurationInOpenState : null
  }

  forceTo(state: BreakerState, now: number): void {
    this.#advance(now)
    this.#enter(state, now)
  }

  settle(turn: number, hasFailed: boolean, now: number, durationMs: number): void {
    this.#advance(now)
    if (turn !== this.#turn || this.#state === 'DISABLED') return
    const isSlow = durationMs > this.#settings.slowCallDurationThreshold
    this.#window.add((hasFailed ? failed : 0) + (isSlow ? slow : 0), now)
    if (this.#state !== 'METRICS_ONLY') this.#judge(now)
  }

  release(turn: number): void {
    if (turn === this.#turn && this.#state === 'HALF_OPEN') this.#trialsLeft += 1
  }

  #judge(now: number): void {
    const both = this.#window.count(failed + slow, now)
    const failedCalls = this.#window.count(failed, now) + both
    const slowCalls = this.#window.count(slow, now) + both
    const calls = this.#window.count(0, now) + failedCalls + slowCalls - both
    if (calls < this.#minimumCalls) return
    const { failureRateThreshold, slowCallRateThreshold } = this.#settings
    if (
      this.#rate(failedCalls, calls) >= failureRateThreshold ||
      this.#rate(slowCalls, calls) >= slowCallRateThreshold
    ) {
      this.#enter('OPEN', now)
    } else if (this.#state === 'HALF_OPEN') {
      this.#enter('CLOSED', now)
    }
  }

  #rate(part: number, calls: number): number {
    return calls === 0 || calls < this.#minimumCalls ? -1 : (part * 100) / calls
  }

  #refuse(retryAfterMs: number | null): Acquired {
    this.#notPermitted += 1
    return { ok: false, retryAfterMs }
  }

  /** Moves at the instants that were due, not when somebody looked: a state has not begun later for it. */
  #advance(now: number): void {
    const {
      waitDurationInOpenState: wait,
      maxWaitDurationInHalfOpenState: most,
      automaticTransitionFromOpenToHalfOpenEnabled: isAutomatic,
    } = this.#settings
    // Left alone, it goes round and round; nobody saw the rounds before the last.
    if (isAutomatic && most > 0 && (this.#state === 'OPEN' || this.#state === 'HALF_OPEN')) {
      const rounds = Math.floor((now - this.#since) / (wait + most)) - 1
      if (rounds > 0) this.#since += rounds * (wait + most)
    }
    for (;;) {
      if (this.#state === 'OPEN' && isAutomatic && now >= this.#since + wait) {
        this.#enter('HALF_OPEN', this.#since + wait)
      } else if (this.#state === 'HALF_OPEN' && most > 0 && now >= this.#since + most) {
        this.#enter('OPEN', this.#since + most)
      } else {
        return
      }
    }
  }

  #enter(state: BreakerState, now: number): void {
    const from = this.#state
    this.#state = state
    this.#since = now
    this.#turn += 1
    this.#trialsLeft =
      state === 'HALF_OPEN' ? this.#settings.permittedNumberOfCallsInHalfOpenState : 0
    if (state !== 'OPEN') this.#window = this.#freshWindow(now)
    if (from !== state) this.#onTransition?.(from, state, now)
  }

  /** A trial is always counted by calls, and judged by no more than it admits. */
  #freshWindow(now: number): SlidingWindow {
    const settings = this.#settings
    this.#notPermitted = 0
    if (this.#state === 'HALF_OPEN' || settings.slidingWindowType === 'COUNT_BASED') {
      const size =
        this.#state === 'HALF_OPEN'
          ? settings.permittedNumberOfCallsInHalfOpenState
          : settings.slidingWindowSize
      this.#minimumCalls = Math.min(settings.minimumNumberOfCalls, size)
      return createCountWindow(size, 4)
    }
    this.#minimumCalls = settings.minimumNumberOfCalls
    return createTimeWindow(settings.slidingWindowSize, 4, now)
  }
}

class Permit implements BreakerPermit {
  #machine: StateMachine | null
  readonly #turn: number

  constructor(machine: StateMachine, turn: number) {
    this.#machine = machine
    this.#turn = turn
  }

  succeed(now: number, durationMs: number): void {
    this.#take()?.settle(this.#turn, false, now, durationMs)
  }

  fail(now: number, durationMs: number): void {
    this.#take()?.settle(this.#turn, true, now, durationMs)
  }

  release(): void {
    this.#take()?.release(this.#turn)
  }

  #take(): StateMachine | null {
    const machine = this.#machine
    this.#machine = null
    return machine
  }
}
