import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseDuration } from '../../src/admin/duration.ts'
import { mergePatch } from '../../src/core/merge-patch.ts'
import { fullBucket, takeToken } from '../../src/core/protect/token-bucket.ts'
import { parseStrictJson } from '../../src/core/strict-json.ts'
import type { Json } from '../../src/core/json.ts'

/** The table of RFC 7396, appendix A. */
const patches: readonly (readonly [target: Json, patch: Json, merged: Json])[] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]

for (const [target, patch, merged] of patches) {
  test(`${JSON.stringify(target)} patched by ${JSON.stringify(patch)}`, () => {
    const before = JSON.stringify(target)
    assert.deepEqual(mergePatch(target, patch), merged)
    assert.equal(JSON.stringify(target), before)
  })
}

test('what is JSON without doubles is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(0, 1, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent)
      const result = parseStrictJson(text, 32)
      // Some have halves of surrogate pairs or a key that is refused.
      if (result.ok) assert.deepEqual(result.value, JSON.parse(text))
      else assert.match(result.reason, /surrogate|refused/)
    }),
  )
})

test('what JSON.parse refuses is refused, whatever was changed in a text', () => {
  const text = fc.tuple(fc.json({ maxDepth: 3 }), fc.nat(), fc.string({ maxLength: 2 }))
  fc.assert(
    fc.property(text, ([json, place, put]) => {
      const at = place % (json.length + 1)
      const changed = json.slice(0, at) + put + json.slice(at + 1)
      let isJson = true
      try {
        JSON.parse(changed)
      } catch {
        isJson = false
      }
      const result = parseStrictJson(changed, 32)
      if (!isJson) assert.equal(result.ok, false, changed)
      else if (!result.ok) assert.match(result.reason, /surrogate|refused|twice|too large/)
    }),
    { numRuns: 2_000 },
  )
})

const refusals: readonly (readonly [text: string, line: number, column: number, reason: RegExp])[] =
  [
    ['', 1, 1, /found the end/],
    ['{"a":1,\n "a":2}', 2, 2, /"a" stands twice/],
    ['{"a":{"__proto__":1}}', 1, 7, /refused/],
    ['{"constructor":1}', 1, 2, /refused/],
    ['[1,]', 1, 4, /expected a value/],
    ['{"a" 1}', 1, 6, /expected :/],
    ['{a:1}', 1, 2, /expected a key/],
    ['1e999', 1, 1, /too large/],
    ['"\\ud800"', 1, 1, /surrogate/],
    ['"a', 1, 1, /without its end/],
    ['"\t"', 1, 1, /control character/],
    ['[] []', 1, 4, /expected the end/],
    ['\uFEFF{}', 1, 1, /expected a value/],
    ['01', 1, 2, /expected the end/],
    ['nul', 1, 1, /expected a value/],
    ['['.repeat(33), 1, 33, /32 levels/],
  ]

for (const [text, line, column, reason] of refusals) {
  test(`${JSON.stringify(text.slice(0, 40))} is refused at ${line}:${column}`, () => {
    const result = parseStrictJson(text, 32)
    assert.ok(!result.ok)
    assert.deepEqual([result.line, result.column], [line, column])
    assert.match(result.reason, reason)
  })
}

test('a deep text costs no stack', () => {
  assert.equal(parseStrictJson('['.repeat(1_000_000), 32).ok, false)
  assert.equal(parseStrictJson(`"${'\\\\'.repeat(500_000)}"`, 32).ok, true)
})

test('a bucket lets its burst through, then its rate, and never more than burst plus rate times time', () => {
  const rate = { perSecond: 200, burst: 400 }
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 50 }), { maxLength: 500 }), (pauses) => {
      let now = 1_000
      let bucket = fullBucket(rate, now)
      let let_in = 0
      for (const pause of pauses) {
        now += pause
        const taken = takeToken(rate, bucket, now)
        bucket = taken.bucket
        if (taken.ok) let_in += 1
        else {
          const later = takeToken(rate, bucket, now + Math.ceil(taken.waitMs))
          assert.equal(later.ok, true)
        }
      }
      assert.ok(let_in <= rate.burst + ((now - 1_000) * rate.perSecond) / 1000 + 1)
    }),
  )
  let bucket = fullBucket(rate, 0)
  for (let at = 0; at < 400; at += 1) bucket = takeToken(rate, bucket, 0).bucket
  assert.equal(takeToken(rate, bucket, 0).ok, false)
  assert.equal(takeToken(rate, bucket, -5_000).ok, false)
})

for (const [text, ms] of [
  ['500ms', 500],
  ['30s', 30_000],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['5', null],
  ['m', null],
  ['-5m', null],
  ['1.5h', null],
  ['5 m', null],
  ['1h30m', null],
  ['9999999s', null],
] as const) {
  test(`${text} is ${ms === null ? 'no duration' : `${ms} ms`}`, () => {
    assert.equal(parseDuration(text), ms)
  })
}
