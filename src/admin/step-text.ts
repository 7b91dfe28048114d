import { renderDuration } from '../core/rollout/render-duration.ts'
import type { Step } from '../core/rollout/plan.ts'
import type { Predicate } from '../core/route/route.ts'

/** What a step of a plan does, for people. */
export function stepText(step: Step): string {
  switch (step.kind) {
    case 'verify':
      return `verify ${step.samples} comparisons`
    case 'weight':
      return `weight ${step.weight} %`
    case 'cohort':
      return `cohort ${step.weight} % where ${step.predicates.map(predicateText).join(' and ')}`
    case 'pause':
      return step.ms === null ? 'pause until resumed' : `pause ${renderDuration(step.ms)}`
    case 'analysis':
      return step.count === 1 ? 'analysis, 1 pass' : `analysis, ${step.count} passes in a row`
    case 'watch':
      return `watch ${renderDuration(step.ms)}`
    default:
      return step satisfies never
  }
}

function predicateText(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'host':
      return `host ${predicate.patterns.join(' or ')}`
    case 'time':
      return `time ${predicate.from ?? ''}..${predicate.until ?? ''}`
    case 'client':
      return `client ${predicate.sources.join(' or ')}`
    case 'header':
    case 'query':
    case 'cookie': {
      const { kind, name, equals, matches } = predicate
      if (equals !== null) return `${kind} ${name} = ${equals}`
      return matches === null ? `${kind} ${name}` : `${kind} ${name} ~ ${matches}`
    }
    default:
      return predicate satisfies never
  }
}
