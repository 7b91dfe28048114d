import type { Step } from '../core/rollout/plan.ts'
import type { Predicate } from '../core/route/route.ts'

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

/** A duration as a plan says it: in the largest unit that it is a whole number of. */
export function durationText(ms: number): string {
  const [unit, of] = units.find(([, of]) => ms > 0 && ms % of === 0) ?? ['ms', 1]
  return `${ms / of}${unit}`
}

/** What a step of a plan does, for people. */
export function stepText(step: Step): string {
  switch (step.kind) {
    case 'verify':
      return `verify ${step.samples} comparisons of ${step.percent} %`
    case 'weight':
      return `weight ${step.weight} %`
    case 'cohort':
      return `cohort ${step.weight} % where ${step.predicates.map(predicateText).join(' and ')}`
    case 'pause':
      return step.ms === null ? 'pause until resumed' : `pause ${durationText(step.ms)}`
    case 'analysis':
      return `analysis, ${step.count} to pass`
    case 'watch':
      return `watch ${durationText(step.ms)}`
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
