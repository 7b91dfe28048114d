import { diffMaps, getKey } from '../../core/persistent-map.ts'
import type { Route } from '../../core/route/route.ts'
import { isServing, sameObject, type Table } from '../../core/route/table.ts'
import { sameJson } from '../../core/same-json.ts'
import type { Serving } from './shape.ts'
import { routesTo } from './upstream-shape.ts'

/** Something that serves now, and what served in its place. */
export interface Replaced {
  readonly before: Serving
  readonly after: Serving
}

/** Most that are watched of one change. */
const most = 100

/**
 * What a change replaced, and what may therefore be compared with itself before: code of a module, the target or the
 * filters of a route, the settings of an upstream by the routes that lead there. What is new has nothing before it.
 */
export function replacedBetween(before: Table, after: Table): readonly Replaced[] {
  const found: Replaced[] = []
  for (const replaced of allReplaced(before, after)) {
    if (found.length === most) break
    found.push(replaced)
  }
  return found
}

function* allReplaced(before: Table, after: Table): Generator<Replaced> {
  for (const [, from, to] of diffMaps(before.modules, after.modules)) {
    if (from === undefined || to === undefined || from.digest === to.digest) continue
    // Whoever asks for the isolation zone knows what they do.
    if (to.traffic?.weight === 0) continue
    yield { before: { kind: 'module', reference: from }, after: { kind: 'module', reference: to } }
  }
  for (const [, from, to] of diffMaps(before.routes, after.routes)) {
    if (from === undefined || to === undefined || !isServing(after, to)) continue
    if (isOfModule(to) || isOfModule(from) || servesAlike(from, to)) continue
    yield { before: { kind: 'route', route: from }, after: { kind: 'route', route: to } }
  }
  for (const [name, from, to] of diffMaps(before.upstreams, after.upstreams)) {
    if (from === undefined || to === undefined || sameObject(from, to)) continue
    for (const route of routesTo(after, name))
      yield { before: { kind: 'route', route }, after: { kind: 'route', route } }
  }
}

const isOfModule = ({ target }: Route): boolean => target.kind === 'module'

const servesAlike = (left: Route, right: Route): boolean =>
  left.target.kind === 'closure' || right.target.kind === 'closure'
    ? left.target === right.target
    : sameJson({ ...left.target }, { ...right.target }) &&
      sameJson([...(left.filters ?? [])] as never, [...(right.filters ?? [])] as never)

/** Whether it still serves in a table. */
export function stillServes(table: Table, { after }: Replaced): boolean {
  if (after.kind === 'module') {
    const { name, digest } = after.reference
    return getKey(table.modules, name)?.digest === digest
  }
  const now = getKey(table.routes, after.route.id)
  return now !== undefined && servesAlike(now, after.route)
}
