import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  parseRoute,
  parseUpstream,
  renderRoute,
  renderUpstream,
} from '../../../src/core/route/parse.ts'
import type { Route } from '../../../src/core/route/route.ts'
import { renderSpring } from '../../../src/core/route/spring-render.ts'
import { uriProblem } from '../../../src/core/route/uri.ts'
import { predicate } from './predicate-twin.ts'

const at = { owner: 'admin', pointer: '' }
const base = { id: 'a', path: '/a', target: { upstream: 'u' } }

const told = (value: unknown, where = at): string =>
  parseRoute(value, where)
    .problems?.map(
      ({ pointer, message }) => `${pointer} ${message.replace(/^.*is not valid: /, '')}`,
    )
    .join('\n') ?? ''

test('a route of our own shape is read whole', () => {
  const { route, problems } = parseRoute(
    {
      id: 'users',
      methods: ['get', 'POST'],
      paths: ['/users/:id', '/people/:id'],
      predicates: [
        { kind: 'host', patterns: ['API.example.org.'] },
        { kind: 'header', name: 'X-Kind', equals: 'a' },
        { kind: 'time', from: '2026-01-01T00:00+01:00' },
        { kind: 'client', sources: ['10.0.0.0/8'] },
      ],
      version: '1.2.0+',
      labels: { track: 'canary' },
      weight: 3,
      order: -1,
      enabled: false,
      metadata: { team: 'a' },
      target: { uri: 'HTTP://LOCALHOST:80' },
    },
    at,
  )
  assert.equal(problems, null)
  assert.deepEqual(route, {
    id: 'users',
    owner: 'admin',
    methods: ['GET', 'POST'],
    paths: ['/users/:id', '/people/:id'],
    target: { kind: 'uri', uri: 'http://localhost' },
    selection: {
      predicates: [
        { kind: 'host', patterns: ['api.example.org'] },
        { kind: 'header', name: 'x-kind', equals: 'a', matches: null },
        { kind: 'time', from: '2025-12-31T23:00:00.000Z', until: null },
        { kind: 'client', sources: ['10.0.0.0/8'], trusted: null },
      ],
      version: '1.2.0',
      isBaseline: true,
      labels: { track: 'canary' },
      weight: { group: 'default', weight: 3 },
      order: -1,
    },
    enabled: false,
    metadata: { team: 'a' },
    definition: null,
    revision: 0,
  } satisfies Route)
})

test('a route of which nothing more is said decides by path and method alone', () => {
  const { route } = parseRoute({ ...base, predicates: [], labels: {}, order: 0 }, at)
  assert.deepEqual([route?.methods, route?.selection, route?.metadata], [['*'], null, null])
})

test('the id may stand in the address', () => {
  const { id: _, ...nameless } = base
  assert.equal(parseRoute(nameless, { ...at, id: 'b/c' }).route?.id, 'b/c')
  assert.match(
    told(base, { ...at, id: 'b' } as typeof at),
    /^\/id the id of a route is "b" in the address$/,
  )
  assert.match(told(nameless), /^\/id the id of a route is missing$/)
})

test('pointers begin where the input stands', () => {
  const { problems } = parseRoute({ ...base, 'a/b~c': 1 }, { owner: 'x', pointer: '/put/3' })
  assert.deepEqual(
    problems?.map(({ pointer, code }) => [pointer, code]),
    [['/put/3/a~1b~0c', 'TURNOUT_DEFINITION_INVALID']],
  )
})

const fromJson = (text: string): unknown => ({ ...base, ...(JSON.parse(text) as object) })
const refused: readonly (readonly [string, unknown, RegExp])[] = [
  ['no object', 7, /^ a route is an object, not the number 7$/],
  ['a list', [], /^ a route is an object, not a list$/],
  ['an instance', new Date(), /^ a route is an object, not an instance of a class$/],
  [
    'an unknown key',
    { ...base, pathh: '/a' },
    /^\/pathh a route has no "pathh"; did you mean path\?$/,
  ],
  ['an id that does not print', { ...base, id: 'a\u202eb' }, /^\/id .*do not print/],
  ['too long an id', { ...base, id: 'a'.repeat(257) }, /^\/id .*longer than 256/],
  ['an id that is a step', { ...base, id: '..' }, /^\/id the id of a route is not \.\.$/],
  ['path and paths', { ...base, paths: ['/b'] }, /^ a route has either path or paths$/],
  ['no path', { id: 'a', target: { upstream: 'u' } }, /^ a route has either path or paths$/],
  ['a bad pattern', { ...base, path: '/:a/:a' }, /^\/path it has two params named a$/],
  [
    'one place twice',
    { id: 'a', paths: ['/:a', '/:b'], target: base.target },
    /^\/paths\/1 "\/:b" is the same place as "\/:a"$/,
  ],
  [
    'too many paths',
    { id: 'a', paths: Array.from({ length: 33 }, (_, n) => `/${n}`), target: base.target },
    /^\/paths paths has at most 32/,
  ],
  [
    'a method twice',
    { ...base, methods: ['GET', 'get'] },
    /^\/methods\/1 the method "GET" stands there twice$/,
  ],
  ['any method and another', { ...base, methods: ['*', 'GET'] }, /^\/methods\/0 \* is any method/],
  ['no method', { ...base, methods: ['G T'] }, /^\/methods\/0 "G T" is no method$/],
  ['no methods', { ...base, methods: [] }, /^\/methods methods has at least 1/],
  ['null', { ...base, version: null }, /^\/version a version is a text, not null$/],
  ['a part of a version', { ...base, version: '1.2' }, /^\/version "1\.2" is no version/],
  [
    'a predicate of no kind',
    { ...base, predicates: [{ name: 'a' }] },
    /^\/predicates\/0\/kind the kind of a predicate is missing$/,
  ],
  [
    'a predicate of another kind',
    { ...base, predicates: [{ kind: 'ip' }] },
    /^\/predicates\/0\/kind a predicate is of the kind/,
  ],
  [
    'a key of another predicate',
    { ...base, predicates: [{ kind: 'host', name: 'a', patterns: ['a'] }] },
    /^\/predicates\/0\/name a predicate has no "name"/,
  ],
  [
    'equals and matches',
    { ...base, predicates: [{ kind: 'query', name: 'a', equals: 'a', matches: 'a' }] },
    /^\/predicates\/0 .*either equals or matches$/,
  ],
  [
    'a bad expression',
    { ...base, predicates: [{ kind: 'query', name: 'a', matches: '(?=a)' }] },
    /^\/predicates\/0\/matches .*RE2/,
  ],
  [
    'a value that is never sent',
    { ...base, predicates: [{ kind: 'cookie', name: 'a', equals: 'a;b' }] },
    /^\/predicates\/0\/equals no cookie has the value "a;b"$/,
  ],
  [
    'a window that never holds',
    {
      ...base,
      predicates: [{ kind: 'time', from: '2026-01-02T00:00Z', until: '2026-01-01T00:00Z' }],
    },
    /^\/predicates\/0 until is not later/,
  ],
  [
    'no instant',
    { ...base, predicates: [{ kind: 'time', from: '2026-02-30T00:00Z' }] },
    /^\/predicates\/0\/from .*no instant/,
  ],
  [
    'no block',
    { ...base, predicates: [{ kind: 'client', sources: ['10.0.0.0/33'] }] },
    /^\/predicates\/0\/sources\/0 "10\.0\.0\.0\/33" is no address/,
  ],
  [
    'a label of another form',
    { ...base, labels: { 'a b': 'c' } },
    /^\/labels\/a b "a b" is no name of a label/,
  ],
  [
    'a weight that is none',
    { ...base, weight: { group: 'a' } },
    /^\/weight\/weight a weight is missing$/,
  ],
  [
    'a cohort of everybody',
    { ...base, weight: { group: 'a', weight: 1, cohort: { predicates: [], weight: 2 } } },
    /^\/weight\/cohort\/predicates predicates has at least 1 of them$/,
  ],
  [
    'a side that is here and is not',
    {
      ...base,
      weight: { group: 'a', weight: 1, side: 's', absent: [{ side: 's', weight: 1 }] },
    },
    /^\/weight\/absent\/0\/side the side "s" is there, or stands there twice$/,
  ],
  [
    'a state that is none',
    { ...base, lifecycle: { state: 'deprecatd' } },
    /^\/lifecycle\/state a state is current, .* did you mean deprecated\?$/,
  ],
  [
    'what is deprecated without a date',
    { ...base, lifecycle: { state: 'deprecated' } },
    /^\/lifecycle what is deprecated says since when: deprecatedAt$/,
  ],
  [
    'a sunset before the deprecation',
    {
      ...base,
      lifecycle: {
        state: 'current',
        deprecatedAt: '2026-02-01T00:00Z',
        sunsetAt: '2026-01-01T00:00Z',
      },
    },
    /^\/lifecycle\/sunsetAt sunsetAt is before deprecatedAt$/,
  ],
  [
    'gone after no sunset',
    { ...base, lifecycle: { state: 'current', gone: true } },
    /^\/lifecycle\/gone gone is for after sunsetAt, which is missing$/,
  ],
  [
    'a link that would end its field',
    { ...base, lifecycle: { state: 'current', links: { sunset: '/a>; rel="x' } } },
    /^\/lifecycle\/links\/sunset .* is no http or https URL/,
  ],
  [
    'metadata with a prototype',
    fromJson('{"metadata":{"a":{"__proto__":{"b":1}}}}'),
    /^\/metadata\/a\/__proto__ the key __proto__ is not allowed$/,
  ],
  [
    'a route with a prototype',
    JSON.parse('{"id":"a","__proto__":{}}'),
    /^\/__proto__ the key __proto__ is not allowed\n/,
  ],
  [
    'metadata that is too deep',
    { ...base, metadata: { a: JSON.parse('['.repeat(16) + ']'.repeat(16)) } },
    /^\/metadata\/a(\/0){15} metadata is nested deeper than 16 levels$/,
  ],
  [
    'metadata that is too long',
    { ...base, metadata: { a: 'x'.repeat(16_384) } },
    /^\/metadata metadata is longer than 16384 characters of JSON$/,
  ],
  [
    'metadata beyond JSON',
    { ...base, metadata: { a: 10n } },
    /^\/metadata\/a metadata is JSON, and a bigint is not$/,
  ],
  ['no target', { id: 'a', path: '/a' }, /^\/target a target is missing$/],
  [
    'two targets',
    { ...base, target: { upstream: 'a', uri: 'http://a' } },
    /^\/target a target is exactly one of/,
  ],
  [
    'a module',
    { ...base, target: { module: 'users' } },
    /^\/target a module lists its own routes: deploy the module$/,
  ],
  [
    'a uri with a path',
    { ...base, target: { uri: 'http://a/b' } },
    /^\/target\/uri The URI "http:\/\/a\/b" cannot be a target: it has a path/,
  ],
  [
    'a body where none is',
    { ...base, target: { respond: { status: 204, body: 'x' } } },
    /^\/target\/respond\/body an answer of status 204 has no body$/,
  ],
  [
    'a header with a line break',
    { ...base, target: { respond: { status: 200, headers: { a: 'b\r\nc: d' } } } },
    /^\/target\/respond\/headers\/a a has line breaks/,
  ],
  [
    'a header of the gateway',
    { ...base, target: { respond: { status: 200, headers: { 'Content-Length': '1' } } } },
    /^\/target\/respond\/headers\/Content-Length content-length is written by the gateway$/,
  ],
  [
    'a header twice',
    { ...base, target: { respond: { status: 200, headers: { a: '1', A: '2' } } } },
    /^\/target\/respond\/headers\/A a stands there twice$/,
  ],
  [
    'a redirect to another host',
    { ...base, target: { redirect: { location: '//evil.example' } } },
    /^\/target\/redirect\/location a location that begins with \/\//,
  ],
  [
    'a redirect with a line break',
    { ...base, target: { redirect: { location: '/a\r\nSet-Cookie: x' } } },
    /^\/target\/redirect\/location .*percent-encode/,
  ],
  [
    'a redirect into code',
    { ...base, target: { redirect: { location: 'javascript:alert(1)' } } },
    /^\/target\/redirect\/location .*http or https URL/,
  ],
  [
    'no redirect',
    { ...base, target: { redirect: { status: 200, location: '/a' } } },
    /^\/target\/redirect\/status a redirect is 301/,
  ],
  [
    'both shapes',
    { ...base, uri: 'http://a' },
    /^\/uri uri is of a Spring Cloud Gateway definition/,
  ],
]
for (const [name, value, expected] of refused) {
  test(`${name} is refused with its place and reason`, () => {
    assert.match(told(value), expected)
  })
}

test('every problem is told at once, up to a hundred', () => {
  const bad = { id: 7, methods: [1], path: 'a', version: 'x', target: { respond: {} }, order: 'x' }
  assert.deepEqual(
    parseRoute(bad, at).problems?.map(({ pointer }) => pointer),
    ['/id', '/methods/0', '/path', '/version', '/order', '/target/respond/status'],
  )
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`key${n}`, n]))
  assert.equal(parseRoute({ ...base, ...many }, at).problems?.length, 100)
})

test('an upstream is read whole, or refused with every problem', () => {
  const { upstream } = parseUpstream(
    { name: 'u', endpoints: ['http://[0:0::1]:9001/', { url: 'https://a:443', weight: 0 }] },
    at,
  )
  assert.deepEqual(upstream, {
    name: 'u',
    owner: 'admin',
    endpoints: [
      { url: 'http://[::1]:9001', weight: 1 },
      { url: 'https://a', weight: 0 },
    ],
    metadata: null,
    revision: 0,
  })
  assert.deepEqual(parseUpstream(renderUpstream(upstream), at).upstream, upstream)
  const bad = { endpoints: ['http://a', 'HTTP://A:80', { uri: 'x' }], extra: 1 }
  assert.deepEqual(
    parseUpstream(bad, at).problems?.map(({ pointer }) => pointer),
    ['/extra', '/name', '/endpoints/1', '/endpoints/2/uri', '/endpoints/2/url'],
  )
})

const uris: readonly (readonly [string, RegExp | null])[] = [
  ['http://127.0.0.1:9001', null],
  ['https://[::1]', null],
  ['http://10.0.0.1', null],
  ['http://[fd00::1]:80', null],
  ['http://example.org./', null],
  ['http://a/@b', null],
  ['http://0x7f000001', null],
  ['http://2130706433', null],
  ['http://169.254.1.1', /link-local/],
  ['http://169.254.169.254./x', /link-local/],
  ['http://0xa9fea9fe', /link-local/],
  ['http://2852039166', /link-local/],
  ['http://0251.0376.0251.0376', /link-local/],
  ['http://[::ffff:169.254.169.254]', /link-local/],
  ['http://[::ffff:a9fe:a9fe]', /link-local/],
  ['http://[::169.254.169.254]', /link-local/],
  ['http://[64:ff9b::169.254.169.254]', /link-local/],
  ['http://[64:ff9b:1::a9fe:a9fe]', /link-local/],
  ['http://[2002:a9fe:a9fe::]', /link-local/],
  ['http://[fe80::1]', /link-local/],
  ['http://[febf::1]', /link-local/],
  ['http://[fd00:ec2::254]', /metadata/],
  ['http://100.100.100.200', /metadata/],
  ['http://[64:ff9b::100.100.100.200]', /metadata/],
  ['http://METADATA.google.internal.', /metadata/],
  ['http://0', /unspecified/],
  ['http://0.0.0.0:80', /unspecified/],
  ['http://[::]', /unspecified/],
  ['http://[::ffff:0:0]', /unspecified/],
  ['http://user@a', /credentials/],
  ['http://:@a', /credentials/],
  ['http://a#', /fragment/],
  ['http://a:0', /port 0/],
  ['http://a:99999', /not a URL/],
  ['http://[fe80::1%25eth0]', /not a URL/],
  ['http://a\\@b', /backslashes/],
  ['http://a\nb', /spaces/],
  ['http://\u2460', /outside ASCII/],
  ['http:a', /no host/],
  ['http:///a', /no host/],
  ['http://', /no host/],
  ['//a', /no scheme/],
  ['', /spaces/],
  ['a:80', /a: is none/],
  ['file:///etc/passwd', /file: is none/],
  ['unix:/run/x', null],
  ['unix:/run/a b', /spaces/],
  ['unix:run/x', /absolute path/],
  ['unix://run/x', /absolute path/],
  ['unix:/run/../x', /no \.\./],
  ['unix:/run//x', /empty segment/],
  ['unix:/run/x?y', /no \?/],
  [`unix:/${'x'.repeat(103)}`, /at most 103/],
  ['unix:/var/run/docker.sock', /rules the machine/],
  ['lb://users', /registry/],
  ['ws://a', /write http/],
  ['WSS://a', /write https/],
  ['forward:/a', /inside Spring/],
  ['no://op', /respond/],
  [`http://a/${'x'.repeat(2048)}`, /longer/],
  [`http://${'a'.repeat(63)}.org`, null],
  [`http://${'a'.repeat(64)}.org`, /more than 63/],
  [`http://${'a.'.repeat(126)}b`, null],
  [`http://${'a.'.repeat(126)}b.`, null],
  [`http://${'a.'.repeat(127)}b`, /more than 253/],
  [`http://${'a'.repeat(1020)}`, /more than 253/],
]
for (const [uri, expected] of uris) {
  test(`the URI ${JSON.stringify(uri.slice(0, 40))} is ${expected === null ? 'allowed' : 'refused'}`, () => {
    const reason = uriProblem(uri)
    if (expected === null) assert.equal(reason, null)
    else assert.match(reason ?? 'allowed', expected)
  })
}

const word = fc.constantFrom('a', 'b', 'caf\u00e9', ':x', ':y(\\d+)', 'a%2Cb', 'x.y')
const path = fc
  .uniqueArray(word, { maxLength: 3 })
  .chain((words) =>
    fc
      .constantFrom('', '/', '/*', '/*rest')
      .map((end) => words.map((one) => `/${one}`).join('') + end),
  )
  .map((text) => (text === '' ? '/' : text))
const json = fc
  .jsonValue({ maxDepth: 3 })
  .filter((value) => !/"(?:__proto__|constructor|prototype)"/.test(JSON.stringify(value)))
const own = fc.record(
  {
    id: fc.constantFrom('a', 'b c', 'users#GET /users/:id'),
    methods: fc.uniqueArray(fc.constantFrom('GET', 'POST', 'PURGE'), { minLength: 1 }),
    paths: fc.uniqueArray(path, {
      minLength: 1,
      maxLength: 4,
      selector: (one) => one.replace(/\*\w*$/, '*'),
    }),
    predicates: fc.array(
      predicate
        .filter(
          (one) =>
            one.kind !== 'time' ||
            (one.from === null) !== (one.until === null) ||
            (one.from ?? '') < (one.until ?? ''),
        )
        .map((one) => {
          const both = 'equals' in one && one.equals !== null ? { ...one, matches: null } : one
          return Object.fromEntries(Object.entries(both).filter(([, value]) => value !== null))
        }),
      { maxLength: 3 },
    ),
    version: fc.constantFrom('1.2.0', '1.2.0-rc.1', '2.0.0+'),
    labels: fc.constantFrom({}, { track: 'canary', zone: 'a' }),
    weight: fc.constantFrom<object>(
      { group: 'g', weight: 8 },
      { group: 'g', weight: 0 },
      { group: 'g', weight: 2 },
      { group: 'h', weight: 3 },
      {
        group: 'g',
        weight: 1,
        side: 's',
        key: { kind: 'cookie', name: 'user' },
        cohort: { predicates: [{ kind: 'query', name: 'q' }], weight: 2 },
        absent: [{ side: 't', weight: 1, cohort: 3 }],
      },
    ),
    // Few have what Spring has no form for.
    lifecycle: fc.constantFrom<object | undefined>(
      ...Array.from({ length: 8 }, () => undefined),
      { state: 'maintenance' },
      {
        state: 'deprecated',
        deprecatedAt: '2026-01-01T00:00:00.000Z',
        sunsetAt: '2026-02-01T00:00:00.000Z',
        gone: true,
        links: { successor: '/b' },
      },
    ),
    order: fc.integer({ min: -3, max: 3 }),
    enabled: fc.boolean(),
    metadata: fc.dictionary(fc.constantFrom('a', 'b'), json),
    target: fc.constantFrom(
      { uri: 'http://127.0.0.1:9001' },
      { uri: 'http://[::1]' },
      { uri: 'http://a.org:81' },
      { uri: 'https://example.org' },
      { upstream: 'users' },
      { respond: { status: 503, headers: { 'retry-after': '1' }, body: 'later' } },
      { redirect: { status: 301, location: '/new' } },
    ),
  },
  { requiredKeys: ['id', 'paths', 'target'] },
)

test('a route that is rendered reads the same again, and its Spring form means the same', () => {
  let spring = 0
  fc.assert(
    fc.property(own, (value) => {
      const { route } = parseRoute(value, at)
      assert.ok(route !== null)
      assert.deepEqual(parseRoute(JSON.parse(JSON.stringify(renderRoute(route))), at), {
        route,
        problems: null,
      })
      const { definition } = renderSpring(route)
      if (definition === null) return
      spring += 1
      const again = parseRoute(definition, at)
      assert.deepEqual([...(again.route?.methods ?? [])].sort(), [...route.methods].sort())
      assert.equal(again.route?.paths.length, route.paths.length)
      assert.equal(again.route?.selection?.predicates.length, route.selection?.predicates.length)
    }),
    { numRuns: 2000 },
  )
  assert.ok(spring > 40, `${spring} as Spring`)
})

const target = { uri: 'http://a' }
const withoutForm: readonly (readonly [object, RegExp])[] = [
  [{ ...base }, /A target of the kind upstream cannot be honoured/],
  [{ ...base, target, labels: { a: 'b' } }, /labels/],
  [{ ...base, target, path: '/a/*' }, /without \/a has no form/],
  [{ ...base, target, path: '/a%2Ab' }, /signs in a pattern/],
  [{ ...base, target, version: '1.0.0-rc.1' }, /no form/],
  [{ ...base, target, predicates: [{ kind: 'cookie', name: 'a' }] }, /only has to be there/],
  [
    { ...base, target, predicates: [{ kind: 'client', sources: ['::1'], trusted: 2 }] },
    /one proxy/,
  ],
  [{ ...base, target, metadata: { a: '#{b}' } }, /no form/],
]
for (const [value, expected] of withoutForm) {
  test(`what Spring has no words for is told: ${expected.source}`, () => {
    const { route } = parseRoute(value, at)
    assert.ok(route !== null)
    const { definition, problem } = renderSpring(route)
    assert.equal(definition, null)
    assert.match(problem?.message ?? '', expected)
  })
}

test('a route of our own shape has a definition of Spring', () => {
  const { route } = parseRoute(
    {
      id: 'a',
      methods: ['GET'],
      paths: ['/a', '/a/*', '/b/:x(\\d+)'],
      predicates: [{ kind: 'header', name: 'x', equals: 'a.b' }],
      order: 2,
      target,
    },
    at,
  )
  assert.ok(route !== null)
  assert.deepEqual(renderSpring(route).definition, {
    id: 'a',
    uri: 'http://a',
    predicates: [
      { name: 'Path', args: { _genkey_0: '/a/**', _genkey_1: '/b/{x:\\d+}', _genkey_2: 'false' } },
      { name: 'Method', args: { _genkey_0: 'GET' } },
      { name: 'Header', args: { _genkey_0: 'x', _genkey_1: 'a\\.b' } },
    ],
    order: 2,
  })
})
