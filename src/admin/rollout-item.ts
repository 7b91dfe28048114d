import type { RolloutMeasurement, RolloutView } from '../control/rollouts.ts'
import { renderPlan } from '../core/rollout/plan-parse.ts'
import type { Subject } from '../core/rollout/rollout.ts'
import { renderPredicate } from '../core/route/predicate-parse.ts'
import type { Item, MeasurementItem, RolloutItem } from './answers.ts'
import { stepText } from './step-text.ts'

/** Rollouts as clients see them. */

const timeOf = (at: number): string => new Date(at).toISOString()

/** Of a module or upstream its name, of a route its id. */
export function subjectName(subject: Subject): string {
  switch (subject.kind) {
    case 'module':
      return subject.module
    case 'route':
      return subject.route
    case 'upstream':
      return subject.upstream
    default:
      return subject satisfies never
  }
}

export function rolloutItem({
  rollout,
  stable,
  canary,
  judgements,
  verify,
}: RolloutView): RolloutItem {
  const { id, subject, owner, plan, status, step, weight, cohort } = rollout
  const { stepSince, startedAt, endedAt, author, reason, revision } = rollout
  return {
    id,
    kind: subject.kind,
    name: subjectName(subject),
    owner,
    status,
    step,
    steps: plan.steps.map(stepText),
    stepSince: timeOf(stepSince),
    weight,
    cohort:
      cohort === null
        ? null
        : {
            predicates: cohort.predicates.map((one) => renderPredicate(one) as Item),
            weight: cohort.weight,
          },
    stable: { version: rollout.stable, ...stable },
    canary: { version: rollout.canary, ...canary },
    judgements,
    verify,
    startedAt: timeOf(startedAt),
    endedAt: endedAt === null ? null : timeOf(endedAt),
    author,
    reason,
    revision,
    plan: renderPlan(plan) as Item,
  }
}

export const measurementItem = (measurement: RolloutMeasurement): MeasurementItem => ({
  ...measurement,
  at: timeOf(measurement.at),
})

/** Where a rollout stands, in the status of the instance. */
export const briefRollout = ({ rollout }: RolloutView): Item => {
  const { id, stable, canary, status, step, plan, weight } = rollout
  return { id, stable, canary, status, step, steps: plan.steps.length, weight }
}
