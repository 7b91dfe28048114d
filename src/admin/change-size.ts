import type { Problem } from '../core/errors.ts'
import type { Route } from '../core/route/route.ts'
import { parsePattern } from '../core/router/pattern.ts'
import { inputProblem } from './refusal.ts'

/** Most methods times paths of one change. */
const maxPlacings = 10_000
/** Most regular expressions of one change, which is fewer than are kept compiled. */
const maxExpressions = 500

/** What makes a change set too large: while it is compared with the table nobody is served. */
export function tooLarge(routes: readonly Route[], pointer: string): readonly Problem[] {
  const placings = routes.reduce(
    (sum, { methods, paths }) => sum + methods.length * paths.length,
    0,
  )
  if (placings > maxPlacings)
    return [inputProblem(`${placings} methods of paths; a change has ${maxPlacings}`, pointer)]
  const expressions = new Set(routes.flatMap(expressionsOf)).size
  if (expressions > maxExpressions) {
    const reason = `${expressions} regular expressions; a change has ${maxExpressions}`
    return [inputProblem(reason, pointer)]
  }
  return []
}

const expressionsOf = ({ paths, selection }: Route): string[] => [
  ...paths.flatMap((path) =>
    (parsePattern(path).pattern?.edges ?? []).flatMap((edge) =>
      edge.kind === 'constrained' ? [edge.source] : [],
    ),
  ),
  ...(selection?.predicates ?? []).flatMap((predicate) =>
    'matches' in predicate && predicate.matches !== null ? [predicate.matches] : [],
  ),
]
