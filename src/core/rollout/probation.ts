import { kindOfMetric } from './condition.ts'
import { conditionsOf, defaultConditions } from './default-plan.ts'
import type { Figures } from './figures.ts'
import { judgeAll, significance, verdictOf } from './judge.ts'
import type { Judgement } from './measurement.ts'
import type { Condition } from './plan.ts'

/** What a change must keep to in the time after its apply, against what served before. */
export interface ProbationLimits {
  readonly conditions: readonly Condition[]
  /** Fewest exchanges on either side. */
  readonly minimumSamples: number
  readonly durationMs: number
  /** Times are not judged by what was seen in so long after the apply: new code begins cold. */
  readonly settleMs: number
}

export const defaultProbation = (): ProbationLimits => ({
  conditions: conditionsOf(defaultConditions),
  minimumSamples: 50,
  durationMs: 60_000,
  settleMs: 5000,
})

export interface ProbationSeen {
  /** What served before, in the window before the apply. */
  readonly before: Figures
  /** What serves now, since the apply. */
  readonly since: Figures
  /** The same, since `settleMs` after the apply. */
  readonly settled: Figures
}

export interface ProbationLook {
  /** `breached`: the change is to be taken back. `passed`: the time is over; too few exchanges are no breach. */
  readonly state: 'watching' | 'passed' | 'breached'
  readonly judgements: readonly Judgement[]
  /** What was breached, for people; empty where nothing was. */
  readonly reason: string
}

/**
 * Looks at a change under probation. To be called each 100 ms or so, and once more when the time is over: its false
 * alarms are those of looks between the intervals of a rollout. A change of what is asked for, in the same minute, looks
 * like one of the version: what served before is another time.
 */
export function lookAtProbation(
  { conditions, minimumSamples, durationMs }: ProbationLimits,
  appliedAt: number,
  now: number,
  { before, since, settled }: ProbationSeen,
): ProbationLook {
  const judgements = conditions.flatMap((condition) => {
    const figures = kindOfMetric[condition.metric] === 'duration' ? settled : since
    const settings = { conditions: [condition], minimumSamples }
    return judgeAll(settings, figures, before, significance.continuous)
  })
  if (verdictOf(judgements) === 'fail') {
    const failed = judgements.filter(({ verdict }) => verdict === 'fail')
    return { state: 'breached', judgements, reason: failed.map(({ text }) => text).join('; ') }
  }
  const state = now - appliedAt >= durationMs ? 'passed' : 'watching'
  return { state, judgements, reason: '' }
}
