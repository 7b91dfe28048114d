import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Filter, RouteHandler } from '../../src/modules/define.ts'
import { DefinitionRegistrar } from '../../src/modules/module-registrar.ts'
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

const declared = (declare: (routes: DefinitionRegistrar) => unknown): readonly string[] => {
  const routes = new DefinitionRegistrar('/p', [])
  declare(routes)
  return [...routes.end().filters.keys()]
}
const pass: Filter = (_, next) => next()

test('filters have names of their own, whatever group and prefix', () => {
  const names = declared((routes) => {
    routes.filter('a', pass).get('/a', ok)
    routes.filter('caf\u00e9 b', pass)
  })
  assert.deepEqual(names, ['a', 'caf\u00e9 b'])
})

const badFilters: readonly (readonly [string, (routes: DefinitionRegistrar) => unknown, string])[] =
  [
    ['no name', (routes) => routes.filter('', pass), 'TURNOUT_REGISTRATION_INVALID'],
    [
      'a name of no text',
      (routes) => routes.filter(5 as never, pass),
      'TURNOUT_REGISTRATION_INVALID',
    ],
    [
      'a name with a line break',
      (routes) => routes.filter('a\nb', pass),
      'TURNOUT_REGISTRATION_INVALID',
    ],
    [
      'a long name',
      (routes) => routes.filter('a'.repeat(257), pass),
      'TURNOUT_REGISTRATION_INVALID',
    ],
    ['no function', (routes) => routes.filter('a', {} as never), 'TURNOUT_REGISTRATION_INVALID'],
    [
      'a name twice',
      (routes) => routes.filter('a', pass).filter('a', pass),
      'TURNOUT_FILTER_TWICE',
    ],
    [
      'too many',
      (routes) => {
        for (let at = 0; at < 257; at += 1) routes.filter(`f${at}`, pass)
      },
      'TURNOUT_REGISTRATION_INVALID',
    ],
    [
      'one that comes late',
      (routes) => {
        routes.end()
        routes.filter('a', pass)
      },
      'TURNOUT_REGISTRATION_LATE',
    ],
  ]
for (const [name, declare, code] of badFilters) {
  test(`a filter with ${name} is refused with ${code}`, () => {
    assert.throws(() => declared(declare), { code })
  })
}
