import { kindOfMetric } from './condition.ts'
import type { Figures } from './figures.ts'
import { judgeAll, significance, verdictOf } from './judge.ts'
import type { Judgement, RolloutMeasurement } from './measurement.ts'
import type { AnalysisSettings } from './plan.ts'
import { summaryOf } from './quantile.ts'
import type { Rollout } from './rollout.ts'

/**
 * What judging remembers between two looks. Plain data. It is begun anew after a restart: counts of failures and passes
 * are then zero again, which holds a rollout longer and aborts it later, never the other way round.
 */
export interface Judging {
  /** The step and its instant that it is about. */
  readonly step: number
  readonly stepSince: number
  /** When it began: with the step, or with the process. */
  readonly since: number
  /** When the next measurement is due. */
  readonly dueAt: number
  readonly failed: number
  readonly errorsInRow: number
  readonly passesInRow: number
  /** The stable version's figures as they were last, while it had clients: what a promoted canary is compared with. */
  readonly baseline: Figures | null
}

/** What was seen since the step began, at most for the window: see `spanOf`. */
export interface SeenFigures {
  readonly canary: Figures
  readonly stable: Figures
}

/** What judging found in one look. */
export interface Look {
  readonly judging: Judging
  /** Newest judgements; empty where nobody is served by the canary. */
  readonly judgements: readonly Judgement[]
  readonly measurement: RolloutMeasurement | null
  /** What it comes to: `abort` and `pause` with the reason. */
  readonly outcome:
    | { readonly kind: 'none' }
    | { readonly kind: 'abort' | 'pause'; readonly reason: string }
}

/** The settings that a rollout is judged by at intervals. */
export function settingsOf({ plan, step, status }: Rollout): AnalysisSettings {
  const now = plan.steps[step]
  return now?.kind === 'analysis' && status !== 'watching' ? now : plan.analysis
}

/** How far back figures are to be seen: the window, but not what was before the step. */
export const spanOf = (rollout: Rollout, now: number): number =>
  Math.max(0, Math.min(settingsOf(rollout).windowMs, now - rollout.stepSince))

/** Whether the canary serves clients that did not ask for it. */
export const isExposed = ({ weight, cohort, status }: Rollout): boolean =>
  weight > 0 || cohort !== null || status === 'watching'

const takesAll = ({ weight, status }: Rollout): boolean => weight >= 100 || status === 'watching'

/** Measurements are due at whole intervals since the step began. */
export function startJudging(
  rollout: Rollout,
  now: number,
  baseline: Figures | null = null,
): Judging {
  const { step, stepSince } = rollout
  return {
    step,
    stepSince,
    since: now,
    dueAt: nextDue(rollout, now),
    failed: 0,
    errorsInRow: 0,
    passesInRow: 0,
    baseline,
  }
}

function nextDue(rollout: Rollout, now: number): number {
  const { intervalMs } = settingsOf(rollout)
  const passed = Math.max(0, Math.floor((now - rollout.stepSince) / intervalMs))
  return rollout.stepSince + (passed + 1) * intervalMs
}

/** Looks at both versions: what fails clearly is seen at once, the rest at intervals. */
export function look(rollout: Rollout, before: Judging, now: number, seen: SeenFigures): Look {
  const isOfStep = before.step === rollout.step && before.stepSince === rollout.stepSince
  const current = isOfStep ? before : startJudging(rollout, now, before.baseline)
  if (!isExposed(rollout))
    return { judging: current, judgements: [], measurement: null, outcome: { kind: 'none' } }

  const settings = settingsOf(rollout)
  const baseline =
    !takesAll(rollout) && seen.stable.requests >= settings.minimumSamples
      ? seen.stable
      : current.baseline
  const judging = baseline === current.baseline ? current : { ...current, baseline }
  const stable = takesAll(rollout) ? (baseline ?? seen.stable) : seen.stable

  const clear = lookNow(rollout, now, seen.canary, stable)
  const measured = (judgements: readonly Judgement[]): RolloutMeasurement => ({
    at: now,
    step: rollout.step,
    canary: summaryOf(seen.canary),
    stable: summaryOf(stable),
    judgements,
    verdict: verdictOf(judgements),
  })
  if (verdictOf(clear) === 'fail') {
    const outcome = { kind: 'abort', reason: reasonOf(clear, 'fail') } as const
    return { judging, judgements: clear, measurement: measured(clear), outcome }
  }
  if (now < judging.dueAt)
    return { judging, judgements: clear, measurement: null, outcome: { kind: 'none' } }

  const judgements = judgeAll(settings, seen.canary, stable, significance.interval)
  const counted = count(judging, verdictOf(judgements), nextDue(rollout, now))
  return {
    judging: counted,
    judgements,
    measurement: measured(judgements),
    outcome: outcomeOf(counted, settings, judgements),
  }
}

/**
 * The plan's conditions between intervals. Times not in the first windows of a step: a version begins cold, and what
 * was slow then must have left the window.
 */
function lookNow(
  { plan: { analysis }, stepSince }: Rollout,
  now: number,
  canary: Figures,
  stable: Figures,
): readonly Judgement[] {
  const isWarm = now - stepSince >= 2 * analysis.windowMs
  const conditions = isWarm
    ? analysis.conditions
    : analysis.conditions.filter(({ metric }) => kindOfMetric[metric] !== 'duration')
  return judgeAll({ ...analysis, conditions }, canary, stable, significance.continuous)
}

function count(judging: Judging, verdict: Judgement['verdict'], dueAt: number): Judging {
  return {
    ...judging,
    dueAt,
    failed: judging.failed + (verdict === 'fail' ? 1 : 0),
    errorsInRow: verdict === 'error' ? judging.errorsInRow + 1 : 0,
    passesInRow: verdict === 'pass' ? judging.passesInRow + 1 : 0,
  }
}

/** More than the limit, as Argo counts: a limit of 0 bears none. */
function outcomeOf(
  { failed, errorsInRow }: Judging,
  { failureLimit, consecutiveErrorLimit }: AnalysisSettings,
  judgements: readonly Judgement[],
): Look['outcome'] {
  if (failed > failureLimit) return { kind: 'abort', reason: reasonOf(judgements, 'fail') }
  if (errorsInRow > consecutiveErrorLimit)
    return { kind: 'pause', reason: reasonOf(judgements, 'error') }
  return { kind: 'none' }
}

const reasonOf = (judgements: readonly Judgement[], verdict: Judgement['verdict']): string =>
  judgements
    .filter((one) => one.verdict === verdict)
    .map(({ text }) => text)
    .join('; ')
