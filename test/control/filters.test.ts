import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getKey } from '../../src/core/persistent-map.ts'
import type { Route } from '../../src/core/route/route.ts'
import { filterUsersOf } from '../../src/core/route/table.ts'
import type { ChangeItem } from '../../src/control/change.ts'
import type { Publisher } from '../../src/control/publisher.ts'
import { objectsOf, tableOfObjects } from '../../src/core/route/objects.ts'
import type { RouteModule } from '../../src/modules/define.ts'
import { loadObject } from '../../src/modules/object-module.ts'
import { change, codesOf, edit, openRoad, routeTo } from './support/open.ts'

/** The module `auth`, each time another version, with these filters. */
const auth = (...names: readonly string[]): ChangeItem => {
  const module: RouteModule = {
    name: 'auth',
    register: (routes) => {
      for (const name of names) routes.filter(name, (_, next) => next())
    },
  }
  const { load, owner, label } = loadObject(module, 'auth', { prefix: '', middleware: [] }, 'files')
  return { kind: 'module', owner, label, load }
}

const routeWith = (id: string, ...names: readonly string[]): Route => ({
  ...routeTo('admin', id, `/${id}`),
  filters: names.map((name) => ({ kind: 'module', module: 'auth', name, args: {} })),
})

const put = (...routes: readonly Route[]): ChangeItem => edit('admin', { putRoutes: routes })
const remove: ChangeItem = { kind: 'remove', owner: 'files:auth' }
const users = ({ table }: Publisher): string[] =>
  [...filterUsersOf(table, 'auth')].map(({ id }) => id)

test('what routes name must be registered, and what is named must stay', async () => {
  const { publisher } = openRoad()
  const early = await change(publisher, [put(routeWith('a', 'one'))])
  assert.deepEqual(codesOf(early), ['admin TURNOUT_FILTER_UNKNOWN'])
  const both = await change(publisher, [put(routeWith('a', 'one')), auth('two', 'one')])
  assert.deepEqual(both.rejections, [], 'in one change they come together')
  assert.deepEqual(getKey(publisher.table.modules, 'auth')?.filters, ['one', 'two'])
  assert.deepEqual(users(publisher), ['a'])

  for (const item of [remove, auth('two'), auth()])
    assert.deepEqual(codesOf(await change(publisher, [item])), ['files:auth TURNOUT_FILTER_USED'])
  const wrong = await change(publisher, [put(routeWith('b', 'two', 'three', 'four'))])
  assert.deepEqual(codesOf(wrong), ['admin TURNOUT_FILTER_UNKNOWN', 'admin TURNOUT_FILTER_UNKNOWN'])
  assert.deepEqual((await change(publisher, [auth('one')])).rejections, [])

  const last = await change(publisher, [edit('admin', { removeRoutes: ['a'] }), remove])
  assert.deepEqual(last.rejections, [], 'in one change they go together')
  assert.deepEqual([publisher.table.modules.size, publisher.table.users.size], [0, 0])
})

test('a route that changes its filters gives up what it named', async () => {
  const { publisher } = openRoad()
  await change(publisher, [auth('one', 'two'), put(routeWith('a', 'one', 'two'))])
  await change(publisher, [put(routeWith('a', 'two'))])
  const used = await change(publisher, [auth('one')])
  assert.deepEqual(
    used.rejections[0]?.problems.map(({ message }) => message),
    ['The filter two of the module auth is used by route a (admin)'],
  )
  assert.deepEqual((await change(publisher, [auth('two')])).rejections, [])
  await change(publisher, [put(routeTo('admin', 'a', '/a'))])
  assert.deepEqual(users(publisher), [])
  assert.deepEqual((await change(publisher, [remove])).rejections, [])
})

test('each filter that would be lost is told once, of however many routes', async () => {
  const { publisher } = openRoad()
  const many = Array.from({ length: 50 }, (_, at) => routeWith(`r${at}`, 'one', 'two', 'one'))
  await change(publisher, [auth('one', 'two'), put(...many)])
  const gone = await change(publisher, [remove])
  assert.deepEqual(codesOf(gone), [
    'files:auth TURNOUT_FILTER_USED',
    'files:auth TURNOUT_FILTER_USED',
  ])
})

test('going back never leaves a route without its filter', async () => {
  const { publisher } = openRoad()
  await change(publisher, [auth('one')])
  await change(publisher, [auth('one', 'two')])
  await change(publisher, [put(routeWith('a', 'two'))])
  const who = { author: 'test', reason: 'back' }
  const refused = await publisher.takeBack(2, who)
  assert.deepEqual(codesOf(refused), ['test TURNOUT_FILTER_USED'])
  // With the route gone in the same step there is nothing to lose.
  assert.deepEqual((await publisher.rollBack(1, who)).rejections, [])
  assert.deepEqual(getKey(publisher.table.modules, 'auth')?.filters, ['one'])
  assert.deepEqual((await publisher.rollBack(3, who)).rejections, [])
  assert.deepEqual(users(publisher), ['a'])
})

test('a table that is read from a store knows who names what; a module without filters is kept as before', async () => {
  const { publisher } = openRoad()
  await change(publisher, [auth('one'), put(routeWith('a', 'one'))])
  const read = tableOfObjects(JSON.parse(JSON.stringify([...objectsOf(publisher.table)])))
  assert.deepEqual(
    [...filterUsersOf(read, 'auth')].map(({ id }) => id),
    ['a'],
  )
  await change(publisher, [edit('admin', { removeRoutes: ['a'] }), auth()])
  assert.ok(!Object.hasOwn(getKey(publisher.table.modules, 'auth')!, 'filters'))
})
