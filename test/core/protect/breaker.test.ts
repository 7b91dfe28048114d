import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  type Breaker,
  type BreakerPermit,
  type BreakerState,
  createBreaker,
} from '../../../src/core/protect/breaker.ts'
import { type BreakerSettings, defaultBreaker } from '../../../src/core/route/upstream.ts'
import { BreakerTwin } from './breaker-twin.ts'

const slow = defaultBreaker.slowCallDurationThreshold + 1

const permitOf = (breaker: Breaker, now: number): BreakerPermit => {
  const acquired = breaker.tryAcquire(now)
  assert.ok(acquired.ok)
  return acquired.permit
}

/** One call per letter: s succeeds, f fails; S and F are slow. */
const call = (breaker: Breaker, letters: string, now: number): void => {
  for (const letter of letters) {
    const durationMs = letter === letter.toUpperCase() ? slow : slow - 1
    const permit = permitOf(breaker, now)
    if (letter.toLowerCase() === 's') permit.succeed(now, durationMs)
    else permit.fail(now, durationMs)
  }
}

// Resilience4j: CircuitBreakerMetrics.checkIfThresholdsExceeded and the reference's table of CircuitBreakerConfig.
const judged: readonly (readonly [
  string,
  Partial<BreakerSettings>,
  string,
  BreakerState,
  number,
  number,
])[] = [
  ['no rate before the minimum', { minimumNumberOfCalls: 4 }, 'fff', 'CLOSED', -1, -1],
  ['trips at the minimum', { minimumNumberOfCalls: 4 }, 'ffff', 'OPEN', 100, 0],
  ['trips at the threshold', { minimumNumberOfCalls: 4 }, 'ssff', 'OPEN', 50, 0],
  ['not below the threshold', { minimumNumberOfCalls: 4 }, 'sssf', 'CLOSED', 25, 0],
  ['a success may trip', { minimumNumberOfCalls: 4 }, 'ffss', 'OPEN', 50, 0],
  ['slow calls trip', { minimumNumberOfCalls: 2 }, 'SS', 'OPEN', 0, 100],
  ['slow and failed counts as both', { minimumNumberOfCalls: 4 }, 'sssF', 'CLOSED', 25, 25],
  [
    'at the slow threshold',
    { minimumNumberOfCalls: 4, slowCallRateThreshold: 50 },
    'sSsS',
    'OPEN',
    0,
    50,
  ],
  [
    'the minimum is at most the window',
    { minimumNumberOfCalls: 100, slidingWindowSize: 3 },
    'fff',
    'OPEN',
    100,
    0,
  ],
  [
    'the oldest leaves the window',
    { minimumNumberOfCalls: 4, slidingWindowSize: 4 },
    'fsssssss',
    'CLOSED',
    0,
    0,
  ],
  [
    'of seconds, the minimum is as it is said',
    { minimumNumberOfCalls: 5, slidingWindowSize: 3, slidingWindowType: 'TIME_BASED' },
    'ffff',
    'CLOSED',
    -1,
    -1,
  ],
  [
    'metrics only',
    { minimumNumberOfCalls: 2, initialState: 'METRICS_ONLY' },
    'ffff',
    'METRICS_ONLY',
    100,
    0,
  ],
  ['disabled', { minimumNumberOfCalls: 2, initialState: 'DISABLED' }, 'ffff', 'DISABLED', -1, -1],
]
for (const [name, settings, letters, state, failureRate, slowCallRate] of judged) {
  test(`breaker: ${name}`, () => {
    const breaker = createBreaker({ ...defaultBreaker, ...settings }, 0)
    call(breaker, letters, 10)
    const metrics = breaker.metrics(10)
    assert.deepEqual(
      [breaker.state(10), metrics.failureRate, metrics.slowCallRate],
      [state, failureRate, slowCallRate],
    )
  })
}

const small: BreakerSettings = {
  ...defaultBreaker,
  minimumNumberOfCalls: 2,
  slidingWindowSize: 4,
  waitDurationInOpenState: 1000,
  permittedNumberOfCallsInHalfOpenState: 2,
}
const tripped = (settings: Partial<BreakerSettings> = {}): [Breaker, string[]] => {
  const transitions: string[] = []
  const breaker = createBreaker({ ...small, ...settings }, 0, (from, to, now) => {
    transitions.push(`${from} ${to} ${now}`)
  })
  call(breaker, 'ff', 0)
  return [breaker, transitions]
}

test('an open breaker refuses until the wait is over, and says how long; the next call is the first trial', () => {
  const [breaker, transitions] = tripped()
  assert.deepEqual(breaker.tryAcquire(400), { ok: false, retryAfterMs: 600 })
  breaker.tick(5000)
  assert.equal(breaker.state(5000), 'OPEN')
  assert.deepEqual(breaker.metrics(5000), {
    failureRate: 100,
    slowCallRate: 0,
    bufferedCalls: 2,
    successfulCalls: 0,
    failedCalls: 2,
    slowCalls: 0,
    slowFailedCalls: 0,
    notPermittedCalls: 1,
  })
  assert.ok(breaker.tryAcquire(5000).ok)
  assert.deepEqual(transitions, ['CLOSED OPEN 0', 'OPEN HALF_OPEN 5000'])
})

test('the wait is over at its last millisecond', () => {
  const [breaker] = tripped()
  assert.ok(!breaker.tryAcquire(999).ok)
  assert.ok(breaker.tryAcquire(1000).ok)
})

for (const [outcomes, expected] of [
  ['ss', 'CLOSED'],
  ['sf', 'OPEN'],
  ['SS', 'OPEN'],
  ['sS', 'CLOSED'],
] as const) {
  test(`a half-open breaker admits its trials only, and ${outcomes} makes it ${expected}`, () => {
    const [breaker] = tripped()
    const trials = [permitOf(breaker, 1000), permitOf(breaker, 1000)]
    assert.deepEqual(breaker.tryAcquire(1000), { ok: false, retryAfterMs: null })
    for (const [at, trial] of trials.entries()) {
      assert.equal(breaker.state(1001), 'HALF_OPEN')
      const letter = outcomes[at] ?? 's'
      const durationMs = letter === 'S' ? slow : 1
      if (letter === 'f') trial.fail(1001, durationMs)
      else trial.succeed(1001, durationMs)
    }
    assert.equal(breaker.state(1001), expected)
  })
}

test('a trial that is released is given back; a settled one is not, whatever is called after', () => {
  const [breaker] = tripped()
  const first = permitOf(breaker, 1000)
  const second = permitOf(breaker, 1000)
  first.release()
  first.release()
  first.fail(1000, 1)
  const third = permitOf(breaker, 1000)
  assert.ok(!breaker.tryAcquire(1000).ok)
  second.succeed(1000, 1)
  second.release()
  second.fail(1000, 1)
  assert.ok(!breaker.tryAcquire(1000).ok)
  third.succeed(1000, 1)
  assert.equal(breaker.state(1000), 'CLOSED')
})

test('a call of an earlier state counts in no later one', () => {
  const breaker = createBreaker(small, 0)
  const old = [permitOf(breaker, 0), permitOf(breaker, 0), permitOf(breaker, 0)]
  call(breaker, 'ff', 0)
  old[0]?.fail(10, 1)
  assert.equal(breaker.metrics(10).bufferedCalls, 2)
  const trial = permitOf(breaker, 1000)
  old[1]?.fail(1000, 1)
  old[2]?.release()
  assert.equal(breaker.metrics(1000).bufferedCalls, 0)
  permitOf(breaker, 1000).succeed(1000, 1)
  trial.succeed(1000, 1)
  assert.equal(breaker.state(1000), 'CLOSED')
})

test('trials that never end open the breaker after the longest wait (resilience4j#903)', () => {
  const [breaker, transitions] = tripped({ maxWaitDurationInHalfOpenState: 500 })
  const stuck = permitOf(breaker, 1000)
  assert.equal(breaker.state(1499), 'HALF_OPEN')
  assert.equal(breaker.state(1500), 'OPEN')
  stuck.succeed(1600, 1)
  assert.ok(breaker.tryAcquire(9000).ok)
  assert.deepEqual(transitions.slice(1), [
    'OPEN HALF_OPEN 1000',
    'HALF_OPEN OPEN 1500',
    'OPEN HALF_OPEN 9000',
  ])
})

test('an automatic breaker is half open when it is due, with no call', () => {
  const [breaker, transitions] = tripped({ automaticTransitionFromOpenToHalfOpenEnabled: true })
  breaker.tick(999)
  assert.equal(transitions.length, 1)
  breaker.tick(1700)
  assert.deepEqual(transitions, ['CLOSED OPEN 0', 'OPEN HALF_OPEN 1000'])
})

test('a forced state holds until it is left by hand', () => {
  const [breaker, transitions] = tripped()
  breaker.forceTo('FORCED_OPEN', 10)
  assert.deepEqual(breaker.tryAcquire(1e9), { ok: false, retryAfterMs: null })
  breaker.forceTo('DISABLED', 1e9)
  call(breaker, 'ffffff', 1e9)
  assert.equal(breaker.metrics(1e9).bufferedCalls, 0)
  breaker.forceTo('CLOSED', 1e9)
  call(breaker, 'ff', 1e9)
  assert.equal(breaker.state(1e9), 'OPEN')
  assert.deepEqual(
    transitions.map((text) => text.split(' ')[1]),
    ['OPEN', 'FORCED_OPEN', 'DISABLED', 'CLOSED', 'OPEN'],
  )
})

const settings: fc.Arbitrary<BreakerSettings> = fc.record({
  failureRateThreshold: fc.constantFrom(1, 30, 50, 100),
  slowCallRateThreshold: fc.constantFrom(40, 100),
  slowCallDurationThreshold: fc.constant(100),
  slidingWindowType: fc.constantFrom('COUNT_BASED', 'TIME_BASED'),
  slidingWindowSize: fc.integer({ min: 1, max: 6 }),
  minimumNumberOfCalls: fc.integer({ min: 1, max: 5 }),
  waitDurationInOpenState: fc.constantFrom(500, 2000),
  permittedNumberOfCallsInHalfOpenState: fc.integer({ min: 1, max: 4 }),
  maxWaitDurationInHalfOpenState: fc.constantFrom(0, 700, 3000),
  automaticTransitionFromOpenToHalfOpenEnabled: fc.boolean(),
  initialState: fc.constantFrom('CLOSED', 'CLOSED', 'OPEN', 'METRICS_ONLY'),
})
const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: 'acquire' as const }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      which: fc.nat(),
      how: fc.constantFrom('succeed', 'fail', 'fail', 'release'),
      durationMs: fc.constantFrom(1, 100, 101),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 2500 }), fc.constant(123_456)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('force' as const),
      state: fc.constantFrom<BreakerState>('CLOSED', 'OPEN', 'HALF_OPEN', 'DISABLED'),
    }),
  },
)

test('a breaker does as its twin that keeps a list of all calls', () => {
  fc.assert(
    fc.property(settings, fc.array(step, { maxLength: 80 }), (settings, steps) => {
      let now = 700
      const transitions: string[] = []
      const breaker = createBreaker(settings, now, (from, to, at) => {
        transitions.push(`${from} ${to} ${at}`)
      })
      const twin = new BreakerTwin(settings, now)
      const permits: { permit: BreakerPermit; turn: number }[] = []
      for (const step of steps) {
        if (step.kind === 'pass') now += step.ms
        if (step.kind === 'force') {
          breaker.forceTo(step.state, now)
          twin.advance(now)
          twin.enter(step.state, now)
        }
        if (step.kind === 'acquire') {
          const acquired = breaker.tryAcquire(now)
          const expected = twin.acquire(now)
          if ('turn' in expected) {
            assert.ok(acquired.ok)
            permits.push({ permit: acquired.permit, turn: expected.turn })
          } else {
            assert.deepEqual(acquired, { ok: false, ...expected })
          }
        }
        if (step.kind === 'settle' && permits.length > 0) {
          const [taken] = permits.splice(step.which % permits.length, 1)
          assert.ok(taken)
          if (step.how === 'release') {
            taken.permit.release()
            twin.release(taken.turn)
          } else {
            const hasFailed = step.how === 'fail'
            if (hasFailed) taken.permit.fail(now, step.durationMs)
            else taken.permit.succeed(now, step.durationMs)
            twin.settle(taken.turn, hasFailed, now, step.durationMs)
          }
        }
        twin.advance(now)
        assert.equal(breaker.state(now), twin.state)
        const { bufferedCalls, failureRate, slowCallRate } = breaker.metrics(now)
        assert.deepEqual({ calls: bufferedCalls, failureRate, slowCallRate }, twin.rates(now))
        // Rounds that nobody saw are not told; the last of them is.
        assert.equal(transitions.at(-1), twin.transitions.at(-1))
      }
    }),
    { numRuns: 3000 },
  )
})
