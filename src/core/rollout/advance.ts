import { look, type Judging, type SeenFigures } from './judging.ts'
import type { Judgement, RolloutMeasurement, VerifyReport } from './measurement.ts'
import { aborted, ended, promoted } from './move.ts'
import type { Step } from './plan.ts'
import { renderDuration } from './render-duration.ts'
import { isOver, type Rollout } from './rollout.ts'

export type VerifySeen = Pick<VerifyReport, 'compared' | 'different'>

export interface Seen extends SeenFigures {
  /** Of the verify step, since it began or the process did. */
  readonly verify: VerifySeen | null
}

/** What one look at a rollout came to. */
export interface Advance {
  /** The same object where nothing is to be published. */
  readonly rollout: Rollout
  readonly judging: Judging
  /** To be kept in the history. */
  readonly measurement: RolloutMeasurement | null
  /** The newest judgements; empty where nobody is served by the canary. */
  readonly judgements: readonly Judgement[]
  /**
   * `step`: it goes on. `promote`: the canary takes all; the rollout is watching, or over. `end`: the watch is over.
   * `hold`: nothing changes.
   */
  readonly decision: 'hold' | 'step' | 'pause' | 'promote' | 'abort' | 'end'
}

/**
 * Looks at a rollout and says where it stands next, one move at a time. Whoever calls it, each 100 ms or so, publishes
 * the rollout it answers, and keeps `judging` for the next time; a rollout that was found again after a restart goes on
 * with `startJudging(rollout, now)`.
 *
 *     verify --> weight --> analysis --> ... --> (last) --> watching --> promoted
 *        \          \           \                              /
 *         `----------`-----------`--> aborted <---------------'
 *
 * While the canary serves anybody, in a pause too, it is judged, and what fails aborts.
 */
export function advance(rollout: Rollout, before: Judging, now: number, seen: Seen): Advance {
  if (isOver(rollout)) return hold(rollout, before)
  const { judging, judgements, measurement, outcome } = look(rollout, before, now, seen)
  const to = (decision: Advance['decision'], next: Rollout): Advance => ({
    rollout: next,
    judging,
    measurement,
    judgements,
    decision,
  })
  const { status } = rollout
  if (outcome.kind === 'abort') return to('abort', aborted(rollout, now, outcome.reason))
  if (outcome.kind === 'pause' && status === 'running')
    return to('pause', { ...rollout, status: 'paused', reason: outcome.reason })
  if (status === 'paused') return to('hold', rollout)

  const step = rollout.plan.steps[rollout.step]
  if (status === 'watching') {
    const isWatched = step?.kind !== 'watch' || now - rollout.stepSince >= step.ms
    return isWatched
      ? to('end', ended(rollout, now, 'it kept to its conditions while it was watched'))
      : to('hold', rollout)
  }
  if (step === undefined || step.kind === 'watch')
    return to('promote', promoted(rollout, now, 'all steps are done'))
  const move = moveOf(step, rollout, judging, now, seen.verify)
  return move === null ? to('hold', rollout) : to(move.decision, move.rollout)
}

const hold = (rollout: Rollout, judging: Judging): Advance => ({
  rollout,
  judging,
  measurement: null,
  judgements: [],
  decision: 'hold',
})

interface Move {
  readonly decision: 'step' | 'pause' | 'abort'
  readonly rollout: Rollout
}

/** What a step that runs comes to; null: it is not done. */
function moveOf(
  step: Exclude<Step, { kind: 'watch' }>,
  rollout: Rollout,
  judging: Judging,
  now: number,
  verify: VerifySeen | null,
): Move | null {
  const onward = (reason: string, change: Partial<Rollout> = {}): Move => {
    const next = { ...rollout, ...change, step: rollout.step + 1, stepSince: now, reason }
    return { decision: 'step', rollout: next }
  }
  switch (step.kind) {
    case 'verify':
      return verified(step, rollout, judging, now, verify, onward)
    case 'weight': {
      const { weight } = step
      // A cohort keeps what it has, until all have as much.
      const cohort =
        rollout.cohort !== null && rollout.cohort.weight > weight ? rollout.cohort : null
      return onward(`weight ${weight}`, { weight, cohort })
    }
    case 'cohort': {
      const { predicates, weight } = step
      return onward(`weight ${weight} of a cohort`, { cohort: { predicates, weight } })
    }
    case 'pause':
      if (step.ms === null) {
        const reason = 'it waits until somebody resumes, promotes or aborts it'
        return { decision: 'pause', rollout: { ...rollout, status: 'paused', reason } }
      }
      return now - rollout.stepSince >= step.ms
        ? onward(`paused for ${renderDuration(step.ms)}`)
        : null
    case 'analysis':
      return judging.passesInRow >= step.count
        ? onward(`${step.count} ${step.count === 1 ? 'judgement' : 'judgements'} in a row passed`)
        : null
    default:
      return step satisfies never
  }
}

function verified(
  step: Extract<Step, { kind: 'verify' }>,
  rollout: Rollout,
  judging: Judging,
  now: number,
  verify: VerifySeen | null,
  onward: (reason: string) => Move,
): Move | null {
  const { compared, different } = verify ?? { compared: 0, different: 0 }
  const isWithin = different * 100 <= step.maxDifferentPercent * compared
  const found = `${different} of ${compared} comparisons differ`
  if (compared >= step.samples) {
    if (isWithin) return onward(found)
    const reason = `${found}, more than ${step.maxDifferentPercent}%`
    return { decision: 'abort', rollout: aborted(rollout, now, reason) }
  }
  if (now - judging.since < step.timeoutMs) return null
  const reason = `verify compared ${compared} of ${step.samples} exchanges in ${renderDuration(step.timeoutMs)}; ${found}`
  if (step.onTimeout === 'continue' && isWithin) return onward(reason)
  // Whoever resumes it has seen that: it goes on behind the step.
  const { rollout: next } = onward(reason)
  return { decision: 'pause', rollout: { ...next, status: 'paused' } }
}
