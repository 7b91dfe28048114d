import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RouteHandler } from '../../src/modules/define.ts'
import { RouteRegistrar, joinPath } from '../../src/modules/registrar.ts'

const joins: readonly (readonly [prefix: string, path: string, joined: string])[] = [
  ['', '/', '/'],
  ['', '/x', '/x'],
  ['', 'x', '/x'],
  ['/', '/', '/'],
  ['/', '/x', '/x'],
  ['/api', '/', '/api'],
  ['/api', '', '/api'],
  ['/api', '/x', '/api/x'],
  ['/api', 'x', '/api/x'],
  ['/api/', '/x', '/api/x'],
  ['/api', '/x/', '/api/x/'],
  ['/api/:id', '/*rest', '/api/:id/*rest'],
]

for (const [prefix, path, joined] of joins) {
  test(`'${prefix}' and '${path}' join to '${joined}'`, () => {
    assert.equal(joinPath(prefix, path), joined)
  })
}

const collect = (declare: (routes: RouteRegistrar) => void): string[] => {
  const list: string[] = []
  declare(new RouteRegistrar('/p', [], ({ method, path }) => list.push(`${method} ${path}`)))
  return list
}

const ok: RouteHandler = (c) => c.text('ok')

test('every method of the registrar registers its method below the prefix', () => {
  const list = collect((routes) => {
    routes.get('/a', ok).post('/a', ok).put('/a', ok).delete('/a', ok).patch('/a', ok)
    routes.head('/a', ok).options('/a', ok).any('/a', ok).handle(['GET', 'PURGE'], '/b', ok)
    routes.group('/g').group('/h').get('/', ok)
  })
  assert.deepEqual(list, [
    ...['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', '*'].map((m) => `${m} /p/a`),
    'GET /p/b',
    'PURGE /p/b',
    'GET /p/g/h',
  ])
})

const refused: readonly (readonly [name: string, declare: (routes: RouteRegistrar) => unknown])[] =
  [
    ['no handler', (routes) => routes.handle('GET', '/x', ...([] as unknown as [never]))],
    ['a handler that is no function', (routes) => routes.get('/x', 'hello' as never)],
    ['middleware that is no function', (routes) => routes.use(5 as never)],
    ['a path that is no string', (routes) => routes.get(5 as never, ok)],
    ['a method that is no token', (routes) => routes.handle('GE T', '/x', ok)],
  ]

for (const [name, declare] of refused) {
  test(`${name} is refused with a code`, () => {
    assert.throws(() => collect(declare), { code: 'TURNOUT_REGISTRATION_INVALID' })
  })
}
