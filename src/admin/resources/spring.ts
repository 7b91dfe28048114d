import * as z from 'zod'
import { TurnoutError } from '../../core/errors.ts'
import { entriesFrom } from '../../core/persistent-map.ts'
import { renderFilter } from '../../core/route/filter-parse.ts'
import type { Route } from '../../core/route/route.ts'
import { translatedFilters } from '../../core/route/spring-filters.ts'
import { renderSpring } from '../../core/route/spring-render.ts'
import { anyObject, anyObjects } from '../answer-schemas.ts'
import type { Item } from '../answers.ts'
import type { AdminContext } from '../context.ts'
import { deleteItem, putItem } from '../edit-item.ts'
import { routeKind } from '../kinds.ts'
import { jsonType } from '../media.ts'
import { refusalAnswer } from '../refusal.ts'
import type { Resources } from '../resource.ts'
import { itemBody, itemChangeQuery, noQuery } from '../schemas.ts'
import { springShown } from '../shown-schemas.ts'

/** Predicates of Spring Cloud Gateway that can be said here. */
const predicates = [
  'After',
  'Before',
  'Between',
  'Cookie',
  'Header',
  'Host',
  'Method',
  'Path',
  'Query',
  'RemoteAddr',
  'XForwardedRemoteAddr',
  'Weight',
  'Version',
]

type SpringName = Extract<keyof Resources, `${string}Spring${string}`>

/** What every read of this group has in common. */
const read = { scope: 'read', query: noQuery, body: null, refusals: [] } as const

/**
 * The paths that tools of Spring Cloud Gateway speak (`/actuator/gateway`). As there, the last writer wins: no
 * `If-Match` is needed, and one that is sent is heeded. An invalid definition is 400.
 */
export const springResources: Pick<Resources, SpringName> = {
  listSpringRoutes: {
    ...read,
    summary: 'Routes as Spring Cloud Gateway lists them',
    answers: { 200: anyObjects },
    handle: ({ context }) => ({
      status: 200,
      body: [...routesOf(context)].map((route) => shown(route)),
    }),
  },
  getSpringRoute: {
    ...read,
    summary: 'A route as Spring Cloud Gateway shows it',
    answers: { 200: anyObject },
    refusals: ['TURNOUT_ITEM_UNKNOWN'],
    handle: ({ context, params }) => ({
      status: 200,
      body: shown(routeOf(context, params.id)),
    }),
  },
  putSpringRoute: {
    summary: 'Add or replace a route by a Spring Cloud Gateway definition',
    scope: 'write',
    query: itemChangeQuery,
    body: {
      types: [jsonType],
      schema: itemBody,
      shown: springShown,
      limit: () => 1024 * 1024,
    },
    answers: { 201: null },
    refusals: [
      'TURNOUT_INPUT_INVALID',
      'TURNOUT_ROUTE_CONFLICT',
      'TURNOUT_OWNER_DIFFERS',
      'TURNOUT_ROLLOUT_RUNNING',
    ],
    handle: async (request) => {
      const { context, params, body, match } = request
      const query = { ...request.query, force: match.only === null || request.query.force === true }
      try {
        const put = { ...request, query }
        const { headers } = await putItem(routeKind(context), put, params.id, body, true)
        const location = `/actuator/gateway/routes/${encodeURIComponent(params.id)}`
        return { status: 201, headers: { ...headers, location } }
      } catch (error) {
        const isInvalid = error instanceof TurnoutError && error.code === 'TURNOUT_INPUT_INVALID'
        if (!isInvalid) throw error
        return refusalAnswer(error, 400)
      }
    },
  },
  deleteSpringRoute: {
    summary: 'Remove a route',
    scope: 'write',
    query: itemChangeQuery,
    body: null,
    answers: { 200: null },
    refusals: [
      'TURNOUT_ITEM_UNKNOWN',
      'TURNOUT_OWNER_DIFFERS',
      'TURNOUT_ROLLOUT_RUNNING',
      'TURNOUT_ITEM_CHANGED',
    ],
    handle: async (request) => {
      const kind = routeKind(request.context)
      const { headers } = await deleteItem(kind, request, request.params.id, false)
      return { status: 200, ...(headers && { headers }) }
    },
  },
  listSpringFilters: {
    ...read,
    summary: 'Filters of a route, as text',
    answers: { 200: z.array(z.string()) },
    refusals: ['TURNOUT_ITEM_UNKNOWN'],
    handle: ({ context, params }) => ({
      status: 200,
      body: filterTexts(routeOf(context, params.id)),
    }),
  },
  listSpringDefinitions: {
    ...read,
    summary: 'Routes as definitions, which can be sent back; those that have none are left out',
    answers: { 200: anyObjects },
    handle: ({ context }) => ({
      status: 200,
      body: [...routesOf(context)].flatMap((route) => {
        const { definition } = renderSpring(route)
        return definition === null ? [] : [definition]
      }),
    }),
  },
  listSpringGlobalFilters: {
    ...read,
    summary: 'Filters of all routes; there are none',
    answers: { 200: anyObject },
    handle: () => ({ status: 200, body: {} }),
  },
  listSpringRouteFilters: {
    ...read,
    summary: 'Names of filters',
    answers: { 200: anyObject },
    handle: () => ({
      status: 200,
      body: Object.fromEntries(translatedFilters.map((name) => [name, {}])),
    }),
  },
  listSpringPredicates: {
    ...read,
    summary: 'Names of predicates',
    answers: { 200: anyObject },
    handle: () => ({
      status: 200,
      body: Object.fromEntries(predicates.map((name) => [name, {}])),
    }),
  },
  refreshSpring: {
    summary: 'Nothing: every change is served when it is answered',
    scope: 'write',
    query: noQuery,
    body: null,
    answers: { 200: null },
    refusals: [],
    handle: () => ({ status: 200 }),
  },
}

function* routesOf({ control }: AdminContext): Generator<Route> {
  for (const [, route] of entriesFrom(control.current.table.routes)) yield route
}

const routeOf = (context: AdminContext, id: string): Route => {
  const route = routeKind(context).get(context.control.current.table, id)
  if (route === undefined) throw new TurnoutError('TURNOUT_ITEM_UNKNOWN', { noun: 'route', id })
  return route
}

const uriOf = ({ target }: Route): string => {
  if (target.kind === 'uri') return target.uri
  if (target.kind === 'upstream') return `lb://${target.upstream}`
  return target.kind === 'module' ? `module://${target.module}` : 'no://op'
}

/** As Spring writes them: name, arguments, and the order, which counts from one. */
const filterTexts = ({ filters = [] }: Route): readonly string[] =>
  filters.map((filter, at) => {
    const { kind, ...fields } = renderFilter(filter) as { readonly [key: string]: unknown }
    const texts = Object.entries(fields).map(([key, value]) => `${key} = ${textOf(value)}`)
    return `[[${[String(kind), texts.join(', ')].join(' ').trimEnd()}], order = ${at + 1}]`
  })

const textOf = (value: unknown): string =>
  typeof value === 'string' ? `'${value}'` : JSON.stringify(value)

/** The shape of `GET /actuator/gateway/routes`: text for people, and the definition where there is one. */
const shown = (route: Route): Item => {
  const { definition } = renderSpring(route)
  const methods = route.methods.includes('*') ? '' : ` && Methods: [${route.methods.join(', ')}]`
  return {
    route_id: route.id,
    predicate: `Paths: [${route.paths.join(', ')}]${methods}`,
    filters: filterTexts(route),
    uri: uriOf(route),
    order: route.selection?.order ?? 0,
    metadata: route.metadata ?? {},
    ...(definition === null ? {} : { route_definition: definition }),
  }
}
