import type { Breaker, BreakerState } from '../../core/protect/breaker.ts'
import type { Bulkhead } from '../../core/protect/bulkhead.ts'
import type { Labels, Upstream, UpstreamSettings } from '../../core/route/upstream.ts'
import type { NameStatus } from './discovery.ts'
import type { CheckResult } from './health.ts'
import type { LiveEndpoint } from './live-endpoint.ts'

/** How an endpoint is; the first that holds. Only `healthy` and `slow-start` are sent new exchanges while others can be. */
export type EndpointState = 'draining' | 'unhealthy' | 'ejected' | 'slow-start' | 'healthy'

/** What an endpoint does now, as plain data. Instants are ISO 8601. */
export interface EndpointStatus {
  /** As authored. */
  readonly url: string
  /** That the name of the URL led to; null: it is connected to as it is named. */
  readonly address: string | null
  readonly labels: Labels
  /** As authored. */
  readonly weight: number
  /** What the balancer goes by: less while it starts slowly. */
  readonly effectiveWeight: number
  readonly state: EndpointState
  /** It comes back with the first sweep from then on; null: it is not ejected. */
  readonly ejectedUntil: string | null
  /** Exchanges inside, upgraded ones too. */
  readonly active: number
  /** `open`: all of them, with those that are `idle`, and those that became another protocol (`upgraded`). */
  readonly connections: { readonly open: number; readonly idle: number; readonly upgraded: number }
  /** Exchanges that wait for a connection. */
  readonly waiting: number
  /** Answers of 500 and more, and exchanges without an answer, since the last better one. */
  readonly consecutiveFailures: number
  /** The last health check; null: there was none. */
  readonly check: CheckResult | null
}

/** A breaker now. Rates are percent; null: too few calls for one. */
export interface BreakerStatus {
  readonly state: BreakerState
  readonly failureRate: number | null
  readonly slowCallRate: number | null
  /** Calls in the window; of an open breaker: in the one that it tripped by. */
  readonly bufferedCalls: number
  readonly failedCalls: number
  readonly slowCalls: number
  /** Refused in this state. */
  readonly notPermittedCalls: number
  /** When an open one lets the first call try; null: in any other state. */
  readonly openUntil: string | null
}

/** What an upstream does now on this instance, as plain data. */
export interface UpstreamStatus {
  /** Of one that routes name by a bare URI: that URI. */
  readonly name: string
  /** Null: of a bare URI. */
  readonly owner: string | null
  readonly balancer: UpstreamSettings['balancer']['kind']
  /** Those that may be picked, and those that drain. */
  readonly endpoints: readonly EndpointStatus[]
  /** Exchanges inside, of all endpoints. */
  readonly active: number
  /** Exchanges that wait: for the bulkhead, or for a connection. */
  readonly waiting: number
  /** Null: it has none. */
  readonly breaker: BreakerStatus | null
  readonly bulkhead: {
    readonly inFlight: number
    readonly maxConcurrentCalls: number
    readonly waiting: number
    readonly maxWaitingCalls: number
  } | null
  /** Names that are looked up; none: endpoints are as they are written. */
  readonly names: readonly NameStatus[]
}

/** The parts of a live upstream. */
export interface StatusParts {
  readonly upstream: Upstream
  readonly settings: UpstreamSettings
  readonly endpoints: readonly LiveEndpoint[]
  readonly breaker: Breaker | null
  readonly bulkhead: Bulkhead | null
  readonly names: readonly NameStatus[]
  readonly checkOf: (endpoint: LiveEndpoint) => CheckResult | null
}

/** An instant of the monotonic clock on the one of the wall. */
export function wallTime(at: number, now: number): string {
  return new Date(Date.now() + at - now).toISOString()
}

/** Describes an upstream as it is at `now`, on the monotonic clock. */
export function describeUpstream(parts: StatusParts, now: number): UpstreamStatus {
  const { upstream, settings, breaker, bulkhead, names } = parts
  const endpoints = parts.endpoints.map((one) => describeEndpoint(one, parts, now))
  const sum = (of: (one: EndpointStatus) => number): number =>
    endpoints.reduce((total, one) => total + of(one), 0)
  return {
    name: upstream.name,
    owner: upstream.owner === '' ? null : upstream.owner,
    balancer: settings.balancer.kind,
    endpoints,
    active: sum(({ active }) => active),
    waiting: sum(({ waiting }) => waiting) + (bulkhead?.waiting ?? 0),
    breaker: breaker === null ? null : describeBreaker(breaker, now),
    bulkhead:
      bulkhead === null || settings.bulkhead === null
        ? null
        : {
            inFlight: bulkhead.inFlight,
            maxConcurrentCalls: settings.bulkhead.maxConcurrentCalls,
            waiting: bulkhead.waiting,
            maxWaitingCalls: settings.bulkhead.maxWaitingCalls,
          },
    names,
  }
}

const describeEndpoint = (
  endpoint: LiveEndpoint,
  { settings, checkOf }: StatusParts,
  now: number,
): EndpointStatus => {
  const { url, key, labels, baseWeight, weight, ejectedUntilAt, active } = endpoint
  const { connections, idle, waiting, upgraded } = endpoint.stats
  return {
    url,
    address: key === url ? null : key.slice(url.length + 1),
    labels,
    weight: baseWeight,
    effectiveWeight: weight,
    state: stateOf(endpoint, settings, now),
    ejectedUntil: ejectedUntilAt === null ? null : wallTime(ejectedUntilAt, now),
    active,
    connections: { open: connections + upgraded, idle, upgraded },
    waiting,
    consecutiveFailures: endpoint.consecutiveFailures,
    check: checkOf(endpoint),
  }
}

const stateOf = (
  { isDraining, isHealthy, isEjected, admittedAt }: LiveEndpoint,
  { slowStart }: UpstreamSettings,
  now: number,
): EndpointState => {
  if (isDraining) return 'draining'
  if (!isHealthy) return 'unhealthy'
  if (isEjected) return 'ejected'
  return slowStart !== null && now - admittedAt < slowStart.windowMs ? 'slow-start' : 'healthy'
}

const describeBreaker = (breaker: Breaker, now: number): BreakerStatus => {
  const state = breaker.state(now)
  const figures = breaker.metrics(now)
  const { bufferedCalls, failedCalls, slowCalls, notPermittedCalls } = figures
  const rate = (percent: number): number | null => (percent < 0 ? null : percent)
  const openUntil = breaker.openUntil(now)
  return {
    state,
    failureRate: rate(figures.failureRate),
    slowCallRate: rate(figures.slowCallRate),
    bufferedCalls,
    failedCalls,
    slowCalls,
    notPermittedCalls,
    openUntil: openUntil === null ? null : wallTime(openUntil, now),
  }
}
