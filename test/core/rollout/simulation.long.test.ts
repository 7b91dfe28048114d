// Prints the figures of docs/reference/analysis.md.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCondition } from '../../../src/core/rollout/condition.ts'
import { defaultConditions } from '../../../src/core/rollout/default-plan.ts'
import type { Figures } from '../../../src/core/rollout/figures.ts'
import { judge, significance } from '../../../src/core/rollout/judge.ts'
import { seeded } from './seeded.ts'
import { simulate, type Outcome } from './simulate.ts'
import { healthy, Pools, SliceWindow, type Behaviour } from './traffic.ts'

const slowerBy = (percent: number): Behaviour => ({
  ...healthy,
  medianMs: healthy.medianMs * (1 + percent / 100),
})
const settings = { minimumSamples: 50 }
const [errors, times] = defaultConditions.map((text) => parseCondition(text).condition!)

/** Half of them are below the first, 95 of 100 below the second. */
const spread = (list: readonly number[]): readonly (number | undefined)[] => {
  const sorted = [...list].sort((one, other) => one - other)
  return [0.5, 0.95].map((share) => sorted[Math.floor(sorted.length * share)])
}

function rollouts(
  count: number,
  perSecond: number,
  canary: Behaviour,
  lookMs: number,
): readonly Outcome[] {
  const pools = new Pools(seeded(perSecond))
  const scenario = { pools, perSecond, stable: healthy, canary, lookMs, untilMs: 86_400_000 }
  return Array.from({ length: count }, () => simulate(scenario)).filter(
    ({ rollout }) => rollout.status === 'aborted',
  )
}

for (const perSecond of [50, 200]) {
  test(`1,000 rollouts of identical versions at ${perSecond} a second, a look each 100 ms`, (t) => {
    const aborted = rollouts(1000, perSecond, healthy, 100)
    t.diagnostic(`${aborted.length} of 1,000 aborted`)
    assert.ok(aborted.length <= 1)
  })
}

for (const [perSecond, percent] of [
  [20, 15],
  [50, 5],
  [50, 10],
  [50, 15],
  [50, 25],
  [200, 5],
  [200, 10],
  [200, 15],
  [800, 15],
] as const) {
  test(`200 rollouts with times up by ${percent} % at ${perSecond} a second`, (t) => {
    const aborted = rollouts(200, perSecond, slowerBy(percent), 1000)
    const minutes = spread(aborted.map(({ at }) => at / 60_000))
    const samples = spread(aborted.map(({ samples }) => samples))
    t.diagnostic(
      `${aborted.length} aborted, minutes ${minutes}, exchanges in the window ${samples}`,
    )
    assert.ok(percent < 15 || perSecond < 50 || aborted.length >= 190)
  })
}

test('one judgement of times', (t) => {
  const pools = new Pools(seeded(3), 400_000)
  for (const [weight, n] of [
    [5, 500],
    [5, 1000],
    [5, 2000],
    [25, 1000],
    [25, 2000],
    [50, 1000],
    [50, 2000],
    [50, 3000],
    [50, 5000],
  ] as const) {
    for (const percent of [0, 15]) {
      const behaviour = percent === 0 ? healthy : slowerBy(percent)
      const verdicts = Array.from({ length: 400 }, () => {
        const [canary, stable] = [new SliceWindow(), new SliceWindow()]
        for (let part = 0; part < 10; part += 1) {
          canary.add(pools.draw(n / 10, behaviour), 10)
          stable.add(pools.draw((n * (100 - weight)) / weight / 10, healthy), 10)
        }
        const [own, other] = [canary.figures(), stable.figures()]
        return judge(times!, own, other, settings, significance.interval).verdict
      })
      const share = (verdict: string): number =>
        verdicts.filter((one) => one === verdict).length / 4
      t.diagnostic(
        `weight ${weight}, ${n} exchanges, up by ${percent} %: pass ${share('pass')} %, inconclusive ${share('inconclusive')} %, fail ${share('fail')} %`,
      )
      assert.ok(percent > 0 || share('fail') === 0)
    }
  }
})

test('errors until a canary is aborted', (t) => {
  const random = seeded(5)
  const figures = (requests: number, errors: number): Figures => ({
    requests,
    errors,
    clientErrors: 0,
    durations: [],
  })
  for (const rate of [1, 0.5, 0.2, 0.1, 0.05]) {
    const seen = Array.from({ length: 300 }, () => {
      let [n, bad, stableBad, verdict] = [0, 0, 0, '']
      while (verdict !== 'fail') {
        n += 1
        if (random() < rate) bad += 1
        for (let other = 0; other < 19; other += 1) if (random() < 0.005) stableBad += 1
        const [own, other] = [figures(n, bad), figures(n * 19, stableBad)]
        ;({ verdict } = judge(errors!, own, other, settings, significance.continuous))
      }
      return { n, bad }
    })
    const bad = seen.map((one) => one.bad)
    const all = seen.map(({ n }) => n)
    t.diagnostic(
      `${rate * 100} % fail: bad ${spread(bad)[0]}, most ${Math.max(...bad)}; exchanges ${spread(all)[0]}, most ${Math.max(...all)}`,
    )
    assert.ok(Math.max(...bad) <= 50)
  }
})
