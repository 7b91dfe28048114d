import { problem, type Problem } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import { getKey, type PersistentMap } from '../core/persistent-map.ts'
import type { Route, Upstream } from '../core/route/route.ts'
import type { Table } from '../core/route/table.ts'
import type { Item, ItemFacts, RouteItem, UpstreamItem } from './answers.ts'
import { parseRoute, parseUpstream, renderRoute, renderUpstream } from '../core/route/parse.ts'
import type { At } from '../core/route/route-parts.ts'
import { adminOwner, type AdminContext } from './context.ts'
import { isAdminTarget } from './forbidden-target.ts'
import type { Known } from './precondition.ts'
import { editOf, type Edit } from './publish.ts'
import { inputProblem } from './refusal.ts'
import { mayWriteOwner, mayWriteRoute, type Scope } from './scope.ts'

/** What the API knows of a kind of object that is edited one by one: routes and upstreams. */
export interface Kind<Value, Answered extends ItemFacts = ItemFacts> {
  /** What people call it. */
  readonly noun: string
  /** Path of the list. */
  readonly path: string
  all(table: Table): PersistentMap<Value & NonNullable<unknown>>
  get(table: Table, id: string): Value | undefined
  parse(
    input: Json,
    place: At,
  ):
    | { readonly value: Value; readonly problems: null }
    | { readonly value: null; readonly problems: readonly Problem[] }
  /** As it was authored. */
  render(value: Value): Json
  /** With what the API adds. */
  answer(value: Value, table: Table): Answered
  known(value: Value): Known
  /** Where it lies, for people. */
  place(value: Value): string
  mayWrite(scopes: readonly Scope[], value: Value): boolean
  put(values: readonly Value[]): Edit
  remove(ids: readonly string[]): Edit
}

type Parsed<Value> = ReturnType<Kind<Value>['parse']>

/** What the API adds to an item, and takes off again when it is sent back. */
const added = ['owner', 'revision', 'switchedOff']

/** The input as an author writes it. An owner that is not the API's is no fact to pass over: it is a wish. */
const authored = (input: Json, pointer: string): Json | Problem => {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input
  const fields = Object.entries(input)
  const owner = (input as Item)['owner']
  if (owner !== undefined && owner !== adminOwner)
    return inputProblem(`the owner is always ${adminOwner}`, `${pointer}/owner`)
  return Object.fromEntries(fields.filter(([key]) => !added.includes(key)))
}

const isProblem = (value: Json | Problem): value is Problem =>
  typeof value === 'object' && value !== null && 'code' in value && 'message' in value

const checked = <Value>(
  context: AdminContext,
  parsed: Parsed<Value>,
  pointer: string,
  urls: (value: Value) => readonly (readonly [url: string, at: string])[],
): Parsed<Value> => {
  if (parsed.value === null) return parsed
  const problems = urls(parsed.value).flatMap(([url, at]) => {
    if (!isAdminTarget(url, context.address())) return []
    const values = { uri: url, reason: 'it is the admin API' }
    return [problem('TURNOUT_URI_FORBIDDEN', values, { pointer: pointer + at })]
  })
  return problems.length === 0 ? parsed : { value: null, problems }
}

/** Where a route leads, and where its filters fetch keys. */
const addressesOf = ({ target, filters = [] }: Route): readonly (readonly [string, string])[] => [
  ...(target.kind === 'uri' ? [[target.uri, ''] as const] : []),
  ...filters.flatMap((filter, at) =>
    filter.kind === 'jwt' && filter.jwks !== null
      ? [[filter.jwks, `/filters/${at}/jwks`] as const]
      : [],
  ),
]

export function routeKind(context: AdminContext): Kind<Route, RouteItem> {
  return {
    noun: 'route',
    path: '/api/routes',
    all: ({ routes }) => routes,
    get: (table, id) => getKey(table.routes, id),
    parse: (input, place) => {
      const own = authored(input, place.pointer)
      if (isProblem(own)) return { value: null, problems: [own] }
      const { route, problems } = parseRoute(own, place)
      if (route === null) return { value: null, problems }
      return checked(context, { value: route, problems: null }, place.pointer, addressesOf)
    },
    render: renderRoute,
    answer: (route, table) => {
      const isOff = getKey(table.switchedOff, route.id) !== undefined
      const { id, owner, revision } = route
      const rendered = renderRoute(route) as Item
      return { ...rendered, id, owner, revision, ...(isOff ? { switchedOff: true } : {}) }
    },
    known: ({ id, owner, revision }) => ({ id, owner, revision }),
    place: ({ methods, paths }) => `${methods.join(',')} ${paths.join(',')}`,
    mayWrite: mayWriteRoute,
    put: (putRoutes) => editOf({ putRoutes }),
    remove: (removeRoutes) => editOf({ removeRoutes }),
  }
}

export function upstreamKind(context: AdminContext): Kind<Upstream, UpstreamItem> {
  return {
    noun: 'upstream',
    path: '/api/upstreams',
    all: ({ upstreams }) => upstreams,
    get: ({ upstreams }, name) => getKey(upstreams, name),
    parse: (input, place) => {
      const own = authored(input, place.pointer)
      if (isProblem(own)) return { value: null, problems: [own] }
      const { upstream, problems } = parseUpstream(own, place)
      if (upstream === null) return { value: null, problems }
      return checked(context, { value: upstream, problems: null }, place.pointer, (value) =>
        value.endpoints.map(({ url }, at) => [url, `/endpoints/${at}/url`]),
      )
    },
    render: renderUpstream,
    answer: (upstream) => {
      const { name, owner, revision } = upstream
      return { ...(renderUpstream(upstream) as Item), name, owner, revision }
    },
    known: ({ name, owner, revision }) => ({ id: name, owner, revision }),
    place: ({ endpoints }) => endpoints.map(({ url }) => url).join(','),
    mayWrite: (scopes, { owner }) => mayWriteOwner(scopes, owner),
    put: (putUpstreams) => editOf({ putUpstreams }),
    remove: (removeUpstreams) => editOf({ removeUpstreams }),
  }
}
