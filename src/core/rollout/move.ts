import { problem, type Problem } from '../errors.ts'
import { isOver, type Rollout, type RolloutStatus } from './rollout.ts'

/** A rollout moved by somebody, or why it cannot be. */
export type Moved =
  | { readonly ok: true; readonly rollout: Rollout }
  | { readonly ok: false; readonly problem: Problem }

/** Holds it where it is. A canary that fails is taken back all the same. */
export const pauseRollout = (rollout: Rollout, reason: string): Moved =>
  moved(rollout, ['running'], () => ({ ...rollout, status: 'paused', reason }))

/** Goes on, past a pause that waits for somebody; other steps begin again. */
export const resumeRollout = (rollout: Rollout, now: number, reason: string): Moved =>
  moved(rollout, ['paused'], () => {
    const current = rollout.plan.steps[rollout.step]
    const isWaiting = current?.kind === 'pause' && current.ms === null
    const step = isWaiting ? rollout.step + 1 : rollout.step
    return { ...rollout, status: 'running', step, stepSince: now, reason }
  })

/** The canary takes all clients, whatever steps are left; while it is watched, the watch ends. */
export const promoteRollout = (rollout: Rollout, now: number, reason: string): Moved =>
  moved(rollout, ['running', 'paused', 'watching'], () =>
    rollout.status === 'watching' ? ended(rollout, now, reason) : promoted(rollout, now, reason),
  )

/** All clients go back to the stable version. */
export const abortRollout = (rollout: Rollout, now: number, reason: string): Moved =>
  moved(rollout, ['running', 'paused', 'watching'], () => aborted(rollout, now, reason))

/** What it was about is there no more: somebody replaced it. Weights are those of whoever did. */
export const supersedeRollout = (rollout: Rollout, now: number, reason: string): Rollout =>
  isOver(rollout) ? rollout : { ...rollout, status: 'superseded', endedAt: now, reason }

export const aborted = (rollout: Rollout, now: number, reason: string): Rollout => ({
  ...rollout,
  status: 'aborted',
  weight: 0,
  cohort: null,
  endedAt: now,
  reason,
})

/** After the last step but the watch. */
export function promoted(rollout: Rollout, now: number, reason: string): Rollout {
  const { steps } = rollout.plan
  const all = { ...rollout, weight: 100, cohort: null, stepSince: now }
  return steps.at(-1)?.kind === 'watch'
    ? { ...all, status: 'watching', step: steps.length - 1, reason }
    : ended(all, now, reason)
}

/** After the last step. */
export const ended = (rollout: Rollout, now: number, reason: string): Rollout => ({
  ...rollout,
  status: 'promoted',
  step: rollout.plan.steps.length,
  stepSince: now,
  endedAt: now,
  reason,
})

function moved(rollout: Rollout, from: readonly RolloutStatus[], move: () => Rollout): Moved {
  const { id, status } = rollout
  return from.includes(status)
    ? { ok: true, rollout: move() }
    : { ok: false, problem: problem('TURNOUT_ROLLOUT_STATE', { id, status }) }
}
