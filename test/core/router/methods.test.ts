import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allowedMethods, findRoute } from '../../../src/core/router/lookup.ts'
import {
  type Router,
  buildRouter,
  emptyRouter,
  entriesOf,
  insertRoute,
  placeOf,
  removeRoute,
} from '../../../src/core/router/router.ts'
import { pattern } from './twin.ts'

const routerOf = (...routes: readonly string[]): Router<string> =>
  buildRouter(
    routes.map((route) => {
      const [method = '', path = ''] = route.split(' ')
      return { method, pattern: pattern(path), value: route }
    }),
  )

const served = (router: Router<string>, method: string, target: string): string => {
  const found = findRoute(router, method, target)
  return found.kind === 'match' ? found.value : found.kind
}

test('a method of its own wins at its place; removed, the any-method route shows again', () => {
  const router = routerOf('* /a', 'GET /a')
  assert.equal(served(router, 'GET', '/a'), 'GET /a')
  assert.equal(served(router, 'PUT', '/a'), '* /a')
  assert.equal(served(removeRoute(router, 'GET', pattern('/a')), 'GET', '/a'), '* /a')
  assert.equal(served(removeRoute(router, '*', pattern('/a')), 'PUT', '/a'), 'miss')
  assert.equal(served(removeRoute(router, '*', pattern('/a')), 'GET', '/a'), 'GET /a')
})

test('the path decides before the method', () => {
  const router = routerOf('GET /users/:id', '* /users/me', 'POST /users/*')
  assert.equal(served(router, 'GET', '/users/me'), '* /users/me')
  assert.equal(served(router, 'POST', '/users/me'), '* /users/me')
  assert.equal(served(router, 'POST', '/users/x'), 'POST /users/*')
  assert.equal(served(router, 'GET', '/users/x'), 'GET /users/:id')
})

test('a more specific route of another method hides nothing', () => {
  const router = routerOf('POST /users/me', 'GET /users/:id')
  assert.equal(served(router, 'GET', '/users/me'), 'GET /users/:id')
})

test('HEAD asks its own routes, then what serves GET, any-method routes included', () => {
  const router = routerOf('GET /a', 'HEAD /a', 'GET /b', '* /c', 'POST /d')
  assert.equal(served(router, 'HEAD', '/a'), 'HEAD /a')
  assert.equal(served(router, 'HEAD', '/b?x'), 'GET /b')
  assert.equal(served(router, 'HEAD', '/%62'), 'GET /b')
  assert.equal(served(router, 'HEAD', '/c'), '* /c')
  assert.equal(served(router, 'HEAD', '/d'), 'miss')
  assert.equal(served(router, 'GET', '/a'), 'GET /a')
})

test('methods are case-sensitive tokens, rare ones work like any other', () => {
  const router = routerOf('PURGE /a', 'get /a', 'constructor /a', '* /b')
  assert.equal(served(router, 'PURGE', '/a'), 'PURGE /a')
  assert.equal(served(router, 'get', '/a'), 'get /a')
  assert.equal(served(router, 'GET', '/a'), 'miss')
  assert.equal(served(router, 'constructor', '/a'), 'constructor /a')
  assert.equal(served(router, 'toString', '/a'), 'miss')
  for (const method of ['PURGE', 'get', 'PROPFIND', 'toString']) {
    assert.equal(served(router, method, '/b'), '* /b')
  }
})

test('the methods allowed for a path', () => {
  const router = routerOf('GET /a', 'POST /a', 'DELETE /:x', 'HEAD /h', '* /any', 'PURGE /any')
  assert.deepEqual(allowedMethods(router, '/a'), ['DELETE', 'GET', 'HEAD', 'POST'])
  assert.deepEqual(allowedMethods(router, '/h'), ['DELETE', 'HEAD'])
  assert.deepEqual(allowedMethods(router, '/none/x'), [])
  assert.ok(allowedMethods(router, '/any').includes('*'))
})

const occupied: readonly (readonly [string, string, string | undefined])[] = [
  ['GET', '/users/:name', 'GET /users/:id'],
  ['GET', '/users/:x(\\d+)', 'GET /users/:n(\\d+)'],
  ['GET', '/users/:x([0-9]+)', undefined],
  ['GET', '/f/*other', 'GET /f/*'],
  ['GET', '/f/', undefined],
  ['GET', '/users', undefined],
  ['POST', '/users/:id', undefined],
  ['*', '/users/:id', undefined],
  ['*', '/any', '* /any'],
  ['GET', '/any', undefined],
  ['GET', '/caf%c3%a9', 'GET /caf\u00e9'],
]
for (const [method, path, there] of occupied) {
  test(`${method} ${path} meets ${there ?? 'nothing'}`, () => {
    const router = routerOf(
      'GET /users/:id',
      'GET /users/:n(\\d+)',
      'GET /f/*',
      '* /any',
      'GET /caf\u00e9',
    )
    const place = placeOf(router, method, pattern(path))
    assert.equal(place && `${place.method} ${place.pattern}`, there)
    const size = insertRoute(router, method, pattern(path), 'new').size
    assert.equal(size, router.size + (there === undefined ? 1 : 0))
  })
}

test('removing what is not there gives the same router', () => {
  const router = routerOf('GET /users/:id', '* /a')
  for (const [method, path] of [
    ['GET', '/users'],
    ['POST', '/users/:id'],
    ['GET', '/a'],
    ['*', '/b'],
  ] as const) {
    assert.equal(removeRoute(router, method, pattern(path)), router)
  }
  assert.equal(removeRoute<string>(emptyRouter, 'GET', pattern('/a')), emptyRouter)
})

test('every route is listed once, as it was written', () => {
  const routes = ['* /a', 'GET /a', 'GET /caf\u00e9/:id', 'PURGE /:x/*rest']
  const listed = [...entriesOf(routerOf(...routes))].map(
    ({ method, pattern }) => `${method} ${pattern}`,
  )
  assert.deepEqual(listed.sort(), routes)
})
