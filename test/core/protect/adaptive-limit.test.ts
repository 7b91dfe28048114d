import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createAdaptiveLimit, type LoopLook } from '../../../src/core/protect/adaptive-limit.ts'

const idle: LoopLook = { utilization: 0.2, turnMs: 0, longTurnMs: 0 }
const busy = (turnMs: number, longTurnMs = turnMs): LoopLook => ({
  utilization: 1,
  turnMs,
  longTurnMs,
})

/** The limit after each look, one every 100 ms. */
const walk = (
  looks: readonly LoopLook[],
  inFlight = 40,
  floor = 10,
  ceiling = Infinity,
): number[] => {
  const limit = createAdaptiveLimit({ floor, ceiling })
  return looks.map((look, at) => {
    limit.look(at * 100, look, inFlight)
    return limit.limit
  })
}

const times = (count: number, look: LoopLook): LoopLook[] =>
  Array.from({ length: count }, () => look)

test('a loop with time to spare has no limit, however long its turns are', () => {
  const slow = { utilization: 0.9, turnMs: 400, longTurnMs: 900 }
  assert.deepEqual(new Set(walk(times(50, slow), 5_000)), new Set([Infinity]))
})

test('one look at a saturated loop is no overload: a module that loads holds it up as well', () => {
  const looks = [idle, busy(300), idle, busy(300), idle]
  assert.deepEqual(new Set(walk(looks)), new Set([Infinity]))
})

test('a saturated loop with short turns has no limit', () => {
  assert.deepEqual(new Set(walk(times(20, busy(24)))), new Set([Infinity]))
})

test('long turns bring it down to half of what is in flight at most, and to its floor', () => {
  // 40 x 1/2 + the root of 40.
  assert.deepEqual(walk(times(4, busy(200)), 40), [Infinity, Infinity, 26, 18])
  assert.equal(walk(times(10, busy(200)), 40).at(-1), 10)
})

test('where turns are short enough it grows by its root, if it is used', () => {
  const looks = [...times(4, busy(200)), ...times(2, busy(20))]
  assert.deepEqual(walk(looks, 40).slice(-2), [22, 26])
  const limit = createAdaptiveLimit({ floor: 10, ceiling: Infinity })
  for (const [at, look] of looks.entries()) limit.look(at * 100, look, at < 4 ? 40 : 4)
  assert.equal(limit.limit, 18)
})

test('it is lifted after a second with time to spare, and grows until then', () => {
  const limits = walk([...times(6, busy(200)), ...times(12, idle)], 12)
  assert.deepEqual(limits.slice(5, 8), [10, 15, 22])
  const lifted = limits.indexOf(Infinity, 3)
  assert.equal(lifted - 6, 10)
  // Busy again in between: the second begins anew.
  const looks = [...times(6, busy(200)), ...times(9, idle), busy(20), ...times(9, idle)]
  assert.notEqual(walk(looks, 12).at(-1), Infinity)
})

test('a limit that is a number stays that number, until turns are very long for a second', () => {
  assert.deepEqual(new Set(walk(times(30, busy(150)), 30, 24, 24)), new Set([24]))
  const limit = createAdaptiveLimit({ floor: 24, ceiling: 24 })
  let at = 0
  const look = (count: number, one: LoopLook): void => {
    for (let done = 0; done < count; done += 1) limit.look((at += 100), one, 24)
  }
  look(11, busy(150, 300))
  assert.deepEqual([limit.limit, limit.isLastResort], [24, false])
  look(20, busy(150, 300))
  assert.deepEqual([limit.limit < 5, limit.isLastResort], [true, true])
  // Better, but not good: it stays.
  look(30, busy(50, 150))
  assert.equal(limit.isLastResort, true)
  look(11, busy(20, 60))
  assert.deepEqual([limit.limit, limit.isLastResort], [24, false])
})

test('it is never below its floor but as a last resort, never above its ceiling, and a whole number', () => {
  const look = fc.record({
    utilization: fc.double({ min: 0, max: 1, noNaN: true }),
    turnMs: fc.double({ min: 0, max: 2_000, noNaN: true }),
    longTurnMs: fc.double({ min: 0, max: 5_000, noNaN: true }),
    inFlight: fc.nat({ max: 2_000 }),
    passed: fc.nat({ max: 3_000 }),
  })
  const most = fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 500 }))
  fc.assert(
    fc.property(fc.array(look), fc.integer({ min: 1, max: 50 }), most, (looks, floor, ceiling) => {
      const limit = createAdaptiveLimit({ floor, ceiling })
      let now = 0
      for (const { passed, inFlight, ...seen } of looks) {
        limit.look((now += passed), seen, inFlight)
        const least = limit.isLastResort ? 1 : Math.min(floor, ceiling)
        assert.ok(limit.limit >= least && limit.limit <= ceiling, String(limit.limit))
        assert.ok(limit.limit === Infinity || Number.isInteger(limit.limit))
        if (!limit.isHolding) assert.equal(limit.limit, ceiling)
      }
    }),
    { numRuns: 1_000 },
  )
})
