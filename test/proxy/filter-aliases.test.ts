import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import type { Filter } from '../../src/core/route/filter.ts'
import { askRaw } from './support/client.ts'
import { openProxy, route, type Proxy } from './support/proxy.ts'
import { openRecording, type Recording, type Seen } from './support/recording.ts'

// Another spelling of a path, a parameter or a field is the same to many upstreams: it must be so to a filter, or be
// refused.

const runs = { numRuns: 150 }

const open = async (
  t: TestContext,
  path: string,
  filters: readonly Filter[],
): Promise<{ readonly proxy: Proxy; readonly recording: Recording }> => {
  const recording = await openRecording(t)
  return { recording, proxy: await openProxy(t, [route(path, recording.url, { filters })]) }
}

/** What the upstream was asked for a request, or the status by which it was refused. */
const ask = async (
  { proxy, recording }: Awaited<ReturnType<typeof open>>,
  target: string,
  fields: readonly string[] = [],
): Promise<Seen | number> => {
  const from = recording.seen.length
  const head = ['Host: gateway.test', ...fields].map((line) => `${line}\r\n`).join('')
  const { status } = await askRaw(proxy.port, `GET ${target} HTTP/1.1\r\n${head}\r\n`)
  return recording.seen[from] ?? status
}

const hex = (char: string, isUpper: boolean): string => {
  const text = `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`
  return isUpper ? text.toUpperCase() : text
}

/** A text some of whose letters are escaped. */
const escaped = (text: string): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom('plain', 'lower', 'upper'), {
      minLength: text.length,
      maxLength: text.length,
    })
    .map((ways) =>
      text
        .split('')
        .map((char, at) => (ways[at] === 'plain' ? char : hex(char, ways[at] === 'upper')))
        .join(''),
    )

/** A text some of whose letters are of the other case. */
const cased = (text: string): fc.Arbitrary<string> =>
  fc.array(fc.boolean(), { minLength: text.length, maxLength: text.length }).map((ways) =>
    text
      .split('')
      .map((char, at) => (ways[at] === true ? char.toUpperCase() : char))
      .join(''),
  )

const paths = fc
  .tuple(
    fc.constantFrom('/', '//', '/./', '/%2e/', '/x/../', '/x/%2E%2e/', '/%2f/'),
    escaped('admin'),
    fc.constantFrom('/', '//', '/./', '/y/../', '/%2E/', '\\', '%5c', '%2F', '/;/'),
    escaped('users'),
    fc.constantFrom('', '?q', '/.', '/%2e%2e/users', '#a'),
  )
  .map((parts) => parts.join(''))

const forms: readonly (readonly [
  name: string,
  filters: readonly Filter[],
  /** What the two segments become. */
  only: RegExp,
  /** What every path below the route becomes. */
  always: RegExp,
])[] = [
  ['strip-prefix', [{ kind: 'strip-prefix', parts: 1 }], /^\/users(?:\/|\?q)?$/, /^(?!\/+admin)/i],
  [
    'add-prefix',
    [{ kind: 'add-prefix', prefix: '/safe' }],
    /^\/safe\/admin\/users(?:\/|\?q)?$/,
    /^\/safe\/admin\//,
  ],
  [
    'set-path',
    [{ kind: 'set-path', template: '/set/{rest}' }],
    /^\/set\/users(?:\/|\?q)?$/,
    /^\/set\//,
  ],
  [
    'rewrite-path',
    [{ kind: 'rewrite-path', pattern: '^/admin/', replacement: '/public/' }],
    /^\/public\/users(?:\/|\?q)?$/,
    /^\/public\//,
  ],
]

for (const [name, filters, only, always] of forms)
  test(`${name}: no spelling of a path gets past it`, async (t) => {
    const opened = await open(t, '/admin/*rest', filters)
    let forwarded = 0
    await fc.assert(
      fc.asyncProperty(paths, async (path) => {
        const seen = await ask(opened, path)
        if (typeof seen === 'number')
          return assert.ok([400, 404].includes(seen), `${path}: ${seen}`)
        assert.match(seen.target, always, path)
        // A slash or another sign that is part of a segment makes it another path.
        if (/%2f|%5c|\\|;/i.test(path)) return undefined
        forwarded += 1
        return assert.match(seen.target, only, path)
      }),
      runs,
    )
    assert.ok(forwarded > 5)
  })

test('remove-request-header: no spelling of a field gets past it', async (t) => {
  const opened = await open(t, '/*rest', [{ kind: 'remove-request-header', name: 'x-secret' }])
  const lines = fc.array(
    fc.tuple(
      fc.oneof(
        cased('x-secret'),
        cased('x_secret'),
        fc.constantFrom('X-Secret ', ' x-secret', 'x-secrets'),
      ),
      fc.constantFrom(':', ': ', ':\t'),
      fc.constantFrom('1', '', '1, 2'),
    ),
    { minLength: 1, maxLength: 4 },
  )
  await fc.assert(
    fc.asyncProperty(lines, async (list) => {
      const seen = await ask(
        opened,
        '/a',
        list.map((parts) => parts.join('')),
      )
      if (typeof seen === 'number') return assert.equal(seen, 400)
      const names = seen.fields.map(([one]) => one.replaceAll('_', '-'))
      return assert.ok(!names.includes('x-secret'), names.join())
    }),
    runs,
  )
})

test('set-request-header: a client’s own field is never beside it', async (t) => {
  const opened = await open(t, '/*rest', [
    { kind: 'set-request-header', name: 'x-user', value: 'ours' },
  ])
  const lines = fc.array(fc.oneof(cased('x-user'), cased('x_user')), { minLength: 1, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(lines, async (names) => {
      const seen = await ask(
        opened,
        '/a',
        names.map((name) => `${name}: theirs`),
      )
      if (typeof seen === 'number') return assert.equal(seen, 400)
      const values = seen.fields
        .filter(([one]) => one.replaceAll('_', '-') === 'x-user')
        .map(([, value]) => value)
      return assert.deepEqual(values, ['ours'])
    }),
    runs,
  )
})

const queries = fc
  .array(
    fc.tuple(
      fc.oneof(
        escaped('key'),
        cased('key'),
        fc.constantFrom('', 'keys', 'k+ey', '%', 'key%', '%ff'),
      ),
      fc.constantFrom('=theirs', '=', '', '=a=b', '=%26key=theirs'),
    ),
    { maxLength: 6 },
  )
  .map((pieces) => pieces.map((piece) => piece.join('')).join('&'))

const valuesOf = (target: string): readonly string[] =>
  new URLSearchParams(target.slice(`${target}?`.indexOf('?') + 1)).getAll('key')

const parameters: readonly (readonly [
  Filter,
  (values: readonly string[], there: boolean) => void,
])[] = [
  [{ kind: 'remove-query-parameter', name: 'key' }, (values) => assert.deepEqual(values, [])],
  [
    { kind: 'rewrite-query-parameter', name: 'key', replacement: 'our&s=' },
    (values, there) => assert.deepEqual(values, there ? ['our&s='] : []),
  ],
]

for (const [filter, check] of parameters)
  test(`${filter.kind}: no spelling of a parameter gets past it`, async (t) => {
    const opened = await open(t, '/*rest', [filter])
    await fc.assert(
      fc.asyncProperty(queries, async (query) => {
        const seen = await ask(opened, `/a?${query}`)
        if (typeof seen === 'number') return assert.equal(seen, 400)
        return check(valuesOf(seen.target), valuesOf(`/a?${query}`).length > 0)
      }),
      runs,
    )
  })

test('dedupe-response-header and remove-response-header: no spelling of an upstream’s field gets past them', async (t) => {
  const recording = await openRecording(t)
  const proxy = await openProxy(t, [
    route('/*rest', recording.url, {
      filters: [
        { kind: 'dedupe-response-header', names: ['x-a'], keep: 'last' },
        { kind: 'remove-response-header', name: 'x-b' },
      ],
    }),
  ])
  const lines = fc.array(fc.oneof(cased('x-a'), cased('x-b')), { minLength: 1, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(lines, async (names) => {
      const fields = names.map((name, at) => `${name}: ${at}\r\n`).join('')
      recording.script = { answer: () => `HTTP/1.1 200 OK\r\n${fields}Content-Length: 0\r\n\r\n` }
      const answer = await askRaw(proxy.port, 'GET /a HTTP/1.1\r\nHost: test\r\n\r\n')
      const last = names.findLastIndex((name) => name.toLowerCase() === 'x-a')
      const told = answer.fields.filter(([name]) => name === 'x-a' || name === 'x-b')
      assert.deepEqual(told, last < 0 ? [] : [['x-a', `${last}`]])
    }),
    runs,
  )
})
