import assert from 'node:assert/strict'
import { test } from 'node:test'
import { advance } from '../../../src/core/rollout/advance.ts'
import { defaultPlan } from '../../../src/core/rollout/default-plan.ts'
import { startJudging } from '../../../src/core/rollout/judging.ts'
import { defaultProbation, lookAtProbation } from '../../../src/core/rollout/probation.ts'
import { Recorder } from '../../../src/core/rollout/recorder.ts'
import { seeded } from './seeded.ts'
import { rolloutOf, simulate, type Outcome, type Scenario } from './simulate.ts'
import { healthy, Pools, type Behaviour } from './traffic.ts'

const minute = 60_000
const day = 1440 * minute
const slower: Behaviour = { ...healthy, medianMs: healthy.medianMs * 1.15 }

const count = (outcomes: readonly Outcome[], status: string): number =>
  outcomes.filter(({ rollout }) => rollout.status === status).length

const run = (times: number, scenario: Omit<Scenario, 'untilMs'>): readonly Outcome[] =>
  Array.from({ length: times }, () => simulate({ ...scenario, untilMs: day }))

test('of 1,000 rollouts of identical versions at most one aborts, and the others are promoted', () => {
  const pools = new Pools(seeded(11))
  const same = { pools, stable: healthy, canary: healthy, lookMs: 5000 }
  const outcomes = [50, 200].flatMap((perSecond) => run(500, { ...same, perSecond }))
  assert.ok(count(outcomes, 'aborted') <= 1)
  assert.ok(count(outcomes, 'promoted') >= 999)
})

for (const perSecond of [50, 200]) {
  test(`of 100 rollouts with times up by 15 % at least 95 abort, at ${perSecond} a second`, (t) => {
    const pools = new Pools(seeded(12))
    const outcomes = run(100, { pools, stable: healthy, canary: slower, lookMs: 1000, perSecond })
    const samples = outcomes.map(({ samples }) => samples).sort((one, other) => one - other)
    const at = outcomes.map(({ at }) => at / minute).sort((one, other) => one - other)
    t.diagnostic(
      `${count(outcomes, 'aborted')} of 100 abort, half of them within ${at[50]} minutes`,
    )
    t.diagnostic(`by windows of ${samples[5]} to ${samples[95]} exchanges of the canary`)
    assert.ok(count(outcomes, 'aborted') >= 95)
    // What is stated in docs/reference/analysis.md.
    assert.ok(samples[95]! <= 3500)
  })
}

for (const [name, canary] of [
  ['an identical version', healthy],
  ['one that is slower', slower],
  ['one that fails now and then', { ...healthy, errorRate: 0.05 }],
] as const) {
  test(`20 requests a minute for a day neither promote nor abort ${name}`, () => {
    const pools = new Pools(seeded(13))
    const common = { pools, stable: healthy, canary, perSecond: 1 / 3, lookMs: 5000, untilMs: day }
    const half = [
      { kind: 'weight', weight: 50 },
      { kind: 'analysis', count: 3, ...defaultPlan().analysis },
    ] as const
    for (const plan of [defaultPlan(), { ...defaultPlan(), steps: half }]) {
      const { rollout, at } = simulate({ ...common, plan })
      assert.equal(at, day)
      assert.equal(rollout.status, 'running')
      assert.equal(rollout.plan.steps[rollout.step]!.kind, 'analysis')
    }
  })
}

test('a canary that fails half of its exchanges is aborted before the 50th bad answer', () => {
  const random = seeded(14)
  const rollout = rolloutOf(defaultPlan(), { step: 4, weight: 5 })
  for (let times = 0; times < 300; times += 1) {
    const [canary, stable] = [new Recorder(), new Recorder()]
    let judging = startJudging(rollout, 0)
    let bad = 0
    for (let now = 10, isOver = false; !isOver; now += 10) {
      const status = random() < 0.5 ? 500 : 200
      if (status === 500) bad += 1
      canary.record(now, 20, status)
      for (let other = 0; other < 19; other += 1) stable.record(now, 20, 200)
      const seen = { canary: canary.figures(now, now), stable: stable.figures(now, now) }
      const next = advance(rollout, judging, now, { ...seen, verify: null })
      judging = next.judging
      isOver = next.decision === 'abort'
      assert.ok(bad < 50)
    }
    assert.ok(bad >= 10)
  }
})

test('a change that fails half of its exchanges is taken back before the 50th bad answer; one like before never', () => {
  const random = seeded(15)
  const limits = defaultProbation()
  for (const failing of [0.5, 0]) {
    for (let times = 0; times < 100; times += 1) {
      const [before, since] = [new Recorder(), new Recorder()]
      const ms = (): number => 20 * Math.exp(random())
      for (let at = 0; at < 1000; at += 1) before.record(0, ms(), random() < 0.005 ? 500 : 200)
      let bad = 0
      let state = 'watching'
      for (let now = 100; state === 'watching'; now += 100) {
        const status = random() < Math.max(failing, 0.005) ? 500 : 200
        since.record(now, ms(), status)
        if (status === 500) bad += 1
        const figures = since.figures(now, now)
        const seen = { before: before.figures(0, 0), since: figures, settled: figures }
        ;({ state } = lookAtProbation(limits, 0, now, seen))
        assert.ok(failing === 0 || bad < 50)
      }
      assert.equal(state, failing === 0 ? 'passed' : 'breached')
    }
  }
})
