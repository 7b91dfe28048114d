import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { explore } from '../../../src/core/router/explore.ts'
import { findPath, findRoute } from '../../../src/core/router/lookup.ts'
import type { TreeNode } from '../../../src/core/router/node.ts'
import { type PathOptions, canonicalPath } from '../../../src/core/router/path.ts'
import {
  type Router,
  buildRouter,
  editRouter,
  emptyRouter,
  entriesOf,
  insertRoute,
  placeOf,
  removeRoute,
} from '../../../src/core/router/router.ts'
import { checkTree } from './invariants.ts'
import { type Twin, pattern, twinAt, twinPut, twinRemove, twinRoute } from './twin.ts'

const methods = ['GET', 'POST', 'HEAD', 'PURGE', 'get', '*']

const segment = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('a', 'b', 'ab', 'abc', 'users', 'user', 'me', 'é', '.x', 'a b'),
  },
  { weight: 3, arbitrary: fc.constantFrom(':id', ':name', ':x1') },
  { weight: 2, arbitrary: fc.constantFrom(':id([0-9]+)', ':name(a.*)', ':x1([^/]+)') },
)
const patternText = fc
  .tuple(
    fc.uniqueArray(segment, { maxLength: 4, selector: (text) => text.replace(/\(.*/, '') }),
    fc.constantFrom('', '', '/', '/*', '/*rest'),
  )
  .map(
    ([segments, tail]) => `/${segments.join('/')}${segments.length === 0 ? tail.slice(1) : tail}`,
  )

/** Segments as clients, and those who look for a way round a guard, may spell them. */
const spelled = fc.constantFrom(
  'a',
  'b',
  'ab',
  'abc',
  'abcd',
  'users',
  'user',
  'me',
  '12',
  '1',
  'x.y',
  '.x',
  '..x',
  'a;b',
  '%61',
  '%61b',
  'us%65rs',
  '%75sers',
  '%C3%A9',
  '%c3%a9',
  '\u00c3\u00a9',
  '%C3\u00a9',
  'a%20b',
  'a b',
  '',
  '.',
  '..',
  '%2e',
  '%2E%2e',
  '.%2e',
  '%2e%2E',
  '...',
  '%41',
  '%2F',
  'a%2fb',
  '%5C',
  'a\\b',
  '%',
  '%4',
  '%zz',
  '%00',
  '\0',
  '\u0001',
  '\u007f',
  '%7F',
  'a#b',
  '%23',
  '\u00e9',
  '%E9',
  '%ff',
  '%C0%AF',
  '%25',
  '%2561',
  '|',
  '%7c',
  '"',
  '{}',
  '\u20ac',
  '\ud800',
  '\ud83d\ude00',
  '%ED%A0%80',
  ':id',
  '*',
  "'",
)
const target = fc
  .tuple(
    fc.array(spelled, { maxLength: 5 }),
    fc.constantFrom('/', '/', '/', '//', '/./', ''),
    fc.constantFrom('', '', '', '/', '?', '?q=/a/b', '?a%zz#', '/?x', '//', '/..', '#x'),
  )
  .map(([segments, first, tail]) => first + segments.join('/') + tail)

const step = fc.record({
  kind: fc.constantFrom('put', 'put', 'put', 'remove', 'removeKnown'),
  method: fc.constantFrom(...methods),
  text: patternText,
  pick: fc.nat(),
})

/** Few methods and many neighbours, so that nodes split, widen, shrink and merge. */
const crowdedStep = fc.record({
  kind: fc.constantFrom('put', 'put', 'removeKnown'),
  method: fc.constantFrom('GET', 'GET', 'GET', '*'),
  text: fc.oneof(
    fc.constantFrom(
      '/a',
      '/ab',
      '/abc',
      '/abd',
      '/abe',
      '/ac',
      '/acd',
      '/ad',
      '/x/:id',
      '/x/:id/a',
    ),
    fc.constantFrom('/x/:id/b', '/x/:id/c', '/x/*', '/x/:n(\\d+)', '/x/:n(\\w)/a', '/x/:n(\\w)/b'),
    patternText,
  ),
  pick: fc.nat(),
})

const plainFound = (
  router: Router<number>,
  method: string,
  url: string,
  options: PathOptions = {},
) => {
  const found = findRoute(router, method, url, options)
  if (found.kind === 'invalid') return { kind: found.kind, fault: found.fault }
  if (found.kind === 'miss') return { kind: found.kind, path: found.path }
  const { kind, value, params, canonical, pathEnd } = found
  return { kind, value, params: { ...params }, path: canonical ?? url.slice(0, pathEnd) }
}

const nodesOf = (router: Router<number>): Set<TreeNode<unknown>> => {
  const nodes = new Set<TreeNode<unknown>>()
  for (const tree of [router.any, ...router.methods.map(({ tree }) => tree)]) {
    for (const node of checkTree(tree)) nodes.add(node)
  }
  return nodes
}

const listed = (router: Router<number>) =>
  [...entriesOf(router)].map(({ method, pattern, value }) => `${method} ${pattern} ${value}`).sort()

const expected = (twin: Twin) =>
  twin.map(({ method, pattern, value }) => `${method} ${pattern.text} ${value}`).sort()

const grow = (steps: readonly { kind: string; method: string; text: string; pick: number }[]) => {
  const versions: { router: Router<number>; twin: Twin }[] = [{ router: emptyRouter, twin: [] }]
  for (const [value, { kind, method, text, pick }] of steps.entries()) {
    const { router, twin } = versions.at(-1)!
    const known = kind === 'removeKnown' ? twin[pick % Math.max(1, twin.length)] : undefined
    const at = known?.pattern ?? pattern(text)
    const on = known?.method ?? method
    assert.equal(placeOf(router, on, at)?.value, twinAt(twin, on, at)?.value)
    versions.push(
      kind === 'put'
        ? {
            router: insertRoute(router, on, at, value),
            twin: twinPut(twin, { method: on, pattern: at, value }),
          }
        : { router: removeRoute(router, on, at), twin: twinRemove(twin, on, at) },
    )
  }
  return versions
}

test('every version answers as the naive twin, after all later changes', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.array(fc.tuple(fc.constantFrom(...methods, 'PUT'), target), {
        minLength: 20,
        maxLength: 40,
      }),
      (steps, requests) => {
        for (const { router, twin } of grow(steps)) {
          assert.equal(router.size, twin.length)
          for (const [method, url] of requests) {
            assert.deepEqual(plainFound(router, method, url), twinRoute(twin, method, url))
          }
        }
      },
    ),
    { numRuns: 150 },
  )
})

test('the same with %2F kept', () => {
  const options: PathOptions = { encodedSlash: 'keep' }
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 15 }),
      fc.array(target, { maxLength: 40 }),
      (steps, urls) => {
        const { router, twin } = grow(steps).at(-1)!
        for (const url of urls) {
          assert.deepEqual(
            plainFound(router, 'GET', url, options),
            twinRoute(twin, 'GET', url, options),
          )
        }
      },
    ),
    { numRuns: 150 },
  )
})

test('after every change the trees hold their invariants, list what they should, and share', () => {
  fc.assert(
    fc.property(fc.array(crowdedStep, { maxLength: 80 }), (steps) => {
      let before = new Set<TreeNode<unknown>>()
      for (const { router, twin } of grow(steps)) {
        const nodes = nodesOf(router)
        assert.deepEqual(listed(router), expected(twin))
        const fresh = [...nodes].filter((node) => !before.has(node)).length
        // One path per tree: at most a node per char and the two that a split makes.
        const trees = router.methods.length + 1
        assert.ok(fresh <= trees * 24, `${fresh} new nodes of ${nodes.size}`)
        before = nodes
      }
    }),
    { numRuns: 100 },
  )
})

test('removing everything leaves the empty router', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const { router, twin } = grow(steps).at(-1)!
      let left = router
      for (const { method, pattern } of twin) left = removeRoute(left, method, pattern)
      assert.deepEqual(left, emptyRouter)
    }),
  )
})

test('a batch, a build and single changes give routers that answer alike; the base is untouched', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 20 }),
      fc.array(step, { maxLength: 20 }),
      fc.array(fc.tuple(fc.constantFrom(...methods), target), { minLength: 10, maxLength: 30 }),
      (first, second, requests) => {
        const base = grow(first).at(-1)!
        const before = listed(base.router)
        let { router, twin } = base
        const changes = second.map(({ kind, method, text }, index) => {
          const at = pattern(text)
          const value = 1000 + index
          if (kind === 'put') {
            router = insertRoute(router, method, at, value)
            twin = twinPut(twin, { method, pattern: at, value })
            return { kind: 'put' as const, method, pattern: at, value }
          }
          router = removeRoute(router, method, at)
          twin = twinRemove(twin, method, at)
          return { kind: 'remove' as const, method, pattern: at }
        })
        const edited = editRouter(base.router, changes)
        const built = buildRouter(twin)
        for (const made of [router, edited, built]) {
          nodesOf(made)
          assert.deepEqual(listed(made), expected(twin))
          for (const [method, url] of requests) {
            assert.deepEqual(plainFound(made, method, url), twinRoute(twin, method, url))
          }
        }
        nodesOf(base.router)
        assert.deepEqual(listed(base.router), before)
        for (const [method, url] of requests) {
          assert.deepEqual(plainFound(base.router, method, url), twinRoute(base.twin, method, url))
        }
      },
    ),
  )
})

test('the walk and the exploration of every alternative agree', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.array(target), (steps, urls) => {
      const { router } = grow(steps).at(-1)!
      for (const url of urls) {
        const { path } = canonicalPath(url)
        if (path === null) continue
        const found = findPath(router, 'GET', path)
        const [first] = explore(router.GET, path).ways
        assert.equal(found.kind === 'match' ? found.value : undefined, first?.leaf.value)
      }
    }),
    { numRuns: 300 },
  )
})
