import { advance } from '../../../src/core/rollout/advance.ts'
import { defaultPlan } from '../../../src/core/rollout/default-plan.ts'
import { settingsOf, startJudging } from '../../../src/core/rollout/judging.ts'
import type { Plan } from '../../../src/core/rollout/plan.ts'
import { isOver, type Rollout } from '../../../src/core/rollout/rollout.ts'
import { SliceWindow, type Behaviour, type Pools } from './traffic.ts'

export const rolloutOf = (plan: Plan, change: Partial<Rollout> = {}): Rollout => ({
  id: 'users',
  subject: { kind: 'module', module: 'users' },
  owner: 'files:users',
  stable: '1.0.0',
  canary: '2.0.0',
  plan,
  status: 'running',
  step: 0,
  stepSince: 0,
  weight: 0,
  cohort: null,
  startedAt: 0,
  endedAt: null,
  author: 'test',
  reason: '',
  revision: 1,
  ...change,
})

export interface Scenario {
  readonly pools: Pools
  readonly perSecond: number
  readonly stable: Behaviour
  readonly canary: Behaviour
  /** Time between two looks. */
  readonly lookMs: number
  readonly untilMs: number
  readonly plan?: Plan
}

export interface Outcome {
  readonly rollout: Rollout
  readonly at: number
  /** Exchanges of the canary that were in the window in the end. */
  readonly samples: number
}

/** A rollout in simulated time, from the start until it is over or `untilMs`. */
export function simulate(scenario: Scenario): Outcome {
  const { pools, perSecond, lookMs } = scenario
  let rollout = rolloutOf(scenario.plan ?? defaultPlan())
  let judging = startJudging(rollout, 0)
  const canary = new SliceWindow()
  const stable = new SliceWindow()
  const verify = { compared: 1000, different: 0 }
  let now = 0
  while (now < scenario.untilMs && !isOver(rollout)) {
    now += lookMs
    const most = settingsOf(rollout).windowMs / lookMs
    const mean = (perSecond * lookMs) / 1000
    if (rollout.weight > 0)
      canary.add(pools.draw((mean * rollout.weight) / 100, scenario.canary), most)
    if (rollout.weight < 100)
      stable.add(pools.draw((mean * (100 - rollout.weight)) / 100, scenario.stable), most)
    const seen = { canary: canary.figures(), stable: stable.figures(), verify }
    const next = advance(rollout, judging, now, seen)
    if (next.rollout.stepSince !== rollout.stepSince && !isOver(next.rollout)) {
      canary.clear()
      stable.clear()
    }
    rollout = next.rollout
    judging = next.judging
  }
  return { rollout, at: now, samples: canary.figures().requests }
}
