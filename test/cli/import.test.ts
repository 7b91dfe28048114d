import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { readApplication } from '../../src/cli/import/application.ts'
import { importFile, importText, type ImportOptions } from '../../src/cli/import/import.ts'
import { fillPlaceholders, fromEnvironment } from '../../src/cli/import/placeholders.ts'
import { readDataFile } from '../../src/cli/instance/read-data-file.ts'
import type { Route } from '../../src/core/route/route.ts'
import { parseRoute, renderRoute } from '../../src/core/route/parse.ts'
import { importRoutes, type Written } from '../../src/core/route/spring-import.ts'
import { springFilters } from '../../src/core/route/spring-names.ts'
import { makeFolder } from '../hot/support/served.ts'

const folder = new URL('../../../test/golden/import/', import.meta.url)

interface Said {
  readonly out: string[]
  readonly err: string[]
}

const optionsOf = (
  said: Said,
  workingDirectory: string,
  rest: Partial<ImportOptions> = {},
): ImportOptions => ({
  terminal: {
    out: (text) => void said.out.push(text),
    err: (text) => void said.err.push(text),
    paintOut: (_, text) => text,
    paintErr: (_, text) => text,
    environment: { REGION: 'south', BACKEND: 'back.example.test' },
    workingDirectory,
    read: () => Promise.resolve(''),
  },
  file: 'application.yml',
  json: false,
  profiles: [],
  isFilling: false,
  services: {},
  ...rest,
})

const silent = optionsOf({ out: [], err: [] }, '.')

/** `TURNOUT_GOLDEN=write` writes what becomes of each file. */
for (const name of readdirSync(folder).filter((one) => !one.endsWith('.out.json'))) {
  test(`${name} is imported as its golden file says`, () => {
    const imported = importText(name, readFileSync(new URL(name, folder), 'utf8'), silent)
    assert.ok('table' in imported)
    const lineOf = ({ message, place }: (typeof imported.left)[number]): string =>
      `${place?.line ?? '?'}: ${message}`
    const told = {
      left: imported.left.map(lineOf),
      notes: imported.notes.map(lineOf),
      table: imported.table,
    }
    const text = `${JSON.stringify(told, null, 2)}\n`
    const golden = new URL(`${name.replace(/\.\w+$/, '')}.out.json`, folder)
    if (process.env['TURNOUT_GOLDEN'] === 'write') writeFileSync(golden, text)
    assert.equal(text, readFileSync(golden, 'utf8'))
    for (const line of told.left) assert.doesNotMatch(line, /^\?/)
    // What is written is taken back as it is.
    const read = readDataFile('table.json', JSON.stringify(imported.table))
    assert.ok(read.ok)
    for (const { value } of read.parts.routes) {
      const { route } = parseRoute(value, { owner: 'admin', pointer: '' })
      assert.ok(route !== null)
      assert.deepEqual(renderRoute(route), value)
    }
  })
}

const parts = {
  predicates: [
    'Path=/a/{id}',
    'Path=/b/**',
    'Method=GET,PUT',
    'Header=X-One, \\d+',
    'Host=**.test',
    'Query=q',
    'Cookie=c, v',
    'After=2024-01-20T17:42:47.789Z',
    'RemoteAddr=10.0.0.0/8',
    'Version=1.2',
    'Weight=g, 3',
    'ReadBody=x',
    'Nothing=1',
    'Path=/a/**/b',
    'Header=(',
    'Header=X-Two, ${GONE}',
  ],
  filters: [
    'StripPrefix=1',
    'PrefixPath=/p',
    'SetPath=/x/{id}',
    'AddRequestHeader=X-A, 1',
    'AddResponseHeader=X-B, {id}',
    'RemoveRequestHeader=X-C',
    'PreserveHostHeader',
    'RewritePath=/(?<rest>.*), /r/$\\{rest}',
    'RewritePath=/(?=x), /r',
    'RedirectTo=302, https://e.example.test',
    'AddRequestHeader=X-G, ${GONE}',
    '#{bean}',
    '=',
    ...springFilters,
  ],
} as const

test('nothing is dropped without a word: each part of a route is in the table, or named', () => {
  const few = <Value>(list: readonly Value[]) =>
    fc.uniqueArray(fc.constantFrom(...list), { maxLength: 4 })
  const route = fc.record(
    {
      uri: fc.constantFrom('http://10.0.0.1:1', 'lb://stock', 'ftp://x', '${GONE}'),
      predicates: few(parts.predicates),
      filters: few(parts.filters),
      order: fc.constantFrom(0, 5, 'x'),
      metadata: fc.constantFrom({ a: 1 }, { 'response-timeout': 'x' }, { k: '#{x}' }),
    },
    { requiredKeys: ['uri'] },
  )
  fc.assert(
    fc.property(
      fc.array(route, { minLength: 1, maxLength: 4 }),
      few(parts.filters),
      (routes, defaults) => {
        // Of two that are the same either stands for both.
        fc.pre(!routes.some((one) => one.filters?.some((text) => defaults.includes(text))))
        const document = { spring: { cloud: { gateway: { 'default-filters': defaults, routes } } } }
        const found = readApplication([document], { profiles: [], environment: null })
        const { routes: carried, left } = importRoutes(found.routes, new Set())
        const named = new Set([...found.left, ...left].map(({ pointer }) => pointer))
        const base = '/0/spring/cloud/gateway'
        for (const [at, given] of routes.entries()) {
          const pointer = `${base}/routes/${at}`
          const isGone = named.has(pointer) || named.has(`${pointer}/uri`)
          const id = `route-${at + 1}`
          const carriedRoute = carried.find((one) => one.id === id)
          assert.equal(carriedRoute === undefined, isGone, `${id}: ${[...named].join()}`)
          if (carriedRoute === undefined) continue
          const source = found.routes.find((one) => one.id === id)!
          let isLess = false
          const written: readonly (readonly [string, Written | undefined])[] = [
            ...(given.predicates ?? []).map((_, number) =>
              place(source.predicates, `${pointer}/predicates/${number}`),
            ),
            ...(given.filters ?? []).map((_, number) =>
              place(source.filters, `${pointer}/filters/${number}`),
            ),
            ...defaults.map((_, number) =>
              place(source.filters, `${base}/default-filters/${number}`),
            ),
          ]
          const own = (route: Route | undefined): unknown =>
            route && renderRoute({ ...route, enabled: true })
          for (const [where, part] of written) {
            const less = {
              ...source,
              predicates: source.predicates.filter((one) => one !== part),
              filters: source.filters.filter((one) => one !== part),
            }
            const without = importRoutes([less], new Set()).routes[0]
            const isCarried =
              part !== undefined && !isDeepStrictEqual(own(without), own(carriedRoute))
            assert.ok(isCarried || named.has(where), where)
            isLess ||= !isCarried
          }
          for (const key of ['order', 'metadata']) isLess ||= named.has(`${pointer}/${key}`)
          // With a part less it would let through what it did not before.
          assert.equal(carriedRoute.enabled, !isLess, id)
        }
      },
    ),
    { numRuns: 300 },
  )
})

const place = (list: readonly Written[], pointer: string) =>
  [pointer, list.find((one) => one.pointer === pointer)] as const

const placeholders: readonly (readonly [string, string, readonly string[]])[] = [
  ['plain $ {a} }', 'plain $ {a} }', []],
  ['a ${x} b ${y}', 'a 1 b 2', []],
  ['${none:d}', 'd', []],
  ['${none:}', '', []],
  ['${none:a:b}', 'a:b', []],
  ['${none:${x}}', '1', []],
  ['${${name}}', '1', []],
  ['${none}', '', ['none']],
  ['/$\\{segment}', '/$\\{segment}', []],
  ['${open', '${open', []],
  ['${loop}', '${loop}', ['${loop}']],
  ['${my.host-name}', 'h', []],
]

for (const [text, expected, unknown] of placeholders) {
  test(`placeholders: ${text}`, () => {
    const values = { x: '1', y: '2', name: 'x', loop: '${loop}', MY_HOSTNAME: 'h' }
    const filled = fillPlaceholders(text, fromEnvironment(values))
    assert.equal(filled.text, expected)
    assert.deepEqual(filled.unknown, unknown)
  })
}

const small = `spring.cloud.gateway.routes:
  - { id: one, uri: 'http://\${BACKEND}', predicates: ['Path=/one'] }
  - { id: two, uri: 'lb://stock', predicates: ['Path=/two'] }
`

test('what is left makes the exit code 1; with what was missing it is 0, and the table is whole', async (t) => {
  const directory = makeFolder(t, { 'application.yml': small })
  const said = { out: [] as string[], err: [] as string[] }
  assert.equal(await importFile(optionsOf(said, directory)), 1)
  assert.match(said.err.join(''), /application\.yml:2:21/)
  assert.match(said.err.join(''), /--service stock=URL/)
  assert.match(said.err.join(''), /0 routes carried; 2 lines left, named above/)
  const more = { isFilling: true, services: { stock: ['http://10.0.0.1:8080'] }, out: 'table.yaml' }
  const again = { out: [] as string[], err: [] as string[] }
  assert.equal(await importFile(optionsOf(again, directory, more)), 0)
  assert.equal(again.err.join(''), '2 routes carried to table.yaml; nothing was left\n')
  const text = readFileSync(join(directory, 'table.yaml'), 'utf8')
  assert.match(text, /uri: http:\/\/back\.example\.test\n/)
  assert.match(text, /upstream: stock\n/)
  assert.ok(readDataFile('table.yaml', text).ok)
})

test('a file that is there is not written over', async (t) => {
  const directory = makeFolder(t, { 'application.yml': small, 'table.yaml': 'mine' })
  const said = { out: [] as string[], err: [] as string[] }
  assert.equal(await importFile(optionsOf(said, directory, { out: 'table.yaml' })), 1)
  assert.equal(readFileSync(join(directory, 'table.yaml'), 'utf8'), 'mine')
})

test('`--json` is one object a line: problems, then the table', async (t) => {
  const directory = makeFolder(t, { 'application.yml': small })
  const said = { out: [] as string[], err: [] as string[] }
  await importFile(optionsOf(said, directory, { json: true, isFilling: true }))
  const events = said.out.map(
    (line) => JSON.parse(line) as { event: string; table?: { routes: object[] } },
  )
  assert.deepEqual(
    events.map(({ event }) => event),
    ['problem', 'imported'],
  )
  assert.equal(events[1]?.table?.routes.length, 1)
  assert.deepEqual(said.err, [])
})

for (const [name, text] of [
  ['nothing', ''],
  ['no routes', 'server.port: 1\n'],
  ['no YAML', 'a: [1\n'],
  ['too deep', '['.repeat(200)],
] as const) {
  test(`a file with ${name} is refused`, async (t) => {
    const directory = makeFolder(t, { 'application.yml': text })
    const said = { out: [] as string[], err: [] as string[] }
    assert.equal(await importFile(optionsOf(said, directory, { out: 'table.yaml' })), 1)
    assert.match(said.err.join(''), /TURNOUT_IMPORT_FILE/)
    assert.equal(existsSync(join(directory, 'table.yaml')), false)
  })
}

test('a file that is not there is a matter of usage', async (t) => {
  const said = { out: [] as string[], err: [] as string[] }
  assert.equal(await importFile(optionsOf(said, makeFolder(t))), 2)
})
