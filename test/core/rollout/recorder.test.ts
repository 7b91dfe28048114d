import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { bounds, bucketCount, bucketOf, floorOf } from '../../../src/core/rollout/buckets.ts'
import { noFigures, type Figures } from '../../../src/core/rollout/figures.ts'
import { addFigures, quantile, summaryOf } from '../../../src/core/rollout/quantile.ts'
import { fineSpanMs, Recorder } from '../../../src/core/rollout/recorder.ts'

const duration = fc.oneof(
  fc.double({ min: 0, max: 200_000, noNaN: true }),
  fc.double({ min: 0, max: 5, noNaN: true }),
  fc.constantFrom(...bounds),
  fc.constantFrom(...Array.from(bounds, (bound) => bound * (1 + Number.EPSILON))),
)

test('a duration is in the bucket whose bounds enclose it', () => {
  fc.assert(
    fc.property(duration, (ms) => {
      const bucket = bucketOf(ms)
      assert.ok(ms <= (bounds[bucket] ?? Infinity), `${ms} ${bucket}`)
      assert.ok(bucket === 0 || ms > floorOf(bucket), `${ms} ${bucket}`)
    }),
    { numRuns: 5000 },
  )
  assert.deepEqual([NaN, -1, 0, Infinity].map(bucketOf), [0, 0, 0, bucketCount - 1])
})

const figuresOf = (list: readonly number[]): Figures => {
  const recorder = new Recorder()
  for (const ms of list) recorder.record(0, ms, 200)
  return recorder.figures(0, 1000)
}

test('quantiles are those of the sorted list, up to the width of a bucket', () => {
  const durations = fc.array(fc.double({ min: 0.06, max: 100_000, noNaN: true }), { minLength: 1 })
  fc.assert(
    fc.property(durations, fc.constantFrom(0, 0.5, 0.95, 0.99, 1), (list, q) => {
      const sorted = [...list].sort((one, other) => one - other)
      const exact = sorted[Math.max(0, Math.ceil(q * list.length) - 1)]!
      const found = quantile(figuresOf(list), q)!
      assert.ok(found >= exact / 1.04 && found <= exact * 1.04, `${found} for ${exact}`)
    }),
    { numRuns: 1000 },
  )
  assert.equal(quantile(noFigures, 0.5), null)
})

interface Seen {
  readonly at: number
  readonly ms: number
  readonly status: number
}

/** Of a list, what lies in slices that the span touches. */
function twin(list: readonly Seen[], now: number, spanMs: number): readonly number[] {
  const slice = spanMs > fineSpanMs ? 60_000 : 1000
  const from = Math.floor((now - spanMs) / slice)
  const until = Math.floor(now / slice)
  const inside = list.filter(
    ({ at }) => Math.floor(at / slice) >= from && Math.floor(at / slice) <= until,
  )
  const count = (least: number, below: number): number =>
    inside.filter(({ status }) => status >= least && status < below).length
  return [inside.length, count(500, 600), count(400, 500)]
}

test('a span counts what a list has in the seconds, or the minutes, that it touches', () => {
  const step = fc.record({
    after: fc.oneof(fc.nat(1500), fc.constant(0), fc.nat(100_000), fc.constant(1_000_000)),
    ms: fc.double({ min: 0, max: 1000, noNaN: true }),
    status: fc.constantFrom(200, 304, 404, 499, 500, 503),
  })
  const span = fc.oneof(fc.nat(fineSpanMs), fc.nat(3_600_000))
  fc.assert(
    fc.property(fc.array(step), span, fc.nat(2000), (steps, spanMs, after) => {
      const recorder = new Recorder()
      const list: Seen[] = []
      let now = 1_700_000_000_123
      for (const { after, ms, status } of steps) {
        now += after
        recorder.record(now, ms, status)
        list.push({ at: now, ms, status })
        const { requests, errors, clientErrors, durations } = recorder.figures(now, spanMs)
        assert.deepEqual([requests, errors, clientErrors], twin(list, now, spanMs))
        assert.equal(
          durations.filter((_, at) => at % 2 === 1).reduce((sum, count) => sum + count, 0),
          requests,
        )
      }
      now += after
      const { requests, errors, clientErrors } = recorder.figures(now, spanMs)
      assert.deepEqual([requests, errors, clientErrors], twin(list, now, spanMs))
    }),
    { numRuns: 300 },
  )
})

test('a clock that went back loses nothing of the span it is in', () => {
  const recorder = new Recorder()
  recorder.record(100_000, 1, 200)
  recorder.record(95_000, 1, 500)
  recorder.record(100_500, 1, 200)
  assert.equal(recorder.figures(100_500, 10_000).requests, 3)
  assert.equal(recorder.figures(95_500, 10_000).requests, 1)
  recorder.record(100_000 - 86_400_000, 1, 200)
  assert.equal(recorder.figures(100_000 - 86_400_000, 10_000).requests, 1)
})

test('figures add up as if one had seen all', () => {
  const some = fc.array(fc.record({ ms: duration, status: fc.constantFrom(200, 404, 500) }))
  fc.assert(
    fc.property(fc.array(some), (parts) => {
      const all = new Recorder()
      const figures = parts.map((part) => {
        const recorder = new Recorder()
        for (const { ms, status } of part) {
          recorder.record(0, ms, status)
          all.record(0, ms, status)
        }
        return recorder.figures(0, 0)
      })
      assert.deepEqual(addFigures(figures), all.figures(0, 0))
    }),
  )
})

test('a summary says nothing where nothing was seen', () => {
  assert.deepEqual(summaryOf(noFigures), {
    requests: 0,
    errors: 0,
    errorRate: null,
    p50Ms: null,
    p95Ms: null,
    p99Ms: null,
  })
  const { errorRate, p50Ms } = summaryOf({ ...figuresOf([10, 10]), errors: 1 })
  assert.equal(errorRate, 0.5)
  assert.ok(Math.abs(p50Ms! - 10) < 0.4)
})
