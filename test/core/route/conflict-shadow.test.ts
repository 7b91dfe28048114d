import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { findShadowed, warningOf } from '../../../src/core/route/conflict-shadow.ts'
import { plainRoute, type Route } from '../../../src/core/route/route.ts'
import { addRoutes, emptyTable, type Table } from '../../../src/core/route/table.ts'
import { findPath } from '../../../src/core/router/lookup.ts'
import { routesAt } from '../../../src/core/route/choice.ts'
import { parsePattern, shapeOf } from '../../../src/core/router/pattern.ts'

const routeOf = (text: string): Route => {
  const [method = '', path = ''] = text.split(' ')
  return plainRoute('app', text, method, path, { kind: 'module', module: 'app' })
}

const tableOf = (routes: readonly Route[]): Table => addRoutes(emptyTable, routes, 'exact').table

const rows: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['a constraint that takes everything', ['GET /:id', 'GET /:x(.+)'], ['GET /:id']],
  ['it goes on elsewhere', ['GET /:id/a', 'GET /:x(.+)/b', 'GET /:x(.+)'], []],
  ['what follows it takes everything too', ['GET /:id/a', 'GET /:x(.+)/:y'], ['GET /:id/a']],
  ['a wider constraint that is tried first', ['GET /:x(\\d+)', 'GET /:x(.+)'], ['GET /:x(\\d+)']],
  ['a wider constraint that is tried later', ['GET /:x([a-b]+)', 'GET /:x(\\w+)'], []],
  ['a constraint up to a length', ['GET /:x(\\w+)', 'GET /:x(.{1,9})'], []],
  [
    'static segments that are all of a constraint',
    ['GET /a', 'GET /b', 'GET /:x(a|b)'],
    ['GET /:x(a|b)'],
  ],
  ['static segments that are some of it', ['GET /a', 'GET /b', 'GET /:x(a|b|c)'], []],
  [
    'a rest that is taken in parts',
    ['GET /a/', 'GET /a/:x', 'GET /a/:x/*r', 'GET /a/*r'],
    ['GET /a/*r'],
  ],
  ['a rest of which a part is left', ['GET /a/:x', 'GET /a/:x/*r', 'GET /a/*r'], []],
  ['a constraint that takes nothing', ['GET /:x(a^b)'], ['GET /:x(a^b)']],
  ['a constraint that takes dot segments only', ['GET /:x(\\.{1,2})'], ['GET /:x(\\.{1,2})']],
  ['another method', ['GET /:id', 'POST /:x(.+)', 'HEAD /:x(.+)'], []],
  ['any method, but for those that have their own', ['* /:id', 'GET /:id', 'POST /:id'], []],
  ['any method takes all of a method', ['GET /:id', '* /:x(.+)'], ['GET /:id']],
  ['not understood', ['GET /a/:x(\\Qzz\\E)', 'GET /a/:id'], []],
]
for (const [name, texts, shadowed] of rows) {
  test(`${name}: ${shadowed.join() || 'all are reached'}`, () => {
    const routes = texts.map(routeOf)
    const found = findShadowed(tableOf(routes), routes)
    assert.deepEqual(
      found.map(({ route }) => route.id),
      shadowed,
    )
    for (const { route, by, witness } of found) {
      if (witness === null) continue
      const served = findPath(tableOf([route]).router, witness.method, witness.path)
      assert.equal(served.kind, 'match')
      assert.ok(by.length > 0 && !by.includes(route))
    }
  })
}

test('a route that is put in is told of with those that it shadows', () => {
  const routes = ['GET /a/:id', 'GET /b/:id', 'GET /a/:x(.+)'].map(routeOf)
  const [shadow, ...more] = findShadowed(tableOf(routes), routes.slice(2))
  assert.ok(shadow && more.length === 0)
  assert.equal(
    warningOf(shadow).message,
    'GET /a/:id (app) is never reached: GET /a/:x(.+) (app) served every request that was tried, like GET /a/x~',
  )
  const none = routeOf('GET /:x(a^b)')
  assert.deepEqual(
    findShadowed(tableOf([none]), [none]).map((one) => warningOf(one).message),
    ['GET /:x(a^b) (app) is never reached: a constraint takes no segment'],
  )
})

const segment = fc.constantFrom('a', 'b', ':p', ':p', ':p(a|b)', ':p(\\w)', ':p(.+)', ':p([^a])')
const routes = fc.uniqueArray(
  fc
    .tuple(
      fc.constantFrom('GET', 'GET', '*'),
      fc.array(segment, { maxLength: 3 }),
      fc.constantFrom('', '', '/', '/*r'),
    )
    .map(([method, segments, tail]) =>
      routeOf(
        `${method} ${segments.map((text, at) => `/${text.replace(':p', `:p${at}`)}`).join('')}${tail}`.replace(
          / $/,
          ' /',
        ),
      ),
    ),
  {
    selector: ({ methods: [method], paths: [path = ''] }) => {
      const { pattern } = parsePattern(path)
      return `${method} ${pattern === null ? path : shapeOf(pattern)}`
    },
    minLength: 2,
    maxLength: 9,
  },
)

const paths = ['/']
for (let depth = 0, from = 0; depth < 4; depth += 1) {
  const end = paths.length
  for (let at = from; at < end; at += 1) {
    const above = paths[at] === '/' ? '' : paths[at]
    paths.push(...['a', 'b', 'c', '~', 'cc'].map((text) => `${above}/${text}`))
  }
  from = end
}
paths.push(...paths.slice(1).map((path) => `${path}/`))

test('what is reported serves none of all short paths, and what is not serves some', () => {
  let count = 0
  fc.assert(
    fc.property(routes, (all) => {
      const table = tableOf(all)
      const reached = new Set<string>()
      for (const path of paths) {
        for (const method of ['GET', 'POST']) {
          const found = findPath(table.router, method, path)
          if (found.kind === 'match') for (const { id } of routesAt(found.value)) reached.add(id)
        }
      }
      const shadowed = findShadowed(table, all).map(({ route }) => route.id)
      count += shadowed.length
      const missing = all.map(({ id }) => id).filter((id) => !reached.has(id))
      assert.deepEqual(shadowed.toSorted(), missing.toSorted())
    }),
    { numRuns: 200 },
  )
  assert.ok(count > 10, `${count} shadowed`)
})
