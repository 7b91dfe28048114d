import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from './seeded.ts'
import { simulate, type Outcome } from './simulate.ts'
import { healthy, Pools } from './traffic.ts'

const day = 86_400_000
const same = { stable: healthy, canary: healthy }
const slower = { stable: healthy, canary: { ...healthy, medianMs: healthy.medianMs * 1.15 } }

const statuses = (outcomes: readonly Outcome[], status: string): number =>
  outcomes.filter(({ rollout }) => rollout.status === status).length

test('of 1,000 rollouts of identical versions at most one aborts, and the others end', (t) => {
  const pools = new Pools(seeded(11))
  const outcomes = Array.from({ length: 1000 }, (_, at) =>
    simulate({
      pools,
      ...same,
      perSecond: at % 2 === 0 ? 50 : 200,
      lookMs: 1000,
      untilMs: day / 8,
    }),
  )
  const minutes = outcomes.map(({ at }) => at / 60_000).sort((one, other) => one - other)
  t.diagnostic(`minutes: median ${minutes[500]!.toFixed(0)}, longest ${minutes[999]!.toFixed(0)}`)
  t.diagnostic(`aborted: ${statuses(outcomes, 'aborted')}`)
  assert.ok(statuses(outcomes, 'aborted') <= 1)
  assert.ok(statuses(outcomes, 'promoted') >= 999)
})

test('of 100 rollouts with times up by 15 % at least 95 abort', (t) => {
  const pools = new Pools(seeded(12))
  for (const perSecond of [50, 200]) {
    const outcomes = Array.from({ length: 100 }, () =>
      simulate({ pools, ...slower, perSecond, lookMs: 1000, untilMs: day }),
    )
    const aborted = outcomes.filter(({ rollout }) => rollout.status === 'aborted')

    const samples = aborted.map(({ samples }) => samples).sort((one, other) => one - other)
    const at = aborted.map(({ at }) => at / 60_000).sort((one, other) => one - other)
    t.diagnostic(
      `${perSecond}/s: ${aborted.length} aborted, samples ${samples[0]} to ${samples.at(-1)}, median ${samples[50]}, minutes ${at[50]}`,
    )
    assert.ok(aborted.length >= 95)
  }
})
