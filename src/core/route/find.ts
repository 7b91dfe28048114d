import { findPath, findRoute, type Found } from '../router/lookup.ts'
import type { PathOptions } from '../router/path.ts'
import type { Router } from '../router/router.ts'
import { chooserOf, Choice, type Placed } from './choice.ts'
import type { Facts } from './facts.ts'
import type { Route } from './route.ts'

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
): Found<Route> {
  const found = findRoute(router, method, target, options)
  return isDecided(found)
    ? found
    : (findRoute(router, method, target, options, chooserOf(router, facts, clock)) as Found<Route>)
}

/** The same for a path that is canonical already. */
export function findServingPath(
  router: Router<Placed>,
  method: string,
  path: string,
  facts: Facts,
  clock: () => number,
): Found<Route> {
  const found = findPath(router, method, path)
  return isDecided(found)
    ? found
    : (findPath(router, method, path, chooserOf(router, facts, clock)) as Found<Route>)
}

const isDecided = (found: Found<Placed>): found is Found<Route> =>
  found.kind !== 'match' || !(found.value instanceof Choice)
