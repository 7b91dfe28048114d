import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explainRoute } from '../../../src/core/router/explain.ts'
import { findRoute } from '../../../src/core/router/lookup.ts'
import { buildRouter } from '../../../src/core/router/router.ts'
import { pattern } from './twin.ts'

const routes: readonly (readonly [string, string])[] = [
  ['GET', '/users/me'],
  ['GET', '/users/:id(\\d+)'],
  ['GET', '/users/:name'],
  ['*', '/users/:anyone'],
  ['GET', '/users/*path'],
  ['GET', '/users/:name/posts'],
  ['POST', '/orders'],
  ['GET', '/orders/:id(\\d+)/lines'],
  ['GET', '/caf\u00e9/'],
  ['HEAD', '/status'],
  ['GET', '/status'],
]
const router = buildRouter(
  routes.map(([method, path], value) => ({ method, pattern: pattern(path), value })),
)

test('a match names the pattern, why each segment was taken, and what was passed over', () => {
  assert.deepEqual(explainRoute(router, 'GET', '/users/%37?x'), {
    kind: 'match',
    path: '/users/7',
    method: 'GET',
    pattern: '/users/:id(\\d+)',
    segments: [
      { text: 'users', kind: 'static' },
      { text: '7', kind: 'constrained', name: 'id', value: '7', constraint: '\\d+' },
    ],
    passedOver: [
      { method: 'GET', pattern: '/users/:name', because: 'at "7" constrained comes before param' },
      { method: 'GET', pattern: '/users/*path', because: 'at "7" constrained comes before rest' },
    ],
    refused: [],
  })
})

test('the any-method route at the same place is passed over, the refused constraint shown', () => {
  const found = explainRoute(router, 'GET', '/users/a%20b')
  assert.ok(found.kind === 'match')
  assert.equal(found.pattern, '/users/:name')
  assert.deepEqual(found.segments.at(-1), {
    text: 'a%20b',
    kind: 'param',
    name: 'name',
    value: 'a b',
  })
  assert.deepEqual(found.passedOver, [
    {
      method: '*',
      pattern: '/users/:anyone',
      because: 'at the same place GET comes before any method',
    },
    { method: 'GET', pattern: '/users/*path', because: 'at "a%20b" param comes before rest' },
  ])
  assert.deepEqual(found.refused, [{ segment: 'a b', source: '\\d+' }])
})

test('HEAD prefers its own routes and says so', () => {
  const found = explainRoute(router, 'HEAD', '/status')
  assert.ok(found.kind === 'match')
  assert.equal(found.method, 'HEAD')
  assert.deepEqual(found.passedOver, [
    { method: 'GET', pattern: '/status', because: 'routes of HEAD come before those of GET' },
  ])
})

const misses = [
  [
    'a refused constraint',
    'GET',
    '/orders/x1/lines',
    {
      matched: '/orders/',
      at: 'x1',
      expected: [':(\\d+)'],
      refused: [{ segment: 'x1', source: '\\d+' }],
      otherMethods: [],
    },
  ],
  [
    'another method',
    'GET',
    '/orders',
    { matched: '/orders/', at: '', expected: [':(\\d+)'], refused: [], otherMethods: ['POST'] },
  ],
  [
    'another trailing slash',
    'GET',
    '/caf%c3%a9',
    {
      matched: '/caf%C3%A9/',
      at: '',
      expected: [],
      refused: [],
      otherMethods: [],
      otherSlash: '/caf%C3%A9/',
    },
  ],
  [
    'a path that goes on',
    'GET',
    '/orders/1/lines/2',
    { matched: '/orders/1/', at: 'lines', expected: ['lines'], refused: [], otherMethods: [] },
  ],
  [
    'nothing at all',
    'GET',
    '/x',
    {
      matched: '/',
      at: 'x',
      expected: ['orders', 'status', 'users', 'caf%C3%A9'],
      refused: [],
      otherMethods: [],
    },
  ],
] as const

for (const [name, method, path, nearest] of misses) {
  test(`a miss tells what came nearest: ${name}`, () => {
    const found = explainRoute(router, method, path)
    assert.ok(found.kind === 'miss')
    assert.deepEqual(
      { ...found.nearest, expected: [...found.nearest.expected].sort() },
      { ...nearest, expected: [...nearest.expected].sort() },
    )
  })
}

test('an invalid target is explained by its fault', () => {
  assert.deepEqual(explainRoute(router, 'GET', '/a%2Fb'), {
    kind: 'invalid',
    fault: 'encoded-slash',
  })
})

test('an explanation agrees with the look-up', () => {
  for (const method of ['GET', 'POST', 'HEAD', 'PURGE']) {
    for (const path of [
      '/users/me',
      '/users/1',
      '/users/x',
      '/users/x/posts',
      '/users/',
      '/users',
      '/status',
      '/orders/1/lines',
      '/',
    ]) {
      const found = findRoute(router, method, path)
      const explained = explainRoute(router, method, path)
      assert.equal(explained.kind, found.kind, `${method} ${path}`)
      if (found.kind === 'match' && explained.kind === 'match') {
        assert.equal(explained.pattern, found.pattern)
        const values = explained.segments.flatMap(({ name, value }) =>
          name === undefined ? [] : [[name, value]],
        )
        assert.deepEqual(Object.fromEntries(values), { ...found.params })
      }
    }
  }
})
