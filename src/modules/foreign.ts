import { METHODS, type IncomingMessage, type ServerResponse } from 'node:http'
import { TurnoutError } from '../core/errors.ts'
import { announceTo } from '../gateway/announce.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { handled, type Reply } from '../gateway/reply.ts'
import type { Handler } from '../gateway/snapshot.ts'
import { joinPath, type Registration } from './registrar.ts'
import { mountedTarget, webReply, webRequest } from './web.ts'

/** An object that answers web requests: Hono, h3, Elysia, itty-router. */
export interface FetchApp {
  fetch(request: Request): Response | Promise<Response>
}

/** A function on Node's own objects: Express, Connect, Koa's callback. */
export type NodeApp = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => unknown

export function isFetchApp(value: unknown): value is FetchApp {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { fetch?: unknown }).fetch === 'function'
  )
}

/** A function of two parameters or more: one of a single parameter is more likely a handler exported by mistake. */
export function isNodeApp(value: unknown): value is NodeApp {
  return typeof value === 'function' && value.length >= 2
}

const fetchHandler =
  (app: FetchApp, prefix: string): Handler =>
  async (exchange) => {
    const response = await app.fetch(webRequest(exchange, prefix))
    if (response instanceof Response) return webReply(response)
    // itty-router's plain Router answers undefined where nothing matched.
    throw new TurnoutError('TURNOUT_ANSWER_INVALID', { reason: 'the app answered no Response' })
  }

const isStream = (response: ServerResponse): boolean =>
  String(response.getHeader('content-type')).startsWith('text/event-stream')

const nodeHandler =
  (app: NodeApp, prefix: string): Handler =>
  (exchange: Exchange): Promise<Reply> => {
    const node = exchange.transport.node()
    if (node === null) throw new TurnoutError('TURNOUT_NODE_APP_UNREACHABLE')
    const { request, response } = node
    announceTo(response, exchange)
    const original = request as IncomingMessage & { originalUrl?: string }
    original.originalUrl = exchange.path + exchange.search
    request.url = mountedTarget(exchange, prefix)
    return new Promise((resolve, reject) => {
      const ended = (): void => {
        exchange.status = response.statusCode
        // When its head left, nobody saw: it is not counted, because how long it took would say nothing.
        exchange.isEndless = isStream(response)
        resolve(handled)
      }
      exchange.transport.onClose(() => {
        if (!response.writableFinished) exchange.failure = 'TURNOUT_CLIENT_LEFT'
        ended()
      })
      response.once('finish', ended)
      const next = (error?: unknown): void => {
        if (error !== undefined && error !== null) reject(error)
        else
          reject(
            new TurnoutError('TURNOUT_ROUTE_NOT_FOUND', {
              method: exchange.method,
              path: exchange.path,
            }),
          )
      }
      // Express and Connect call `next`, Koa's callback returns a promise.
      Promise.resolve(app(request, response, next)).catch(reject)
    })
  }

/** A place that an app names: method (`*` for any) and path in Turnout's own pattern syntax. */
interface Listed {
  readonly method: string
  readonly path: string
}

/** Hono's `:id{[0-9]+}` is our `:id([0-9]+)`; what has no like here (`:id?`, `*` in the middle) gives null. */
const patternOfHono = (path: string): string | null => {
  const pattern = path.replaceAll(/:(\w+)\{([^{}]*)\}/g, ':$1($2)').replace(/\/\*$/, '/*rest')
  return /\?(?:\/|$)|\*(?!rest$)|[{}]/.test(pattern) ? null : pattern
}

/** A middleware of Hono takes `next`; a handler does not. */
const listHono = (app: { routes?: unknown }): Listed[] | null => {
  if (!Array.isArray(app.routes)) return null
  const listed: Listed[] = []
  let hasMiddleware = false
  for (const route of app.routes as { method: string; path: string; handler: unknown }[]) {
    if (typeof route.handler !== 'function') return null
    if (route.method === 'ALL' && route.handler.length > 1) {
      hasMiddleware = true
      continue
    }
    const path = patternOfHono(route.path)
    if (path === null) return null
    const method = route.method === 'ALL' ? '*' : route.method
    listed.push({ method, path })
    // There `/files/*` serves `/files` too.
    if (path.endsWith('/*rest')) listed.push({ method, path: path.slice(0, -6) || '/' })
  }
  return hasMiddleware ? withOptions(listed) : listed
}

/** Middleware such as CORS answers OPTIONS of any place, and so must be asked before Turnout answers by itself. */
const withOptions = (listed: readonly Listed[]): Listed[] => [
  ...listed,
  ...listed
    .filter(({ method }) => method !== '*')
    .map(({ path }): Listed => ({ method: 'OPTIONS', path })),
]

/** `app.all` names every method that Node knows, `route.all` says `_all`. */
const methodsOfExpress = (methods: Readonly<Record<string, boolean>>): readonly string[] =>
  methods['_all'] === true || METHODS.every((method) => methods[method.toLowerCase()] === true)
    ? ['*']
    : Object.keys(methods).map((method) => method.toUpperCase())

interface ExpressLayer {
  readonly name?: string
  readonly handle?: { readonly length: number; readonly stack?: unknown }
  readonly route?: { readonly path: unknown; readonly methods: Record<string, boolean> }
}

/**
 * Express's own routes, when they are all there is: a mounted router, a mounted app or static files answer paths
 * that cannot be listed, and then the whole app is mounted as one route.
 */
const listExpress = (app: { router?: { stack?: unknown } }): Listed[] | null => {
  const stack = app.router?.stack
  if (!Array.isArray(stack)) return null
  const listed: Listed[] = []
  let hasMiddleware = false
  for (const layer of stack as ExpressLayer[]) {
    if (layer.route === undefined) {
      const isMount = layer.handle?.stack !== undefined || layer.name === 'mounted_app'
      if (isMount || layer.name === 'serveStatic') return null
      hasMiddleware = true
      continue
    }
    const { path, methods } = layer.route
    if (typeof path !== 'string' || /[{}*\\"]/.test(path) || /:\w+[^/\w]/.test(path)) return null
    for (const method of methodsOfExpress(methods)) listed.push({ method, path })
  }
  return hasMiddleware ? withOptions(listed) : listed
}

/** The places of an app, each once: HEAD follows GET by itself. */
const listPlaces = (app: FetchApp | NodeApp): Listed[] => {
  const listed = isFetchApp(app)
    ? listHono(app as { routes?: unknown } & FetchApp)
    : listExpress(app as { router?: { stack?: unknown } })
  if (listed === null || listed.length === 0) {
    return [
      { method: '*', path: '/' },
      { method: '*', path: '/*rest' },
    ]
  }
  const seen = new Map(listed.map((place) => [`${place.method} ${place.path}`, place]))
  return [...seen.values()]
}

/** Registrations of a foreign app below `prefix`: listed routes, or everything. All lead to the app, unchanged. */
export function registerForeign(app: FetchApp | NodeApp, prefix: string): Registration[] {
  const handler = isFetchApp(app) ? fetchHandler(app, prefix) : nodeHandler(app, prefix)
  return listPlaces(app).map(({ method, path }) => ({
    method,
    path: path === '/*rest' ? `${prefix}/*rest` : joinPath(prefix, path),
    handler,
  }))
}
