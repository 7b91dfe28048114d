import type { BreakerState } from '../../../src/core/protect/breaker.ts'
import type { BreakerSettings } from '../../../src/core/route/upstream.ts'

interface Call {
  readonly at: number
  readonly hasFailed: boolean
  readonly isSlow: boolean
}

/** A breaker that keeps every call of its state in a list and counts anew each time. */
export class BreakerTwin {
  readonly settings: BreakerSettings
  readonly transitions: string[] = []
  state: BreakerState
  since: number
  /** Counts states. */
  turn = 0
  calls: Call[] = []
  /** State whose calls these are. */
  counted: BreakerState
  out = 0

  constructor(settings: BreakerSettings, now: number) {
    this.settings = settings
    this.state = settings.initialState
    this.counted = this.state
    this.since = now
  }

  /** The turn of the permit, or what the refusal says. */
  acquire(now: number): { turn: number } | { retryAfterMs: number | null } {
    this.advance(now)
    const dueAt = this.since + this.settings.waitDurationInOpenState
    if (this.state === 'OPEN' && now >= dueAt) this.enter('HALF_OPEN', now)
    if (this.state === 'OPEN') return { retryAfterMs: dueAt - now }
    if (this.state === 'FORCED_OPEN') return { retryAfterMs: null }
    if (this.state === 'HALF_OPEN') {
      // All that were ever admitted and not given back, settled or not.
      if (this.out >= this.settings.permittedNumberOfCallsInHalfOpenState)
        return { retryAfterMs: null }
      this.out += 1
    }
    return { turn: this.turn }
  }

  settle(turn: number, hasFailed: boolean, now: number, durationMs: number): void {
    this.advance(now)
    if (turn !== this.turn || this.state === 'DISABLED') return
    const isSlow = durationMs > this.settings.slowCallDurationThreshold
    this.calls.push({ at: now, hasFailed, isSlow })
    if (this.state === 'METRICS_ONLY') return
    const { failureRate, slowCallRate } = this.rates(now)
    if (failureRate === -1) return
    const { failureRateThreshold, slowCallRateThreshold } = this.settings
    if (failureRate >= failureRateThreshold || slowCallRate >= slowCallRateThreshold)
      this.enter('OPEN', now)
    else if (this.state === 'HALF_OPEN') this.enter('CLOSED', now)
  }

  release(turn: number): void {
    if (turn === this.turn) this.out -= 1
  }

  rates(now: number): { calls: number; failureRate: number; slowCallRate: number } {
    const { settings } = this
    const isTrial = this.counted === 'HALF_OPEN'
    const isByCount = isTrial || settings.slidingWindowType === 'COUNT_BASED'
    const size = isTrial
      ? settings.permittedNumberOfCallsInHalfOpenState
      : settings.slidingWindowSize
    const second = (at: number): number => Math.floor(at / 1000)
    const calls = isByCount
      ? this.calls.slice(-size)
      : this.calls.filter(({ at }) => second(at) > second(now) - size)
    const minimum = isByCount
      ? Math.min(settings.minimumNumberOfCalls, size)
      : settings.minimumNumberOfCalls
    const rate = (of: readonly Call[]): number =>
      calls.length === 0 || calls.length < minimum ? -1 : (of.length * 100) / calls.length
    return {
      calls: calls.length,
      failureRate: rate(calls.filter(({ hasFailed }) => hasFailed)),
      slowCallRate: rate(calls.filter(({ isSlow }) => isSlow)),
    }
  }

  advance(now: number): void {
    const { settings } = this
    for (;;) {
      const wait = settings.waitDurationInOpenState
      const most = settings.maxWaitDurationInHalfOpenState
      const isAutomatic = settings.automaticTransitionFromOpenToHalfOpenEnabled
      if (this.state === 'OPEN' && isAutomatic && now >= this.since + wait)
        this.enter('HALF_OPEN', this.since + wait)
      else if (this.state === 'HALF_OPEN' && most > 0 && now >= this.since + most)
        this.enter('OPEN', this.since + most)
      else return
    }
  }

  enter(state: BreakerState, now: number): void {
    if (state !== this.state) this.transitions.push(`${this.state} ${state} ${now}`)
    this.state = state
    this.since = now
    this.turn += 1
    this.out = 0
    if (state === 'OPEN') return
    this.calls = []
    this.counted = state
  }
}
