import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  type PersistentMap,
  deleteKey,
  diffMaps,
  editMap,
  emptyMap,
  entriesFrom,
  getKey,
  maxKeyLength,
  setKey,
} from '../../src/core/persistent-map.ts'

const key = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'ab',
    'abc',
    'b',
    'route-1',
    'route-12',
    'route-2',
    '%',
    '%0041',
    '\0',
    'é',
    'owner a',
  ),
  fc.string({ maxLength: 4, unit: 'binary' }),
)
const step = fc.record({ key, value: fc.option(fc.nat(), { nil: undefined }) })

const sorted = (entries: Iterable<readonly [string, number]>) =>
  [...entries].sort(([a], [b]) => (a < b ? -1 : 1))

test('every version answers as a Map does, after all later changes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(key), (steps, keys) => {
      let map: PersistentMap<number> = emptyMap
      let twin = new Map<string, number>()
      const versions = [{ map, twin }]
      for (const { key, value } of steps) {
        twin = new Map(twin)
        if (value === undefined) {
          const had = twin.delete(key)
          const next = deleteKey(map, key)
          assert.equal(next !== map, had)
          map = next
        } else {
          twin.set(key, value)
          map = setKey(map, key, value)
        }
        versions.push({ map, twin })
      }
      for (const { map, twin } of versions) {
        assert.equal(map.size, twin.size)
        assert.deepEqual(sorted(entriesFrom(map)), sorted(twin))
        for (const key of [...keys, ...twin.keys()]) {
          assert.equal(getKey(map, key), twin.get(key))
          const below = [...twin].filter(([other]) => other.startsWith(key))
          assert.deepEqual(sorted(entriesFrom(map, key)), sorted(below))
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('a batch is the sum of its changes and leaves its base alone', () => {
  fc.assert(
    fc.property(fc.array(step), fc.array(step), (first, second) => {
      const changesOf = (steps: readonly { key: string; value: number | undefined }[]) =>
        steps.map(({ key, value }) => (value === undefined ? { key } : { key, value }))
      const apply = (map: PersistentMap<number>, steps: typeof first) =>
        steps.reduce(
          (map, { key, value }) =>
            value === undefined ? deleteKey(map, key) : setKey(map, key, value),
          map,
        )
      const base = editMap<number>(emptyMap, changesOf(first))
      const before = [...entriesFrom(base)]
      assert.deepEqual(before, [...entriesFrom(apply(emptyMap, first))])
      const edited = editMap(base, changesOf(second))
      assert.deepEqual([...entriesFrom(edited)], [...entriesFrom(apply(base, second))])
      assert.deepEqual([...entriesFrom(base)], before)
    }),
  )
})

test('keys that are prefixes of each other to the greatest length are held; longer ones are refused', () => {
  let map: PersistentMap<number> = emptyMap
  for (let length = 0; length <= maxKeyLength; length += 1) {
    map = setKey(map, '\u20ac'.repeat(length), length)
  }
  assert.equal(map.size, maxKeyLength + 1)
  assert.equal(getKey(map, '\u20ac'.repeat(maxKeyLength)), maxKeyLength)
  assert.throws(() => setKey(map, 'a'.repeat(maxKeyLength + 1), 1), RangeError)
})

test('the difference of two maps is that of two Maps, however they came about', () => {
  const apply = (
    map: PersistentMap<number>,
    steps: readonly { readonly key: string; readonly value: number | undefined }[],
  ): PersistentMap<number> =>
    steps.reduce(
      (next, { key, value }) =>
        value === undefined ? deleteKey(next, key) : setKey(next, key, value),
      map,
    )
  const steps = fc.array(step, { maxLength: 30 })
  let count = 0
  fc.assert(
    fc.property(steps, steps, fc.boolean(), (first, second, isApart) => {
      const before = apply(emptyMap, first)
      const after = apply(isApart ? emptyMap : before, second)
      const left = new Map(entriesFrom(before))
      const right = new Map(entriesFrom(after))
      const expected = [...new Set([...left.keys(), ...right.keys()])]
        .filter((key) => left.get(key) !== right.get(key))
        .map((key) => [key, left.get(key), right.get(key)])
      const found = [...diffMaps(before, after)]
      const inOrder = (rows: readonly (readonly unknown[])[]): readonly (readonly unknown[])[] =>
        [...rows].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
      assert.deepEqual(inOrder(found), inOrder(expected))
      count += found.length
    }),
    { numRuns: 1_000 },
  )
  assert.ok(count > 1_000, `${count} differences`)
})

test('two versions of one map differ in what was set between them', () => {
  const many = editMap(
    emptyMap as PersistentMap<number>,
    Array.from({ length: 10_000 }, (_, value) => ({ key: `key-${value}`, value })),
  )
  const one = setKey(setKey(many, 'key-77', -1), 'another', 1)
  assert.deepEqual([...diffMaps(many, one)].sort(), [
    ['another', undefined, 1],
    ['key-77', 77, -1],
  ])
  assert.deepEqual([...diffMaps(one, one)], [])
})

test('a key that is too long to be in a map is not there', () => {
  const long = 'a'.repeat(maxKeyLength + 1)
  const map = setKey(emptyMap as PersistentMap<number>, 'a', 1)
  assert.equal(getKey(map, long), undefined)
  assert.equal(deleteKey(map, long), map)
})
