import { parseCondition } from './condition.ts'
import type { AnalysisSettings, Condition, Plan, Step } from './plan.ts'

/** What the canary must keep to. Differences of less than a millisecond are the machine's. */
export const defaultConditions: readonly string[] = [
  'errorRate <= stable + 1%',
  'p95 <= stable * 1.10 + 1ms',
]
/** Judgements in a row that let an analysis step go on. */
export const defaultCount = 3

export function conditionsOf(texts: readonly string[]): readonly Condition[] {
  return texts.flatMap((text) => parseCondition(text).condition ?? [])
}

export function defaultAnalysis(): AnalysisSettings {
  return {
    conditions: conditionsOf(defaultConditions),
    minimumSamples: 50,
    windowMs: 120_000,
    intervalMs: 60_000,
    failureLimit: 1,
    consecutiveErrorLimit: 4,
  }
}

export function defaultVerify(): Extract<Step, { kind: 'verify' }> {
  return {
    kind: 'verify',
    percent: 20,
    samples: 100,
    maxDifferentPercent: 5,
    allMethods: false,
    headers: ['content-type'],
    ignore: [],
    timeoutMs: 120_000,
    // Who wrote no plan has perhaps no GET to compare, and the weights begin at 1 anyway.
    onTimeout: 'continue',
  }
}

export function defaultSteps(analysis: AnalysisSettings): readonly Step[] {
  return [
    defaultVerify(),
    // One in a hundred for a moment: errors show, code gets warm. Too few to be analysed where not much is asked for.
    { kind: 'weight', weight: 1 },
    { kind: 'pause', ms: 30_000 },
    ...[5, 25, 50].flatMap((weight): readonly Step[] => [
      { kind: 'weight', weight },
      { kind: 'analysis', count: defaultCount, ...analysis },
    ]),
    { kind: 'watch', ms: 600_000 },
  ]
}

/** Verify, 1 percent for half a minute, then 5, 25 and 50 with an analysis of each, then all, watched for 10 minutes. */
export function defaultPlan(): Plan {
  const analysis = defaultAnalysis()
  return { steps: defaultSteps(analysis), analysis }
}
