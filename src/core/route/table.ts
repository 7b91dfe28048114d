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
import { sameJson } from '../same-json.ts'
import { shapeOf, type Pattern } from '../router/pattern.ts'
import { buildRouter, editRouter, emptyRouter, type Router } from '../router/router.ts'
import type { Placed } from './choice.ts'
import {
  placeRoutes,
  placingsOf,
  problemOf,
  type ConflictPolicy,
  type Placing,
} from './conflict.ts'
import { placeAt, placeChange, placeFrom, withoutRoutes } from './place.ts'
import { filterModulesOf, referencesOf } from './references.ts'
import type { ListedModule, ListedRoute } from './module-routes.ts'
import type { Rollout } from '../rollout/rollout.ts'
import type { ModuleReference, Route, Upstream } from './route.ts'

/**
 * All routes and module references of a revision. Immutable: a change makes a new table that shares all that it
 * did not touch, so earlier ones stay valid and cost nothing.
 */
export interface Table {
  readonly router: Router<Placed>
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
  /** Routes by each upstream, and each module of a filter, that they name, and id. */
  readonly users: PersistentMap<Route>
  /** Routes that were switched off by hand, by id: they serve nothing, whatever their owners propose. */
  readonly switchedOff: PersistentMap<true>
  /** What each source last proposed, by owner: the digest of its input, empty where it proposed to go. */
  readonly proposals: PersistentMap<string>
  /** The last rollout of each subject, by id. */
  readonly rollouts: PersistentMap<Rollout>
}

export const emptyTable: Table = Object.freeze({
  router: emptyRouter,
  routes: emptyMap,
  owned: emptyMap,
  modules: emptyMap,
  ownedModules: emptyMap,
  upstreams: emptyMap,
  users: emptyMap,
  switchedOff: emptyMap,
  proposals: emptyMap,
  rollouts: emptyMap,
})

/** The length in front keeps an owner apart from one whose name goes on after it. */
const ownedKey = (owner: string, id: string): string => `${owner.length}:${owner} ${id}`

const isTooLong = (name: string, id: string): boolean => ownedKey(name, id).length > maxKeyLength

/** The routes of an owner. */
export function* routesOf(table: Table, owner: string): Generator<Route> {
  for (const [, route] of entriesFrom(table.owned, ownedKey(owner, ''))) yield route
}

/** Whether two routes are the same but for the revision that touched them. */
export function sameRoute(left: Route, right: Route): boolean {
  if (left.target.kind === 'closure' || right.target.kind === 'closure') return left === right
  return sameObject(left, right)
}

/** Whether two objects are the same but for the revision that touched them. */
export const sameObject = <Value extends { readonly revision: number }>(
  left: Value,
  right: Value,
): boolean => left === right || sameJson({ ...left, revision: 0 }, { ...right, revision: 0 })

/** The name under which the routes of a bare URI are found; no upstream can have it. */
export const uriKey = (uri: string): string => `\0${uri}`

/** The name under which the routes are found that name filters of a module; no upstream and no URI can have it. */
const moduleKey = (module: string): string => `\0\0${module}`

/** The names under which a route is found among those that use an upstream, or a filter of a module. */
const usedBy = (route: Route): readonly string[] => {
  const upstreams = referencesOf(route)
  const modules = filterModulesOf(route)
  if (route.target.kind !== 'uri' && modules.length === 0) return upstreams
  const uri = route.target.kind === 'uri' ? [uriKey(route.target.uri)] : []
  return [...uri, ...upstreams, ...modules.map(moduleKey)]
}

/** `gone` may have those that are put again. */
const indexed = (table: Table, put: readonly Route[], gone: readonly Route[]): Table => {
  const users = [
    ...gone.map((route) => ({ route, value: {} })),
    ...put.map((route) => ({ route, value: { value: route } })),
  ].flatMap(({ route, value }) =>
    usedBy(route).map((name) => ({ key: ownedKey(name, route.id), ...value })),
  )
  const again = new Set(put.map(({ id }) => id))
  const left = gone.filter(({ id }) => !again.has(id))
  return {
    ...table,
    routes: editMap(table.routes, [
      ...left.map(({ id }) => ({ key: id })),
      ...put.map((route) => ({ key: route.id, value: route })),
    ]),
    owned: editMap(table.owned, [
      ...left.map(({ owner, id }) => ({ key: ownedKey(owner, id) })),
      ...put.map((route) => ({ key: ownedKey(route.owner, route.id), value: route })),
    ]),
    users: users.length === 0 ? table.users : editMap(table.users, users),
  }
}

/** Whether a route stands in the router: it is not switched off, by its author or by hand. */
export const isServing = ({ switchedOff }: Pick<Table, 'switchedOff'>, route: Route): boolean =>
  route.enabled && getKey(switchedOff, route.id) === undefined

/** Takes routes out of the router and leaves them in the table. */
function withdrawn(table: Table, gone: readonly Route[]): Router<Placed> {
  const places = new Map<string, { readonly one: Placing; readonly gone: Route[] }>()
  for (const one of gone.flatMap((route) => placingsOf(route).placings)) {
    const key = `${one.method} ${shapeOf(one.pattern)}`
    const place = places.get(key) ?? { one, gone: [] }
    place.gone.push(one.route)
    places.set(key, place)
  }
  const changes = [...places.values()].map(({ one: { method, pattern }, gone: routes }) =>
    placeChange(withoutRoutes(placeAt(table.router, method, pattern), routes), method, pattern),
  )
  return editRouter(table.router, changes)
}

/** Takes routes out. Those that the table does not have are passed over. */
export function removeRoutes(table: Table, gone: readonly Route[]): Table {
  const known = gone.filter((route) => getKey(table.routes, route.id)?.owner === route.owner)
  if (known.length === 0) return table
  const router = withdrawn(table, known)
  return { ...indexed(table, [], known), router }
}

/** What stands in the way of a set of routes. */
export interface Refusal {
  readonly problem: Problem
  /** Owner of the route that is in the way, where there is one. */
  readonly other: string | null
}

/**
 * Puts routes in; one of the same owner, id and places is replaced. When one cannot stand beside what is there, or
 * beside another, all are refused.
 */
export function addRoutes(
  table: Table,
  put: readonly Route[],
  policy: ConflictPolicy = 'ambiguous',
): { readonly table: Table; readonly refusals: readonly Refusal[] } {
  const refusals: Refusal[] = []
  const placed: Placing[] = []
  const ids = new Map<string, Route>()
  for (const route of put) {
    const { placings, problems } = placingsOf(route)
    const twice = ids.get(route.id)
    ids.set(route.id, route)
    refusals.push(...problems.map(ofInput))
    if ([route.owner, ...usedBy(route)].some((name) => isTooLong(name, route.id))) {
      const shown = `${(route.paths[0] ?? '').slice(0, 80)}...`
      const values = { pattern: shown, reason: 'it is too long' }
      refusals.push(ofInput(problem('TURNOUT_PATTERN_INVALID', values)))
    } else if (isServing(table, route)) placed.push(...placings)
    else refusals.push(...nameTaken(getKey(table.routes, route.id), route))
    // Where both are placed, the router tells.
    if (twice !== undefined && !(isServing(table, twice) && isServing(table, route)))
      refusals.push(sameName(route, twice))
  }
  const { router, findings } = placeRoutes(table, placed, policy)
  refusals.push(
    ...findings.map((finding) => ({ other: finding.other.owner, problem: problemOf(finding) })),
  )
  if (refusals.length > 0) return { table, refusals }
  const replaced = put.flatMap((route) => {
    const known = getKey(table.routes, route.id)
    return known === undefined ? [] : [known]
  })
  return { table: { ...indexed(table, put, replaced), router }, refusals }
}

/** A route that serves nothing meets nobody, but its id must be free. */
const nameTaken = (known: Route | undefined, route: Route): readonly Refusal[] =>
  known === undefined || known.owner === route.owner ? [] : [sameName(route, known)]

const sameName = (route: Route, other: Route): Refusal => {
  const finding = {
    kind: 'exact',
    route,
    other,
    reason: 'they have one id',
    witness: null,
  } as const
  return { other: other.owner, problem: problemOf(finding) }
}

const ofInput = (found: Problem): Refusal => ({ problem: found, other: null })

/** A table of objects that stood in one before: nothing is checked again. */
export function tableOf(objects: {
  readonly routes: readonly Route[]
  readonly upstreams: readonly Upstream[]
  readonly modules: readonly ModuleReference[]
  readonly switchedOff: readonly string[]
  readonly proposals: readonly { readonly owner: string; readonly digest: string }[]
  readonly rollouts?: readonly Rollout[]
}): Table {
  const { routes, upstreams, modules, switchedOff, proposals, rollouts = [] } = objects
  const bare: Table = {
    ...indexed(emptyTable, routes, []),
    upstreams: editMap(
      emptyMap as PersistentMap<Upstream>,
      upstreams.map((value) => ({ key: value.name, value })),
    ),
    modules: editMap(
      emptyMap as PersistentMap<ModuleReference>,
      modules.map((value) => ({ key: value.name, value })),
    ),
    ownedModules: editMap(
      emptyMap as PersistentMap<ModuleReference>,
      modules.map((value) => ({ key: ownedKey(value.owner, value.name), value })),
    ),
    switchedOff: editMap(
      emptyMap as PersistentMap<true>,
      switchedOff.map((key) => ({ key, value: true as const })),
    ),
    proposals: editMap(
      emptyMap as PersistentMap<string>,
      proposals.map(({ owner, digest }) => ({ key: owner, value: digest })),
    ),
    rollouts: editMap(
      emptyMap as PersistentMap<Rollout>,
      rollouts.map((value) => ({ key: value.id, value })),
    ),
  }
  const places = new Map<string, Placing[]>()
  for (const route of routes) {
    if (!isServing(bare, route)) continue
    for (const one of placingsOf(route).placings) {
      const key = `${one.method} ${shapeOf(one.pattern)}`
      const place = places.get(key)
      if (place === undefined) places.set(key, [one])
      else place.push(one)
    }
  }
  return { ...bare, router: buildRouter(placedOf(places.values())) }
}

function* placedOf(
  places: Iterable<Placing[]>,
): Generator<{ method: string; pattern: Pattern; value: Placed }> {
  for (const place of places) {
    const { method, pattern } = place[0]!
    const change = placeChange(placeFrom(place, method), method, pattern)
    if (change.kind === 'put') yield change
  }
}

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

/** Takes out routes of an owner by id; `removed` also has those that `put` replaces. */
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
  const successors = new Map(put.map((route) => [route.id, route]))
  const replaced = put.flatMap(({ id }) => own(id))
  const gone = remove.filter((id) => !successors.has(id)).flatMap(own)
  // One that keeps its places and its upstreams is replaced there; any other leaves first.
  const moved = replaced.filter((route) => !isInPlace(route, successors.get(route.id)!))
  return {
    kept: removeRoutes(table, [...gone, ...moved]),
    added: put,
    removed: [...gone, ...replaced],
  }
}

const isInPlace = (left: Route, right: Route): boolean =>
  left.enabled &&
  right.enabled &&
  sameJson(usedBy(left), usedBy(right)) &&
  sameJson(left.methods, right.methods) &&
  sameJson(left.paths, right.paths)

/** Switches a route of any owner off, or on again; on, it must be able to stand beside the others. */
export function switchRoute(
  table: Table,
  id: string,
  enabled: boolean,
  policy: ConflictPolicy,
): { readonly table: Table; readonly refusals: readonly Refusal[] } {
  const route = getKey(table.routes, id)
  const isOff = getKey(table.switchedOff, id) !== undefined
  if (isOff !== enabled) return { table, refusals: [] }
  if (!enabled) {
    const router = route === undefined ? table.router : withdrawn(table, [route])
    return {
      table: { ...table, router, switchedOff: setKey(table.switchedOff, id, true) },
      refusals: [],
    }
  }
  const on = { ...table, switchedOff: deleteKey(table.switchedOff, id) }
  if (route === undefined || !route.enabled) return { table: on, refusals: [] }
  const { router, findings } = placeRoutes(on, placingsOf(route).placings, policy)
  if (findings.length === 0) return { table: { ...on, router }, refusals: [] }
  return {
    table,
    refusals: findings.map((finding) => ({
      other: finding.other.owner,
      problem: problemOf(finding),
    })),
  }
}

/** Sets or drops an upstream. */
export function setUpstream(table: Table, name: string, upstream: Upstream | null): Table {
  const { upstreams } = table
  return {
    ...table,
    upstreams: upstream === null ? deleteKey(upstreams, name) : setKey(upstreams, name, upstream),
  }
}

/** The routes that name an upstream. */
export function* usersOf(table: Table, upstream: string): Generator<Route> {
  for (const [, route] of entriesFrom(table.users, ownedKey(upstream, ''))) yield route
}

/** The routes that name filters of a module. */
export function filterUsersOf(table: Table, module: string): Generator<Route> {
  return usersOf(table, moduleKey(module))
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

/** Sets where a rollout stands. */
export function setRollout(table: Table, rollout: Rollout): Table {
  return { ...table, rollouts: setKey(table.rollouts, rollout.id, rollout) }
}

/** The versions of an owner's modules, each with the routes that it lists. */
export function listedModulesOf(table: Table, owner: string): readonly ListedModule[] {
  const listed = new Map<string, ListedRoute[]>()
  for (const { id, methods, paths, target } of routesOf(table, owner)) {
    if (target.kind !== 'module') continue
    const routes = listed.get(target.module) ?? []
    listed.set(target.module, routes)
    routes.push({ id, method: methods[0]!, path: paths[0]! })
  }
  return [...modulesOf(table, owner)].map((reference) => ({
    reference,
    routes: listed.get(reference.name) ?? [],
  }))
}
