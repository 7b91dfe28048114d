import type { Json } from '../json.ts'

/** Strings by name; of an endpoint: what a route's subset selects by. */
export type Labels = Readonly<Record<string, string>>

/** One address of an upstream. */
export interface Endpoint {
  /** `http://host:port`, `https://host:port` or `unix:/path/of.sock`. */
  readonly url: string
  readonly weight: number
  /** Not there: none. */
  readonly labels?: Labels
}

/** What a ring hash hashes, and what affinity goes by. */
export type HashKey =
  | { readonly kind: 'header' | 'query' | 'cookie'; readonly name: string }
  | { readonly kind: 'client' }

/** How an endpoint is picked among those that may serve. */
export type BalancerSettings =
  | { readonly kind: 'round-robin' | 'least-request' }
  | { readonly kind: 'ring-hash'; readonly key: HashKey }

/** A client that comes back goes to the endpoint that served it before, told by a cookie of ours. */
export interface AffinitySettings {
  readonly cookie: string
  /** Of the cookie, in seconds; null: as long as the browser runs. */
  readonly maxAgeSeconds: number | null
}

/** Active probes. Times in ms. */
export interface HealthCheckSettings {
  readonly path: string
  /** Null: the endpoint's own. */
  readonly host: string | null
  readonly intervalMs: number
  readonly timeoutMs: number
  /** So many in a row make an unhealthy endpoint healthy. */
  readonly healthyAfter: number
  readonly unhealthyAfter: number
  /** Statuses of a healthy answer: from, to. */
  readonly statuses: readonly (readonly [number, number])[]
}

/** Ejection by answers; names, meaning and defaults as in Envoy's `outlier_detection.proto`. Times in ms. */
export interface OutlierSettings {
  readonly consecutive5xx: number
  readonly enforcingConsecutive5xx: number
  readonly consecutiveGatewayFailure: number
  readonly enforcingConsecutiveGatewayFailure: number
  readonly intervalMs: number
  readonly baseEjectionTimeMs: number
  readonly maxEjectionTimeMs: number
  /** Percent of the endpoints; one may always be ejected. */
  readonly maxEjectionPercent: number
  readonly successRateMinimumHosts: number
  readonly successRateRequestVolume: number
  /** Thousandths of a standard deviation. */
  readonly successRateStdevFactor: number
  readonly enforcingSuccessRate: number
  readonly failurePercentageThreshold: number
  readonly failurePercentageMinimumHosts: number
  readonly failurePercentageRequestVolume: number
  readonly enforcingFailurePercentage: number
}

/** An endpoint that is new or was readmitted takes its full share only after a while. */
export interface SlowStartSettings {
  readonly windowMs: number
  /** Exponent: 1 grows evenly. */
  readonly aggression: number
  readonly minWeightPercent: number
}

/** Where addresses come from, beside those that are written down. */
export type DiscoverySettings =
  | { readonly kind: 'static' }
  /** Host names are looked up; every address is an endpoint. `refreshMs`: where the answer has no TTL, and at most. */
  | { readonly kind: 'dns'; readonly refreshMs: number }

/** Connections to one endpoint. Times in ms. */
export interface PoolSettings {
  readonly connections: number
  /** Exchanges that may wait for a connection. */
  readonly queue: number
  readonly queueTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly maxLifetimeMs: number
  /** 1: no connection is used twice. */
  readonly requestsPerConnection: number
  /** A connection that is held for longer is reported; 0: never. */
  readonly leakDetectionThresholdMs: number
}

/** Deadlines of an exchange with an endpoint, in ms; 0: none. */
export interface TimeoutSettings {
  readonly connectMs: number
  /** From the request's end to the first byte of the answer. */
  readonly headersMs: number
  /** Between two pieces of a body, either way. */
  readonly idleMs: number
  /** From the first attempt to the last byte; not of upgraded connections and event streams. */
  readonly totalMs: number
}

export interface TlsSettings {
  /** Name that is asked for (SNI) and checked; null: the endpoint's host. */
  readonly serverName: string | null
  /** False is told loudly. */
  readonly verify: boolean
  /** Files in PEM. */
  readonly ca: string | null
  readonly cert: string | null
  readonly key: string | null
}

/** Names, meaning and defaults as in Resilience4j's `CircuitBreakerConfig`. Times in ms, rates in percent. */
export interface BreakerSettings {
  readonly failureRateThreshold: number
  readonly slowCallRateThreshold: number
  readonly slowCallDurationThreshold: number
  readonly slidingWindowType: 'COUNT_BASED' | 'TIME_BASED'
  /** Calls, or seconds. */
  readonly slidingWindowSize: number
  readonly minimumNumberOfCalls: number
  readonly waitDurationInOpenState: number
  readonly permittedNumberOfCallsInHalfOpenState: number
  /** 0: as long as it takes. */
  readonly maxWaitDurationInHalfOpenState: number
  readonly automaticTransitionFromOpenToHalfOpenEnabled: boolean
  readonly initialState: 'CLOSED' | 'OPEN' | 'DISABLED' | 'FORCED_OPEN' | 'METRICS_ONLY'
}

/** Names and defaults as in Resilience4j's `BulkheadConfig`; `maxWaitDuration` in ms. */
export interface BulkheadSettings {
  readonly maxConcurrentCalls: number
  readonly maxWaitDuration: number
  /** Calls that may wait. */
  readonly maxWaitingCalls: number
}

/** How an upstream is reached and protected, with every default filled in. */
export interface UpstreamSettings {
  readonly balancer: BalancerSettings
  readonly affinity: AffinitySettings | null
  readonly healthCheck: HealthCheckSettings | null
  readonly outlier: OutlierSettings | null
  readonly slowStart: SlowStartSettings | null
  readonly discovery: DiscoverySettings
  readonly pool: PoolSettings
  readonly timeouts: TimeoutSettings
  readonly tls: TlsSettings
  readonly breaker: BreakerSettings | null
  readonly bulkhead: BulkheadSettings | null
}

/** A named group of equal endpoints. Plain data. */
export interface Upstream {
  readonly name: string
  readonly owner: string
  readonly endpoints: readonly Endpoint[]
  /** What was said of the settings, in their own shape; `settingsOf` fills in the rest. Not there: nothing. */
  readonly settings?: { readonly [key: string]: Json }
  readonly metadata: { readonly [key: string]: Json } | null
  /** Number of the revision that last touched it. */
  readonly revision: number
}

export const defaultOutlier: OutlierSettings = {
  consecutive5xx: 5,
  enforcingConsecutive5xx: 100,
  consecutiveGatewayFailure: 5,
  enforcingConsecutiveGatewayFailure: 0,
  intervalMs: 10_000,
  baseEjectionTimeMs: 30_000,
  maxEjectionTimeMs: 300_000,
  maxEjectionPercent: 10,
  successRateMinimumHosts: 5,
  successRateRequestVolume: 100,
  successRateStdevFactor: 1_900,
  enforcingSuccessRate: 100,
  failurePercentageThreshold: 85,
  failurePercentageMinimumHosts: 5,
  failurePercentageRequestVolume: 50,
  enforcingFailurePercentage: 0,
}

export const defaultBreaker: BreakerSettings = {
  failureRateThreshold: 50,
  slowCallRateThreshold: 100,
  slowCallDurationThreshold: 60_000,
  slidingWindowType: 'COUNT_BASED',
  slidingWindowSize: 100,
  minimumNumberOfCalls: 100,
  waitDurationInOpenState: 60_000,
  permittedNumberOfCallsInHalfOpenState: 10,
  maxWaitDurationInHalfOpenState: 0,
  automaticTransitionFromOpenToHalfOpenEnabled: false,
  initialState: 'CLOSED',
}

export const defaultBulkhead: BulkheadSettings = {
  maxConcurrentCalls: 25,
  maxWaitDuration: 0,
  maxWaitingCalls: 256,
}

export const defaultHealthCheck: HealthCheckSettings = {
  path: '/',
  host: null,
  intervalMs: 10_000,
  timeoutMs: 3_000,
  healthyAfter: 2,
  unhealthyAfter: 3,
  statuses: [[200, 399]],
}

export const defaultSlowStart: SlowStartSettings = {
  windowMs: 30_000,
  aggression: 1,
  minWeightPercent: 10,
}

/** What holds where an upstream says nothing. */
export const defaultSettings: UpstreamSettings = {
  balancer: { kind: 'round-robin' },
  affinity: null,
  healthCheck: null,
  outlier: defaultOutlier,
  slowStart: null,
  discovery: { kind: 'static' },
  pool: {
    connections: 128,
    queue: 256,
    queueTimeoutMs: 1_000,
    idleTimeoutMs: 60_000,
    maxLifetimeMs: 600_000,
    requestsPerConnection: 10_000,
    leakDetectionThresholdMs: 0,
  },
  timeouts: { connectMs: 3_000, headersMs: 30_000, idleMs: 60_000, totalMs: 60_000 },
  tls: { serverName: null, verify: true, ca: null, cert: null, key: null },
  breaker: null,
  bulkhead: null,
}
