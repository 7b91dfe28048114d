import type { OutlierSettings } from '../route/upstream.ts'

export type OutlierCause =
  | 'consecutive-5xx'
  | 'consecutive-gateway-failure'
  | 'success-rate'
  | 'failure-percentage'

/** What became of an endpoint. */
export type OutlierChange =
  /** `untilAt`: the first sweep from then on readmits it. */
  | {
      readonly kind: 'ejected'
      readonly key: string
      readonly cause: OutlierCause
      readonly untilAt: number
    }
  | { readonly kind: 'readmitted'; readonly key: string }

/**
 * Judges endpoints by their answers, as Envoy's outlier detection does. A state machine that takes `now`; an answer is
 * O(1), a sweep O(endpoints).
 */
export interface OutlierDetector {
  /** Endpoints are these from now on: others are forgotten, new ones begin with nothing against them. */
  retain(keys: Iterable<string>): void
  /** An answer's status. No connection is 503 and no answer in time 504, as Envoy maps them. */
  record(key: string, status: number, now: number): void
  /** Sweeps, if an interval has passed since the last time: readmits, then judges the interval. */
  tick(now: number): void
  isEjected(key: string): boolean
  /** A health check passed: readmits at once. */
  healthCheckPassed(key: string, now: number): void
  /** Ejected now. */
  readonly ejected: number
}

export function createOutlierDetector(
  settings: OutlierSettings,
  random: () => number,
  now: number,
  onChange?: (change: OutlierChange, now: number) => void,
): OutlierDetector {
  return new Detector(settings, random, now, onChange ?? null)
}

interface Monitor {
  readonly key: string
  isEjected: boolean
  ejectedAt: number
  /** Null: it never was. */
  readmittedAt: number | null
  /** Times `baseEjectionTimeMs` it is out; one more for each ejection, one less for each interval of good conduct. */
  times: number
  errorsInRow: number
  gatewayFailuresInRow: number
  /** Of the interval that runs. */
  requests: number
  successes: number
}

class Detector implements OutlierDetector {
  readonly #settings: OutlierSettings
  readonly #random: () => number
  readonly #onChange: ((change: OutlierChange, now: number) => void) | null
  readonly #monitors = new Map<string, Monitor>()
  #sweptAt: number
  ejected = 0

  constructor(
    settings: OutlierSettings,
    random: () => number,
    now: number,
    onChange: ((change: OutlierChange, now: number) => void) | null,
  ) {
    this.#settings = settings
    this.#random = random
    this.#sweptAt = now
    this.#onChange = onChange
  }

  retain(keys: Iterable<string>): void {
    const kept = new Set(keys)
    for (const [key, monitor] of this.#monitors) {
      if (kept.has(key)) continue
      if (monitor.isEjected) this.ejected -= 1
      this.#monitors.delete(key)
    }
    for (const key of kept) if (!this.#monitors.has(key)) this.#monitors.set(key, freshMonitor(key))
  }

  record(key: string, status: number, now: number): void {
    const monitor = this.#monitors.get(key)
    if (monitor === undefined) return
    monitor.requests += 1
    if (status < 500 || status > 599) {
      monitor.successes += 1
      monitor.errorsInRow = 0
      monitor.gatewayFailuresInRow = 0
      return
    }
    // Equal, not at least: 0 is never, and one that is out already is not judged again.
    if (status >= 502 && status <= 504) {
      monitor.gatewayFailuresInRow += 1
      if (
        monitor.gatewayFailuresInRow === this.#settings.consecutiveGatewayFailure &&
        !monitor.isEjected
      ) {
        monitor.gatewayFailuresInRow = 0
        this.#eject(monitor, 'consecutive-gateway-failure', now)
      }
    } else {
      monitor.gatewayFailuresInRow = 0
    }
    monitor.errorsInRow += 1
    if (monitor.errorsInRow === this.#settings.consecutive5xx && !monitor.isEjected) {
      monitor.errorsInRow = 0
      this.#eject(monitor, 'consecutive-5xx', now)
    }
  }

  tick(now: number): void {
    if (now - this.#sweptAt < this.#settings.intervalMs) return
    this.#sweptAt = now
    for (const monitor of this.#monitors.values()) {
      if (monitor.isEjected && now >= this.#untilAt(monitor)) this.#readmit(monitor, now)
    }
    this.#judge(now)
    for (const monitor of this.#monitors.values()) {
      monitor.requests = 0
      monitor.successes = 0
      if (
        !monitor.isEjected &&
        monitor.readmittedAt !== null &&
        now - monitor.readmittedAt >= this.#settings.intervalMs
      ) {
        monitor.times = Math.max(0, monitor.times - 1)
      }
    }
  }

  isEjected(key: string): boolean {
    return this.#monitors.get(key)?.isEjected ?? false
  }

  healthCheckPassed(key: string, now: number): void {
    const monitor = this.#monitors.get(key)
    if (monitor?.isEjected === true) this.#readmit(monitor, now)
  }

  /** By what the endpoints did in the interval, those with enough requests only. */
  #judge(now: number): void {
    const settings = this.#settings
    const inService = [...this.#monitors.values()].filter(
      ({ isEjected, requests }) => !isEjected && requests > 0,
    )
    const bySuccess = inService.filter(
      ({ requests }) => requests >= settings.successRateRequestVolume,
    )
    const byFailure = inService.filter(
      ({ requests }) => requests >= settings.failurePercentageRequestVolume,
    )
    if (bySuccess.length > 0 && bySuccess.length >= settings.successRateMinimumHosts) {
      const least = leastSuccessRate(bySuccess.map(successRate), settings.successRateStdevFactor)
      for (const monitor of bySuccess) {
        if (successRate(monitor) < least) this.#eject(monitor, 'success-rate', now)
      }
    }
    if (byFailure.length >= settings.failurePercentageMinimumHosts) {
      for (const monitor of byFailure) {
        if (monitor.isEjected) continue
        if (100 - successRate(monitor) >= settings.failurePercentageThreshold) {
          this.#eject(monitor, 'failure-percentage', now)
        }
      }
    }
  }

  #eject(monitor: Monitor, cause: OutlierCause, now: number): void {
    const share = (100 * (this.ejected + 1)) / this.#monitors.size
    if (this.ejected > 0 && share > this.#settings.maxEjectionPercent) return
    if (this.#random() * 100 >= this.#settings[enforcing[cause]]) return
    const { baseEjectionTimeMs: base } = this.#settings
    // Not more than the cap needs, or a long bad time would take as long to be forgiven.
    if (monitor.times * base < this.#maxEjectionMs() + base) monitor.times += 1
    monitor.isEjected = true
    monitor.ejectedAt = now
    this.ejected += 1
    this.#onChange?.(
      { kind: 'ejected', key: monitor.key, cause, untilAt: this.#untilAt(monitor) },
      now,
    )
  }

  #readmit(monitor: Monitor, now: number): void {
    monitor.isEjected = false
    monitor.readmittedAt = now
    monitor.errorsInRow = 0
    monitor.gatewayFailuresInRow = 0
    this.ejected -= 1
    this.#onChange?.({ kind: 'readmitted', key: monitor.key }, now)
  }

  #untilAt({ ejectedAt, times }: Monitor): number {
    return ejectedAt + Math.min(this.#settings.baseEjectionTimeMs * times, this.#maxEjectionMs())
  }

  #maxEjectionMs(): number {
    return Math.max(this.#settings.baseEjectionTimeMs, this.#settings.maxEjectionTimeMs)
  }
}

/** Where the percentage is by which a cause that was found is acted upon. */
const enforcing = {
  'consecutive-5xx': 'enforcingConsecutive5xx',
  'consecutive-gateway-failure': 'enforcingConsecutiveGatewayFailure',
  'success-rate': 'enforcingSuccessRate',
  'failure-percentage': 'enforcingFailurePercentage',
} as const

const freshMonitor = (key: string): Monitor => ({
  key,
  isEjected: false,
  ejectedAt: 0,
  readmittedAt: null,
  times: 0,
  errorsInRow: 0,
  gatewayFailuresInRow: 0,
  requests: 0,
  successes: 0,
})

const successRate = ({ requests, successes }: Monitor): number => (100 * successes) / requests

/** The mean less so many thousandths of the standard deviation (of all, not of a part drawn from them). */
export function leastSuccessRate(rates: readonly number[], stdevFactor: number): number {
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length
  return mean - (Math.sqrt(variance) * stdevFactor) / 1000
}
