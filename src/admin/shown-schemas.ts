import * as z from 'zod'

/**
 * Bodies that parsers of the ground floor read, for the OpenAPI document only: those parsers say more, and have the
 * last word.
 */

const text = z.string()
const metadata = z.record(text, z.unknown()).optional()
const enabled = z.boolean().optional()
const texts = z.record(text, text)

export const predicateShown: z.ZodType = z.union([
  z.strictObject({ kind: z.literal('host'), patterns: z.array(text) }),
  z.strictObject({
    kind: z.enum(['header', 'query', 'cookie']),
    name: text,
    equals: text.optional(),
    matches: text.optional(),
  }),
  z.strictObject({
    kind: z.literal('time'),
    from: z.iso.datetime().optional(),
    until: z.iso.datetime().optional(),
  }),
  z.strictObject({
    kind: z.literal('client'),
    sources: z.array(text),
    trusted: z.int().optional(),
  }),
])

const ms = z.union([z.int(), text]).optional().describe('Ms, or a text like 10ms, 5s or PT5S.')
const count = z.int().optional()
const number = z.number().optional()
const flag = z.boolean().optional()
const respond = z.strictObject({
  status: z.int(),
  headers: texts.optional(),
  body: text.optional(),
})
const key = z.union([
  z.strictObject({ kind: z.literal('client') }),
  z.strictObject({ kind: z.enum(['header', 'query', 'cookie']), name: text }),
])

const weight = z.strictObject({
  group: text,
  weight: z.int(),
  side: text.optional().describe('The id of the route where it is left out.'),
  key: key.optional().describe('What stands for a client; its address where it is left out.'),
  cohort: z.strictObject({ predicates: z.array(predicateShown), weight: z.int() }).optional(),
  absent: z
    .array(z.strictObject({ side: text, weight: z.int(), cohort: count }))
    .optional()
    .describe('Sides of the group that have no route at this place.'),
})

const lifecycle = z.strictObject({
  state: z.enum(['current', 'maintenance', 'deprecated', 'retired']),
  deprecatedAt: text.optional(),
  sunsetAt: text.optional(),
  gone: flag,
  links: z
    .strictObject({
      deprecation: text.optional(),
      sunset: text.optional(),
      successor: text.optional(),
    })
    .optional(),
})

const target = z.union([
  z.strictObject({ upstream: text, subset: texts.optional() }),
  z.strictObject({ uri: text }),
  z.strictObject({ respond }),
  z.strictObject({ redirect: z.strictObject({ status: z.int(), location: text }) }),
])

const statuses = z.array(z.union([z.int(), z.enum(['3xx', '4xx', '5xx'])]))

const messageFilters = [
  z.strictObject({
    kind: z.literal('add-missing-request-headers'),
    headers: z.array(z.strictObject({ name: text, value: text })),
  }),
  z.strictObject({ kind: z.literal('map-request-header'), from: text, to: text }),
  z.strictObject({ kind: z.literal('set-host'), host: text }),
  z.strictObject({
    kind: z.enum(['add-missing-response-header', 'add-query-parameter']),
    name: text,
    value: text,
  }),
  z.strictObject({ kind: z.literal('remove-query-parameter'), name: text }),
  z.strictObject({
    kind: z.literal('rewrite-query-parameter'),
    name: text,
    replacement: text,
  }),
  z.strictObject({
    kind: z.literal('header-limit'),
    bytes: count,
    errorHeader: text.optional(),
  }),
  z.strictObject({ kind: z.literal('set-status'), status: z.int() }),
  z.strictObject({
    kind: z.literal('dedupe-response-header'),
    names: z.array(text),
    keep: z.enum(['first', 'last', 'unique']).optional(),
  }),
  z.strictObject({
    kind: z.literal('rewrite-response-header'),
    name: text,
    pattern: text,
    replacement: text,
  }),
  z.strictObject({
    kind: z.literal('rewrite-location'),
    stripVersion: z.enum(['as-in-request', 'never', 'always']).optional(),
    header: text.optional(),
    host: text.optional(),
    protocols: text.optional(),
  }),
  z.strictObject({
    kind: z.literal('secure-headers'),
    headers: z.record(text, z.union([text, z.null()])).optional(),
  }),
  z.strictObject({
    kind: z.literal('breaker'),
    name: text,
    statuses: statuses.optional(),
    forward: text.optional(),
    resume: flag,
  }),
  z.strictObject({
    kind: z.literal('failure-headers'),
    type: text.optional(),
    message: text.optional(),
    rootType: text.optional(),
    rootMessage: text.optional(),
  }),
] as const

const asking = { identityHeader: text.optional(), forward: flag, realm: text.optional() }
const clients = z.array(
  z.strictObject({
    name: text,
    secret: text.describe(
      'env:NAME, file:/path, sha256:... or scrypt:...; never the secret itself.',
    ),
  }),
)
const templated = {
  contentType: text.optional(),
  body: text,
  missing: z.enum(['empty', 'refuse']).optional(),
  maxBytes: count,
}

const filter = z.union([
  ...messageFilters,
  z.strictObject({ kind: z.literal('strip-prefix'), parts: count }),
  z.strictObject({ kind: z.literal('add-prefix'), prefix: text }),
  z.strictObject({ kind: z.literal('rewrite-path'), pattern: text, replacement: text }),
  z.strictObject({ kind: z.literal('set-path'), template: text }),
  z.strictObject({
    kind: z.enum([
      'set-request-header',
      'add-request-header',
      'set-response-header',
      'add-response-header',
    ]),
    name: text,
    value: text,
  }),
  z.strictObject({
    kind: z.enum(['remove-request-header', 'remove-response-header']),
    name: text,
  }),
  z.strictObject({ kind: z.literal('preserve-host') }),
  z.strictObject({
    kind: z.literal('redirect'),
    status: count,
    location: text,
    query: z.enum(['drop', 'append']).optional(),
  }),
  z.strictObject({
    kind: z.literal('timeout'),
    connectMs: ms,
    headersMs: ms,
    idleMs: ms,
    totalMs: ms,
  }),
  z.strictObject({
    kind: z.literal('retry'),
    retries: count,
    statuses: statuses.optional(),
    onFailure: flag,
    methods: z.array(text).optional(),
    firstBackoffMs: ms,
    maxBackoffMs: ms,
    factor: number,
    jitter: number,
    budgetPercent: number,
  }),
  z.strictObject({
    kind: z.literal('rate-limit'),
    perSecond: z.number(),
    burst: count,
    key: z.union([key, z.strictObject({ kind: z.literal('all') })]).optional(),
    status: count,
    emptyStatus: count,
  }),
  z.strictObject({
    kind: z.literal('bulkhead'),
    maxConcurrentCalls: count,
    maxWaitDuration: ms,
    maxWaitingCalls: count,
  }),
  z.strictObject({
    kind: z.literal('cors'),
    origins: z.array(text),
    methods: z.array(text).optional(),
    headers: z.array(text).optional(),
    exposed: z.array(text).optional(),
    credentials: flag,
    maxAgeSeconds: count,
  }),
  z.strictObject({ kind: z.literal('body-limit'), bytes: z.int() }),
  z.strictObject({
    kind: z.literal('mirror'),
    upstream: text,
    percent: number,
    maxBodyBytes: count,
  }),
  z.strictObject({
    kind: z.literal('fault'),
    delayMs: ms,
    delayPercent: number,
    abortStatus: count,
    abortPercent: number,
  }),
  z.strictObject({ kind: z.literal('fallback'), respond }),
  z.strictObject({ kind: z.literal('fallback'), upstream: text }),
  z.strictObject({
    kind: z.literal('module'),
    module: text,
    name: text,
    args: z.record(text, z.unknown()).optional(),
  }),
  z.strictObject({
    kind: z.literal('key-auth'),
    header: text.nullable().optional(),
    query: text.nullable().optional(),
    clients,
    ...asking,
  }),
  z.strictObject({ kind: z.literal('basic-auth'), clients, ...asking }),
  z.strictObject({
    kind: z.literal('jwt'),
    algorithms: z.array(text),
    issuer: text,
    audiences: z.array(text),
    key: text.nullable().optional().describe('A reference: env:NAME or file:/path.'),
    jwks: text.nullable().optional().describe('Address of a set of keys, in the stead of key.'),
    clockToleranceMs: ms,
    required: z.record(text, z.union([text, z.array(text)])).optional(),
    claims: texts.optional(),
    ...asking,
  }),
  z.strictObject({
    kind: z.literal('ip-filter'),
    allow: z.array(text).optional(),
    deny: z.array(text).optional(),
  }),
  z.strictObject({
    kind: z.literal('compress'),
    encodings: z.array(z.enum(['br', 'gzip'])).optional(),
    types: z.array(text).optional(),
    minBytes: count,
    eventStreams: flag,
  }),
  z.strictObject({ kind: z.literal('response-cache'), timeToLiveMs: ms, maxBytes: count }),
  z.strictObject({ kind: z.literal('request-template'), ...templated }),
  z.strictObject({
    kind: z.literal('response-template'),
    ...templated,
    when: z.enum(['success', 'error', 'always']).optional(),
  }),
])

/** A route in our own shape. */
const ownShown = z.strictObject({
  id: text.optional().describe('May be left out where the address has it.'),
  methods: z.array(text).optional().describe('Any method where it is left out.'),
  path: text.optional().describe('A pattern, or `paths` for several.'),
  paths: z.array(text).optional(),
  target,
  filters: z.array(filter).optional().describe('Around the target, the first one outermost.'),
  streams: z
    .strictObject({ onChange: z.enum(['keep', 'drain', 'close']).optional(), drainMs: ms })
    .optional()
    .describe('What becomes of open streams when the route or its upstream is changed.'),
  predicates: z.array(predicateShown).optional(),
  version: text.optional().describe('SemVer; with a + behind it also for later ones.'),
  labels: texts.optional(),
  weight: z.union([z.int(), weight]).optional(),
  order: z.int().optional(),
  lifecycle: lifecycle.optional().describe('Where its version is in its life.'),
  enabled,
  metadata,
})

/** A definition of Spring Cloud Gateway. */
export const springShown: z.ZodType = z.strictObject({
  id: text.optional(),
  uri: text,
  predicates: z.array(z.union([text, z.strictObject({ name: text, args: texts.optional() })])),
  filters: z
    .array(z.union([text, z.strictObject({ name: text, args: texts.optional() })]))
    .optional(),
  metadata,
  order: z.int().optional(),
  enabled,
})

export const routeShown: z.ZodType = z.union([ownShown, springShown])

const or = (shape: z.ZodType): z.ZodType => z.union([shape, z.literal(false)]).optional()

/** Settings of an upstream, by key. */
const settings = {
  balancer: z
    .union([
      z.strictObject({ kind: z.enum(['round-robin', 'least-request']) }),
      z.strictObject({ kind: z.literal('ring-hash'), key }),
    ])
    .optional(),
  affinity: or(z.strictObject({ cookie: text.optional(), maxAgeSeconds: count })),
  healthCheck: or(
    z.strictObject({
      path: text.optional(),
      host: text.optional(),
      intervalMs: ms,
      timeoutMs: ms,
      healthyAfter: count,
      unhealthyAfter: count,
      statuses: z.array(z.union([z.int(), z.tuple([z.int(), z.int()])])).optional(),
    }),
  ),
  outlier: or(
    z.strictObject({
      consecutive5xx: count,
      enforcingConsecutive5xx: count,
      consecutiveGatewayFailure: count,
      enforcingConsecutiveGatewayFailure: count,
      intervalMs: ms,
      baseEjectionTimeMs: ms,
      maxEjectionTimeMs: ms,
      maxEjectionPercent: count,
      successRateMinimumHosts: count,
      successRateRequestVolume: count,
      successRateStdevFactor: count,
      enforcingSuccessRate: count,
      failurePercentageThreshold: count,
      failurePercentageMinimumHosts: count,
      failurePercentageRequestVolume: count,
      enforcingFailurePercentage: count,
    }),
  ),
  slowStart: or(z.strictObject({ windowMs: ms, aggression: number, minWeightPercent: count })),
  discovery: z.strictObject({ kind: z.enum(['static', 'dns']), refreshMs: ms }).optional(),
  pool: z
    .strictObject({
      connections: count,
      queue: count,
      queueTimeoutMs: ms,
      idleTimeoutMs: ms,
      maxLifetimeMs: ms,
      requestsPerConnection: count,
      leakDetectionThresholdMs: ms,
    })
    .optional(),
  timeouts: z.strictObject({ connectMs: ms, headersMs: ms, idleMs: ms, totalMs: ms }).optional(),
  tls: z
    .strictObject({
      serverName: text.optional(),
      verify: flag,
      ca: text.optional(),
      cert: text.optional(),
      key: text.optional(),
    })
    .optional(),
  breaker: or(
    z.strictObject({
      failureRateThreshold: number,
      slowCallRateThreshold: number,
      slowCallDurationThreshold: ms,
      slidingWindowType: z.enum(['COUNT_BASED', 'TIME_BASED']).optional(),
      slidingWindowSize: count,
      minimumNumberOfCalls: count,
      waitDurationInOpenState: ms,
      permittedNumberOfCallsInHalfOpenState: count,
      maxWaitDurationInHalfOpenState: ms,
      automaticTransitionFromOpenToHalfOpenEnabled: flag,
      initialState: z
        .enum(['CLOSED', 'OPEN', 'DISABLED', 'FORCED_OPEN', 'METRICS_ONLY'])
        .optional(),
    }),
  ),
  bulkhead: or(
    z.strictObject({ maxConcurrentCalls: count, maxWaitDuration: ms, maxWaitingCalls: count }),
  ),
}

const endpoint = z.strictObject({
  url: text.describe('http://host:port, https://host:port or unix:/path/of.sock'),
  weight: count,
  labels: texts.optional(),
})

export const upstreamShown: z.ZodType = z.strictObject({
  name: text.optional().describe('May be left out where the address has it.'),
  endpoints: z.array(z.union([text, endpoint])),
  ...settings,
  metadata,
})

const analysis = {
  conditions: z
    .array(text)
    .optional()
    .describe('`errorRate <= stable + 1%`, `p95 <= stable * 1.10 + 1ms`, `p99 <= 800ms`'),
  minimumSamples: count,
  window: ms,
  interval: ms,
  failureLimit: count.describe('So many failed judgements are borne.'),
  consecutiveErrorLimit: count,
}

const step = z.union([
  text.describe('In short: `weight 5`, `pause 5m`, `pause`, `verify`, `analysis 3`, `watch 10m`.'),
  z.strictObject({
    verify: z
      .strictObject({
        percent: number,
        samples: count,
        maxDifferentPercent: number,
        allMethods: flag,
        headers: z.array(text).optional(),
        ignore: z.array(text).optional().describe('JSON pointers; `*` is any one token.'),
        timeout: ms,
        onTimeout: z.enum(['pause', 'continue']).optional(),
      })
      .nullable(),
  }),
  z.strictObject({ weight: z.int() }),
  z.strictObject({
    cohort: z.strictObject({ predicates: z.array(predicateShown), weight: z.int() }),
  }),
  z.strictObject({ pause: ms.nullable().describe('Null: until somebody resumes it.') }),
  z.strictObject({
    analysis: z.union([z.int(), z.strictObject({ count, ...analysis })]).nullable(),
  }),
  z.strictObject({ watch: ms }),
])

/** A plan of a rollout. */
export const planShown: z.ZodType = z.strictObject({
  steps: z.array(step).optional(),
  analysis: z.strictObject(analysis).optional(),
})
