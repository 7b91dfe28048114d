import { problem, type Problem } from '../errors.ts'
import {
  deleteKey,
  editMap,
  emptyMap,
  entriesFrom,
  getKey,
  maxKeyLength,
  setKey,
  type PersistentMap,
} from '../persistent-map.ts'
import { parsePattern, type Pattern } from '../router/pattern.ts'
import { editRouter, emptyRouter, type Router, type RouterChange } from '../router/router.ts'
import { placeRoutes, problemOf, type ConflictPolicy, type Placed } from './conflict.ts'
import type { ModuleReference, Route, Upstream } from './route.ts'

/**
 * All routes and module references of a revision. Immutable: a change makes a new table that shares all that it
 * did not touch, so earlier ones stay valid and cost nothing.
 */
export interface Table {
  readonly router: Router<Route>
  /** Routes by id. */
  readonly routes: PersistentMap<Route>
  /** Routes by owner and id. */
  readonly owned: PersistentMap<Route>
  /** Modules by name. */
  readonly modules: PersistentMap<ModuleReference>
  /** Modules by owner and name. */
  readonly ownedModules: PersistentMap<ModuleReference>
  /** Upstreams by name. */
  readonly upstreams: PersistentMap<Upstream>
  /** Routes that were switched off by hand, by id: they serve nothing, whatever their owners propose. */
  readonly switchedOff: PersistentMap<true>
}

export const emptyTable: Table = Object.freeze({
  router: emptyRouter,
  routes: emptyMap,
  owned: emptyMap,
  modules: emptyMap,
  ownedModules: emptyMap,
  upstreams: emptyMap,
  switchedOff: emptyMap,
})

/** The length in front keeps an owner apart from one whose name goes on after it. */
const ownedKey = (owner: string, id: string): string => `${owner.length}:${owner} ${id}`

/** The routes of an owner. */
export function* routesOf(table: Table, owner: string): Generator<Route> {
  for (const [, route] of entriesFrom(table.owned, ownedKey(owner, ''))) yield route
}

const sameRoute = (left: Route, right: Route): boolean =>
  left.method === right.method &&
  left.path === right.path &&
  left.owner === right.owner &&
  left.target.kind === 'module' &&
  right.target.kind === 'module' &&
  left.target.module === right.target.module

const indexed = (table: Table, put: readonly Route[], gone: readonly Route[]): Table => ({
  ...table,
  routes: editMap(table.routes, [
    ...gone.map(({ id }) => ({ key: id })),
    ...put.map((route) => ({ key: route.id, value: route })),
  ]),
  owned: editMap(table.owned, [
    ...gone.map(({ owner, id }) => ({ key: ownedKey(owner, id) })),
    ...put.map((route) => ({ key: ownedKey(route.owner, route.id), value: route })),
  ]),
})

const patternOf = (route: Route): Pattern => {
  const { pattern } = parsePattern(route.path)
  // Only routes whose pattern was parsed before stand in a table.
  if (pattern === null) throw new Error(`${route.id} stands in a table with a bad pattern`)
  return pattern
}

/** Takes routes out. Those that the table does not have are passed over. */
export function removeRoutes(table: Table, gone: readonly Route[]): Table {
  if (gone.length === 0) return table
  const changes = gone.map((route): RouterChange<Route> => ({
    kind: 'remove',
    method: route.method,
    pattern: patternOf(route),
  }))
  return { ...indexed(table, [], gone), router: editRouter(table.router, changes) }
}

/** What stands in the way of a set of routes. */
export interface Refusal {
  readonly problem: Problem
  /** Owner of the route that is in the way, where there is one. */
  readonly other: string | null
}

/**
 * Puts routes in; one of the same owner, id and place is replaced. When one cannot stand beside what is there, or
 * beside another, all are refused.
 */
export function addRoutes(
  table: Table,
  put: readonly Route[],
  policy: ConflictPolicy = 'ambiguous',
): { readonly table: Table; readonly refusals: readonly Refusal[] } {
  const refusals: Refusal[] = []
  const placed: Placed[] = []
  for (const route of put) {
    const { pattern, problems } = parsePattern(route.path)
    if (pattern === null) refusals.push(...problems.map(ofInput))
    else if (ownedKey(route.owner, route.id).length <= maxKeyLength) placed.push({ route, pattern })
    else {
      const shown = `${route.path.slice(0, 80)}...`
      const values = { pattern: shown, reason: 'it is too long' }
      refusals.push(ofInput(problem('TURNOUT_PATTERN_INVALID', values)))
    }
  }
  const { router, findings } = placeRoutes(table, placed, policy)
  refusals.push(
    ...findings.map((finding) => ({ other: finding.other.owner, problem: problemOf(finding) })),
  )
  if (refusals.length > 0) return { table, refusals }
  return { table: { ...indexed(table, put, []), router }, refusals }
}

const ofInput = (found: Problem): Refusal => ({ problem: found, other: null })

/** Replaces an owner's routes as a whole. Routes that stay the same are not touched. */
export function replaceOwned(
  table: Table,
  owner: string,
  next: readonly Route[],
): { readonly kept: Table; readonly added: readonly Route[]; readonly removed: readonly Route[] } {
  const wanted = new Map(next.map((route) => [route.id, route]))
  const removed: Route[] = []
  const same = new Set<string>()
  for (const route of routesOf(table, owner)) {
    const successor = wanted.get(route.id)
    if (successor !== undefined && sameRoute(route, successor)) same.add(route.id)
    else removed.push(route)
  }
  return {
    kept: removeRoutes(table, removed),
    added: next.filter(({ id }) => !same.has(id)),
    removed,
  }
}

/** Takes out routes of an owner by id; `removed` also has those that `put` will replace in their places. */
export function editOwned(
  table: Table,
  owner: string,
  put: readonly Route[],
  remove: readonly string[],
): { readonly kept: Table; readonly added: readonly Route[]; readonly removed: readonly Route[] } {
  const own = (id: string): Route[] => {
    const route = getKey(table.routes, id)
    return route === undefined || route.owner !== owner ? [] : [route]
  }
  const replaced = put.flatMap(({ id }) => own(id))
  const ids = new Set(put.map(({ id }) => id))
  const gone = remove.filter((id) => !ids.has(id)).flatMap(own)
  return { kept: removeRoutes(table, gone), added: put, removed: [...gone, ...replaced] }
}

/** Sets or drops a module reference. */
export function setModule(table: Table, name: string, reference: ModuleReference | null): Table {
  const before = getKey(table.modules, name)
  let { modules, ownedModules } = table
  if (before !== undefined && before.owner !== reference?.owner) {
    modules = deleteKey(modules, name)
    ownedModules = deleteKey(ownedModules, ownedKey(before.owner, name))
  }
  if (reference !== null) {
    modules = setKey(modules, name, reference)
    ownedModules = setKey(ownedModules, ownedKey(reference.owner, name), reference)
  }
  return { ...table, modules, ownedModules }
}

/** The modules of an owner. */
export function* modulesOf(table: Table, owner: string): Generator<ModuleReference> {
  for (const [, reference] of entriesFrom(table.ownedModules, ownedKey(owner, ''))) yield reference
}
