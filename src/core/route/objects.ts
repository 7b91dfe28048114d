import type { Json } from '../json.ts'
import {
  deleteKey,
  diffMaps,
  entriesFrom,
  getKey,
  setKey,
  type PersistentMap,
} from '../persistent-map.ts'
import type { Rollout } from '../rollout/rollout.ts'
import { sameJson } from '../same-json.ts'
import type { ModuleReference, Route, Upstream } from './route.ts'
import {
  addRoutes,
  isServing,
  removeRoutes,
  setModule,
  setUpstream,
  tableOf,
  type Refusal,
  type Table,
} from './table.ts'

/** One object of a table as it is stored and sent: plain data under a key such as `route:users#GET /users`. */
export interface StoredObject {
  readonly key: string
  readonly value: Json
}

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

/** The step from one table to another, as it is stored and sent. */
export interface TableStep {
  readonly put: readonly StoredObject[]
  readonly remove: readonly string[]
}

export function recordOf(changes: Iterable<ObjectChange>): TableStep {
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

/** Whether a route stands in the router where another of its owner and id stood. */
const isInPlace = (
  before: Table,
  known: Route,
  after: Pick<Table, 'switchedOff'>,
  route: Route,
): boolean =>
  known.owner === route.owner &&
  isServing(before, known) &&
  isServing(after, route) &&
  sameJson(known.methods, route.methods) &&
  sameJson(known.paths, route.paths)

/**
 * The table after a step. Routes that stood beside each other are not asked again whether they may; those that cannot be
 * placed at all are told, and then no route is put.
 */
export function tableAfter(
  table: Table,
  { put, remove }: TableStep,
): { readonly table: Table; readonly refusals: readonly Refusal[] } {
  const gone = new Map<string, Route>()
  const routes: Route[] = []
  let { switchedOff, proposals, rollouts } = table
  const moved: string[] = []
  const withdraw = (id: string): void => {
    const known = getKey(table.routes, id)
    if (known !== undefined) gone.set(id, known)
  }
  let next = table
  for (const { key, value } of [...remove.map((key) => ({ key, value: undefined })), ...put]) {
    const { part, name } = partOf(key)
    if (part === 'route') {
      withdraw(name)
      if (value !== undefined) routes.push(value as unknown as Route)
    } else if (part === 'off') {
      switchedOff =
        value === undefined ? deleteKey(switchedOff, name) : setKey(switchedOff, name, true)
      moved.push(name)
    } else if (part === 'proposal')
      proposals =
        value === undefined ? deleteKey(proposals, name) : setKey(proposals, name, value as string)
    else if (part === 'rollout')
      rollouts =
        value === undefined
          ? deleteKey(rollouts, name)
          : setKey(rollouts, name, value as unknown as Rollout)
    else if (part === 'module')
      next = setModule(next, name, (value as unknown as ModuleReference | undefined) ?? null)
    else if (part === 'upstream')
      next = setUpstream(next, name, (value as unknown as Upstream | undefined) ?? null)
  }
  for (const name of moved) {
    // Taken out and put in again, it stands in the router or not as it should.
    const known = gone.has(name) ? undefined : getKey(table.routes, name)
    if (known === undefined) continue
    gone.set(name, known)
    routes.push(known)
  }
  // What is put where it was takes its place at once.
  for (const route of routes) {
    const known = gone.get(route.id)
    if (known !== undefined && isInPlace(table, known, { switchedOff }, route))
      gone.delete(route.id)
  }
  const left = { ...removeRoutes(next, [...gone.values()]), switchedOff, proposals, rollouts }
  // What is stricter today was free when these routes were published.
  return addRoutes(left, routes, 'exact')
}
