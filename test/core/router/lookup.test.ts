import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { findRoute } from '../../../src/core/router/lookup.ts'
import { generateMake, plainMake } from '../../../src/core/router/params.ts'
import { buildRouter, editRouter, emptyRouter } from '../../../src/core/router/router.ts'
import { alternativesTried, maxAlternatives } from '../../../src/core/router/walk.ts'
import { pattern } from './twin.ts'

const routerOf = (...paths: readonly string[]) =>
  buildRouter(paths.map((path) => ({ method: 'GET', pattern: pattern(path), value: path })))

const params = (path: string, target: string): object | string => {
  const found = findRoute(routerOf(path), 'GET', target, { encodedSlash: 'keep' })
  return found.kind === 'match' ? { ...found.params } : found.kind
}

const captured: readonly (readonly [string, string, object | string])[] = [
  ['/users/:id', '/users/7', { id: '7' }],
  ['/users/:id', '/users/7?id=8', { id: '7' }],
  ['/users/:id', '/users/', 'miss'],
  ['/users/:id', '/users/7/', 'miss'],
  ['/users/:id', '/users/a%20b%C3%A9', { id: 'a b\u00e9' }],
  ['/users/:id', '/users/%2561', { id: '%61' }],
  ['/users/:id', '/users/a%2fb', { id: 'a/b' }],
  ['/:a/:b', '//x///y', { a: 'x', b: 'y' }],
  ['/:a/x/:b', '/..%2f/x/..', 'miss'],
  ['/f/*', '/f/a/b%20c', { '*': 'a/b c' }],
  ['/f/*rest', '/f/', { rest: '' }],
  ['/f/*rest', '/f', 'miss'],
  ['/f/*rest', '/f/a/../../etc', 'miss'],
  ['/f/*rest', '/f/..%2f..%2fetc', { rest: '..%2F..%2Fetc' }],
  ['/f/*rest', '/f/a%2Fb/%25', { rest: 'a%2Fb/%' }],
  ['/f/:id(\\d+)', '/f/12', { id: '12' }],
  ['/f/:id(\\d+)', '/f/12a', 'miss'],
  ['/f/:id(\\d+|x)', '/f/%31%32', { id: '12' }],
  ['/f/:id([\u00e0-\u00ff]+)', '/f/%C3%A9', { id: '\u00e9' }],
  ['/f/:hasOwnProperty/:constructor', '/f/a/b', { hasOwnProperty: 'a', constructor: 'b' }],
]
for (const [path, target, expected] of captured) {
  test(`${path} on ${target} captures ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(params(path, target), expected)
  })
}

test('a match tells the canonical path where the target is not, and where the query begins', () => {
  const router = routerOf('/users/:id')
  const found = (target: string) => {
    const found = findRoute(router, 'GET', target)
    return found.kind === 'match' ? [found.canonical, found.pathEnd] : found.kind
  }
  assert.deepEqual(found('/users/7'), [null, 8])
  assert.deepEqual(found('/users/7?a=/b'), [null, 8])
  assert.deepEqual(found('/users/%37?a'), ['/users/7', 10])
  assert.deepEqual(found('/users/a%20b?'), [null, 12])
  assert.deepEqual(found('//users/./7'), ['/users/7', 11])
})

test('a capture with an escape is not passed over for a less specific route', () => {
  const router = routerOf('/u/:x', '/:y/caf\u00e9', '/:y/.x', '/u/*rest')
  const value = (target: string) => {
    const found = findRoute(router, 'GET', target)
    return found.kind === 'match' ? found.value : found.kind
  }
  assert.equal(value('/u/caf%C3%A9'), '/u/:x')
  assert.equal(value('/u/.x'), '/u/:x')
  assert.equal(value('/v/caf%C3%A9'), '/:y/caf\u00e9')
})

const spellings = [
  '/secret',
  '/%73ecret',
  '//secret',
  '/./secret',
  '/x/../secret',
  '/%2e/secret',
  '/x/%2E%2e/secret',
  '/secret?x',
  '/s%65cret',
]
for (const target of spellings) {
  test(`a guard on /secret holds for ${target}`, () => {
    const found = findRoute(routerOf('/secret', '/*', '/:any', '/x/*'), 'GET', target)
    assert.ok(found.kind === 'match')
    assert.equal(found.value, '/secret')
  })
}

test('a table of all ways through static text and params stops at a bounded number of steps', () => {
  const depth = 14
  const paths = Array.from({ length: 2 ** depth }, (_, bits) =>
    Array.from({ length: depth }, (_, level) => ((bits >> level) & 1 ? '/a' : `/:p${level}`)).join(
      '',
    ),
  )
  const router = routerOf(...paths.map((path) => `${path}/end`))
  const found = findRoute(router, 'GET', `${'/a'.repeat(depth)}/other`)
  assert.deepEqual(found, { kind: 'invalid', fault: 'too-many-alternatives' })
  assert.ok(alternativesTried() <= maxAlternatives + 1)
  const hit = findRoute(router, 'GET', `${'/a'.repeat(depth)}/end`)
  assert.equal(hit.kind, 'match')
})

test('the steps of a look-up do not grow with the length of an adversarial target', () => {
  const router = routerOf('/:a/:b/c', '/a/:b/d', '/a/a/*', '/:a(a+)/:b/e', '/a/a/a/f')
  const steps = [10, 1000, 8000].map((length) => {
    findRoute(router, 'GET', `/a/${'a'.repeat(length)}/x`)
    const long = alternativesTried()
    findRoute(router, 'GET', `/a/b${'/a'.repeat(length)}`)
    return [long, alternativesTried()]
  })
  assert.deepEqual(steps[1], steps[0])
  assert.deepEqual(steps[2], steps[0])
})

test('many constraints on a long segment stop at the same bound', () => {
  const router = routerOf(...Array.from({ length: 300 }, (_, index) => `/:id([a-y]*z{${index}}1)`))
  const found = findRoute(router, 'GET', `/${'a'.repeat(16_000)}`)
  assert.deepEqual(found, { kind: 'invalid', fault: 'too-many-alternatives' })
  assert.equal(findRoute(router, 'GET', '/abczz1').kind, 'match')
  assert.equal(findRoute(router, 'GET', '/abc').kind, 'miss')
})

test('params are alike with and without generated code', () => {
  const names = ['a', 'b', '*']
  const text = '/x/yy/zzz'
  const spans = Int32Array.from([1, 2, 3, 5, 6, 9])
  assert.deepEqual(generateMake(names)?.(text, spans), plainMake(names)(text, spans))
})

test('look-ups work where code generation is forbidden', () => {
  const at = (file: string) =>
    JSON.stringify(new URL(`../../../src/core/router/${file}`, import.meta.url).href)
  const script = `
    import { insertRoute, emptyRouter } from ${at('router.js')}
    import { parsePattern } from ${at('pattern.js')}
    import { findRoute } from ${at('lookup.js')}
    const router = insertRoute(emptyRouter, 'GET', parsePattern('/a/:b').pattern, 1)
    console.log(JSON.stringify(findRoute(router, 'GET', '/a/x').params))`
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script],
    { encoding: 'utf8' },
  )
  assert.equal(stdout.trim(), '{"b":"x"}', stderr)
})

test('a pattern as long as allowed neither overflows the stack when put nor when taken', () => {
  const long = Array.from({ length: 1000 }, (_, index) => '/a'.repeat(index + 1))
  const router = editRouter<number>(
    emptyRouter,
    long.flatMap((path, value) => [
      { kind: 'put' as const, method: 'GET', pattern: pattern(path), value },
      { kind: 'put' as const, method: 'GET', pattern: pattern(`${path}/*`), value },
    ]),
  )
  assert.equal(findRoute(router, 'GET', `${'/a'.repeat(1000)}/b/c`).kind, 'match')
  const left = editRouter(
    router,
    long.map((path) => ({ kind: 'remove' as const, method: 'GET', pattern: pattern(path) })),
  )
  assert.equal(left.size, 1000)
})
