import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { bucketOf } from '../../../src/core/rollout/buckets.ts'
import { parseCondition } from '../../../src/core/rollout/condition.ts'
import { noFigures, type Figures } from '../../../src/core/rollout/figures.ts'
import { judge, verdictOf } from '../../../src/core/rollout/judge.ts'
import type { Judgement } from '../../../src/core/rollout/measurement.ts'
import { binomialAtLeast, fisherAtLeast } from '../../../src/core/rollout/probability.ts'
import { addFigures } from '../../../src/core/rollout/quantile.ts'
import { Recorder } from '../../../src/core/rollout/recorder.ts'

const alpha = 1e-5
const settings = { minimumSamples: 50 }

const judged = (text: string, canary: Figures, stable: Figures = noFigures): Judgement =>
  judge(parseCondition(text).condition!, canary, stable, settings, alpha)

/** So many exchanges and errors, all of one duration. */
const rate = (requests: number, errors: number, ms = 10): Figures => ({
  requests,
  errors,
  clientErrors: errors,
  durations: requests === 0 ? [] : [bucketOf(ms), requests],
})

/** Durations spread evenly between two. */
const spread = (count: number, from: number, to: number): Figures => {
  const recorder = new Recorder()
  for (let at = 0; at < count; at += 1)
    recorder.record(0, from + ((to - from) * (at + 0.5)) / count, 200)
  return recorder.figures(0, 0)
}

const byChance = addFigures([spread(56, 10, 100), spread(5, 108, 150)])
const relative = 'errorRate <= stable + 1%'
const slower = 'p95 <= stable * 1.10 + 1ms'
const table: readonly (readonly [string, string, Figures, Figures, Judgement['verdict']])[] = [
  ['half fails, a healthy stable', relative, rate(100, 50), rate(1000, 0), 'fail'],
  ['25 of 50 fail, a healthy stable', relative, rate(50, 25), rate(50, 0), 'fail'],
  ['one error more', relative, rate(50, 1), rate(1000, 0), 'inconclusive'],
  ['as many errors', relative, rate(100, 3), rate(1000, 30), 'pass'],
  ['both fail', relative, rate(100, 50), rate(1000, 500), 'pass'],
  ['fewer errors', relative, rate(100, 0), rate(1000, 500), 'pass'],
  ['too few of the canary, all bad', relative, rate(49, 49), rate(1000, 0), 'inconclusive'],
  ['too few of the canary, all well', relative, rate(49, 0), rate(1000, 0), 'inconclusive'],
  ['too few of the stable version', relative, rate(100, 50), rate(49, 0), 'inconclusive'],
  ['nothing seen', relative, noFigures, noFigures, 'inconclusive'],
  ['a limit of its own', 'errorRate < 1%', rate(1000, 50), noFigures, 'fail'],
  ['a limit of its own, just past it', 'errorRate < 1%', rate(100, 2), noFigures, 'inconclusive'],
  ['a limit of its own, kept', 'errorRate < 1%', rate(1000, 5), noFigures, 'pass'],
  ['client errors', 'clientErrorRate <= stable * 2', rate(100, 90), rate(100, 3), 'fail'],
  ['half as slow again', slower, spread(500, 15, 150), spread(5000, 10, 100), 'fail'],
  ['always as slow, and slower', slower, rate(1000, 0, 14), rate(1000, 0), 'fail'],
  ['a few that are always slower', slower, rate(100, 0, 14), rate(5000, 0), 'fail'],
  ['as slow', slower, spread(500, 10, 100), spread(5000, 10, 100), 'pass'],
  ['faster', slower, spread(500, 1, 10), spread(5000, 10, 100), 'pass'],
  ['slower by chance', slower, byChance, spread(5000, 10, 100), 'inconclusive'],
  ['slower by less than 1 ms', slower, spread(5000, 0.8, 1.6), spread(5000, 0.4, 0.8), 'pass'],
  ['slow times', 'p99 <= 800ms', spread(1000, 500, 1500), noFigures, 'fail'],
  ['times past a limit a little', 'p99 <= 800ms', spread(100, 500, 810), noFigures, 'inconclusive'],
  ['times within a limit', 'p99 <= 800ms', spread(1000, 10, 700), noFigures, 'pass'],
  ['wanted to be slow, and fast', 'p50 >= 50ms', spread(1000, 1, 40), noFigures, 'fail'],
  ['wanted to be slow, and so', 'p50 >= 50ms', spread(1000, 51, 90), noFigures, 'pass'],
  ['wanted slower than stable', 'p50 > stable', spread(500, 1, 10), spread(500, 2, 20), 'fail'],
  ['enough requests', 'requests >= 100', rate(100, 0), noFigures, 'pass'],
  ['not yet enough requests', 'requests >= 100', rate(99, 0), noFigures, 'inconclusive'],
  ['too many requests', 'requests < 100', rate(100, 0), noFigures, 'fail'],
  [
    'durations that are missing',
    'p95 <= 8ms',
    { ...rate(100, 0), durations: [] },
    noFigures,
    'error',
  ],
  ['NaN', relative, { ...rate(100, 0), errors: Number.NaN }, rate(100, 0), 'error'],
  ['NaN of stable', relative, rate(100, 0), { ...rate(100, 0), requests: Number.NaN }, 'error'],
  [
    'NaN among durations',
    'p95 <= 8ms',
    { ...rate(99, 0), durations: [3, NaN] },
    noFigures,
    'error',
  ],
]

for (const [name, condition, canary, stable, verdict] of table) {
  test(`${condition}: ${name}: ${verdict}`, () => {
    const judgement = judged(condition, canary, stable)
    assert.equal(judgement.verdict, verdict, judgement.text)
  })
}

test('a judgement says what it saw, in numbers', () => {
  assert.deepEqual(judged(relative, rate(100, 50), rate(1000, 10)), {
    condition: relative,
    verdict: 'fail',
    value: 0.5,
    limit: 0.02,
    text: 'errorRate is 50%, not <= 2% (stable 1%); chance does so less than once in 1,000,000,000 times',
  })
  assert.equal(
    judged(relative, rate(20, 5), rate(1000, 0)).text,
    'the canary had 20 exchanges, fewer than 50',
  )
})

test('one failure decides, and none of the others is passed over', () => {
  const of = (...verdicts: readonly Judgement['verdict'][]): string =>
    verdictOf(verdicts.map((verdict) => ({ ...judged('requests > 1', noFigures), verdict })))
  assert.equal(of('pass', 'inconclusive', 'error', 'fail'), 'fail')
  assert.equal(of('pass', 'inconclusive', 'error'), 'error')
  assert.equal(of('inconclusive', 'pass'), 'inconclusive')
  assert.equal(of('pass', 'pass'), 'pass')
  assert.equal(of(), 'pass')
})

/** Rows of Pascal's triangle, exact as integers. */
const choose = (n: number, k: number): bigint => {
  let found = 1n
  for (let at = 1; at <= k; at += 1) found = (found * BigInt(n - k + at)) / BigInt(at)
  return found
}
const share = (part: bigint, whole: bigint): number => Number((part * 10n ** 30n) / whole) / 1e30
const isNear = (found: number, exact: number): boolean =>
  Math.abs(found - exact) <= 1e-9 * exact + 1e-14

test('tails of distributions are those of exact fractions', () => {
  const group = fc
    .integer({ min: 1, max: 60 })
    .chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 0, max: n })))
  fc.assert(
    fc.property(group, group, ([n, k], [otherN, otherK]) => {
      const marked = k + otherK
      let ways = 0n
      for (let own = k; own <= Math.min(n, marked); own += 1)
        if (marked - own <= otherN) ways += choose(n, own) * choose(otherN, marked - own)
      const exact = share(ways, choose(n + otherN, marked))
      const found = fisherAtLeast(k, n, otherK, otherN)
      assert.ok(isNear(found, exact), `${found} ${exact}`)
    }),
    { numRuns: 500 },
  )
  fc.assert(
    fc.property(group, fc.integer({ min: 1, max: 99 }), ([n, k], percent) => {
      let sum = 0n
      for (let at = k; at <= n; at += 1)
        sum +=
          choose(n, at) * BigInt(percent) ** BigInt(at) * BigInt(100 - percent) ** BigInt(n - at)
      const found = binomialAtLeast(k, n, percent / 100)
      assert.ok(isNear(found, share(sum, 100n ** BigInt(n))))
    }),
    { numRuns: 500 },
  )
})

test('large counts stay numbers', () => {
  assert.ok(fisherAtLeast(60_000, 1_000_000, 50_000, 1_000_000) < 1e-100)
  assert.ok(Math.abs(fisherAtLeast(50_000, 1_000_000, 50_000, 1_000_000) - 0.5) < 0.01)
  assert.ok(Math.abs(binomialAtLeast(500_000, 1_000_000, 0.5) - 0.5) < 0.001)
  assert.equal(binomialAtLeast(10, 1_000_000, 0), 0)
  assert.equal(binomialAtLeast(0, 0, 0.5), 1)
})
