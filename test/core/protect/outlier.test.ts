import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  type OutlierChange,
  type OutlierDetector,
  createOutlierDetector,
  leastSuccessRate,
} from '../../../src/core/protect/outlier.ts'
import { type OutlierSettings, defaultOutlier } from '../../../src/core/route/upstream.ts'

const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']

const make = (
  settings: Partial<OutlierSettings> = {},
  random = (): number => 0.5,
  endpoints: readonly string[] = keys,
): [OutlierDetector, (OutlierChange & { at: number })[]] => {
  const changes: (OutlierChange & { at: number })[] = []
  const detector = createOutlierDetector(
    { ...defaultOutlier, ...settings },
    random,
    0,
    (change, at) => {
      changes.push({ ...change, at })
    },
  )
  detector.retain(endpoints)
  return [detector, changes]
}

const answer = (detector: OutlierDetector, key: string, statuses: readonly number[], now = 0) => {
  for (const status of statuses) detector.record(key, status, now)
}

const times = (count: number, status: number): number[] =>
  Array.from({ length: count }, () => status)

const mostly: Partial<OutlierSettings> = {
  maxEjectionPercent: 100,
  enforcingConsecutiveGatewayFailure: 100,
  enforcingFailurePercentage: 100,
}

// Envoy: outlier_detection.proto and DetectorHostMonitorImpl::putHttpResponseCode.
const consecutive: readonly (readonly [
  string,
  Partial<OutlierSettings>,
  readonly number[],
  string | null,
])[] = [
  ['five in a row', {}, times(5, 500), 'consecutive-5xx'],
  ['four in a row', {}, times(4, 500), null],
  ['not in a row', {}, [500, 500, 500, 500, 200, 500, 500, 500, 500], null],
  ['a client error is a success', {}, [500, 500, 500, 500, 404, 500], null],
  ['gateway failures are 5xx too', {}, [502, 503, 504, 502, 503], 'consecutive-5xx'],
  ['gateway failures alone', mostly, [502, 503, 504, 502, 503], 'consecutive-gateway-failure'],
  [
    'another 5xx ends the row of gateway failures',
    { ...mostly, consecutive5xx: 0 },
    [502, 503, 504, 502, 500, 503],
    null,
  ],
  ['0 is never', { consecutive5xx: 0 }, times(50, 500), null],
  ['not enforced', { enforcingConsecutive5xx: 0 }, times(50, 500), null],
  ['drawn above', { enforcingConsecutive5xx: 50 }, times(5, 500), null],
  ['drawn below', { enforcingConsecutive5xx: 51 }, times(5, 500), 'consecutive-5xx'],
]
for (const [name, settings, statuses, cause] of consecutive) {
  test(`outlier: ${name}`, () => {
    const [detector, changes] = make(settings)
    answer(detector, 'a', statuses)
    assert.equal(detector.isEjected('a'), cause !== null)
    assert.deepEqual(
      changes.map((change) => change.kind === 'ejected' && change.cause),
      cause === null ? [] : [cause],
    )
  })
}

// The worked example in Envoy's source: 50, 100, 100, 100, 100 has mean 90 and deviation 20.
test('the least success rate is the mean less the deviations', () => {
  assert.equal(leastSuccessRate([50, 100, 100, 100, 100], 1900), 52)
})

/** One interval: of `count` requests each endpoint answers this percent well. */
const interval = (
  detector: OutlierDetector,
  count: number,
  successes: Readonly<Record<string, number>>,
  now: number,
): void => {
  for (const [key, percent] of Object.entries(successes)) {
    // Failures apart from each other, so that no row is long.
    const failures = Math.round((count * (100 - percent)) / 100)
    for (let done = 0; done < count; done += 1) {
      const isFailure =
        Math.floor(((done + 1) * failures) / count) > Math.floor((done * failures) / count)
      detector.record(key, isFailure ? 500 : 200, now - 1)
    }
  }
  detector.tick(now)
}

const noRows = { consecutive5xx: 0, maxEjectionPercent: 100 }
const sweeps: readonly (readonly [
  string,
  Partial<OutlierSettings>,
  number,
  Readonly<Record<string, number>>,
  readonly string[],
])[] = [
  ['below the least', {}, 100, { a: 50, b: 100, c: 100, d: 100, e: 100 }, ['a success-rate']],
  ['too few endpoints', {}, 100, { a: 50, b: 100, c: 100, d: 100 }, []],
  ['too few requests', {}, 99, { a: 50, b: 100, c: 100, d: 100, e: 100 }, []],
  ['all alike', {}, 100, { a: 50, b: 50, c: 50, d: 50, e: 50 }, []],
  ['not enforced', { enforcingSuccessRate: 0 }, 100, { a: 0, b: 99, c: 99, d: 99, e: 99 }, []],
  [
    'a wider factor',
    { successRateStdevFactor: 2100 },
    100,
    { a: 50, b: 100, c: 100, d: 100, e: 100 },
    [],
  ],
  [
    'at the failure percentage',
    { enforcingFailurePercentage: 100, enforcingSuccessRate: 0 },
    100,
    { a: 15, b: 16, c: 100, d: 0, e: 100 },
    ['a failure-percentage', 'd failure-percentage'],
  ],
  [
    'failure percentage with too few requests',
    { enforcingFailurePercentage: 100 },
    49,
    { a: 0, b: 100, c: 100, d: 100, e: 100 },
    [],
  ],
  [
    'found by both, ejected once',
    { enforcingFailurePercentage: 100 },
    100,
    { a: 0, b: 100, c: 100, d: 100, e: 100 },
    ['a success-rate'],
  ],
]
for (const [name, settings, count, successes, expected] of sweeps) {
  test(`sweep: ${name}`, () => {
    const [detector, changes] = make({ ...noRows, ...settings })
    interval(detector, count, successes, 10_000)
    assert.deepEqual(
      changes.map((change) => change.kind === 'ejected' && `${change.key} ${change.cause}`),
      expected,
    )
  })
}

test('an interval is judged by itself, and only when it is over', () => {
  const [detector, changes] = make(noRows)
  const bad = { a: 50, b: 100, c: 100, d: 100, e: 100 }
  interval(detector, 60, bad, 9999)
  assert.equal(changes.length, 0)
  interval(detector, 30, bad, 10_000)
  interval(detector, 90, bad, 20_000)
  assert.equal(changes.length, 0)
})

test('out for longer each time up to the cap, and for less after intervals of good conduct', () => {
  const [detector, changes] = make({ maxEjectionTimeMs: 70_000 })
  const eject = (now: number): number => {
    answer(detector, 'a', times(5, 500), now)
    const change = changes.at(-1)
    assert.ok(change?.kind === 'ejected')
    assert.equal(change.at, now)
    return change.untilAt - now
  }
  const readmitAt = (now: number): void => {
    detector.tick(now - 1)
    assert.equal(detector.isEjected('a'), true)
    detector.tick(now + 10_000)
    assert.equal(detector.isEjected('a'), false)
  }
  assert.equal(eject(0), 30_000)
  readmitAt(30_000)
  assert.equal(eject(100_000), 60_000)
  readmitAt(160_000)
  assert.equal(eject(200_000), 70_000)
  readmitAt(270_000)
  assert.equal(eject(300_000), 70_000)
  readmitAt(370_000)
  // The sweep that readmits is no interval of good conduct; each one after it is.
  for (const now of [390_000, 400_000, 410_000]) detector.tick(now)
  assert.equal(eject(500_000), 60_000)
})

test('a health check that passes readmits at once', () => {
  const [detector, changes] = make()
  answer(detector, 'a', times(5, 500))
  detector.healthCheckPassed('b', 5)
  detector.healthCheckPassed('a', 5)
  assert.deepEqual(
    changes.map(({ kind, at }) => `${kind} ${at}`),
    ['ejected 0', 'readmitted 5'],
  )
  // Its row was forgotten.
  answer(detector, 'a', times(4, 500))
  assert.equal(detector.isEjected('a'), false)
})

test('one may always be ejected, more only within the share', () => {
  for (const [percent, endpoints, expected] of [
    [0, 10, 1],
    [10, 10, 1],
    [10, 1, 1],
    [19, 10, 1],
    [20, 10, 2],
    [50, 5, 2],
    [100, 10, 10],
    [500, 10, 10],
  ] as const) {
    const [detector] = make({ maxEjectionPercent: percent }, undefined, keys.slice(0, endpoints))
    for (const key of keys) answer(detector, key, times(20, 500))
    assert.equal(detector.ejected, expected, `${percent} percent of ${endpoints}`)
  }
})

test('an endpoint that goes is forgotten with what was against it, and gives its share back', () => {
  const [detector] = make()
  answer(detector, 'a', times(5, 500))
  detector.retain(keys.slice(1))
  assert.equal(detector.ejected, 0)
  answer(detector, 'a', times(50, 500))
  detector.retain(keys)
  assert.equal(detector.isEjected('a'), false)
  answer(detector, 'b', times(5, 500))
  assert.equal(detector.isEjected('b'), true)
})

test('whatever is answered: no ejection beyond the share, none out for longer than it was told', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('answers' as const),
      key: fc.constantFrom(...keys),
      status: fc.constantFrom(200, 404, 500, 503),
      count: fc.integer({ min: 1, max: 120 }),
    }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.nat({ max: 40_000 }) }),
    fc.record({ kind: fc.constant('retain' as const), keys: fc.subarray(keys, { minLength: 1 }) }),
    fc.record({ kind: fc.constant('passed' as const), key: fc.constantFrom(...keys) }),
  )
  fc.assert(
    fc.property(
      fc.constantFrom(0, 10, 30, 50, 100),
      fc.array(step, { maxLength: 60 }),
      (maxEjectionPercent, steps) => {
        let now = 0
        let endpoints: readonly string[] = keys
        const until = new Map<string, number>()
        const detector = createOutlierDetector(
          { ...defaultOutlier, ...mostly, maxEjectionPercent },
          () => 0.99,
          0,
          (change) => {
            if (change.kind === 'readmitted') {
              assert.ok(until.delete(change.key))
              return
            }
            assert.ok(!until.has(change.key) && endpoints.includes(change.key))
            until.set(change.key, change.untilAt)
            const share = (100 * until.size) / endpoints.length
            assert.ok(until.size === 1 || share <= maxEjectionPercent, `${share}`)
          },
        )
        detector.retain(keys)
        for (const step of steps) {
          if (step.kind === 'answers')
            answer(detector, step.key, times(step.count, step.status), now)
          if (step.kind === 'passed') detector.healthCheckPassed(step.key, now)
          if (step.kind === 'retain') {
            endpoints = step.keys
            for (const key of until.keys()) if (!endpoints.includes(key)) until.delete(key)
            detector.retain(step.keys)
          }
          if (step.kind === 'pass') {
            now += 10_000 + step.ms
            detector.tick(now)
            // One that the same sweep ejects anew is out until later.
            for (const at of until.values()) assert.ok(at > now)
          }
          assert.equal(detector.ejected, until.size)
          for (const key of keys) assert.equal(detector.isEjected(key), until.has(key))
        }
      },
    ),
    { numRuns: 500 },
  )
})
