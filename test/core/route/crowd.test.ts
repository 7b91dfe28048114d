import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Choice, Sole, type Placed } from '../../../src/core/route/choice.ts'
import { maxAtPlace } from '../../../src/core/route/conflict.ts'
import { Crowd } from '../../../src/core/route/crowd.ts'
import type { Facts } from '../../../src/core/route/facts.ts'
import { findServing } from '../../../src/core/route/find.ts'
import { placeAt, spotsOf } from '../../../src/core/route/place.ts'
import {
  noSelection,
  plainRoute,
  type Predicate,
  type Route,
} from '../../../src/core/route/route.ts'
import {
  addRoutes,
  emptyTable,
  removeRoutes,
  tableOf,
  type Table,
} from '../../../src/core/route/table.ts'
import { placeOf } from '../../../src/core/router/router.ts'
import { editRouter, emptyRouter } from '../../../src/core/router/router.ts'
import { parsePattern } from '../../../src/core/router/pattern.ts'

const pattern = parsePattern('/a').pattern!

const host = (...patterns: readonly string[]): Predicate => ({ kind: 'host', patterns })
const equals = (kind: 'header' | 'query' | 'cookie', name: string, value: string): Predicate => ({
  kind,
  name,
  equals: value,
  matches: null,
})

const route = (id: string, predicates: readonly Predicate[], order = 0): Route => ({
  ...plainRoute('admin', id, 'GET', '/a', { kind: 'uri', uri: 'http://a.test' }),
  selection: { ...noSelection, predicates, order },
})

const placed = ({ router }: Table): Placed | undefined => placeOf(router, 'GET', pattern)?.value

const factsOf = (headers: Readonly<Record<string, string>>, target = '/a'): Facts => ({
  header: (name) => headers[name],
  remoteAddress: () => '10.0.0.1',
  target,
})

const servedBy = (router: Table['router'], facts: Facts): string | null => {
  const found = findServing(router, 'GET', facts.target, {}, facts, () => 0)
  return found.kind === 'match' ? found.value.id : null
}

const many = (count: number, predicateOf: (at: number) => Predicate): Route[] =>
  Array.from({ length: count }, (_, at) => route(`r${at}`, [predicateOf(at)]))

const fields: readonly (readonly [string, (at: number) => Predicate, (at: number) => Facts])[] = [
  ['host', (at) => host(`h${at}.test`), (at) => factsOf({ host: `H${at}.TEST:80` })],
  ['header', (at) => equals('header', 'x-a', `${at}`), (at) => factsOf({ 'x-a': `${at}` })],
  ['cookie', (at) => equals('cookie', 'a', `${at}`), (at) => factsOf({ cookie: `b=1; a=${at}` })],
  ['query', (at) => equals('query', 'a', `é${at}`), (at) => factsOf({}, `/a?b&%61=%C3%A9${at}`)],
]

for (const [kind, predicateOf, facts] of fields) {
  test(`a thousand routes that differ in one ${kind} stand at one place, and each serves its own`, () => {
    const { table, refusals } = addRoutes(emptyTable, many(1_000, predicateOf))
    assert.deepEqual(refusals, [])
    assert.ok(placed(table) instanceof Crowd)
    for (const at of [0, 1, 31, 32, 500, 999])
      assert.equal(servedBy(table.router, facts(at)), `r${at}`)
    assert.equal(servedBy(table.router, facts(1_000)), null)
    const sole = (placed(table) as Crowd).choiceFor(facts(7))
    assert.ok(sole instanceof Sole)
    assert.equal(sole.choice.candidates.length, 1)
  })
}

test('routes that nothing tells apart are no more than a request may ask', () => {
  const orders = Array.from({ length: maxAtPlace + 1 }, (_, at) =>
    route(`o${at}`, [{ kind: 'header', name: 'x-a', equals: null, matches: 'a' }], at),
  )
  const hosts = many(500, (at) => host(`h${at}.test`))
  const full = addRoutes(emptyTable, [...orders.slice(1), ...hosts])
  assert.equal(full.refusals.length, 500)
  assert.match(full.refusals[0]!.problem.message, /more than 256 routes would lie there/)
  const some = orders
    .slice(0, 200)
    .map((one) => ({ ...one, selection: { ...one.selection!, order: 1 + one.selection!.order } }))
  for (const list of [
    [...some, ...hosts],
    [...hosts, ...some],
  ])
    assert.deepEqual(addRoutes(emptyTable, list).refusals, [])
})

test('two routes of one host conflict in a crowd as they do in a list', () => {
  const { table } = addRoutes(
    emptyTable,
    many(100, (at) => host(`h${at}.test`)),
  )
  for (const [predicate, isFree] of [
    [host('h7.test'), false],
    [host('new.test', 'h7.test'), false],
    [host('*.test'), true],
    [host('h*.test', '*.other'), true],
    [host('*.other'), true],
    [host('new.test'), true],
    [equals('header', 'x-a', '1'), false],
  ] as const) {
    const { refusals } = addRoutes(table, [route('new', [predicate])])
    assert.equal(refusals.length === 0, isFree, JSON.stringify(predicate))
  }
})

test('a host by its name comes before wildcards that take it, wherever both stand', () => {
  for (const count of [1, 100]) {
    const named = many(count, (at) => host(`h${at}.test`))
    const wide = [
      route('a-any', [host('**')], 1),
      route('a-test', [host('*.test')]),
      route('b-test', [host('*.test'), equals('header', 'x-a', '1')]),
    ]
    for (const list of [
      [...named, ...wide],
      [...wide, ...named],
    ]) {
      const { table, refusals } = addRoutes(emptyTable, list)
      // More predicates come first, so what asks for another field as well must ask for the host too.
      assert.ok(refusals.length > 0)
      const fine = addRoutes(
        table,
        list.filter(({ id }) => id !== 'b-test'),
      )
      assert.deepEqual(fine.refusals, [])
      const { router } = fine.table
      assert.equal(servedBy(router, factsOf({ host: 'h0.test' })), 'r0')
      assert.equal(servedBy(router, factsOf({ host: 'new.test' })), 'a-test')
      assert.equal(servedBy(router, factsOf({ host: 'else.org' })), 'a-any')
    }
  }
})

test('a crowd that shrinks is a list again, and a place without routes is gone', () => {
  const routes = many(100, (at) => host(`h${at}.test`, `also${at}.test`))
  let { table } = addRoutes(emptyTable, routes)
  const whole = table
  for (const one of routes.slice(0, 90)) table = removeRoutes(table, [one])
  assert.ok(placed(table) instanceof Choice)
  assert.equal(servedBy(table.router, factsOf({ host: 'also95.test' })), 'r95')
  assert.equal(servedBy(table.router, factsOf({ host: 'h5.test' })), null)
  table = removeRoutes(table, routes.slice(90))
  assert.equal(placed(table), undefined)
  assert.equal(servedBy(whole.router, factsOf({ host: 'also5.test' })), 'r5')
})

test('a replaced route leaves the bucket of its old host', () => {
  const { table } = addRoutes(
    emptyTable,
    many(100, (at) => host(`h${at}.test`)),
  )
  const next = addRoutes(table, [route('r7', [host('moved.test')])])
  assert.deepEqual(next.refusals, [])
  assert.equal(servedBy(next.table.router, factsOf({ host: 'moved.test' })), 'r7')
  assert.equal(servedBy(next.table.router, factsOf({ host: 'h7.test' })), null)
})

const names = fc.integer({ min: 0, max: 60 }).map((at) => `h${at}.test`)
const predicates = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.uniqueArray(names, { minLength: 1, maxLength: 3 }).map((list) => host(...list)),
    },
    fc.constantFrom(host('*.test'), host('h1?.test', 'h2.test'), host('**')),
    fc.integer({ min: 0, max: 3 }).map((at) => equals('header', 'x-a', `${at}`)),
  ),
  { minLength: 1, maxLength: 2 },
)
const specs = fc.array(
  fc.record({
    predicates,
    order: fc.integer({ min: 0, max: 40 }),
    version: fc.option(fc.constantFrom('1.0.0', '1.2.0', '2.0.0'), { freq: 4 }),
  }),
  { minLength: 20, maxLength: 120 },
)
const asks = fc.array(
  fc.record({
    host: fc.oneof(names, fc.constant('x.other')),
    a: fc.option(fc.integer({ min: 0, max: 3 })),
    version: fc.option(fc.constantFrom('1', '1.2.0', '^1', '3')),
  }),
  { minLength: 5, maxLength: 20 },
)

test('an index serves whom a scan of all routes would serve, whatever was put in and taken out', () => {
  let crowds = 0
  fc.assert(
    fc.property(specs, asks, fc.nat(), (list, requests, seed) => {
      const routes = list.map(({ predicates: some, order, version }, at) => {
        const made = route(`r${at}`, some, order)
        return { ...made, selection: { ...made.selection!, version } }
      })
      let table = emptyTable
      // Some come one by one, some as one change; those in the way are left out.
      for (const one of routes.slice(0, 60)) table = addRoutes(table, [one]).table
      const rest = addRoutes(table, routes.slice(60))
      table = rest.refusals.length === 0 ? rest.table : table
      const gone = spotsOf(placeAt(table.router, 'GET', pattern)).filter(
        (_, at) => (at + seed) % 5 === 0,
      )
      table = removeRoutes(
        table,
        gone.map((spot) => spot.route),
      )
      const standing = spotsOf(placeAt(table.router, 'GET', pattern))
      if (placed(table) instanceof Crowd) crowds += 1
      const value = standing.length === 0 ? null : new Choice('GET', standing)
      const scan = editRouter<Placed>(
        emptyRouter,
        value === null ? [] : [{ kind: 'put', method: 'GET', pattern, value }],
      )
      const stored = tableOf({
        routes: standing.map((spot) => spot.route),
        upstreams: [],
        modules: [],
        switchedOff: [],
        proposals: [],
      })
      for (const { host: name, a, version } of requests) {
        const facts = factsOf({
          host: name,
          ...(a !== null && { 'x-a': `${a}` }),
          ...(version !== null && { 'x-api-version': version }),
        })
        const expected = servedBy(scan, facts)
        assert.equal(servedBy(table.router, facts), expected)
        assert.equal(servedBy(stored.router, facts), expected)
      }
    }),
    { numRuns: 150 },
  )
  assert.ok(crowds > 20, `${crowds} crowds`)
})
