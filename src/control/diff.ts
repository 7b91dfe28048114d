import type { Json } from '../core/json.ts'
import { getKey } from '../core/persistent-map.ts'
import { movesBetween, stateSourceOf } from '../core/route/module-versions.ts'
import type { ModuleReference, Route, Upstream } from '../core/route/route.ts'
import { routesOf, type Table } from '../core/route/table.ts'
import type { PrepareRequest } from '../worker/worker.ts'
import type { AppliedChange } from './change.ts'
import type { ObjectDiff, TableChanges } from './control.ts'
import { changesBetween, partOf, type ObjectChange } from '../core/route/objects.ts'

const diffOf = <Value>(changes: readonly ObjectChange[], part: string): ObjectDiff<Value> => {
  const own = changes.filter(({ key }) => partOf(key).part === part)
  const value = (json: Json | undefined): Value => json as unknown as Value
  return {
    added: own.flatMap(({ before, after }) => (before === undefined ? [value(after)] : [])),
    changed: own.flatMap(({ before, after }) =>
      before === undefined || after === undefined
        ? []
        : [{ before: value(before), after: value(after) }],
    ),
    removed: own.flatMap(({ before, after }) => (after === undefined ? [value(before)] : [])),
  }
}

/** How one table becomes another, object by object. */
export function tableChanges(from: Table, to: Table): TableChanges {
  return sortedChanges([...changesBetween(from, to)])
}

/** The same by what differs. */
export function sortedChanges(changes: readonly ObjectChange[]): TableChanges {
  return {
    routes: diffOf<Route>(changes, 'route'),
    upstreams: diffOf<Upstream>(changes, 'upstream'),
    modules: diffOf<ModuleReference>(changes, 'module'),
    switches: changes.flatMap(({ key, after }) => {
      const { part, name } = partOf(key)
      return part === 'off' ? [{ route: name, enabled: after === undefined }] : []
    }),
  }
}

/** Modules whose code differs between two tables, with the routes that they must list. */
export function loadsBetween(from: Table, to: Table): readonly PrepareRequest[] {
  const { added, changed } = tableChanges(from, to).modules
  const others = changed.flatMap(({ before, after }) =>
    before.digest === after.digest ? [] : [after],
  )
  const moved = new Map(movesBetween(from, to))
  return [...added, ...others]
    .filter(({ name }) => !moved.has(name))
    .map((reference) => requestOf(from, to, reference))
}

/** What a worker needs to know to make a module of a table ready. */
export function requestOf(before: Table, table: Table, reference: ModuleReference): PrepareRequest {
  const routeIds: string[] = []
  for (const { id, target } of routesOf(table, reference.owner)) {
    if (target.kind === 'module' && target.module === reference.name) routeIds.push(id)
  }
  return { reference, routeIds, from: stateSourceOf(before, table, reference) }
}

/** The changes as people read them: by module, and by owner for what belongs to none. */
export function appliedChanges(
  { routes, upstreams, modules, switches }: TableChanges,
  to: Table,
): readonly AppliedChange[] {
  const found = new Map<string, Draft>()
  const of = (owner: string, module: string | null): Draft => {
    const key = `${module ?? ''}\0${module === null ? owner : ''}`
    const known = found.get(key) ?? draftOf(owner, module)
    found.set(key, known)
    return known
  }
  const ofRoute = ({ owner, target }: Route): Draft =>
    of(owner, target.kind === 'module' ? target.module : null)
  for (const reference of modules.added) of(reference.owner, reference.name).to = reference.version
  for (const reference of modules.removed)
    of(reference.owner, reference.name).from = reference.version
  for (const { before, after } of modules.changed) {
    const draft = of(after.owner, after.name)
    draft.from = before.version
    draft.to = after.version
  }
  for (const route of routes.added) ofRoute(route).added.push(route.id)
  for (const route of routes.removed) ofRoute(route).removed.push(route.id)
  for (const { after } of routes.changed) ofRoute(after).changed.push(after.id)
  for (const { owner, name } of [
    ...upstreams.added,
    ...upstreams.removed,
    ...upstreams.changed.map(({ after }) => after),
  ])
    of(owner, null).upstreams.push(name)
  for (const { owner, name } of upstreams.added) of(owner, null).upstreamsAdded.push(name)
  for (const { owner, name } of upstreams.removed) of(owner, null).upstreamsRemoved.push(name)
  for (const { route } of switches) {
    const known = getKey(to.routes, route)
    if (known === undefined) continue
    const draft = ofRoute(known)
    const isTold = [draft.added, draft.changed].some((ids) => ids.includes(route))
    if (!isTold) draft.changed.push(route)
  }
  const inOrder = [...found.entries()].sort(([left], [right]) => (left < right ? -1 : 1))
  return inOrder.map(([, draft]) => withVersions(draft, to))
}

interface Draft extends AppliedChange {
  from: string | null
  to: string | null
  readonly added: string[]
  readonly removed: string[]
  readonly changed: string[]
  readonly upstreams: string[]
  readonly upstreamsAdded: string[]
  readonly upstreamsRemoved: string[]
}

const draftOf = (owner: string, module: string | null): Draft => ({
  owner,
  module,
  from: null,
  to: null,
  added: [],
  removed: [],
  changed: [],
  upstreams: [],
  upstreamsAdded: [],
  upstreamsRemoved: [],
})

/** A module of which only a route was switched stays at its version. */
const withVersions = (draft: Draft, to: Table): AppliedChange => {
  if (draft.module === null || draft.from !== null || draft.to !== null) return draft
  const version = getKey(to.modules, draft.module)?.version ?? null
  return { ...draft, from: version, to: version }
}
