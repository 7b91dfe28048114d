import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import {
  parseRoute,
  parseUpstream,
  renderRoute,
  renderUpstream,
} from '../../../src/core/route/parse.ts'
import { compilePredicates } from '../../../src/core/route/predicate.ts'
import { parsePattern } from '../../../src/core/router/pattern.ts'
import { createRandom, mutate } from './mutate.ts'
import { isValidRoute, isValidUpstream } from './valid-definition.ts'

/** Valid definitions in our own shape. */
export const routes: readonly object[] = [
  { id: 'a', path: '/users/:id(\\d+)/*rest', target: { uri: 'http://127.0.0.1:9001' } },
  {
    id: 'b',
    methods: ['GET', 'post'],
    paths: ['/a', '/a/', '/caf\u00e9/:x'],
    predicates: [
      { kind: 'host', patterns: ['*.example.org', 'Example.com.', 'api-{n}.**'] },
      { kind: 'header', name: 'X-Kind', matches: 'a|b+' },
      { kind: 'header', name: 'X-Plain', equals: 'yes' },
      { kind: 'query', name: 'q' },
      { kind: 'cookie', name: 'c', equals: '' },
    ],
    version: '1.2.0-rc.1',
    labels: { track: 'canary' },
    weight: { group: 'g', weight: 10 },
    order: -5,
    target: { upstream: 'users' },
  },
  {
    id: 'c',
    methods: ['*'],
    path: '/*',
    predicates: [
      { kind: 'time', from: '2026-01-01T00:00:00Z', until: '2026-06-01T12:30+02:00' },
      { kind: 'client', sources: ['10.0.0.0/8', '::1', '::ffff:1.2.3.4'], trusted: 2 },
    ],
    version: '2.0.0+',
    weight: 3,
    enabled: false,
    metadata: { a: [1, { b: null }], c: 'text' },
    target: {
      respond: {
        status: 503,
        headers: { 'Retry-After': '10', 'content-type': 'text/plain' },
        body: 'x',
      },
    },
  },
  {
    id: 'd',
    path: '/old',
    target: { redirect: { status: 301, location: 'https://example.org/new' } },
  },
  {
    id: 'd-canary',
    path: '/d',
    version: '2.0.0',
    weight: {
      group: 'd',
      weight: 5,
      side: 'canary',
      key: { kind: 'header', name: 'X-User' },
      cohort: {
        predicates: [{ kind: 'cookie', name: 'tier', equals: 'high' }],
        weight: 50,
      },
      absent: [
        { side: 'other', weight: 10, cohort: 0 },
        { side: 'third', weight: 1 },
      ],
    },
    lifecycle: {
      state: 'deprecated',
      deprecatedAt: '2026-01-01T00:00:00Z',
      sunsetAt: '2026-06-01T00:00+02:00',
      gone: true,
      links: {
        deprecation: 'https://example.org/why',
        sunset: '/when?a=1',
        successor: 'https://example.org/v3',
      },
    },
    target: { uri: 'http://127.0.0.1:9001' },
  },
  { id: 'e', path: '/old/:x', target: { redirect: { location: '/new?a=1#b' } } },
  {
    id: 'f',
    paths: ['/a/:x', '/b/:x/:y'],
    target: { upstream: 'users', subset: { version: 'v1.3.*', canary: 'true' } },
    streams: { onChange: 'drain', drainMs: '2m' },
    filters: [
      { kind: 'strip-prefix', parts: 2 },
      { kind: 'add-prefix', prefix: '/api' },
      { kind: 'rewrite-path', pattern: '/a/(?P<rest>.*)', replacement: '/c/${rest}/$1' },
      { kind: 'set-path', template: '/d/{x}' },
      { kind: 'set-request-header', name: 'X-A', value: 'a {x} {{}}' },
      { kind: 'add-request-header', name: 'X-B', value: '' },
      { kind: 'remove-request-header', name: 'X-C' },
      { kind: 'set-response-header', name: 'x-d', value: 'd' },
      { kind: 'add-response-header', name: 'x-e', value: 'e' },
      { kind: 'remove-response-header', name: 'server' },
      { kind: 'preserve-host' },
      { kind: 'redirect', status: 307, location: '/elsewhere' },
    ],
  },
  {
    id: 'g',
    path: '/g',
    target: { uri: 'unix:/run/app.sock' },
    streams: { onChange: 'keep' },
    filters: [
      { kind: 'timeout', connectMs: 200, headersMs: 500, totalMs: 'PT5S' },
      {
        kind: 'retry',
        retries: 2,
        statuses: [502, '5xx'],
        methods: ['get'],
        firstBackoffMs: '10ms',
      },
      { kind: 'rate-limit', perSecond: 0.5, key: { kind: 'header', name: 'X-Key' } },
      { kind: 'rate-limit', perSecond: 100, burst: 200, key: { kind: 'all' } },
      { kind: 'bulkhead', maxConcurrentCalls: 50, maxWaitDuration: '200ms', maxWaitingCalls: 9 },
      { kind: 'cors', origins: ['https://a.example'], headers: ['X-A'], credentials: true },
      { kind: 'body-limit', bytes: 1000 },
      { kind: 'mirror', upstream: 'copy', percent: 12.5, maxBodyBytes: 1024 },
      { kind: 'fault', delayMs: '1s', abortStatus: 503, abortPercent: 1 },
      {
        kind: 'fallback',
        respond: { status: 503, headers: { 'retry-after': '1' }, body: 'later' },
      },
    ],
  },
  {
    id: 'h',
    path: '/h',
    target: { uri: 'http://a' },
    filters: [
      { kind: 'cors', origins: ['*'], methods: ['*'] },
      { kind: 'fallback', upstream: 'other' },
      { kind: 'retry', onFailure: false, jitter: 0.5, factor: 1.5, budgetPercent: 10 },
    ],
  },
  {
    id: 'i',
    path: '/i',
    target: { respond: { status: 200, body: 'i' } },
    filters: [
      { kind: 'module', module: 'auth', name: 'require-user' },
      { kind: 'module', module: 'auth', name: 'limit', args: { a: [1, { b: null }], c: 'text' } },
    ],
  },
]

export const upstreams: readonly object[] = [
  { name: 'users', endpoints: ['http://127.0.0.1:9001', { url: 'https://[::1]:9002', weight: 3 }] },
  { name: 'a b', endpoints: [{ url: 'http://example.org' }], metadata: { zone: 'a' } },
  {
    name: 'c',
    endpoints: [{ url: 'unix:/run/c.sock', labels: { version: 'v1.3.2', canary: 'true' } }],
    balancer: { kind: 'ring-hash', key: { kind: 'cookie', name: 'user' } },
    affinity: { cookie: 'at', maxAgeSeconds: 60 },
    healthCheck: {
      path: '/health?a=1',
      host: 'a.example:81',
      intervalMs: '5s',
      statuses: [204, [200, 299]],
    },
    outlier: { consecutive5xx: 3, baseEjectionTimeMs: '10s', maxEjectionPercent: 50 },
    slowStart: { windowMs: 10_000, aggression: 1.5 },
    discovery: { kind: 'dns', refreshMs: '5s' },
    pool: { connections: 10, queue: 0, maxLifetimeMs: '1h' },
  },
  {
    name: 'd',
    endpoints: ['https://d.example'],
    balancer: { kind: 'least-request' },
    outlier: false,
    timeouts: { connectMs: 100, headersMs: '2s', idleMs: 0, totalMs: 5000 },
    tls: { serverName: 'D.example', ca: '/etc/ca.pem', cert: '/etc/d.pem', key: '/etc/d.key' },
    breaker: {
      failureRateThreshold: 50,
      slidingWindowType: 'TIME_BASED',
      slidingWindowSize: 10,
      waitDurationInOpenState: '30s',
      initialState: 'CLOSED',
    },
    bulkhead: { maxConcurrentCalls: 5, maxWaitDuration: '100ms', maxWaitingCalls: 10 },
  },
]

/** Those of which the oracle knows what they take; the golden files tell of the others. */
const plainFilters =
  /^(?:(?:Add|Set|Remove)(?:Request|Response)Header|StripPrefix|RequestSize|PreserveHostHeader)$/

export const springs: readonly object[] = ['documented', 'paths', 'arguments', 'filters'].flatMap(
  (name) =>
    readFileSync(new URL(`../../../../test/golden/spring/${name}.jsonl`, import.meta.url), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { readonly definition: object }).definition)
      .filter(
        ({
          filters = [],
        }: {
          readonly filters?: readonly (string | { readonly name: string })[]
        }) =>
          filters.every((one) =>
            plainFilters.test(typeof one === 'string' ? one.split('=')[0]! : one.name),
          ),
      ),
)

/** What came of many mutated definitions. */
export interface Counts {
  valid: number
  invalid: number
  problems: number
}

const at = { owner: 'admin', pointer: '' }
const prototypeKeys = Reflect.ownKeys(Object.prototype).length

/** Judges so many mutated definitions by the oracle; throws with the first that is judged otherwise. */
export function runMutations(seed: number, count: number): Counts {
  const random = createRandom(seed)
  const counts: Counts = { valid: 0, invalid: 0, problems: 0 }
  const pick = <Item>(items: readonly Item[]): Item =>
    items[Math.floor(random() * items.length)] as Item
  for (let index = 0; index < count; index += 1) {
    const kind = pick(['own', 'own', 'spring', 'spring', 'upstream'] as const)
    const from = kind === 'own' ? routes : kind === 'spring' ? springs : upstreams
    const input = mutate(pick(from), random)
    try {
      judge(input, kind === 'upstream', counts)
    } catch (error) {
      const shown = show(input)
      throw new Error(`seed ${seed}, input ${index}: ${shown.slice(0, 2000)}`, { cause: error })
    }
    assert.equal(Reflect.ownKeys(Object.prototype).length, prototypeKeys, 'a prototype was changed')
  }
  return counts
}

/** As text, also with what JSON cannot say. */
const show = (input: unknown): string =>
  JSON.stringify(input, (_, value: unknown) =>
    ['undefined', 'bigint', 'symbol', 'function'].includes(typeof value) || Number.isNaN(value)
      ? `<${String(value)}>`
      : value,
  )

function judge(input: unknown, isUpstream: boolean, counts: Counts): void {
  const before = show(input)
  const isValid = isUpstream ? isValidUpstream(input) : isValidRoute(input)
  const result = isUpstream ? parseUpstream(input, at) : parseRoute(input, at)
  assert.equal(show(input), before, 'the input was changed')
  const told = result.problems?.map(({ pointer, message }) => `${pointer}: ${message}`).join('\n')
  assert.equal(result.problems === null, isValid, told ?? 'accepted')
  if (result.problems === null) {
    counts.valid += 1
    checkRead(result)
    return
  }
  counts.invalid += 1
  counts.problems += result.problems.length
  assert.ok(result.problems.length > 0 && result.problems.length <= 100)
  for (const { pointer, message } of result.problems) {
    assert.ok(pointer !== undefined && resolves(input, pointer), `${pointer} leads nowhere`)
    assert.match(message, /\S.*: \S/)
  }
}

/** What was accepted is whole: it renders, reads the same again, and compiles. */
function checkRead(result: ReturnType<typeof parseRoute> | ReturnType<typeof parseUpstream>): void {
  if ('upstream' in result) {
    assert.ok(result.upstream !== null)
    const again = parseUpstream(renderUpstream(result.upstream), at)
    assert.deepEqual(again.upstream, result.upstream)
    return
  }
  const { route } = result
  assert.ok(route !== null)
  const again = parseRoute(JSON.parse(JSON.stringify(renderRoute(route))), at)
  assert.deepEqual(again.problems, null)
  assert.deepEqual(again.route, { ...route, definition: null })
  for (const path of route.paths) assert.deepEqual(parsePattern(path).problems, null)
  const holds = compilePredicates(route.selection?.predicates ?? [])
  holds({ header: () => undefined, remoteAddress: () => '10.0.0.1', target: '/?q=1' }, 0)
}

/** Whether a pointer leads to a value, or to a place in an object or list that is there. */
export function resolves(input: unknown, pointer: string): boolean {
  const keys = pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  let value = input
  for (const [at, key] of keys.entries()) {
    if (typeof value !== 'object' || value === null) return false
    if (!Object.hasOwn(value, key)) return at === keys.length - 1
    value = (value as Record<string, unknown>)[key]
  }
  return true
}
