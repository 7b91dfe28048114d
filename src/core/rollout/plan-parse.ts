import type { Json } from '../json.ts'
import { fieldOf, hasField, readList, readObject, refuse, type Input } from '../route/input.ts'
import { readAnalysis, renderAnalysis } from './analysis-parse.ts'
import { defaultAnalysis, defaultSteps } from './default-plan.ts'
import type { AnalysisSettings, Plan, Step } from './plan.ts'
import { readStep, renderStep } from './step-parse.ts'
import { sameJson } from '../same-json.ts'

export const maxSteps = 64

/**
 * Reads a plan, `{ steps, analysis }`; what is left away is as in the default plan. Problems are noted, each at its place.
 */
export function readPlan(input: Input): Plan | undefined {
  const before = input.problems.length
  if (!readObject(input, 'a plan', ['steps', 'analysis'])) return undefined
  const analysis = hasField(input, 'analysis')
    ? readAnalysis(fieldOf(input, 'analysis'), defaultAnalysis())
    : defaultAnalysis()
  const steps = hasField(input, 'steps')
    ? readSteps(fieldOf(input, 'steps'), analysis ?? defaultAnalysis())
    : defaultSteps(analysis ?? defaultAnalysis())
  if (analysis === undefined || steps === undefined || input.problems.length > before)
    return undefined
  return { steps, analysis }
}

/** The plan as an author would write it. */
export function renderPlan({ steps, analysis }: Plan): Json {
  return {
    steps: steps.map((step) => renderStep(step, analysis)),
    analysis: renderAnalysis(analysis),
  }
}

function readSteps(input: Input, analysis: AnalysisSettings): readonly Step[] | undefined {
  const items = readList(input, 'steps of a plan', 1, maxSteps)
  const steps = items?.map((item) => readStep(item, analysis))
  if (items === undefined || steps === undefined) return undefined
  checkOrder(steps, items)
  return steps.flatMap((step) => step ?? [])
}

/** What no step can say of itself: no client is taken back but by an abort, and a watch ends the plan. */
function checkOrder(steps: readonly (Step | undefined)[], items: readonly Input[]): void {
  let weight = 0
  let cohort: Extract<Step, { kind: 'cohort' }> | null = null
  for (const [at, step] of steps.entries()) {
    const place = items[at]!
    if (step?.kind === 'watch' && at < steps.length - 1)
      refuse(place, 'a watch is the last step, for it begins with the promotion')
    if (step?.kind === 'analysis' && weight === 0 && cohort === null)
      refuse(
        place,
        'an analysis needs a weight or a cohort before it: nobody is served by the canary yet',
      )
    if (step?.kind === 'weight') {
      if (step.weight < weight)
        refuse(
          place,
          `the weight falls from ${weight} to ${step.weight}: clients would be taken back`,
        )
      weight = step.weight
    }
    if (step?.kind === 'cohort') {
      if (step.weight < weight)
        refuse(place, `the cohort's weight is below that of all clients, ${weight}`)
      else if (cohort !== null && cohort.weight > weight && !keeps(cohort, step))
        refuse(
          place,
          `clients of the cohort before it, with weight ${cohort.weight}, would be taken back`,
        )
      cohort = step
    }
  }
}

type CohortStep = Extract<Step, { kind: 'cohort' }>

const keeps = (before: CohortStep, after: CohortStep): boolean =>
  after.weight >= before.weight && sameJson(before.predicates, after.predicates)
