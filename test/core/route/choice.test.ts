import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Facts } from '../../../src/core/route/facts.ts'
import { findServing } from '../../../src/core/route/find.ts'
import { plainRoute, type Route, type Selection } from '../../../src/core/route/route.ts'
import { addRoutes, emptyTable, removeRoutes, type Table } from '../../../src/core/route/table.ts'

const nothing: Selection = {
  predicates: [],
  version: null,
  isBaseline: false,
  labels: {},
  weight: null,
  order: 0,
}

const route = (id: string, place: string, selection: Partial<Selection> | null): Route => {
  const [method = '', path = ''] = place.split(' ')
  const plain = plainRoute('admin', id, method, path, { kind: 'uri', uri: `http://${id}.test` })
  return { ...plain, selection: selection === null ? null : { ...nothing, ...selection } }
}

const tableOf = (routes: readonly Route[]): Table => {
  const { table, refusals } = addRoutes(emptyTable, routes)
  assert.deepEqual(
    refusals.map(({ problem }) => problem.message),
    [],
  )
  return table
}

interface Asked {
  readonly method?: string
  readonly target?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly from?: string
}

const served = (table: Table, asked: Asked): string | null => {
  const { method = 'GET', target = '/a', headers = {}, from = '10.0.0.1' } = asked
  const facts: Facts = { header: (name) => headers[name], remoteAddress: () => from, target }
  const found = findServing(
    table.router,
    method,
    target,
    { encodedSlash: 'reject' },
    facts,
    () => 0,
  )
  return found.kind === 'match' ? found.value.id : null
}

const header = (name: string, equals: string): Selection['predicates'] => [
  { kind: 'header', name, equals, matches: null },
]

const gold = header('x-plan', 'gold')
const asked = (version: string): Asked => ({ headers: { 'x-api-version': version } })
const labelled = (labels: string): Asked => ({ headers: { 'x-turnout-labels': labels } })

const cases: readonly {
  readonly name: string
  readonly routes: readonly Route[]
  readonly asks: readonly (readonly [Asked, string | null])[]
}[] = [
  {
    name: 'a route whose predicate does not hold is passed over for the one without',
    routes: [route('gold', 'GET /a', { predicates: gold }), route('rest', 'GET /a', null)],
    asks: [
      [{ headers: { 'x-plan': 'gold' } }, 'gold'],
      [{ headers: { 'x-plan': 'tin' } }, 'rest'],
      [{}, 'rest'],
    ],
  },
  {
    name: 'where no route of a place is eligible, the walk goes on to a less specific place',
    routes: [
      route('gold', 'GET /a', { predicates: gold }),
      route('param', 'GET /:name', { predicates: header('x-plan', 'tin') }),
      route('all', 'GET /*rest', null),
    ],
    asks: [
      [{ headers: { 'x-plan': 'gold' } }, 'gold'],
      [{ headers: { 'x-plan': 'tin' } }, 'param'],
      [{}, 'all'],
    ],
  },
  {
    name: 'an any-method route that is covered by a method comes when none of that method holds',
    routes: [
      route('any', '* /a', null),
      route('gold', 'GET /a', { predicates: gold }),
      route('all', 'GET /*rest', null),
    ],
    asks: [
      [{ headers: { 'x-plan': 'gold' } }, 'gold'],
      [{}, 'any'],
      [{ method: 'POST' }, 'any'],
    ],
  },
  {
    name: 'HEAD asks what serves GET, with the same conditions',
    routes: [route('gold', 'GET /a', { predicates: gold }), route('all', 'GET /*rest', null)],
    asks: [
      [{ method: 'HEAD', headers: { 'x-plan': 'gold' } }, 'gold'],
      [{ method: 'HEAD' }, 'all'],
    ],
  },
  {
    name: 'versions: an exact one, a range, the highest where nothing was asked, pre-releases only when asked',
    routes: [
      route('one', 'GET /a', { version: '1.2.0' }),
      route('two', 'GET /a', { version: '2.0.0' }),
      route('next', 'GET /a', { version: '3.0.0-beta.1' }),
    ],
    asks: [
      [{}, 'two'],
      [asked('1.2.0'), 'one'],
      [asked('^1.0'), 'one'],
      [asked('>=1 <3'), 'two'],
      [asked('3.0.0-beta.1'), 'next'],
      [asked('4'), null],
      [asked('nonsense'), null],
    ],
  },
  {
    name: 'a version that nobody has goes to the route without one, and a baseline takes later ones',
    routes: [
      route('old', 'GET /a', { version: '1.0.0', isBaseline: true }),
      route('two', 'GET /a', { version: '2.0.0' }),
      route('none', 'GET /b', null),
      route('one', 'GET /b', { version: '1.0.0' }),
    ],
    asks: [
      [asked('1.5.0'), 'old'],
      [asked('2.0.0'), 'two'],
      [{ target: '/b', ...asked('7') }, 'none'],
      [{ target: '/b' }, 'one'],
    ],
  },
  {
    name: 'labels: only who names all of them is served by it, and the most labels win',
    routes: [
      route('stable', 'GET /a', null),
      route('canary', 'GET /a', { labels: { canary: 'true' } }),
      route('canary-eu', 'GET /a', { labels: { canary: 'true', region: 'eu' } }),
    ],
    asks: [
      [{}, 'stable'],
      [labelled('canary=true'), 'canary'],
      [labelled('region=eu'), 'stable'],
      [labelled('canary=true, region=eu'), 'canary-eu'],
      [labelled('canary'), 'stable'],
    ],
  },
  {
    name: 'order ranks inside a place',
    routes: [
      route('second', 'GET /a', { order: 2 }),
      route('first', 'GET /a', { order: 1, predicates: header('x-b', '1') }),
    ],
    asks: [
      [{ headers: { 'x-b': '1' } }, 'first'],
      [{}, 'second'],
    ],
  },
  {
    name: 'params have the names of the route that serves, wherever it stands',
    routes: [
      route('gold', 'GET /users/:id', { predicates: gold }),
      route('rest', 'GET /users/:name', null),
    ],
    asks: [
      [{ target: '/users/7', headers: { 'x-plan': 'gold' } }, 'gold'],
      [{ target: '/users/%41b' }, 'rest'],
      [{ target: '/users/./7?x=1', headers: { 'x-plan': 'gold' } }, 'gold'],
    ],
  },
]

for (const { name, routes, asks } of cases) {
  test(name, () => {
    for (const order of [routes, routes.toReversed()]) {
      const table = tableOf(order)
      for (const [ask, expected] of asks)
        assert.equal(served(table, ask), expected, JSON.stringify(ask))
    }
  })
}

test('params are those of the candidate that serves', () => {
  const table = tableOf(cases.at(-1)!.routes)
  const find = (headers: Readonly<Record<string, string>>): unknown => {
    const facts: Facts = {
      header: (name) => headers[name],
      remoteAddress: () => undefined,
      target: '/users/7',
    }
    const options = { encodedSlash: 'reject' } as const
    const found = findServing(table.router, 'GET', '/users/7', options, facts, () => 0)
    return found.kind === 'match' ? { ...found.params } : null
  }
  assert.deepEqual(find({ 'x-plan': 'gold' }), { id: '7' })
  assert.deepEqual(find({}), { name: '7' })
})

test('weights: each client keeps its side, and shares are as asked within 2 %', () => {
  const share = (id: string, weight: number): Route =>
    route(id, 'GET /a', { weight: { group: 'g', weight } })
  const table = tableOf([share('a', 1), share('b', 3), share('off', 0)])
  const counts = new Map<string | null, number>()
  const clients = 20_000
  for (let at = 0; at < clients; at += 1) {
    const from = `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`
    const id = served(table, { from })
    assert.equal(served(table, { from }), id)
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  assert.ok(Math.abs((counts.get('a') ?? 0) / clients - 0.25) < 0.02, `${counts.get('a')}`)
  assert.equal(counts.has('off'), false)
})

const refused: readonly (readonly [
  name: string,
  Partial<Selection> | null,
  Partial<Selection> | null,
])[] = [
  ['nothing decides', null, null],
  ['an empty selection decides nothing', {}, null],
  ['the same version', { version: '1.0.0' }, { version: '1.0.0' }],
  ['labels that a request may both name', { labels: { a: '1' } }, { labels: { b: '1' } }],
  [
    'predicates that one request may meet both',
    { predicates: gold },
    { predicates: header('x-b', '1') },
  ],
  [
    'weights of two groups',
    { weight: { group: 'a', weight: 1 } },
    { weight: { group: 'b', weight: 1 } },
  ],
]

for (const [name, left, right] of refused) {
  test(`two routes of one place conflict: ${name}`, () => {
    const { refusals } = addRoutes(emptyTable, [
      route('left', 'GET /a', left),
      route('right', 'GET /a', right),
    ])
    const [found] = refusals.map(({ problem }) => problem)
    assert.equal(found?.code, 'TURNOUT_ROUTE_CONFLICT')
    assert.match(found.message, /left/)
    assert.match(found.message, /right/)
    assert.match(found.message, /GET \/a/)
  })
}

test('the witness of a conflict names what the request must have', () => {
  const { refusals } = addRoutes(emptyTable, [
    route('left', 'GET /a', { predicates: gold }),
    route('right', 'GET /a', { predicates: header('x-b', '1') }),
  ])
  assert.match(
    refusals[0]!.problem.message,
    /GET \/a with .*"x-b":"1","x-plan":"gold".*neither order, version, labels, weight nor predicates decide/,
  )
})

test('routes come and go at one place, and what is left serves as if it had been alone', () => {
  const values = ['0', '1', '2'] as const
  const candidates = [
    ...values.map((value) => route(`h${value}`, 'GET /a', { predicates: header('x-v', value) })),
    ...values.map((value) => route(`o${value}`, 'GET /a', { order: 1 + Number(value) })),
    route('any', '* /a', null),
    route('all', 'GET /*rest', null),
  ]
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.constantFrom(...candidates), { selector: ({ id }) => id }),
      fc.uniqueArray(fc.constantFrom(...candidates), { selector: ({ id }) => id }),
      fc.constantFrom(...values, '9'),
      (there, gone, value) => {
        const left = there.filter(({ id }) => !gone.some((one) => one.id === id))
        const edited = removeRoutes(tableOf(there), gone)
        const ask = { headers: { 'x-v': value } }
        assert.equal(served(edited, ask), served(tableOf(left), ask))
        assert.equal(edited.routes.size, left.length)
        // The slow way: order, then who asks for more, then the any-method route, then the less specific.
        const ids = new Set(left.map(({ id }) => id))
        const inOrder = [`h${value}`, 'o0', 'o1', 'o2', 'any', 'all']
        assert.equal(served(edited, ask), inOrder.find((id) => ids.has(id)) ?? null)
      },
    ),
  )
})

test('a weight of zero serves who asks for its labels or its very version, and nobody else', () => {
  const group = (weight: number): Selection['weight'] => ({ group: 'g', weight })
  const versions = tableOf([
    route('one', 'GET /a', { version: '1.0.0', weight: group(1) }),
    route('two', 'GET /a', { version: '2.0.0', weight: group(0) }),
  ])
  assert.equal(served(versions, {}), 'one')
  assert.equal(served(versions, asked('2.0.0')), 'two')
  assert.equal(served(versions, asked('>=1')), 'one')
  const labels = tableOf([
    route('stable', 'GET /a', null),
    route('canary', 'GET /a', { labels: { canary: 'true' }, weight: group(0) }),
  ])
  assert.equal(served(labels, {}), 'stable')
  assert.equal(served(labels, labelled('canary=true')), 'canary')
  const stricter = tableOf([
    route('rest', 'GET /a', null),
    route('gold', 'GET /a', { predicates: gold, weight: group(0) }),
  ])
  assert.equal(served(stricter, { headers: { 'x-plan': 'gold' } }), 'rest')
})
