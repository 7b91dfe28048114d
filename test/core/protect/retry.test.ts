import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { backoffMs } from '../../../src/core/protect/backoff.ts'
import {
  createRetryBudget,
  retryBudgetFloor,
  retryBudgetSeconds,
} from '../../../src/core/protect/retry-budget.ts'

const requests = (count: number, percent: number): number => {
  const budget = createRetryBudget(percent, 0)
  for (let done = 0; done < count; done += 1) budget.countRequest(0)
  let repeats = 0
  while (repeats < 10_000 && budget.tryRepeat(0)) repeats += 1
  return repeats
}

// Envoy's retry_budget: budget_percent 20, min_retry_concurrency 3.
for (const [count, percent, repeats] of [
  [0, 20, 3],
  [10, 20, 3],
  [20, 20, 4],
  [1000, 20, 200],
  [1000, 100, 1000],
  [1000, 0, 0],
  [104, 5, 5],
] as const) {
  test(`of ${count} requests ${percent} percent may repeat: ${repeats}`, () => {
    assert.equal(requests(count, percent), repeats)
  })
}

test('the budget is never exceeded, and never withheld', () => {
  const step = fc.record({
    ms: fc.oneof(fc.constant(0), fc.nat({ max: 3000 })),
    isRepeat: fc.boolean(),
  })
  fc.assert(
    fc.property(
      fc.constantFrom(5, 20, 50),
      fc.array(step, { maxLength: 300 }),
      (percent, steps) => {
        let now = 1234
        const budget = createRetryBudget(percent, now)
        let events: { at: number; isRepeat: boolean }[] = []
        for (const { ms, isRepeat } of steps) {
          now += ms
          events = events.filter(
            ({ at }) => Math.floor(at / 1000) > Math.floor(now / 1000) - retryBudgetSeconds,
          )
          if (isRepeat) {
            const repeats = events.filter(({ isRepeat }) => isRepeat).length
            const most = ((events.length - repeats) * percent) / 100
            const isLeft = repeats + 1 <= Math.max(most, retryBudgetFloor)
            assert.equal(budget.tryRepeat(now), isLeft)
            if (!isLeft) continue
          } else {
            budget.countRequest(now)
          }
          events.push({ at: now, isRepeat })
        }
      },
    ),
    { numRuns: 1000 },
  )
})

const settings = { firstBackoffMs: 100, maxBackoffMs: 1000, factor: 2, jitter: 0 }
for (const [repeat, jitter, random, expected] of [
  [1, 0, 0.9, 100],
  [2, 0, 0.9, 200],
  [4, 0, 0.9, 800],
  [5, 0, 0.9, 1000],
  [5000, 0, 0.9, 1000],
  [2, 1, 0, 0],
  [2, 1, 0.5, 100],
  [2, 0.5, 0, 100],
  [2, 0.5, 0.5, 150],
] as const) {
  test(`repeat ${repeat} with jitter ${jitter} drawn at ${random} waits ${expected} ms`, () => {
    assert.equal(
      backoffMs({ ...settings, jitter }, repeat, () => random),
      expected,
    )
  })
}

test('no first wait is no wait at all', () => {
  assert.equal(
    backoffMs({ ...settings, firstBackoffMs: 0, factor: 10 }, 9999, () => 0.5),
    0,
  )
})

test('a wait is a number between 0 and its cap', () => {
  const any = { noNaN: true, noDefaultInfinity: true, min: 0 }
  fc.assert(
    fc.property(
      fc.record({
        firstBackoffMs: fc.double({ ...any, max: 1e6 }),
        maxBackoffMs: fc.double({ ...any, max: 1e6 }),
        factor: fc.double({ ...any, min: 1, max: 100 }),
        jitter: fc.double({ ...any, max: 1 }),
      }),
      fc.integer({ min: 1, max: 10_000 }),
      fc.double({ ...any, max: 1, maxExcluded: true }),
      (settings, repeat, random) => {
        const wait = backoffMs(settings, repeat, () => random)
        const least = Math.min(settings.firstBackoffMs, settings.maxBackoffMs)
        assert.ok(wait >= least * (1 - settings.jitter) - 1e-9, String(wait))
        assert.ok(wait <= settings.maxBackoffMs + 1e-6, String(wait))
      },
    ),
  )
})
