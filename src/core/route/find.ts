import {
  findPath,
  findRoute,
  type Found,
  type Invalid,
  type Match,
  type Miss,
} from '../router/lookup.ts'
import type { Leaf } from '../router/node.ts'
import type { PathOptions } from '../router/path.ts'
import type { Router } from '../router/router.ts'
import { compileAsking, usualAsking, type Asking } from '../version/asking.ts'
import { Question } from '../version/question.ts'
import type { RefusedVersion } from '../version/told.ts'
import { Shared, type Placed } from './choice.ts'
import type { Facts } from './facts.ts'
import type { Route } from './route.ts'

/** The route that serves a request, or why none does. */
export type Served = Match<Route> | Miss | Invalid | RefusedVersion

const usual = compileAsking(usualAsking)

/**
 * The route that serves a request. Its fields are looked at only where the path leads to a place that several routes
 * share: until then no place can have been passed over, so the first walk's answer stands.
 */
export function findServing(
  router: Router<Placed>,
  method: string,
  target: string,
  options: PathOptions,
  facts: Facts,
  clock: () => number,
  asking: Asking = usual,
): Served {
  const found = findRoute(router, method, target, options)
  if (found.kind !== 'match' || !(found.value instanceof Shared)) return found as Found<Route>
  const question = new Question(router, facts, clock(), asking)
  return (
    servedAt(found, found.value, question) ??
    settled(
      findRoute(router, method, target, options, (leaf) => question.take(leaf)),
      question,
    )
  )
}

/** Whether a request may come to a route of which this holds, whatever else it says. */
export function mayReach(
  router: Router<Placed>,
  method: string,
  target: string,
  options: PathOptions,
  isMeant: (placed: Placed) => boolean,
): boolean {
  let isFound = false
  findRoute(router, method, target, options, ({ value }) => {
    isFound ||= isMeant(value)
    return null
  })
  return isFound
}

/** The same for a path that is canonical already. */
export function findServingPath(
  router: Router<Placed>,
  method: string,
  path: string,
  facts: Facts,
  clock: () => number,
  asking: Asking = usual,
): Served {
  const found = findPath(router, method, path)
  if (found.kind !== 'match' || !(found.value instanceof Shared)) return found as Found<Route>
  const question = new Question(router, facts, clock(), asking)
  return (
    servedAt(found, found.value, question) ??
    settled(
      findPath(router, method, path, (leaf) => question.take(leaf)),
      question,
    )
  )
}

/** The place that the first walk came to is the first that is asked: mostly it serves, with the params that were found. */
function servedAt(found: Match<Placed>, shared: Shared, question: Question): Match<Route> | null {
  const { params, pattern, canonical, pathEnd } = found
  const leaf = question.choose(shared)
  // Another pattern may name its params otherwise.
  if (leaf === null || leaf.text !== pattern) return null
  return {
    kind: 'match',
    value: leaf.value as Route,
    params,
    pattern,
    canonical,
    pathEnd,
    told: question,
    leaf: leaf as Leaf<Route>,
  }
}

function settled(found: Found<Placed>, question: Question): Served {
  if (found.kind === 'match') return { ...(found as Match<Route>), told: question }
  return question.refused() ?? found
}
