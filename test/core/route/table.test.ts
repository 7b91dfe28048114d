import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { entriesFrom, getKey } from '../../../src/core/persistent-map.ts'
import { plainRoute, type Route } from '../../../src/core/route/route.ts'
import {
  addRoutes,
  emptyTable,
  replaceOwned,
  routesOf,
  type Table,
} from '../../../src/core/route/table.ts'
import { findPath } from '../../../src/core/router/lookup.ts'

const routeOf = (owner: string, method: string, path: string): Route =>
  plainRoute(owner, `${owner}#${method} ${path}`, method, path, { kind: 'module', module: owner })

const replace = (
  table: Table,
  owner: string,
  routes: readonly Route[],
): ReturnType<typeof addRoutes> => {
  const { kept, added } = replaceOwned(table, owner, routes)
  const result = addRoutes(kept, added)
  return result.refusals.length > 0 ? { table, refusals: result.refusals } : result
}

const owners = ['a', 'a b', 'users', 'a#']
const paths = ['/', '/x', '/x/:id', '/x/:name', '/x/:id(\\d+)', '/x/*rest', '/y', '/x/y/:z']
const methods = ['GET', 'POST', '*']
/** Paths of one shape: what makes a conflict. */
const shape = (path: string): string => path.replaceAll(/:[a-z]+/g, ':')

const step = fc.record({
  owner: fc.constantFrom(...owners),
  routes: fc.uniqueArray(fc.tuple(fc.constantFrom(...methods), fc.constantFrom(...paths)), {
    selector: ([method, path]) => `${method} ${shape(path)}`,
    maxLength: 6,
  }),
})

/** What a table must hold, kept the slow way. */
type Twin = ReadonlyMap<string, Route>

const placeOf = ({ methods: [method], paths: [path = ''] }: Route): string =>
  `${method} ${shape(path)}`

const twinReplace = (twin: Twin, owner: string, routes: readonly Route[]): Twin => {
  const rest = [...twin.values()].filter((route) => route.owner !== owner)
  const taken = new Set(rest.map(placeOf))
  if (routes.some((route) => taken.has(placeOf(route)))) return twin
  return new Map([...rest, ...routes].map((route) => [route.id, route]))
}

const check = (table: Table, twin: Twin): void => {
  assert.equal(table.routes.size, twin.size)
  assert.equal(table.owned.size, twin.size)
  assert.equal(table.router.size, twin.size)
  for (const [id, route] of twin) assert.deepEqual(getKey(table.routes, id), route)
  for (const owner of owners) {
    const ids = [...routesOf(table, owner)].map(({ id }) => id).sort()
    const wanted = [...twin.values()].filter((one) => one.owner === owner).map(({ id }) => id)
    assert.deepEqual(ids, wanted.sort())
  }
}

test('owners replace their sets: the table, its indexes and every earlier table agree with a naive twin', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const kept: [Table, Twin][] = [[emptyTable, new Map()]]
      for (const { owner, routes: wanted } of steps) {
        const [table, twin] = kept.at(-1)!
        const routes = wanted.map(([method, path]) => routeOf(owner, method, path))
        const nextTwin = twinReplace(twin, owner, routes)
        const result = replace(table, owner, routes)
        const isRefused = nextTwin === twin && routes.length > 0
        assert.equal(result.refusals.length > 0, isRefused)
        kept.push([result.table, nextTwin])
      }
      for (const [table, twin] of kept) check(table, twin)
    }),
  )
})

test('a conflict names both routes, both owners and a request that both would serve', () => {
  const { table } = addRoutes(emptyTable, [routeOf('a', 'GET', '/users/:id/*rest')])
  const { table: same, refusals } = addRoutes(table, [routeOf('b', 'GET', '/users/:name/*more')])
  assert.equal(same, table)
  const [refusal] = refusals
  assert.equal(refusal?.problem.code, 'TURNOUT_ROUTE_CONFLICT')
  assert.equal(refusal?.other, 'a')
  for (const part of ['b#GET /users/:name/*more', 'a#GET /users/:id/*rest', '(a)', '(b)']) {
    assert.ok(refusal?.problem.message.includes(part), part)
  }
  const witness = /serve GET (\S+)$/.exec(refusal?.problem.message ?? '')?.[1]
  assert.equal(findPath(table.router, 'GET', witness ?? '').kind, 'match')
})

test('routes that stay the same are not touched when their owner replaces its set', () => {
  const routes = paths
    .filter((path) => path !== '/x/:name')
    .map((path) => routeOf('a', 'GET', path))
  const { table } = addRoutes(emptyTable, routes)
  const again = replace(
    table,
    'a',
    routes.map((route) => ({ ...route })),
  )
  assert.equal(again.table.router, table.router)
  assert.equal(again.table.routes.tree, table.routes.tree)
})

test('a pattern that is not valid refuses the set', () => {
  const { refusals } = addRoutes(emptyTable, [
    routeOf('a', 'GET', '/ok'),
    routeOf('a', 'GET', 'bad'),
  ])
  assert.deepEqual(
    refusals.map(({ problem }) => problem.code),
    ['TURNOUT_PATTERN_INVALID'],
  )
})

test('an id longer than an index can hold is a problem, not a throw', () => {
  const { table, refusals } = addRoutes(emptyTable, [routeOf('a', 'GET', `/${'x'.repeat(1_500)}`)])
  assert.equal(table, emptyTable)
  assert.deepEqual(
    refusals.map(({ problem }) => problem.code),
    ['TURNOUT_PATTERN_INVALID'],
  )
})

test('an id that is too long beside the upstream it uses is a problem, not a throw', () => {
  const route = routeOf('a', 'GET', `/${'x'.repeat(900)}`)
  const target = { kind: 'upstream', upstream: 'u'.repeat(200) } as const
  const { table, refusals } = addRoutes(emptyTable, [{ ...route, target }])
  assert.equal(table, emptyTable)
  assert.deepEqual(
    refusals.map(({ problem }) => problem.code),
    ['TURNOUT_PATTERN_INVALID'],
  )
})

test('one change leaves all but a path of the indexes shared', () => {
  const many = Array.from({ length: 1_000 }, (_, at) => routeOf('a', 'GET', `/r${at}/:id`))
  const { table } = addRoutes(emptyTable, many)
  const { table: next } = addRoutes(table, [routeOf('b', 'GET', '/one/more')])
  assert.equal(next.routes.size, 1_001)
  assert.equal([...entriesFrom(table.routes)].length, 1_000)
})

test('two routes of one id are refused, also where one of them serves nothing', () => {
  const on = routeOf('a', 'GET', '/x')
  for (const put of [
    [on, { ...on, enabled: false }],
    [
      { ...on, enabled: false },
      { ...on, paths: ['/y'], enabled: false },
    ],
  ]) {
    const { table, refusals } = addRoutes(emptyTable, put)
    assert.equal(table, emptyTable)
    assert.deepEqual(
      refusals.map(({ problem }) => problem.code),
      ['TURNOUT_ROUTE_CONFLICT'],
    )
  }
})
