import { Shared, routesAt, type Placed } from '../../core/route/choice.ts'
import type { Route } from '../../core/route/route.ts'
import { findPath, type Match } from '../../core/router/lookup.ts'
import type { Leaf } from '../../core/router/node.ts'
import { anyMethod, type Router } from '../../core/router/router.ts'

/** How one route, whatever else lies at its place, would serve a request; null: it does not lie on its path. */
export function matchRoute(
  router: Router<Placed>,
  id: string,
  method: string,
  path: string,
): Match<Route> | null {
  const choose = (leaf: Leaf<Placed>): Leaf<Placed> | null => {
    const { value } = leaf
    if (!(value instanceof Shared)) return value.id === id ? leaf : null
    return value.leafOf(id)
  }
  // The method's own routes cover those of any method.
  for (const tree of [method, anyMethod]) {
    const found = findPath(router, tree, path, choose)
    if (found.kind === 'match') return { ...found, value: routesAt(found.value)[0]!, leaf: null }
  }
  return null
}
