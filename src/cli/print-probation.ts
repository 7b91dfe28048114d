import type { ProbationVerdict } from '../control/rollout/probations.ts'
import { plainLine } from '../core/plain-text.ts'
import type { Paint } from './colour.ts'

/** A change that made it worse, and what became of it; empty where it kept to its limits. */
export function printProbation(probation: ProbationVerdict, paint: Paint): string {
  const { revision, state, reason, takenBackBy } = probation
  if (state === 'passed') return ''
  const became =
    takenBackBy === null ? 'could not be taken back' : `taken back by revision ${takenBackBy}`
  return `${paint('red', '✗')} ${paint('bold', `revision ${revision}`)}  ${became}: ${plainLine(reason)}\n`
}
