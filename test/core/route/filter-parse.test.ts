import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { filterKinds } from '../../../src/core/route/filter-kinds.ts'
import type { Filter } from '../../../src/core/route/filter.ts'
import { parseRoute, renderRoute } from '../../../src/core/route/parse.ts'
import { filterModulesOf, referencesOf } from '../../../src/core/route/references.ts'
import type { Route } from '../../../src/core/route/route.ts'
import { parseReplacement } from '../../../src/core/route/replacement.ts'
import { parseTemplate } from '../../../src/core/route/template.ts'
import { acceptedMore, refusedMore } from './more-filters.ts'
import { routes } from './mutation-run.ts'

const at = { owner: 'admin', pointer: '' }
const base = { id: 'a', path: '/a/:x/*rest', target: { upstream: 'u' } }

const read = (value: object): Route => {
  const { route, problems } = parseRoute({ ...base, ...value }, at)
  assert.equal(problems, null)
  return route
}
const filterOf = (filter: object): Filter | undefined => read({ filters: [filter] }).filters?.[0]
const told = (value: object): string =>
  parseRoute({ ...base, ...value }, at)
    .problems?.map(
      ({ pointer, message }) => `${pointer} ${message.replace(/^.*is not valid: /, '')}`,
    )
    .join('\n') ?? ''

const hundred = Array.from({ length: 100 }, (_, one) => 500 + one)
const key = { kind: 'client' }
const retry = {
  kind: 'retry',
  retries: 3,
  statuses: [502, 503, 504],
  onFailure: true,
  methods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'],
  firstBackoffMs: 5,
  maxBackoffMs: 1000,
  factor: 2,
  jitter: 1,
  budgetPercent: 20,
}
const cors = {
  kind: 'cors',
  origins: ['*'],
  methods: ['GET', 'HEAD', 'POST'],
  headers: [],
  exposed: [],
  credentials: false,
  maxAgeSeconds: 1800,
}
const fault = {
  kind: 'fault',
  delayMs: 0,
  delayPercent: 100,
  abortStatus: 0,
  abortPercent: 100,
}

/** What is said, and what is read. */
const accepted: readonly (readonly [object, object])[] = [
  ...acceptedMore,
  [{ kind: 'strip-prefix' }, { kind: 'strip-prefix', parts: 1 }],
  [
    { kind: 'add-prefix', prefix: '/v1/%E2%82%AC' },
    { kind: 'add-prefix', prefix: '/v1/%E2%82%AC' },
  ],
  [
    { kind: 'rewrite-path', pattern: '^/a/(?P<n>.*)', replacement: '/${n}/$1/$$' },
    { kind: 'rewrite-path', pattern: '^/a/(?P<n>.*)', replacement: '/${n}/$1/$$' },
  ],
  [
    { kind: 'rewrite-path', pattern: '//+', replacement: '/' },
    { kind: 'rewrite-path', pattern: '//+', replacement: '/' },
  ],
  [
    { kind: 'set-path', template: '/{x}-b/{rest}' },
    { kind: 'set-path', template: '/{x}-b/{rest}' },
  ],
  [
    { kind: 'set-request-header', name: 'X-A', value: '{{"id": "{x}"}}' },
    { kind: 'set-request-header', name: 'x-a', value: '{{"id": "{x}"}}' },
  ],
  [
    { kind: 'add-request-header', name: 'X-A', value: '' },
    { kind: 'add-request-header', name: 'x-a', value: '' },
  ],
  [
    { kind: 'remove-request-header', name: 'Cookie' },
    { kind: 'remove-request-header', name: 'cookie' },
  ],
  [
    { kind: 'set-response-header', name: 'Host', value: 'h' },
    { kind: 'set-response-header', name: 'host', value: 'h' },
  ],
  [
    { kind: 'add-response-header', name: 'Set-Cookie', value: 'a=b' },
    { kind: 'add-response-header', name: 'set-cookie', value: 'a=b' },
  ],
  [
    { kind: 'remove-response-header', name: 'Server' },
    { kind: 'remove-response-header', name: 'server' },
  ],
  [{ kind: 'preserve-host' }, { kind: 'preserve-host' }],
  [
    { kind: 'redirect', location: '/b' },
    { kind: 'redirect', status: 302, location: '/b' },
  ],
  [
    { kind: 'timeout', headersMs: '2m', totalMs: 0 },
    { kind: 'timeout', connectMs: null, headersMs: 120_000, idleMs: null, totalMs: 0 },
  ],
  [
    { kind: 'timeout', idleMs: 'PT1H2.5S' },
    { kind: 'timeout', connectMs: null, headersMs: null, idleMs: 3_602_500, totalMs: null },
  ],
  [{ kind: 'retry' }, retry],
  [
    { kind: 'retry', statuses: ['5xx', 429, 500], methods: ['get', 'Post'] },
    { ...retry, statuses: [429, ...hundred], methods: ['GET', 'POST'] },
  ],
  [
    { kind: 'retry', statuses: [], firstBackoffMs: 0, maxBackoffMs: 0 },
    { ...retry, statuses: [], firstBackoffMs: 0, maxBackoffMs: 0 },
  ],
  [
    { kind: 'rate-limit', perSecond: 2.5 },
    { kind: 'rate-limit', perSecond: 2.5, burst: 3, key },
  ],
  [
    { kind: 'rate-limit', perSecond: 1, burst: 9, key: { kind: 'all' } },
    { kind: 'rate-limit', perSecond: 1, burst: 9, key: null },
  ],
  [
    { kind: 'rate-limit', perSecond: 1, key: { kind: 'header', name: 'X-Key' } },
    { kind: 'rate-limit', perSecond: 1, burst: 1, key: { kind: 'header', name: 'x-key' } },
  ],
  [
    { kind: 'bulkhead' },
    { kind: 'bulkhead', maxConcurrentCalls: 25, maxWaitDuration: 0, maxWaitingCalls: 256 },
  ],
  [
    { kind: 'bulkhead', maxConcurrentCalls: 1, maxWaitDuration: '200ms', maxWaitingCalls: 0 },
    { kind: 'bulkhead', maxConcurrentCalls: 1, maxWaitDuration: 200, maxWaitingCalls: 0 },
  ],
  [{ kind: 'cors', origins: ['*'] }, cors],
  [
    { kind: 'cors', origins: ['HTTPS://A.example:443'], headers: ['X-A'], credentials: true },
    { ...cors, origins: ['https://a.example'], headers: ['x-a'], credentials: true },
  ],
  [
    { kind: 'body-limit', bytes: 0 },
    { kind: 'body-limit', bytes: 0 },
  ],
  [
    { kind: 'mirror', upstream: 'copy' },
    { kind: 'mirror', upstream: 'copy', percent: 100, maxBodyBytes: 65_536 },
  ],
  [
    { kind: 'fault', delayMs: '1s' },
    { ...fault, delayMs: 1000 },
  ],
  [
    { kind: 'fault', abortStatus: 503, abortPercent: 0.1 },
    { ...fault, abortStatus: 503, abortPercent: 0.1 },
  ],
  [
    { kind: 'fallback', respond: { status: 503, headers: { 'Retry-After': '1' } } },
    {
      kind: 'fallback',
      respond: { status: 503, headers: { 'retry-after': '1' }, body: '' },
      upstream: null,
    },
  ],
  [
    { kind: 'fallback', upstream: 'other' },
    { kind: 'fallback', respond: null, upstream: 'other' },
  ],
  [
    { kind: 'module', module: 'auth', name: 'require-user' },
    { kind: 'module', module: 'auth', name: 'require-user', args: {} },
  ],
  [
    { kind: 'module', module: 'a/b', name: 'caf\u00e9', args: { role: ['x', { deep: null }] } },
    { kind: 'module', module: 'a/b', name: 'caf\u00e9', args: { role: ['x', { deep: null }] } },
  ],
  [
    { kind: 'add-missing-request-headers', headers: [{ name: 'X-A', value: '{x}' }] },
    { kind: 'add-missing-request-headers', headers: [{ name: 'x-a', value: '{x}' }] },
  ],
  [
    { kind: 'add-missing-response-header', name: 'X-A', value: '' },
    { kind: 'add-missing-response-header', name: 'x-a', value: '' },
  ],
  [
    { kind: 'map-request-header', from: 'Host', to: 'X-A' },
    { kind: 'map-request-header', from: 'host', to: 'x-a' },
  ],
  [
    { kind: 'set-host', host: 'A.test:80' },
    { kind: 'set-host', host: 'a.test:80' },
  ],
  [
    { kind: 'add-query-parameter', name: 'a b', value: '{rest}' },
    { kind: 'add-query-parameter', name: 'a b', value: '{rest}' },
  ],
  [
    { kind: 'remove-query-parameter', name: 'A' },
    { kind: 'remove-query-parameter', name: 'A' },
  ],
  [
    { kind: 'rewrite-query-parameter', name: 'a', replacement: '' },
    { kind: 'rewrite-query-parameter', name: 'a', replacement: '' },
  ],
  [{ kind: 'header-limit' }, { kind: 'header-limit', bytes: 16000, errorHeader: null }],
  [
    { kind: 'set-status', status: 204 },
    { kind: 'set-status', status: 204 },
  ],
  [
    { kind: 'dedupe-response-header', names: ['X-A', 'x-a', 'b'] },
    { kind: 'dedupe-response-header', names: ['x-a', 'b'], keep: 'first' },
  ],
  [
    { kind: 'rewrite-response-header', name: 'X-A', pattern: '(a)', replacement: '$1?' },
    { kind: 'rewrite-response-header', name: 'x-a', pattern: '(a)', replacement: '$1?' },
  ],
  [
    { kind: 'rewrite-location', host: '[::1]' },
    {
      kind: 'rewrite-location',
      stripVersion: 'as-in-request',
      header: 'location',
      host: '[::1]',
      protocols: 'https?|ftps?',
    },
  ],
  [
    { kind: 'secure-headers', headers: { 'X-Frame-Options': false, 'referrer-policy': 'origin' } },
    { kind: 'secure-headers', headers: { 'x-frame-options': null, 'referrer-policy': 'origin' } },
  ],
  [
    { kind: 'breaker', name: 'a', statuses: [500], forward: '/b/{x}' },
    { kind: 'breaker', name: 'a', statuses: [500], forward: '/b/{x}', resume: false },
  ],
  [
    { kind: 'failure-headers', type: 'X-Type' },
    {
      kind: 'failure-headers',
      type: 'x-type',
      message: 'execution-exception-message',
      rootType: 'root-cause-exception-type',
      rootMessage: 'root-cause-exception-message',
    },
  ],
  [
    { kind: 'redirect', location: '/b', query: 'drop' },
    { kind: 'redirect', status: 302, location: '/b', query: 'drop' },
  ],
  [
    { kind: 'rate-limit', perSecond: 1, status: 503, emptyStatus: 401 },
    { kind: 'rate-limit', perSecond: 1, burst: 1, key, status: 503, emptyStatus: 401 },
  ],
]
for (const [said, expected] of accepted) {
  test(`${JSON.stringify(said)} is a filter, and reads the same again`, () => {
    assert.deepEqual(filterOf(said), expected)
    const route = read({ filters: [said] })
    const rendered = renderRoute(route)
    assert.deepEqual(parseRoute(JSON.parse(JSON.stringify(rendered)), at).route, route)
    assert.deepEqual(renderRoute(parseRoute(rendered, at).route!), rendered)
  })
}

test('every kind of filter is in the table', () => {
  const kinds = new Set(accepted.map(([said]) => (said as Filter).kind))
  assert.deepEqual([...kinds].sort(), Object.keys(filterKinds).sort())
})

const refused: readonly (readonly [unknown, RegExp])[] = [
  ...refusedMore,
  [
    { kind: 'set-host', host: 'a/b' },
    /^\/filters\/0\/host "a\/b" is no host like a\.example:8443$/,
  ],
  [{ kind: 'set-status', status: 101 }, /^\/filters\/0\/status a status is 200 to 599$/],
  [
    { kind: 'add-missing-request-headers', headers: [{ name: 'x-a', value: '{y}' }] },
    /^\/filters\/0\/headers\/0\/value \{y\} is no param of every path/,
  ],
  [
    { kind: 'rewrite-response-header', name: 'x-a', pattern: 'a', replacement: '$1' },
    /^\/filters\/0\/replacement the expression has no group 1/,
  ],
  [
    { kind: 'rewrite-response-header', name: 'x-a', pattern: 'a', replacement: 'a\nb' },
    /^\/filters\/0\/replacement the replacement has line breaks/,
  ],
  [
    { kind: 'secure-headers', headers: { server: 'a' } },
    /^\/filters\/0\/headers\/server it has no header "server"; known: x-xss-protection/,
  ],
  [
    { kind: 'breaker', name: 'a', forward: '/a/../b' },
    /^\/filters\/0\/forward its one spelling is \/b$/,
  ],
  [
    { kind: 'failure-headers', type: 'x-a', message: 'X-A' },
    /^\/filters\/0 each of its headers has a name of its own$/,
  ],
  [
    { kind: 'remove-query-parameter', name: '\ud800' },
    /^\/filters\/0\/name the name of a parameter has half of a character$/,
  ],
  [
    { kind: 'dedupe-response-header', names: ['transfer-encoding'] },
    /^\/filters\/0\/names\/0 transfer-encoding is written by the gateway$/,
  ],
  [
    'StripPrefix=1',
    /^\/filters\/0 a filter is an object with a kind; the text "StripPrefix=1" is of a Spring/,
  ],
  [7, /^\/filters\/0 a filter is an object, not the number 7$/],
  [{}, /^\/filters\/0\/kind the kind of a filter is missing$/],
  [
    { kind: 'strip-prefx' },
    /^\/filters\/0\/kind there is no filter of the kind "strip-prefx"; did you mean strip-prefix\?$/,
  ],
  [{ kind: 'zzz' }, /^\/filters\/0\/kind .*known: strip-prefix, /],
  [{ kind: 'strip-prefix', part: 1 }, /^\/filters\/0\/part .*did you mean parts\?$/],
  [{ kind: 'strip-prefix', parts: 0 }, /^\/filters\/0\/parts parts is 1 to 64$/],
  [{ kind: 'add-prefix' }, /^\/filters\/0\/prefix a prefix is missing$/],
  [{ kind: 'add-prefix', prefix: '/' }, /^\/filters\/0\/prefix .*does not end in \//],
  [{ kind: 'add-prefix', prefix: '/a//b' }, /^\/filters\/0\/prefix its one spelling is \/a\/b$/],
  [{ kind: 'add-prefix', prefix: '/../b' }, /^\/filters\/0\/prefix its one spelling is \/b$/],
  [{ kind: 'add-prefix', prefix: '/caf\u00e9' }, /^\/filters\/0\/prefix .*percent-encoded$/],
  [{ kind: 'add-prefix', prefix: '/a%2Fb' }, /^\/filters\/0\/prefix .*none of a path$/],
  [{ kind: 'add-prefix', prefix: '/a\r\nb' }, /^\/filters\/0\/prefix .*none of a path$/],
  [{ kind: 'rewrite-path', pattern: '/a' }, /^\/filters\/0\/replacement a replacement is missing$/],
  [{ kind: 'rewrite-path', pattern: '(?=a)', replacement: '' }, /^\/filters\/0\/pattern .*RE2/],
  [
    { kind: 'rewrite-path', pattern: '((a{100}){100}){100}', replacement: '' },
    /^\/filters\/0\/pattern /,
  ],
  [
    { kind: 'rewrite-path', pattern: '(a)', replacement: '/$2' },
    /^\/filters\/0\/replacement .*no group 2, its last is 1$/,
  ],
  [
    { kind: 'rewrite-path', pattern: '(?P<b>a)', replacement: '/${c}' },
    /^\/filters\/0\/replacement .*no group named c$/,
  ],
  [{ kind: 'rewrite-path', pattern: 'a', replacement: '/$' }, /^\/filters\/0\/replacement .*\$\$$/],
  [
    { kind: 'rewrite-path', pattern: 'a', replacement: '/b?c' },
    /^\/filters\/0\/replacement .*no \?/,
  ],
  [
    { kind: 'rewrite-path', pattern: 'a', replacement: '/../b' },
    /^\/filters\/0\/replacement its one spelling/,
  ],
  [{ kind: 'set-path', template: 'a' }, /^\/filters\/0\/template it must begin with \/$/],
  [
    { kind: 'set-path', template: '/{y}' },
    /^\/filters\/0\/template \{y\} is no param of every path of the route; these are: x, rest$/,
  ],
  [{ kind: 'set-path', template: '/{x' }, /^\/filters\/0\/template a brace belongs to a param/],
  [{ kind: 'set-path', template: '/{x}?a' }, /^\/filters\/0\/template a path has no \?/],
  [{ kind: 'set-request-header', name: 'a b', value: '' }, /^\/filters\/0\/name "a b" is no name/],
  [
    { kind: 'set-request-header', name: 'Host', value: '' },
    /^\/filters\/0\/name host is that of the endpoint/,
  ],
  [
    { kind: 'add-request-header', name: 'Transfer-Encoding', value: 'chunked' },
    /^\/filters\/0\/name transfer-encoding is written by the gateway$/,
  ],
  [
    { kind: 'remove-request-header', name: 'connection' },
    /^\/filters\/0\/name connection is written by the gateway$/,
  ],
  [
    { kind: 'set-response-header', name: 'content-length', value: '1' },
    /^\/filters\/0\/name content-length is written/,
  ],
  [
    { kind: 'set-response-header', name: 'a', value: 'b\r\nc: d' },
    /^\/filters\/0\/value the value has line breaks/,
  ],
  [
    { kind: 'set-response-header', name: 'a', value: '{y}' },
    /^\/filters\/0\/value \{y\} is no param/,
  ],
  [
    { kind: 'add-response-header', name: 'a' },
    /^\/filters\/0\/value the value of a header is missing$/,
  ],
  [
    { kind: 'remove-response-header', name: 'a', value: 'b' },
    /^\/filters\/0\/value .*has no "value"/,
  ],
  [{ kind: 'preserve-host', host: 'a' }, /^\/filters\/0\/host .*has no "host"/],
  [{ kind: 'redirect', status: 200, location: '/a' }, /^\/filters\/0\/status a redirect is 301/],
  [{ kind: 'redirect', location: '//a' }, /^\/filters\/0\/location .*another host$/],
  [{ kind: 'redirect' }, /^\/filters\/0\/location a location is missing$/],
  [{ kind: 'timeout' }, /^\/filters\/0 a timeout has connectMs, headersMs, idleMs or totalMs$/],
  [{ kind: 'timeout', totalMs: '5 s' }, /^\/filters\/0\/totalMs .*not the text "5 s"$/],
  [{ kind: 'timeout', totalMs: '2d' }, /^\/filters\/0\/totalMs totalMs is 0 to 86400000 ms$/],
  [{ kind: 'timeout', totalMs: -1 }, /^\/filters\/0\/totalMs totalMs is 0 to/],
  [{ kind: 'retry', retries: 11 }, /^\/filters\/0\/retries retries is 1 to 10$/],
  [{ kind: 'retry', statuses: [200] }, /^\/filters\/0\/statuses\/0 a status is 300 to 599$/],
  [{ kind: 'retry', statuses: ['2xx'] }, /^\/filters\/0\/statuses\/0 .*not the text "2xx"$/],
  [{ kind: 'retry', statuses: [], onFailure: false }, /^\/filters\/0 a retry has statuses/],
  [
    { kind: 'retry', methods: ['GET', 'get'] },
    /^\/filters\/0\/methods\/1 "GET" stands there twice$/,
  ],
  [{ kind: 'retry', methods: ['*'] }, /^\/filters\/0\/methods\/0 "\*" is no method$/],
  [
    { kind: 'retry', firstBackoffMs: '2s' },
    /^\/filters\/0 maxBackoffMs \(1000\) is less than firstBackoffMs$/,
  ],
  [{ kind: 'retry', jitter: 1.1 }, /^\/filters\/0\/jitter jitter is 0 to 1$/],
  [
    { kind: 'bulkhead', maxConcurrentCalls: 0 },
    /^\/filters\/0\/maxConcurrentCalls maxConcurrentCalls is 1 to 1000000/,
  ],
  [
    { kind: 'bulkhead', maxWaitDuration: '2m' },
    /^\/filters\/0\/maxWaitDuration maxWaitDuration is/,
  ],
  [{ kind: 'rate-limit' }, /^\/filters\/0\/perSecond perSecond is missing$/],
  [{ kind: 'rate-limit', perSecond: 0 }, /^\/filters\/0\/perSecond perSecond is 0\.001 to/],
  [
    { kind: 'rate-limit', perSecond: 1, key: { kind: 'ip' } },
    /^\/filters\/0\/key\/kind .*not the text "ip"/,
  ],
  [
    { kind: 'rate-limit', perSecond: 1, key: { kind: 'header' } },
    /^\/filters\/0\/key\/name the name of a header is missing$/,
  ],
  [
    { kind: 'rate-limit', perSecond: 1, key: { kind: 'client', name: 'a' } },
    /^\/filters\/0\/key\/name the address/,
  ],
  [{ kind: 'cors' }, /^\/filters\/0\/origins origins is missing$/],
  [{ kind: 'cors', origins: ['https://a/b'] }, /^\/filters\/0\/origins\/0 .*no origin/],
  [{ kind: 'cors', origins: ['*', 'https://a'] }, /^\/filters\/0\/origins\/0 .*\* stands alone$/],
  [
    { kind: 'cors', origins: ['*'], credentials: true },
    /^\/filters\/0 with credentials, \* means nothing/,
  ],
  [{ kind: 'body-limit', bytes: '5MB' }, /^\/filters\/0\/bytes bytes is an integer/],
  [{ kind: 'mirror' }, /^\/filters\/0\/upstream the name of an upstream is missing$/],
  [{ kind: 'mirror', upstream: 'a', percent: 101 }, /^\/filters\/0\/percent percent is 0 to 100$/],
  [
    { kind: 'mirror', upstream: 'a', maxBodyBytes: 1_048_577 },
    /^\/filters\/0\/maxBodyBytes maxBodyBytes is 0 to 1048576$/,
  ],
  [{ kind: 'fault' }, /^\/filters\/0 a fault has delayMs or abortStatus$/],
  [{ kind: 'fault', abortStatus: 100 }, /^\/filters\/0\/abortStatus abortStatus is 200 to 599$/],
  [{ kind: 'fallback' }, /^\/filters\/0 a fallback has either respond or upstream$/],
  [
    { kind: 'fallback', upstream: 'a', respond: { status: 200 } },
    /^\/filters\/0 a fallback has either/,
  ],
  [
    { kind: 'fallback', respond: { status: 204, body: 'x' } },
    /^\/filters\/0\/respond\/body .*no body$/,
  ],
  [{ kind: 'module', name: 'a' }, /^\/filters\/0\/module the name of a module is missing$/],
  [{ kind: 'module', module: 'a' }, /^\/filters\/0\/name the name of a filter is missing$/],
  [{ kind: 'module', module: 'a', name: ' b' }, /^\/filters\/0\/name .*a space at an end$/],
  [{ kind: 'module', module: 'a\n', name: 'b' }, /^\/filters\/0\/module .*do not print/],
  [
    { kind: 'module', module: 'a', name: 'b', args: ['c'] },
    /^\/filters\/0\/args args is an object, not a list$/,
  ],
  [
    { kind: 'module', module: 'a', name: 'b', args: { c: 'x'.repeat(16_384) } },
    /^\/filters\/0\/args args is longer than 16384 characters of JSON$/,
  ],
  [
    { kind: 'module', module: 'a', name: 'b', args: { c: () => 1 } },
    /^\/filters\/0\/args\/c args is JSON, and a function is not$/,
  ],
  [
    { kind: 'module', module: 'a', name: 'b', args: JSON.parse('{"__proto__":1}') as object },
    /^\/filters\/0\/args\/__proto__ the key __proto__ is not allowed$/,
  ],
  [
    { kind: 'module', module: 'a', name: 'b', argz: {} },
    /^\/filters\/0\/argz .*did you mean args\?$/,
  ],
]
for (const [filter, expected] of refused) {
  test(`${JSON.stringify(filter)} is refused with its place and reason`, () => {
    assert.match(told({ filters: [filter] }), expected)
  })
}

test('a route has at most 32 filters, and one of a kind that would contradict itself', () => {
  const many = Array.from({ length: 33 }, () => ({ kind: 'strip-prefix' }))
  assert.match(told({ filters: many }), /^\/filters filters has at most 32/)
  assert.equal(read({ filters: many.slice(1) }).filters?.length, 32)
  assert.match(
    told({ filters: [{ kind: 'retry' }, { kind: 'strip-prefix' }, { kind: 'retry' }] }),
    /^\/filters\/2 a route has one filter of the kind retry$/,
  )
  assert.equal(read({ filters: [] }).filters, undefined)
})

test('a param of a template is one of every path', () => {
  const filters = [{ kind: 'set-path', template: '/{x}/{y}' }]
  const paths = ['/a/:x/:y', '/b/:x']
  const { path: _, ...rest } = base
  const { problems } = parseRoute({ ...rest, paths, filters }, at)
  assert.match(problems?.[0]?.message ?? '', /\{y\} is no param of every path .*: x$/)
  // Of a path that is bad itself nothing is said a second time.
  assert.deepEqual(
    parseRoute({ ...rest, path: 'a', filters }, at).problems?.map(({ pointer }) => pointer),
    ['/path'],
  )
})

const streams: readonly (readonly [unknown, object | RegExp])[] = [
  [{ onChange: 'keep' }, { onChange: 'keep', drainMs: 300_000 }],
  [{ drainMs: '10s' }, { onChange: 'drain', drainMs: 10_000 }],
  [{ onChange: 'close' }, { onChange: 'close', drainMs: 300_000 }],
  [{ onChange: 'cut' }, /^\/streams\/onChange onChange is keep, drain, close, not the text "cut"$/],
  [{ onChange: 'close', drainMs: 1 }, /^\/streams\/drainMs only drain has a drainMs, not close$/],
  [{ drainMs: '8d' }, /^\/streams\/drainMs drainMs is 0 to 604800000 ms$/],
  [{ drain: 1 }, /^\/streams\/drain /],
]
for (const [value, expected] of streams) {
  test(`streams ${JSON.stringify(value)} are ${expected instanceof RegExp ? 'refused' : 'read'}`, () => {
    if (expected instanceof RegExp) assert.match(told({ streams: value }), expected)
    else {
      const route = read({ streams: value })
      assert.deepEqual(route.streams, expected)
      assert.deepEqual(parseRoute(renderRoute(route), at).route, route)
    }
  })
}

const subsets: readonly (readonly [object, object | RegExp])[] = [
  [
    { upstream: 'u', subset: { version: 'v1.3.*', canary: 'true' } },
    { version: 'v1.3.*', canary: 'true' },
  ],
  [{ upstream: 'u', subset: {} }, /^\/target\/subset a subset has at least one label$/],
  [
    { upstream: 'u', subset: { version: 'blue' } },
    /^\/target\/subset\/version "blue" is no version or range/,
  ],
  [{ upstream: 'u', subset: { a: 1 } }, /^\/target\/subset\/a a label is a text/],
  [
    { uri: 'http://a', subset: { a: 'b' } },
    /^\/target\/subset a subset is of the endpoints of an upstream$/,
  ],
]
for (const [target, expected] of subsets) {
  test(`the target ${JSON.stringify(target)} is ${expected instanceof RegExp ? 'refused' : 'read'}`, () => {
    if (expected instanceof RegExp) assert.match(told({ target }), expected)
    else {
      const route = read({ target })
      assert.deepEqual(route.target, { kind: 'upstream', upstream: 'u', subset: expected })
      assert.deepEqual(parseRoute(renderRoute(route), at).route, route)
    }
  })
}

test('a route that says nothing new is stored as before', () => {
  const keys = Object.keys(read({}))
  for (const key of ['filters', 'streams']) assert.ok(!keys.includes(key), key)
  assert.deepEqual(Object.keys(read({}).target), ['kind', 'upstream'])
})

test('a route needs the upstreams of its target, its mirrors and its fallback, each once', () => {
  const filters = [
    { kind: 'mirror', upstream: 'copy' },
    { kind: 'mirror', upstream: 'u' },
    { kind: 'fallback', upstream: 'other' },
  ]
  assert.deepEqual(referencesOf(read({ filters })), ['u', 'copy', 'other'])
  assert.deepEqual(referencesOf(read({ filters, target: { uri: 'http://a' } })), [
    'copy',
    'u',
    'other',
  ])
  assert.deepEqual(referencesOf(read({ target: { respond: { status: 200 } } })), [])
})

test('a route needs the modules of its filters, each once, whatever its target', () => {
  const module = (module: string, name: string): object => ({ kind: 'module', module, name })
  const filters = [module('auth', 'a'), { kind: 'strip-prefix' }, module('other', 'a')]
  const targets = [
    { upstream: 'u' },
    { uri: 'http://a' },
    { respond: { status: 200 } },
    { redirect: { location: '/b' } },
  ]
  for (const target of targets)
    assert.deepEqual(
      filterModulesOf(read({ target, filters: [...filters, module('auth', 'b')] })),
      ['auth', 'other'],
    )
  assert.deepEqual(filterModulesOf(read({})), [])
})

test('templates and replacements are cut into parts, and nothing is lost', () => {
  assert.deepEqual(parseTemplate('a{x}{*}{{b}}c'), ['a', { param: 'x' }, { param: '*' }, '{b}c'])
  assert.deepEqual(parseTemplate(''), [])
  assert.deepEqual(parseReplacement('/$1b${n}$$$0', '(?P<n>a)'), [
    '/',
    { group: 1 },
    'b',
    { group: 'n' },
    '$',
    { group: 0 },
  ])
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.deepEqual(parseTemplate(text.replaceAll(/[{}]/g, '$&$&')), text === '' ? [] : [text])
      assert.deepEqual(
        parseReplacement(text.replaceAll('$', '$$$$'), 'a'),
        text === '' ? [] : [text],
      )
    }),
  )
})

const samples = routes.flatMap((one) =>
  ((one as { readonly filters?: readonly { readonly kind: string }[] }).filters ?? []).map(
    (filter) => filter,
  ),
)
test('any filters in any order read the same again', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.constantFrom(...samples), { maxLength: 12, selector: ({ kind }) => kind }),
      (filters) => {
        const route = read({ path: '/a/:x', filters })
        assert.equal(route.filters?.length ?? 0, filters.length)
        assert.deepEqual(
          parseRoute(JSON.parse(JSON.stringify(renderRoute(route))), at).route,
          route,
        )
      },
    ),
  )
})
