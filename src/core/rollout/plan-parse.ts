// Stands in until the reader of plans is merged.
import type { Json } from '../json.ts'
import { isPlainObject, refuseKind, type Input } from '../route/input.ts'
import type { Plan } from './plan.ts'

export function readPlan(input: Input): Plan | undefined {
  if (!isPlainObject(input.value) || !Array.isArray(input.value['steps']))
    return refuseKind(input, 'a plan', 'an object with steps')
  return input.value as unknown as Plan
}

export function renderPlan(plan: Plan): Json {
  return plan as unknown as Json
}
