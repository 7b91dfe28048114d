import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from './seeded.ts'
import { simulate } from './simulate.ts'
import { healthy, Pools, type Behaviour } from './traffic.ts'

/** The numbers of docs/reference/analysis.md: looks each 100 ms, as they are made. */
const ended = (times: number, perSecond: number, canary: Behaviour, lookMs: number): string[] => {
  const pools = new Pools(seeded(perSecond))
  return Array.from({ length: times }, () => {
    const scenario = { pools, perSecond, stable: healthy, canary, lookMs, untilMs: 86_400_000 }
    return simulate(scenario).rollout.status
  })
}

for (const perSecond of [20, 50, 200, 800]) {
  test(`1,000 rollouts of identical versions at ${perSecond} a second, a look each 100 ms`, (t) => {
    const statuses = ended(1000, perSecond, healthy, 100)
    const aborted = statuses.filter((status) => status === 'aborted').length
    t.diagnostic(`${aborted} of 1,000 aborted`)
    assert.ok(aborted <= 1)
  })
}

for (const [perSecond, percent] of [
  [20, 15],
  [50, 10],
  [50, 15],
  [50, 25],
  [200, 10],
  [200, 15],
  [800, 15],
] as const) {
  test(`200 rollouts with times up by ${percent} % at ${perSecond} a second`, (t) => {
    const canary = { ...healthy, medianMs: healthy.medianMs * (1 + percent / 100) }
    const statuses = ended(200, perSecond, canary, 1000)
    const aborted = statuses.filter((status) => status === 'aborted').length
    t.diagnostic(`${aborted} of 200 aborted`)
    assert.ok(percent < 15 || perSecond < 50 || aborted >= 190)
  })
}
