import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseUpstream, renderUpstream } from '../../../src/core/route/upstream-parse.ts'
import { settingsOf } from '../../../src/core/route/upstream-settings.ts'
import {
  defaultBreaker,
  defaultHealthCheck,
  defaultOutlier,
  defaultSettings,
  defaultSlowStart,
  type Upstream,
} from '../../../src/core/route/upstream.ts'
import { upstreams } from './mutation-run.ts'

const at = { owner: 'admin', pointer: '' }
const base = { name: 'u', endpoints: ['http://a'] }

const read = (value: object): Upstream => {
  const { upstream, problems } = parseUpstream({ ...base, ...value }, at)
  assert.equal(problems, null)
  return upstream
}
const told = (value: object): string =>
  parseUpstream({ ...base, ...value }, at)
    .problems?.map(
      ({ pointer, message }) => `${pointer} ${message.replace(/^.*is not valid: /, '')}`,
    )
    .join('\n') ?? ''

test('an upstream that says nothing of its settings is stored as before, and has the defaults', () => {
  assert.deepEqual(Object.keys(read({})), ['name', 'owner', 'endpoints', 'metadata', 'revision'])
  assert.deepEqual(read({}).endpoints, [{ url: 'http://a', weight: 1 }])
  assert.equal(settingsOf(read({})), defaultSettings)
})

test('only what is said is stored, in its one shape', () => {
  const upstream = read({
    timeouts: { connectMs: '1s' },
    breaker: {},
    outlier: false,
    healthCheck: { statuses: [204, [200, 201]] },
  })
  assert.deepEqual(upstream.settings, {
    healthCheck: {
      statuses: [
        [204, 204],
        [200, 201],
      ],
    },
    outlier: false,
    timeouts: { connectMs: 1000 },
    breaker: {},
  })
  const settings = settingsOf(upstream)
  assert.deepEqual(settings, {
    ...defaultSettings,
    timeouts: { ...defaultSettings.timeouts, connectMs: 1000 },
    breaker: defaultBreaker,
    outlier: null,
    healthCheck: {
      ...defaultHealthCheck,
      statuses: [
        [204, 204],
        [200, 201],
      ],
    },
  })
  assert.equal(settingsOf(upstream), settings)
  assert.equal(settingsOf({ ...upstream, revision: 7 }), settings)
})

const filled: readonly (readonly [object, object])[] = [
  [{ balancer: { kind: 'least-request' } }, { balancer: { kind: 'least-request' } }],
  [
    { balancer: { kind: 'ring-hash', key: { kind: 'header', name: 'X-A' } } },
    { balancer: { kind: 'ring-hash', key: { kind: 'header', name: 'x-a' } } },
  ],
  [{ affinity: {} }, { affinity: { cookie: 'turnout-affinity', maxAgeSeconds: null } }],
  [{ affinity: false }, { affinity: null }],
  [{ healthCheck: {} }, { healthCheck: defaultHealthCheck }],
  [{ outlier: {} }, { outlier: defaultOutlier }],
  [{ outlier: { intervalMs: '5s' } }, { outlier: { ...defaultOutlier, intervalMs: 5000 } }],
  [{ slowStart: {} }, { slowStart: defaultSlowStart }],
  [{ discovery: { kind: 'dns' } }, { discovery: { kind: 'dns', refreshMs: 30_000 } }],
  [{ discovery: { kind: 'static' } }, { discovery: { kind: 'static' } }],
  [{ pool: { queue: 0 } }, { pool: { ...defaultSettings.pool, queue: 0 } }],
  [
    { tls: { serverName: 'A.example', verify: false } },
    { tls: { ...defaultSettings.tls, serverName: 'a.example', verify: false } },
  ],
  [
    { breaker: { slidingWindowSize: 10 } },
    { breaker: { ...defaultBreaker, slidingWindowSize: 10, minimumNumberOfCalls: 10 } },
  ],
  [
    { breaker: { slidingWindowSize: 10, slidingWindowType: 'TIME_BASED' } },
    { breaker: { ...defaultBreaker, slidingWindowSize: 10, slidingWindowType: 'TIME_BASED' } },
  ],
  [
    { breaker: { waitDurationInOpenState: 'PT10S' } },
    { breaker: { ...defaultBreaker, waitDurationInOpenState: 10_000 } },
  ],
  [
    { bulkhead: { maxWaitDuration: '100ms' } },
    { bulkhead: { maxConcurrentCalls: 25, maxWaitDuration: 100, maxWaitingCalls: 256 } },
  ],
]
for (const [said, expected] of filled) {
  test(`${JSON.stringify(said)} is filled in with defaults, and reads the same again`, () => {
    const upstream = read(said)
    assert.deepEqual(settingsOf(upstream), { ...defaultSettings, ...expected })
    assert.deepEqual(parseUpstream(renderUpstream(upstream), at).upstream, upstream)
  })
}

test('endpoints have labels and may be sockets', () => {
  const labels = { version: 'v1.3.0', canary: 'true' }
  const { endpoints } = read({
    endpoints: [
      { url: 'unix:/run/a.sock', labels },
      { url: 'http://b', labels: {}, weight: 0 },
    ],
  })
  assert.deepEqual(endpoints, [
    { url: 'unix:/run/a.sock', weight: 1, labels },
    { url: 'http://b', weight: 0 },
  ])
})

const refused: readonly (readonly [object, RegExp])[] = [
  [{ balancr: {} }, /^\/balancr an upstream has no "balancr"; did you mean balancer\?$/],
  [{ balancer: 'round-robin' }, /^\/balancer balancer is an object, not the text/],
  [{ balancer: {} }, /^\/balancer\/kind kind is missing$/],
  [{ balancer: { kind: 'ring-hsh' } }, /^\/balancer\/kind .*did you mean ring-hash\?$/],
  [{ balancer: { kind: 'ring-hash' } }, /^\/balancer a ring-hash has a key/],
  [
    { balancer: { kind: 'round-robin', key: { kind: 'client' } } },
    /^\/balancer\/key only a ring-hash/,
  ],
  [{ balancer: { kind: 'ring-hash', key: { kind: 'all' } } }, /^\/balancer\/key\/kind /],
  [{ balancer: false }, /^\/balancer balancer is an object, not false$/],
  [{ affinity: { cookie: 'a b' } }, /^\/affinity\/cookie "a b" is no name of a cookie$/],
  [{ affinity: { maxAgeSeconds: 0 } }, /^\/affinity\/maxAgeSeconds maxAgeSeconds is 1 to/],
  [{ healthCheck: { path: 'health' } }, /^\/healthCheck\/path it must begin with \/$/],
  [{ healthCheck: { path: '/a?b#c' } }, /^\/healthCheck\/path percent-encode the query$/],
  [{ healthCheck: { host: 'a/b' } }, /^\/healthCheck\/host "a\/b" is no host/],
  [
    { healthCheck: { intervalMs: '2s' } },
    /^\/healthCheck timeoutMs \(3000\) is longer than intervalMs \(2000\)$/,
  ],
  [
    { healthCheck: { statuses: [[300, 200]] } },
    /^\/healthCheck\/statuses\/0 the number 300 is more/,
  ],
  [{ healthCheck: { statuses: [99] } }, /^\/healthCheck\/statuses\/0 a status is 100 to 599$/],
  [{ outlier: true }, /^\/outlier outlier is an object, not true$/],
  [{ outlier: { maxEjectionPercent: 101 } }, /^\/outlier\/maxEjectionPercent .* is 0 to 100$/],
  [
    { outlier: { baseEjectionTime: 1 } },
    /^\/outlier\/baseEjectionTime .*did you mean baseEjectionTimeMs\?$/,
  ],
  [{ slowStart: { aggression: 0 } }, /^\/slowStart\/aggression aggression is 0\.01 to 100$/],
  [
    { discovery: { kind: 'consul' } },
    /^\/discovery\/kind kind is static, dns, not the text "consul"/,
  ],
  [{ discovery: { kind: 'static', refreshMs: 1000 } }, /^\/discovery\/refreshMs only dns/],
  [{ pool: { connections: 0 } }, /^\/pool\/connections connections is 1 to 65535$/],
  [{ pool: { queueTimeoutMs: 0 } }, /^\/pool\/queueTimeoutMs queueTimeoutMs is 1 to 86400000$/],
  [
    { timeouts: { connectMs: 2000, totalMs: 1000 } },
    /^\/timeouts connectMs \(2000\) is longer than totalMs/,
  ],
  [{ timeouts: { readMs: 1 } }, /^\/timeouts\/readMs timeouts has no "readMs"/],
  [{ tls: { cert: '/a.pem' } }, /^\/tls a certificate and its key come together/],
  [{ tls: { key: '/a.pem' } }, /^\/tls a certificate and its key come together/],
  [{ tls: { ca: 'ca.pem' } }, /^\/tls\/ca a file is an absolute path, not "ca.pem"$/],
  [{ tls: { ca: '/ca.pem', verify: false } }, /^\/tls\/ca a ca is for verifying/],
  [{ tls: { serverName: '10.0.0.1' } }, /^\/tls\/serverName "10\.0\.0\.1" is no name of a host$/],
  [
    { breaker: { failureRateThreshold: 0 } },
    /^\/breaker\/failureRateThreshold .* is 0\.01 to 100$/,
  ],
  [
    { breaker: { slidingWindowType: 'COUNT' } },
    /^\/breaker\/slidingWindowType .* COUNT_BASED, TIME_BASED/,
  ],
  [
    { breaker: { waitDurationInOpenState: 'soon' } },
    /^\/breaker\/waitDurationInOpenState .*"soon"$/,
  ],
  [{ breaker: { initialState: 'HALF_OPEN' } }, /^\/breaker\/initialState .*FORCED_OPEN/],
  [{ bulkhead: { maxConcurrentCalls: 0 } }, /^\/bulkhead\/maxConcurrentCalls .* is 1 to/],
  [
    { endpoints: [{ url: 'http://a', label: {} }] },
    /^\/endpoints\/0\/label .*did you mean labels\?$/,
  ],
  [{ endpoints: [{ url: 'http://a', labels: { 'a b': 'c' } }] }, /^\/endpoints\/0\/labels\/a b /],
  [
    { endpoints: ['unix:/a', 'unix:/a'] },
    /^\/endpoints\/1 the endpoint unix:\/a stands there twice$/,
  ],
  [{ endpoints: ['unix:/var/run/docker.sock'] }, /^\/endpoints\/0 .*rules the machine/],
]
for (const [value, expected] of refused) {
  test(`${JSON.stringify(value)} is refused with its place and reason`, () => {
    assert.match(told(value), expected)
  })
}

test('every problem is told at once', () => {
  const bad = { balancer: {}, pool: { queue: -1, connections: 'x' }, tls: { cert: 1 } }
  assert.deepEqual(
    parseUpstream({ ...base, ...bad }, at).problems?.map(({ pointer }) => pointer),
    ['/balancer/kind', '/pool/connections', '/pool/queue', '/tls/cert', '/tls'],
  )
})

const samples = upstreams.map((one) => {
  const { name: _, endpoints: __, metadata: ___, ...settings } = one as Record<string, unknown>
  return settings
})
test('any settings together read the same again, and all defaults are there', () => {
  const part = fc.constantFrom(...samples.flatMap((one) => Object.entries(one)))
  fc.assert(
    fc.property(fc.array(part, { maxLength: 11 }), (parts) => {
      const upstream = read(Object.fromEntries(parts))
      assert.deepEqual(
        parseUpstream(JSON.parse(JSON.stringify(renderUpstream(upstream))), at).upstream,
        upstream,
      )
      assert.deepEqual(
        Object.keys(settingsOf(upstream)).sort(),
        Object.keys(defaultSettings).sort(),
      )
    }),
  )
})
