import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  routesOfModules,
  routeId,
  type ListedModule,
} from '../../../src/core/route/module-routes.ts'
import {
  besideName,
  inServiceOf,
  movesBetween,
  renamed,
  sideBySide,
  stateSourceOf,
  withTraffic,
} from '../../../src/core/route/module-versions.ts'
import type { ModuleReference } from '../../../src/core/route/route.ts'
import { emptyTable, setModule, type Table } from '../../../src/core/route/table.ts'

/** A version of the module `users` that lists these paths; `name` in the table. */
function listed(
  version: string,
  { name = besideName('users', version), paths = ['/users'], ...more }: Partial<Given> = {},
): ListedModule {
  const reference: ModuleReference = {
    name,
    ...(name !== 'users' && { module: 'users' }),
    owner: 'files:users',
    version,
    digest: `digest of ${version}`,
    file: null,
    revision: 1,
    ...more,
  }
  const routes = paths.map((path) => ({ id: routeId(name, 'GET', path), method: 'GET', path }))
  return { reference, routes }
}

interface Given extends Pick<ModuleReference, 'traffic' | 'labels'> {
  readonly name: string
  readonly paths: readonly string[]
}

const shares = (modules: readonly ListedModule[]): readonly string[] =>
  modules.map(
    ({ reference: { version, traffic } }) =>
      `${version} ${traffic === undefined ? '-' : traffic.weight}`,
  )

const cases: readonly {
  readonly name: string
  readonly now: readonly ListedModule[]
  readonly next: readonly ListedModule[]
  readonly shares: readonly string[]
}[] = [
  { name: 'a lone version needs no share', now: [], next: [listed('1.0.0')], shares: ['1.0.0 -'] },
  {
    name: 'where nothing served before, the highest serves',
    now: [],
    next: [listed('1.0.0'), listed('2.0.0')],
    shares: ['1.0.0 -', '2.0.0 -'],
  },
  {
    name: 'a higher version waits beside the one in service',
    now: [listed('1.0.0')],
    next: [listed('1.0.0'), listed('2.0.0')],
    shares: ['1.0.0 100', '2.0.0 0'],
  },
  {
    name: 'so does a lower one',
    now: [listed('2.0.0')],
    next: [listed('1.0.0'), listed('2.0.0')],
    shares: ['1.0.0 0', '2.0.0 100'],
  },
  {
    name: 'shares of a rollout stay when its files are saved',
    now: [
      listed('1.0.0', { traffic: { weight: 75 } }),
      listed('2.0.0', { traffic: { weight: 25 } }),
    ],
    next: [listed('1.0.0'), listed('2.0.0')],
    shares: ['1.0.0 75', '2.0.0 25'],
  },
  {
    name: 'when the version in service goes, the highest of the rest serves',
    now: [
      listed('1.0.0', { traffic: { weight: 100 } }),
      listed('2.0.0', { traffic: { weight: 0 } }),
    ],
    next: [listed('2.0.0'), listed('3.0.0')],
    shares: ['2.0.0 -', '3.0.0 -'],
  },
  {
    name: 'versions without shares stay so when nothing is new',
    now: [listed('1.0.0'), listed('2.0.0')],
    next: [listed('1.0.0'), listed('2.0.0')],
    shares: ['1.0.0 -', '2.0.0 -'],
  },
]

for (const { name, now, next, shares: expected } of cases) {
  test(`versions in a folder: ${name}`, () => {
    assert.deepEqual(shares(sideBySide(now, next)), expected)
  })
}

test('labels of a canary stay when its file is saved', () => {
  const labels = { canary: 'true' }
  const now = [
    listed('1.0.0', { traffic: { weight: 95 } }),
    listed('2.0.0', { traffic: { weight: 5 }, labels }),
  ]
  const [, canary] = sideBySide(now, [listed('1.0.0'), listed('2.0.0')])
  assert.deepEqual(canary!.reference.labels, labels)
})

test('who serves whoever asks for nothing: the largest share, then the highest release', () => {
  const of = (...modules: readonly ListedModule[]): string | undefined =>
    inServiceOf(modules.map(({ reference }) => reference))?.version
  assert.equal(of(), undefined)
  assert.equal(of(listed('1.9.0'), listed('1.10.0')), '1.10.0')
  assert.equal(of(listed('1.0.0'), listed('2.0.0-rc.1')), '1.0.0')
  assert.equal(of(listed('2.0.0-rc.1'), listed('2.0.0-rc.2')), '2.0.0-rc.2')
  assert.equal(of(listed('1.0.0', { traffic: { weight: 60 } }), listed('2.0.0')), '1.0.0')
})

test('a version that stands alone leaves everything to method and path', () => {
  const [route] = routesOfModules('files:users', [listed('1.0.0', { name: 'users' })])
  assert.equal(route!.selection, null)
  assert.equal(route!.id, 'users#GET /users')
})

test('a client is on one side for a whole module: a place knows the sides that are absent from it', () => {
  const modules = [
    listed('1.0.0', { name: 'users', paths: ['/users/:id', '/old'], traffic: { weight: 95 } }),
    listed('2.0.0', { paths: ['/users/:name', '/new'], traffic: { weight: 5 } }),
  ]
  const absent = routesOfModules('files:users', modules).map(({ id, selection }) => [
    id,
    selection?.weight?.absent?.map(({ side, weight }) => `${side} ${weight}`) ?? [],
  ])
  assert.deepEqual(absent, [
    ['users#GET /users/:id', []],
    ['users#GET /old', ['users@2.0.0 5']],
    ['users@2.0.0#GET /users/:name', []],
    ['users@2.0.0#GET /new', ['users 95']],
  ])
})

test('a version takes another name, its routes with it', () => {
  const canary = withTraffic(listed('2.0.0', { traffic: { weight: 100 } }), null)
  const { reference, routes } = renamed(canary, 'users')
  assert.deepEqual(
    [reference.name, reference.module, reference.traffic],
    ['users', undefined, undefined],
  )
  assert.deepEqual(
    routes.map(({ id }) => id),
    ['users#GET /users'],
  )
})

/** A table that has these versions. */
const tableWith = (...modules: readonly ListedModule[]): Table =>
  modules.reduce((table, { reference }) => setModule(table, reference.name, reference), emptyTable)

const stateCases: readonly {
  readonly name: string
  readonly before: readonly ListedModule[]
  readonly after: readonly ListedModule[]
  readonly of: number
  readonly from: string | null
}[] = [
  {
    name: 'what is new begins with its own',
    before: [],
    after: [listed('1.0.0')],
    of: 0,
    from: null,
  },
  {
    name: 'what replaces takes it over',
    before: [listed('1.0.0', { name: 'users' })],
    after: [listed('1.1.0', { name: 'users' })],
    of: 0,
    from: 'users',
  },
  {
    name: 'a version beside another begins with its own',
    before: [listed('1.0.0', { name: 'users' })],
    after: [listed('1.0.0', { name: 'users' }), listed('2.0.0')],
    of: 1,
    from: null,
  },
  {
    name: 'who serves instead of a file takes it over',
    before: [listed('1.0.0', { name: 'users' })],
    after: [listed('1.0.0'), listed('2.0.0')],
    of: 1,
    from: 'users',
  },
  {
    name: 'not from one that serves on under another name',
    before: [listed('2.0.0', { name: 'users' })],
    after: [listed('1.0.0', { name: 'users' }), listed('2.0.0')],
    of: 0,
    from: null,
  },
]

for (const { name, before, after, of, from } of stateCases) {
  test(`state: ${name}`, () => {
    const reference = after[of]!.reference
    assert.equal(stateSourceOf(tableWith(...before), tableWith(...after), reference), from)
  })
}

test('a version that has another name in the next table moves, and is not loaded', () => {
  const before = tableWith(listed('1.0.0', { name: 'users' }), listed('2.0.0'))
  const after = tableWith(listed('2.0.0', { name: 'users' }))
  assert.deepEqual([...movesBetween(before, after)], [['users', 'users@2.0.0']])
  assert.deepEqual([...movesBetween(before, before)], [])
})
