import { getKey, entriesFrom } from '../core/persistent-map.ts'
import type { ModuleReference, Route } from '../core/route/route.ts'
import { routesOf, type Table } from '../core/route/table.ts'
import type { PrepareRequest } from '../worker/worker.ts'
import type { AppliedChange } from './change.ts'

/** How one table becomes another: by module, and for routes that have none. */
export interface TableDiff {
  readonly changes: readonly AppliedChange[]
  /** Modules whose code is not the one in service. */
  readonly loads: readonly PrepareRequest[]
}

const idsOf = (table: Table, owner: string, module: string | null): Set<string> => {
  const ids = new Set<string>()
  for (const { id, target } of routesOf(table, owner)) {
    const of = target.kind === 'module' ? target.module : null
    if (of === module) ids.add(id)
  }
  return ids
}

const difference = (left: ReadonlySet<string>, right: ReadonlySet<string>): string[] =>
  [...left].filter((id) => !right.has(id))

const changeOf = (
  from: Table,
  to: Table,
  before: ModuleReference | undefined,
  after: ModuleReference | undefined,
): AppliedChange => {
  const { owner, name } = (after ?? before)!
  const was = before === undefined ? new Set<string>() : idsOf(from, before.owner, name)
  const is = after === undefined ? new Set<string>() : idsOf(to, owner, name)
  return {
    owner,
    module: name,
    from: before?.version ?? null,
    to: after?.version ?? null,
    added: difference(is, was),
    removed: difference(was, is),
  }
}

/** Compares two tables. Untouched modules cost one look-up each, routes of closures are compared by identity. */
export function diffTables(from: Table, to: Table): TableDiff {
  const changes: AppliedChange[] = []
  const loads: PrepareRequest[] = []
  const names = new Set<string>()
  for (const table of [from, to])
    for (const [name] of entriesFrom(table.modules, '')) names.add(name)
  for (const name of names) {
    const before = getKey(from.modules, name)
    const after = getKey(to.modules, name)
    if (before === after) continue
    changes.push(changeOf(from, to, before, after))
    if (after !== undefined && after.digest !== before?.digest) {
      const routeIds = [...idsOf(to, after.owner, name)]
      loads.push({ reference: after, routeIds })
    }
  }
  const closures = closureChange(from, to)
  if (closures !== null) changes.push(closures)
  return { changes, loads }
}

const closureChange = (from: Table, to: Table): AppliedChange | null => {
  if (from.routes === to.routes) return null
  const owner = 'app'
  const was = new Map<string, Route>()
  for (const route of routesOf(from, owner)) {
    if (route.target.kind === 'closure') was.set(route.id, route)
  }
  const is = new Map<string, Route>()
  for (const route of routesOf(to, owner))
    if (route.target.kind === 'closure') is.set(route.id, route)
  const added = [...is.keys()].filter((id) => !was.has(id))
  const removed = [...was.keys()].filter((id) => !is.has(id))
  const isReplaced = [...is].some(([id, route]) => was.has(id) && was.get(id) !== route)
  if (added.length === 0 && removed.length === 0 && !isReplaced) return null
  return { owner, module: null, from: null, to: null, added, removed }
}
