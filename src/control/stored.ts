import type { Json } from '../core/json.ts'
import { diffMaps, entriesFrom, type PersistentMap } from '../core/persistent-map.ts'
import type { Rollout } from '../core/rollout/rollout.ts'
import type { ModuleReference, Route, Upstream } from '../core/route/route.ts'
import { tableOf, type Table } from '../core/route/table.ts'
import { sameJson } from '../core/same-json.ts'
import type { StoredObject } from '../store/store.ts'

/** The parts of a table that a store keeps, and what their keys begin with. Everything else is derived. */
const parts = [
  ['route:', 'routes'],
  ['upstream:', 'upstreams'],
  ['module:', 'modules'],
  ['off:', 'switchedOff'],
  ['proposal:', 'proposals'],
  ['rollout:', 'rollouts'],
] as const

const mapOf = (table: Table, part: (typeof parts)[number][1]): PersistentMap<NonNullable<Json>> =>
  table[part] as unknown as PersistentMap<NonNullable<Json>>

/** Every object of a table, as a store keeps it. */
export function* objectsOf(table: Table): Generator<StoredObject> {
  for (const [prefix, part] of parts) {
    for (const [key, value] of entriesFrom(mapOf(table, part))) yield { key: prefix + key, value }
  }
}

/** One object that two tables hold differently; undefined: it is not there. */
export interface ObjectChange {
  readonly key: string
  readonly before: Json | undefined
  readonly after: Json | undefined
}

/**
 * How one table becomes another; costs what differs where one was made from the other, and a look at every object where
 * they were read apart.
 */
export function* changesBetween(before: Table, after: Table): Generator<ObjectChange> {
  for (const [prefix, part] of parts) {
    for (const [key, from, to] of diffMaps(mapOf(before, part), mapOf(after, part))) {
      const isSame = from !== undefined && to !== undefined && sameJson(from, to)
      if (!isSame) yield { key: prefix + key, before: from, after: to }
    }
  }
}

/** What a store has to write for the step from one table to another. */
export function recordOf(changes: readonly ObjectChange[]): {
  readonly put: readonly StoredObject[]
  readonly remove: readonly string[]
} {
  const put: StoredObject[] = []
  const remove: string[] = []
  for (const change of changes) {
    if (change.after === undefined) remove.push(change.key)
    else put.push({ key: change.key, value: change.after })
  }
  return { put, remove }
}

/** Splits a key: the part of the table, and the key in it. */
export function partOf(key: string): { readonly part: string; readonly name: string } {
  const at = key.indexOf(':')
  return { part: key.slice(0, at), name: key.slice(at + 1) }
}

/** The table of a store's objects. They were checked when they were published. */
export function tableOfObjects(objects: Iterable<StoredObject>): Table {
  const routes: Route[] = []
  const upstreams: Upstream[] = []
  const modules: ModuleReference[] = []
  const switchedOff: string[] = []
  const proposals: { owner: string; digest: string }[] = []
  const rollouts: Rollout[] = []
  for (const { key, value } of objects) {
    const { part, name } = partOf(key)
    if (part === 'route') routes.push(value as unknown as Route)
    else if (part === 'upstream') upstreams.push(value as unknown as Upstream)
    else if (part === 'module') modules.push(value as unknown as ModuleReference)
    else if (part === 'off') switchedOff.push(name)
    else if (part === 'proposal') proposals.push({ owner: name, digest: value as string })
    else if (part === 'rollout') rollouts.push(value as unknown as Rollout)
  }
  return tableOf({ routes, upstreams, modules, switchedOff, proposals, rollouts })
}
