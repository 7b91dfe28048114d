import { withEffort } from '../effort.ts'
import { problem, type Problem } from '../errors.ts'
import { findPath } from '../router/lookup.ts'
import { findOverlapping } from '../router/overlap.ts'
import { shapeOf } from '../router/pattern.ts'
import { routesAt } from './choice.ts'
import { maxEffort, placingsOf, treesOf } from './conflict.ts'
import { areDisjoint } from './predicate-overlap.ts'
import type { Route } from './route.ts'
import type { Table } from './table.ts'

/**
 * Requests that Spring gives to a route which stands before another one, and that the other one has here because its path
 * is more specific.
 *
 * @param before The routes that stand before it.
 * @param after The same and the route.
 */
export function takenFromEarlier(before: Table, after: Table, route: Route): readonly Problem[] {
  return withEffort(maxEffort, () => {
    const found = new Map<string, Problem>()
    for (const { method, pattern } of route.enabled ? placingsOf(route).placings : []) {
      for (const { tree, method: treeMethod } of treesOf(before.router, method)) {
        findOverlapping(tree, pattern, ({ leaf, path }) => {
          // At one place the order decides.
          if (path === null || leaf.shape.method !== treeMethod) return false
          for (const other of routesAt(leaf.value)) {
            if (found.has(other.id) || isSamePlace(other, shapeOf(pattern))) continue
            if (!mayMeet(route, other)) continue
            const served = findPath(after.router, method === '*' ? 'GET' : method, path)
            if (
              served.kind !== 'match' ||
              !routesAt(served.value).some(({ id }) => id === route.id)
            )
              continue
            const values = { route: route.id, path, other: other.id }
            found.set(other.id, problem('TURNOUT_IMPORT_ORDER', values))
          }
          return false
        })
      }
    }
    return [...found.values()]
  })
}

const isSamePlace = (route: Route, shape: string): boolean =>
  placingsOf(route).placings.some(({ pattern }) => shapeOf(pattern) === shape)

const mayMeet = ({ selection: one }: Route, { selection: two }: Route): boolean =>
  one === null || two === null || !areDisjoint(one.predicates, two.predicates)
