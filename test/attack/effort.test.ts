// One request must not take everybody's time: its cost is counted in steps and not by a clock.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spend, withEffort } from '../../src/core/effort.ts'
import { findConflicts, maxAtPlace } from '../../src/core/route/conflict.ts'
import { parseRoute } from '../../src/core/route/parse.ts'
import type { Route } from '../../src/core/route/route.ts'
import { emptyTable } from '../../src/core/route/table.ts'
import { parsePattern } from '../../src/core/router/pattern.ts'
import { open, target } from '../admin/support/open.ts'

const many = (count: number, fields: (at: number) => object): object[] =>
  Array.from({ length: count }, (_, at) => ({ id: `r${at}`, path: '/p', target, ...fields(at) }))

const read = (inputs: readonly object[]): Route[] =>
  inputs.map((input) => {
    const { route, problems } = parseRoute(input, { owner: 'admin', pointer: '' })
    assert.ok(route !== null, JSON.stringify(problems))
    return route
  })

const matching = (at: number): string => `(a|b)*a(a|b){${(at % 20) + 1}}${at}`

test('a place takes so many routes and no more', () => {
  const routes = read(many(maxAtPlace + 1, (order) => ({ order })))
  assert.deepEqual(findConflicts(emptyTable, routes.slice(1), 'ambiguous'), [])
  const [finding, ...rest] = findConflicts(emptyTable, routes, 'ambiguous')
  assert.match(finding!.reason, /routes would lie there/)
  assert.deepEqual(rest, [])
})

test('expressions that take too long to be told apart are in the way', () => {
  const predicates = (at: number) => [{ kind: 'header', name: 'x', matches: matching(at) }]
  const routes = read(many(200, (at) => ({ predicates: predicates(at) })))
  const findings = findConflicts(emptyTable, routes, 'ambiguous')
  assert.ok(findings.some(({ reason }) => reason.includes('too long')))
  // Nothing of it is remembered: with less to look at it can be told.
  assert.deepEqual(findConflicts(emptyTable, routes.slice(-2), 'ambiguous'), [])
})

test('a pattern has few constraints, and no more are compiled', () => {
  const path = (count: number): string =>
    Array.from({ length: count }, (_, at) => `/:p${at}(\\d{${at + 1}})`).join('')
  assert.equal(parsePattern(path(8)).problems, null)
  assert.equal(parsePattern(path(9)).problems?.length, 1)
})

test('effort inside effort is a part of it', () => {
  const seen = withEffort(10, () => [
    withEffort(5, () => spend(4)),
    withEffort(5, () => spend(5)),
    spend(1),
  ])
  assert.deepEqual(seen, [true, false, false])
  assert.equal(spend(1e9), true)
})

const paths = Array.from({ length: 32 }, (_, at) => `/m/${at}`)
const methods = Array.from({ length: 32 }, (_, at) => `M${at}`)
const large: readonly (readonly [what: string, put: readonly object[]])[] = [
  [
    'methods of paths',
    many(10, (at) => ({ methods, path: undefined, paths: paths.map((path) => `${path}/${at}`) })),
  ],
  ['regular expressions', many(501, (at) => ({ path: `/e/${at}/:p(x${at})` }))],
]
for (const [what, put] of large) {
  test(`a change set with too many ${what} is refused`, async (t) => {
    const { send } = await open(t)
    const { status, body } = await send('POST', '/api/changes', { body: { routes: { put } } })
    assert.equal(status, 422)
    assert.match(body.problems[0].detail, new RegExp(what))
  })
}

test('a change set of nothing but mistakes is told a hundred of them', async (t) => {
  const { send } = await open(t)
  const put = Array.from({ length: 500 }, () => ({ a: 1, b: 2 }))
  const { status, body } = await send('POST', '/api/changes', { body: { routes: { put } } })
  assert.equal(status, 422)
  assert.equal(body.problems.length, 100)
})

test('an id that stands twice in a change set is found, first or last', async (t) => {
  const { send } = await open(t)
  const routes = { put: [{ id: 'a', path: '/a', target }], remove: ['b', 'a'] }
  const { status } = await send('POST', '/api/changes?force=true', { body: { routes } })
  assert.equal(status, 422)
})
