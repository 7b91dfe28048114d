import type { Route } from '../core/route/route.ts'
import { findServingPath, type Served } from '../core/route/find.ts'
import { shown } from '../core/route/input.ts'
import { allowedMethods, type Match } from '../core/router/lookup.ts'
import { otherTrailingSlash } from '../core/router/path.ts'
import type { Asking } from '../core/version/asking.ts'
import type { RefusedVersion } from '../core/version/told.ts'
import { codeReply } from './problem-reply.ts'
import { Reply } from './reply.ts'
import type { Exchange } from './exchange.ts'

/** What is found where no route serves. */
export type NotFound = Exclude<Served, Match<Route>>

/** How a path that only differs by its trailing slash from a route's is treated. */
export type TrailingSlash = 'strict' | 'redirect' | 'ignore'

/** What serves the path with its trailing slash added or taken away, or would, were another version asked for. */
export function matchOtherSlash(
  exchange: Exchange,
  path: string,
  asking: Asking,
): { readonly found: Match<Route> | RefusedVersion; readonly path: string } | null {
  const other = otherTrailingSlash(path)
  if (other === undefined) return null
  const { router } = exchange.snapshot.table
  const { transport } = exchange
  const found = findServingPath(router, exchange.method, other, transport, Date.now, asking)
  return found.kind === 'match' || found.kind === 'refused' ? { found, path: other } : null
}

/** The answer where no route serves: 400, 404, 405 with `Allow`, 406, or the automatic OPTIONS. */
export function missReply(exchange: Exchange, miss: NotFound): Reply {
  if (miss.kind === 'refused') {
    const { code, version, versions, vary } = miss
    return codeReply(code, { version: shown(version) }, ['vary', vary], undefined, { versions })
  }
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
