import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bucketOf } from '../../../src/core/rollout/buckets.ts'
import {
  advance,
  type Advance,
  type Seen,
  type VerifySeen,
} from '../../../src/core/rollout/advance.ts'
import { conditionsOf, defaultVerify } from '../../../src/core/rollout/default-plan.ts'
import { noFigures, type Figures } from '../../../src/core/rollout/figures.ts'
import { spanOf, startJudging, type Judging } from '../../../src/core/rollout/judging.ts'
import {
  abortRollout,
  pauseRollout,
  promoteRollout,
  resumeRollout,
  supersedeRollout,
  type Moved,
} from '../../../src/core/rollout/move.ts'
import type { AnalysisSettings, Step } from '../../../src/core/rollout/plan.ts'
import type { Rollout, RolloutStatus } from '../../../src/core/rollout/rollout.ts'
import { rolloutOf } from './simulate.ts'

const second = 1000
const minute = 60 * second
const analysis: AnalysisSettings = {
  conditions: conditionsOf(['errorRate <= stable + 1%', 'p95 <= stable * 1.10 + 1ms']),
  minimumSamples: 50,
  windowMs: 2 * minute,
  intervalMs: minute,
  failureLimit: 1,
  consecutiveErrorLimit: 1,
}
const analysed: Step = { kind: 'analysis', count: 3, ...analysis }
const verify: Step = { ...defaultVerify(), samples: 10, maxDifferentPercent: 10, timeoutMs: minute }

const figures = (requests: number, errors = 0, ms = 10): Figures => ({
  requests,
  errors,
  clientErrors: 0,
  durations: [bucketOf(ms), requests],
})
const well = { canary: figures(1000), stable: figures(1000) }
const failing = { canary: figures(1000, 500), stable: figures(1000) }
const slow = { canary: figures(1000, 0, 20), stable: figures(1000) }
const few = { canary: figures(49), stable: figures(1000) }
const broken = { canary: { ...figures(1000), errors: Number.NaN }, stable: figures(1000) }
const nothing = { canary: noFigures, stable: noFigures }

const on = (steps: readonly Step[], change: Partial<Rollout> = {}): Rollout =>
  rolloutOf({ steps, analysis }, change)
const seenOf = (one: Omit<Seen, 'verify'>, verify: VerifySeen | null = null): Seen => ({
  ...one,
  verify,
})

/** Looks each `everyMs` until `until`, as long as nothing is decided. */
function looks(
  rollout: Rollout,
  seen: Seen,
  until: number,
  everyMs = second,
  judging: Judging = startJudging(rollout, rollout.stepSince),
): Advance & { readonly at: number; readonly measurements: number } {
  let measurements = 0
  for (let now = rollout.stepSince; ; now += everyMs) {
    const next = advance(rollout, judging, now, seen)
    judging = next.judging
    if (next.measurement !== null) measurements += 1
    if (next.decision !== 'hold' || now >= until) return { ...next, at: now, measurements }
  }
}

/** What a look, or many of them, come to: `decision status step weight at`. */
const told = ({ decision, rollout, at }: Advance & { readonly at: number }): string =>
  `${decision} ${rollout.status} ${rollout.step} ${rollout.weight} ${at / second}`

const weight5: Partial<Rollout> = { step: 1, weight: 5 }
const weighted: readonly Step[] = [{ kind: 'weight', weight: 5 }]
const table: readonly (readonly [string, Rollout, Seen, string])[] = [
  ['a weight is set at once', on(weighted), seenOf(nothing), 'step running 1 5 0'],
  ['all steps done', on(weighted, weight5), seenOf(well), 'promote promoted 1 100 0'],
  [
    'all steps done, then watched',
    on([...weighted, { kind: 'watch', ms: minute }], weight5),
    seenOf(well),
    'promote watching 1 100 0',
  ],
  [
    'a pause of a time',
    on([...weighted, { kind: 'pause', ms: 90 * second }], weight5),
    seenOf(few),
    'step running 2 5 90',
  ],
  [
    'a pause until somebody resumes it',
    on([...weighted, { kind: 'pause', ms: null }], weight5),
    seenOf(well),
    'pause paused 1 5 0',
  ],
  [
    'an analysis that passes',
    on([...weighted, analysed], weight5),
    seenOf(well),
    'step running 2 5 180',
  ],
  [
    'an analysis of too few exchanges',
    on([...weighted, analysed], weight5),
    seenOf(few),
    'hold running 1 5 3600',
  ],
  ['errors', on([...weighted, analysed], weight5), seenOf(failing), 'abort aborted 1 0 0'],
  [
    'errors in a pause',
    on([...weighted, { kind: 'pause', ms: minute }], weight5),
    seenOf(failing),
    'abort aborted 1 0 0',
  ],
  [
    'errors while paused by hand',
    on([...weighted, analysed], { ...weight5, status: 'paused' }),
    seenOf(failing),
    'abort aborted 1 0 0',
  ],
  [
    'errors of a canary that nobody is sent to',
    on([{ kind: 'pause', ms: minute }]),
    seenOf(failing),
    'step running 1 0 60',
  ],
  [
    'slow answers: more than one interval',
    on([...weighted, analysed], weight5),
    seenOf(slow),
    'abort aborted 1 0 120',
  ],
  [
    'figures that are no numbers: more than one interval',
    on([...weighted, analysed], weight5),
    seenOf(broken),
    'pause paused 1 5 120',
  ],
  ['verify without an answer', on([verify]), seenOf(nothing), 'step running 1 0 60'],
  [
    'verify without an answer, when it is to pause',
    on([{ ...verify, onTimeout: 'pause' }]),
    seenOf(nothing),
    'pause paused 1 0 60',
  ],
  [
    'verify without enough answers, some of which differ',
    on([verify]),
    seenOf(nothing, { compared: 5, different: 1 }),
    'pause paused 1 0 60',
  ],
  [
    'verify at its limit',
    on([verify]),
    seenOf(nothing, { compared: 10, different: 1 }),
    'step running 1 0 0',
  ],
  [
    'verify past its limit',
    on([verify]),
    seenOf(nothing, { compared: 10, different: 2 }),
    'abort aborted 0 0 0',
  ],
]

for (const [name, rollout, seen, outcome] of table) {
  test(`${name}: ${outcome}`, () => assert.equal(told(looks(rollout, seen, 60 * minute)), outcome))
}

test('what is over, and what is held, stays the same object', () => {
  for (const status of ['promoted', 'aborted', 'superseded'] as const) {
    const rollout = on(weighted, { status })
    assert.equal(advance(rollout, startJudging(rollout, 0), 0, seenOf(failing)).rollout, rollout)
  }
  const rollout = on([...weighted, analysed], weight5)
  assert.equal(advance(rollout, startJudging(rollout, 0), second, seenOf(well)).rollout, rollout)
})

test('a judgement that does not pass begins the row again, and one failure is borne', () => {
  const calm = { ...analysis, windowMs: 10 * minute }
  const rollout = {
    ...on([...weighted, analysed], weight5),
    plan: { steps: [...weighted, analysed], analysis: calm },
  }
  let judging = startJudging(rollout, 0)
  const rows = [well, well, few, well, slow, well, well].map((seen, at) => {
    const next = advance(rollout, judging, (at + 1) * minute, seenOf(seen))
    judging = next.judging
    return `${next.measurement!.verdict} ${judging.passesInRow} ${next.decision}`
  })
  assert.deepEqual(rows, [
    'pass 1 hold',
    'pass 2 hold',
    'inconclusive 0 hold',
    'pass 1 hold',
    'fail 0 hold',
    'pass 1 hold',
    'pass 2 hold',
  ])
})

test('a cohort is kept while its weight is above that of all', () => {
  const predicates = [{ kind: 'header', name: 'x-tier', equals: 'high', matches: null }] as const
  const steps: readonly Step[] = [
    { kind: 'cohort', predicates, weight: 20 },
    { kind: 'weight', weight: 5 },
    { kind: 'weight', weight: 20 },
  ]
  let rollout = on(steps)
  const seen: (number | null)[] = []
  for (let now = 0; now < 3; now += 1) {
    ;({ rollout } = advance(rollout, startJudging(rollout, now), now, seenOf(nothing)))
    seen.push(rollout.weight, rollout.cohort?.weight ?? null)
  }
  assert.deepEqual(seen, [0, 20, 5, 20, 20, null])
  const cohort = on(steps, { step: 1, cohort: { predicates, weight: 20 } })
  assert.equal(looks(cohort, seenOf(failing), 0).decision, 'abort')
})

test('a canary that took all is judged by what the stable version was like', () => {
  const steps: readonly Step[] = [...weighted, analysed, { kind: 'watch', ms: 10 * minute }]
  const before = looks(on(steps, weight5), seenOf(well), 10 * minute)
  const promoted = advance(before.rollout, before.judging, before.at + 1, seenOf(well))
  assert.equal(promoted.rollout.status, 'watching')
  const alone = { canary: figures(1000), stable: noFigures }
  assert.equal(
    told(looks(promoted.rollout, seenOf(alone), 60 * minute, second, promoted.judging)),
    `end promoted 3 100 ${(before.at + 1) / second + 600}`,
  )
  const bad = looks(
    promoted.rollout,
    seenOf({ ...alone, canary: figures(1000, 100) }),
    60 * minute,
    second,
    promoted.judging,
  )
  assert.equal(bad.decision, 'abort')
  assert.deepEqual([bad.rollout.status, bad.rollout.weight], ['aborted', 0])
  assert.match(bad.rollout.reason, /errorRate is 10%, not <= 1% \(stable 0%\)/)
})

test('in every step a rollout that is found again goes on to the same end', () => {
  const steps: readonly Step[] = [
    verify,
    ...weighted,
    { kind: 'pause', ms: minute },
    analysed,
    { kind: 'watch', ms: 5 * minute },
  ]
  const compared = { compared: 10, different: 0 }
  /** All states of a rollout; where it `forgets`, each look is the first after a restart. */
  const states = (forgetsAt: number | null): readonly string[] => {
    let rollout = on(steps)
    let judging = startJudging(rollout, 0)
    const seen: string[] = []
    for (let now = 0; rollout.endedAt === null; now += second) {
      if (rollout.step === forgetsAt) {
        // As it comes back from a store: nothing but the rollout itself, in the middle of its step.
        const found = JSON.parse(JSON.stringify(rollout)) as Rollout
        if (now - found.stepSince === 30 * second) judging = startJudging(found, now)
        rollout = found
      }
      const next = advance(rollout, judging, now, seenOf(well, compared))
      judging = next.judging
      if (next.decision !== 'hold')
        seen.push(
          `${next.decision} ${next.rollout.status} ${next.rollout.step} ${next.rollout.weight}`,
        )
      rollout = next.rollout
      assert.ok(now < 60 * minute)
    }
    return seen
  }
  const whole = states(null)
  assert.deepEqual(whole, [
    'step running 1 0',
    'step running 2 5',
    'step running 3 5',
    'step running 4 5',
    'promote watching 4 100',
    'end promoted 5 100',
  ])
  for (const step of steps.keys()) assert.deepEqual(states(step), whole)
})

test('measurements are made at intervals since the step began, after a restart too', () => {
  const rollout = on([...weighted, { kind: 'pause', ms: null }], {
    ...weight5,
    status: 'paused',
    stepSince: 10 * second,
  })
  assert.equal(looks(rollout, seenOf(well), 10 * minute + 10 * second).measurements, 10)
  assert.equal(startJudging(rollout, 10 * second + 150 * second).dueAt, 10 * second + 180 * second)
})

test('what is asked for is the window, but not what was before the step', () => {
  const rollout = on([...weighted, analysed], { ...weight5, stepSince: 10 * minute })
  assert.equal(spanOf(rollout, 10 * minute + 5), 5)
  assert.equal(spanOf(rollout, 15 * minute), 2 * minute)
  assert.equal(spanOf(rollout, 9 * minute), 0)
})

const moves: Readonly<Record<string, (rollout: Rollout) => Moved>> = {
  pause: (rollout) => pauseRollout(rollout, 'said so'),
  resume: (rollout) => resumeRollout(rollout, 7, 'said so'),
  promote: (rollout) => promoteRollout(rollout, 7, 'said so'),
  abort: (rollout) => abortRollout(rollout, 7, 'said so'),
}
const watched: readonly Step[] = [
  ...weighted,
  { kind: 'pause', ms: null },
  { kind: 'watch', ms: 9 },
]
/** By status before: what each move makes of it, as `status step weight stepSince`. */
const moved: Readonly<Record<RolloutStatus, Readonly<Record<string, string>>>> = {
  running: {
    pause: 'paused 1 5 0',
    resume: 'refused',
    promote: 'watching 2 100 7',
    abort: 'aborted 1 0 0',
  },
  paused: {
    pause: 'refused',
    resume: 'running 2 5 7',
    promote: 'watching 2 100 7',
    abort: 'aborted 1 0 0',
  },
  watching: {
    pause: 'refused',
    resume: 'refused',
    promote: 'promoted 3 5 7',
    abort: 'aborted 1 0 0',
  },
  promoted: { pause: 'refused', resume: 'refused', promote: 'refused', abort: 'refused' },
  aborted: { pause: 'refused', resume: 'refused', promote: 'refused', abort: 'refused' },
  superseded: { pause: 'refused', resume: 'refused', promote: 'refused', abort: 'refused' },
}

for (const [status, outcomes] of Object.entries(moved)) {
  test(`moves of a rollout that is ${status}`, () => {
    const before = on(watched, { ...weight5, status: status as RolloutStatus })
    for (const [name, outcome] of Object.entries(outcomes)) {
      const after = moves[name]!(before)
      if (!after.ok) {
        assert.equal(outcome, 'refused')
        assert.equal(after.problem.code, 'TURNOUT_ROLLOUT_STATE')
        assert.equal(after.problem.message, `The rollout users is ${status}`)
        continue
      }
      const { rollout } = after
      assert.equal(
        `${rollout.status} ${rollout.step} ${rollout.weight} ${rollout.stepSince}`,
        outcome,
      )
      assert.equal(rollout.reason, 'said so')
      assert.equal(
        rollout.endedAt,
        rollout.status === 'aborted' || rollout.status === 'promoted' ? 7 : null,
      )
    }
  })
}

test('a rollout that is over is superseded by nobody', () => {
  const rollout = on(watched)
  assert.deepEqual(
    [
      supersedeRollout(rollout, 7, 'replaced').status,
      supersedeRollout(rollout, 7, 'replaced').endedAt,
    ],
    ['superseded', 7],
  )
  const over = on(watched, { status: 'aborted' })
  assert.equal(supersedeRollout(over, 7, 'replaced'), over)
})
