import type { Route } from '../core/route/route.ts'
import { findServingPath } from '../core/route/find.ts'
import { allowedMethods, type Found, type Match } from '../core/router/lookup.ts'
import { otherTrailingSlash } from '../core/router/path.ts'
import { codeReply } from './problem-reply.ts'
import { Reply } from './reply.ts'
import type { Exchange } from './exchange.ts'

/** What the router says where it has no match. */
export type NotFound = Exclude<Found<Route>, Match<Route>>

/** How a path that only differs by its trailing slash from a route's is treated. */
export type TrailingSlash = 'strict' | 'redirect' | 'ignore'

/** The match of the path with its trailing slash added or taken away. */
export function matchOtherSlash(
  exchange: Exchange,
  path: string,
): { readonly match: Match<Route>; readonly path: string } | null {
  const other = otherTrailingSlash(path)
  if (other === undefined) return null
  const { router } = exchange.snapshot.table
  const { transport } = exchange
  const match = findServingPath(router, exchange.method, other, transport, Date.now)
  return match.kind === 'match' ? { match, path: other } : null
}

/** The answer where no route serves: 400, 404, 405 with `Allow`, or the automatic OPTIONS. */
export function missReply(exchange: Exchange, miss: NotFound): Reply {
  if (miss.kind === 'invalid') return codeReply('TURNOUT_PATH_INVALID', { reason: miss.fault })
  const { method } = exchange
  const { path } = miss
  const allowed = allowedMethods(exchange.snapshot.table.router, path)
  // A method that is allowed was refused by the conditions of its routes.
  if (allowed.length === 0 || allowed.includes(method) || allowed.includes('*'))
    return codeReply('TURNOUT_ROUTE_NOT_FOUND', { method, path })
  const list = [...new Set([...allowed, 'OPTIONS'])].sort().join(', ')
  if (method === 'OPTIONS') return new Reply(204, ['allow', list], null)
  return codeReply('TURNOUT_METHOD_NOT_ALLOWED', { method, path, allowed: list }, ['allow', list])
}
