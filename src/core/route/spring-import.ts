import { problem, type Problem } from '../errors.ts'
import { parseRoute } from './parse.ts'
import { noSelection, type Route } from './route.ts'
import { takenFromEarlier } from './spring-order.ts'
import { addRoutes, emptyTable } from './table.ts'

/** A value and where it was written: a JSON pointer in its file. */
export interface Written {
  readonly value: unknown
  readonly pointer: string
}

/** A route of Spring Cloud Gateway, taken apart. */
export interface SpringRoute {
  readonly id: string
  readonly pointer: string
  readonly uri: Written
  readonly predicates: readonly Written[]
  /** In the order in which Spring runs them. */
  readonly filters: readonly Written[]
  /** `metadata`, `order` and `enabled`, where they are. */
  readonly rest: Readonly<Record<string, Written>>
  /** False: a part of it was lost before it came here. */
  readonly isWhole: boolean
}

export interface ImportedRoutes {
  readonly routes: readonly Route[]
  /** What could not be carried, each with its pointer. */
  readonly left: readonly Problem[]
  /** What is carried and is decided in another way, each with its pointer. */
  readonly notes: readonly Problem[]
}

const owner = 'import'

/**
 * Translates routes of Spring Cloud Gateway. A route that loses a part is carried switched off: with a filter or a
 * predicate less it would let through what it did not before. One without a place to go to is left out.
 *
 * @param services Names behind `lb://` whose endpoints are known.
 */
export function importRoutes(
  given: readonly SpringRoute[],
  services: ReadonlySet<string>,
): ImportedRoutes {
  const left: Problem[] = []
  const read = given.map((route) => importRoute(route, services, left))
  const notes: Problem[] = []
  const routes = sideBySide(given, read, left, notes)
  return { routes, left: withoutTwins(left), notes }
}

function importRoute(
  route: SpringRoute,
  services: ReadonlySet<string>,
  left: Problem[],
): Route | null {
  const { id, uri } = route
  const [, service] = /^lb:\/\/([\w.-]+)\/?$/i.exec(String(uri.value)) ?? []
  if (service !== undefined && !services.has(service)) {
    const reason = `it is a service by its name; say where it is: --service ${service}=URL,URL`
    left.push(problem('TURNOUT_URI_FORBIDDEN', { uri: String(uri.value), reason }, uri))
    return null
  }
  // Stands in for the upstream, whose endpoints are not the route's own.
  const origin = service === undefined ? uri.value : 'http://service.invalid'
  const lists = { predicates: route.predicates, filters: route.filters }
  let rest = route.rest
  let { isWhole } = route
  for (;;) {
    const definition = {
      id,
      uri: origin,
      predicates: lists.predicates.map(({ value }) => value),
      filters: lists.filters.map(({ value }) => value),
      ...Object.fromEntries(Object.entries(rest).map(([key, { value }]) => [key, value])),
    }
    const read = parseRoute(definition, { owner, pointer: '' })
    if (read.route !== null) {
      const { definition: _, ...own } = read.route
      const target =
        service === undefined ? own.target : ({ kind: 'upstream', upstream: service } as const)
      return { ...own, target, definition: null, enabled: own.enabled && isWhole }
    }
    isWhole = false
    const gone = new Map<Written, Problem>()
    for (const found of read.problems) {
      const part = partAt(found.pointer ?? '', lists, rest)
      if (part === null) {
        left.push({ ...found, pointer: uriOrRoute(found, route) })
        return null
      }
      if (!gone.has(part)) gone.set(part, { ...found, pointer: part.pointer })
    }
    left.push(...gone.values())
    lists.predicates = lists.predicates.filter((one) => !gone.has(one))
    lists.filters = lists.filters.filter((one) => !gone.has(one))
    rest = Object.fromEntries(Object.entries(rest).filter(([, one]) => !gone.has(one)))
  }
}

const uriOrRoute = ({ pointer }: Problem, route: SpringRoute): string =>
  pointer === '/uri' ? route.uri.pointer : route.pointer

/** The part that a problem is about; null: the route itself. */
function partAt(
  pointer: string,
  lists: { readonly predicates: readonly Written[]; readonly filters: readonly Written[] },
  rest: SpringRoute['rest'],
): Written | null {
  const [, key = '', at = ''] = pointer.split('/')
  if (key === 'predicates' || key === 'filters') return lists[key][Number(at)] ?? null
  return Object.hasOwn(rest, key) ? rest[key]! : null
}

/**
 * Of routes at one place Spring takes the first, by order and then by where they stand. Here something has to say which,
 * so a later one that is a conflict comes after those at its places; what is one nevertheless is left out.
 */
function sideBySide(
  given: readonly SpringRoute[],
  read: readonly (Route | null)[],
  left: Problem[],
  notes: Problem[],
): readonly Route[] {
  const ranked = read
    .flatMap((route) => route ?? [])
    .sort((one, two) => orderOf(one) - orderOf(two))
  const orders = new Map<string, number>()
  const taken = new Map<string, Route>()
  let table = emptyTable
  for (const route of ranked) {
    const before = Math.max(...route.paths.map((path) => orders.get(path) ?? 0))
    const later: Route = {
      ...route,
      selection: { ...(route.selection ?? noSelection), order: before + 1 },
    }
    let added = addRoutes(table, [route])
    const [refused] = added.refusals
    const isLater = refused !== undefined
    if (isLater) added = addRoutes(table, [later])
    if (added.refusals.length > 0) {
      left.push({ ...refused!.problem, pointer: pointerOf(given, route.id) })
      continue
    }
    const own = isLater ? later : route
    const pointer = pointerOf(given, own.id)
    for (const found of takenFromEarlier(table, added.table, own)) notes.push({ ...found, pointer })
    table = added.table
    taken.set(own.id, own)
    for (const path of own.paths)
      orders.set(path, Math.max(orderOf(own), orders.get(path) ?? -Infinity))
  }
  return read.flatMap((route) => (route === null ? [] : (taken.get(route.id) ?? [])))
}

const orderOf = ({ selection }: Route): number => selection?.order ?? 0

const pointerOf = (given: readonly SpringRoute[], id: string): string =>
  given.find((route) => route.id === id)?.pointer ?? ''

/** A default filter is part of every route, and told of once. */
function withoutTwins(problems: readonly Problem[]): readonly Problem[] {
  const seen = new Set<string>()
  return problems.filter(({ pointer, message }) => {
    const key = `${pointer} ${message}`
    return seen.size < seen.add(key).size
  })
}
