import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { compareAnswers, maxPlaces, type Answer } from '../../../src/core/rollout/compare.ts'
import type { Json } from '../../../src/core/json.ts'
import { sameJson } from '../../../src/core/same-json.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const json = (value: Json | string, status = 200, ...headers: string[]): Answer => ({
  status,
  headers: ['Content-Type', 'application/json', ...headers],
  body: bytes(typeof value === 'string' ? value : JSON.stringify(value)),
})
const text = (body: string): Answer => ({
  status: 200,
  headers: ['content-type', 'text/plain'],
  body: bytes(body),
})
const rules = { headers: ['content-type', 'x-total'], ignore: [] }

/** `place stable -> canary` of each difference. */
const shown = (
  stable: Answer,
  canary: Answer,
  ignore: readonly string[] = [],
  again: Answer = stable,
): readonly string[] =>
  compareAnswers({ stable, again, canary }, { ...rules, ignore }).differences.map(
    (one) => `${one.place} ${one.stable} -> ${one.canary}`,
  )

type Row = readonly [string, Answer, Answer, readonly string[], (readonly string[])?]
const table: readonly Row[] = [
  ['the same', json({ a: 1 }), json({ a: 1 }), []],
  ['another order of keys', json({ a: 1, b: 2 }), json({ b: 2, a: 1 }), []],
  ['another way to write it', json('{"a":1.0,"b":1e2}'), json('{ "a":1, "b":100 }'), []],
  ['a changed field', json({ a: 1 }), json({ a: 2 }), ['body /a 1 -> 2']],
  ['a missing field', json({ a: 1, b: 'x' }), json({ a: 1 }), ['body /b "x" -> null']],
  ['a new field', json({}), json({ b: null }), ['body /b null -> null']],
  ['another kind', json({ a: [] }), json({ a: {} }), ['body /a [] -> {}']],
  ['a number for a text', json({ a: 1 }), json({ a: '1' }), ['body /a 1 -> "1"']],
  ['the whole body', json([]), json('7'), ['body [] -> 7']],
  ['another order of a list', json([1, 2]), json([2, 1]), ['body /* 1 -> 2']],
  ['a longer list', json({ a: [1] }), json({ a: [1, 2] }), ['body /a a list of 1 -> a list of 2']],
  [
    'inside lists, each place once',
    json({ items: [{ price: 1 }, { price: 2 }] }),
    json({ items: [{ price: 9 }, { price: 8 }] }),
    ['body /items/*/price 1 -> 9'],
  ],
  ['keys with slashes', json({ 'a/b~': 1 }), json({ 'a/b~': 2 }), ['body /a~1b~0 1 -> 2']],
  ['a key like a prototype', json('{"__proto__":1}'), json('{}'), ['body /__proto__ 1 -> null']],
  ['a changed status', json({}), json({}, 500), ['status 200 -> 500']],
  ['a missing header', json({}, 200, 'X-Total', '7'), json({}), ['header x-total 7 -> null']],
  ['a header that is not compared', json({}, 200, 'x-other', '7'), json({}), []],
  [
    'several values of a header',
    json({}, 200, 'x-total', '1', 'X-Total', '2'),
    json({}, 200, 'x-total', '1'),
    ['header x-total 1, 2 -> 1'],
  ],
  ['texts', text('one'), text('two'), ['body one -> two']],
  ['bytes that are no text', text('\0a'), text('\0bc'), ['body 2 bytes -> 3 bytes']],
  ['JSON that is none', json('{"a":1}'), json('{"a":'), ['body {"a":1} -> {"a":']],
  ['what is ignored', json({ a: { b: 1 }, c: 2 }), json({ a: { b: 3 }, c: 2 }), [], ['/a/b']],
  ['all below what is ignored', json({ a: { b: 1 } }), json({ a: 7 }), [], ['/a']],
  [
    'ignored in all of a list',
    json([{ at: 1, n: 1 }]),
    json([{ at: 2, n: 2 }]),
    ['body /*/n 1 -> 2'],
    ['/*/at'],
  ],
  ['ignored at one index', json([1, 2]), json([3, 4]), ['body /* 2 -> 4'], ['/0']],
  ['an ignored key with a slash', json({ 'a/b': 1 }), json({ 'a/b': 2 }), [], ['/a~1b']],
]

for (const [name, stable, canary, differences, ignore] of table) {
  test(`compares ${name}`, () => assert.deepEqual(shown(stable, canary, ignore), differences))
}

test('what two runs of the stable version differ in is noise', () => {
  const { differences, noise } = compareAnswers(
    {
      stable: json({ at: 1, name: 'a', id: 'x' }, 200, 'x-total', '1'),
      again: json({ at: 2, name: 'a', id: 'y' }, 200, 'x-total', '2'),
      canary: json({ at: 3, name: 'b', id: 'z' }, 200, 'x-total', '3'),
    },
    rules,
  )
  assert.deepEqual([...noise], ['header x-total', 'body /at', 'body /id'])
  assert.deepEqual(
    differences.map(({ place }) => place).filter((place) => !noise.has(place)),
    ['body /name'],
  )
})

test('deep and wide bodies are compared, in bounded places', () => {
  const deep = (inner: string): string => `${'['.repeat(20_000)}${inner}${']'.repeat(20_000)}`
  assert.deepEqual(shown(json(deep('1')), json(deep('1'))), [])
  assert.deepEqual(shown(json(deep('1')), json(deep('2'))), [`body ${'/*'.repeat(32)} 1 -> 2`])
  assert.deepEqual(shown(json(deep('1')), json('[7]')), [
    'body /* nested too deep to be shown -> 7',
  ])
  const wide = (value: number): Json =>
    Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`key${at}`, value]))
  assert.equal(shown(json(wide(1)), json(wide(2))).length, maxPlaces)
  const long = json({ a: 'x'.repeat(300_000) })
  assert.deepEqual(shown(long, long), [])
  assert.equal(shown(long, json({ a: 'y'.repeat(300_000) }))[0]!.length < 450, true)
})

test('two values of JSON differ somewhere exactly when they are not the same', () => {
  const value = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>
  const pair = fc.oneof(
    fc.tuple(value, value),
    value.map((one) => [one, one] as const),
  )
  fc.assert(
    fc.property(pair, ([left, right]) => {
      assert.equal(
        shown(json(JSON.stringify(left)), json(JSON.stringify(right))).length === 0,
        // What is read back: minus zero is written as zero.
        sameJson(
          JSON.parse(JSON.stringify(left)) as Json,
          JSON.parse(JSON.stringify(right)) as Json,
        ),
      )
    }),
  )
})
