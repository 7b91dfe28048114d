import { findServingPath } from '../core/route/find.ts'
import type { Route, Target } from '../core/route/route.ts'
import { announced } from './announce.ts'
import type { Exchange } from './exchange.ts'
import { withFilters } from './filters/compile.ts'
import type { Forward } from './filters/filter.ts'
import { codeReply, problemReply } from './problem-reply.ts'
import { Reply } from './reply.ts'
import type { Handler } from './snapshot.ts'
import { forwardTo } from './upstream/forward.ts'
import { beginOutbound } from './upstream/outbound.ts'
import type { Upstreams } from './upstream/upstreams.ts'

/** Targets that are data: no code of a module serves them. */
type DataTarget = Exclude<Target, { readonly kind: 'module' | 'closure' }>

/** What answers an exchange. Who has nothing to say of its version is not in the way. */
export function handlerOf(exchange: Exchange, route: Route): Handler {
  const { kept } = exchange
  const known = kept?.handler ?? null
  const handler =
    known !== null && kept!.upstreams === exchange.snapshot.upstreams
      ? known
      : targetOf(exchange, route)
  const hasNothing = handler === known || route.lifecycle === undefined
  return hasNothing && (exchange.told?.vary ?? null) === null ? handler : announced(handler)
}

const targetOf = (exchange: Exchange, route: Route): Handler => {
  const { target } = route
  if (target.kind === 'closure') return target.run as Handler
  if (target.kind !== 'module') {
    const { kept, snapshot } = exchange
    const handler = dataHandler(route, target, snapshot.upstreams)
    if (kept !== null && route.lifecycle === undefined) {
      kept.handler = handler
      kept.upstreams = snapshot.upstreams
    }
    return handler
  }
  const version = exchange.snapshot.versions.get(target.module)
  if (version === undefined) return () => codeReply('TURNOUT_MODULE_NOT_LIVE', target)
  const handler = version.handlerOf(route.id)
  if (handler === undefined) throw new Error(`no handler for ${route.id}`)
  exchange.hold(version)
  exchange.recorder = version.recorder
  exchange.moduleVersion = version.version
  return handler
}

/** The handler of a route whose target is data, filters and all; made once for each route. */
function dataHandler(route: Route, target: DataTarget, upstreams: Upstreams): Handler {
  const { handlers } = upstreams
  const known = handlers.get(route)
  if (known !== undefined) return known
  const handler =
    route.filters === undefined
      ? plainHandler(target, upstreams)
      : sentOn(withFilters(route, handlerFor(target, upstreams), upstreams, forward), upstreams)
  handlers.set(route, handler)
  return handler
}

const mostShared = 1_000
const longestShared = 1_024

/**
 * Of a route without filters. Thousands of rules may lead to a few upstreams: they share the handler, which is then near in
 * memory whichever of them is asked for.
 */
function plainHandler(target: DataTarget, upstreams: Upstreams): Handler {
  const { shared } = upstreams
  const key = JSON.stringify(target)
  const known = shared.get(key)
  if (known !== undefined) return known
  const own = handlerFor(target, upstreams)
  const handler = isAnswer(target) ? own : sentOn(own, upstreams)
  if (key.length > longestShared) return handler
  if (shared.size >= mostShared) shared.clear()
  shared.set(key, handler)
  return handler
}

const isAnswer = ({ kind }: DataTarget): boolean => kind === 'respond' || kind === 'redirect'

/** Makes what is sent on, for the filters to change. */
const sentOn =
  (next: Handler, { environment }: Upstreams): Handler =>
  (exchange) => {
    const outbound = beginOutbound(exchange, environment)
    if ('code' in outbound) return problemReply(outbound)
    exchange.outbound = outbound
    return next(exchange)
  }

function handlerFor(target: DataTarget, upstreams: Upstreams): Handler {
  switch (target.kind) {
    case 'respond': {
      const { status, body } = target
      const headers = listOf(target.headers)
      return () => new Reply(status, [...headers], body)
    }
    case 'redirect':
      return (exchange) => {
        const { search } = exchange
        const query = target.location.includes('?') ? '' : search
        return new Reply(target.status, ['location', target.location + query], '')
      }
    case 'upstream': {
      const { upstream, subset } = target
      return forwardTo(upstreams, upstream, () => upstreams.get(upstream), subset)
    }
    case 'uri':
      return forwardTo(upstreams, target.uri, () => upstreams.ofUri(target.uri), undefined)
    default:
      return target satisfies never
  }
}

const lists = new Map<string, readonly string[]>()
const mostLists = 1_000

/** Many routes answer with the same few fields: they share one list, which nobody changes. */
function listOf(headers: Readonly<Record<string, string>>): readonly string[] {
  const list = Object.entries(headers).flat()
  const key = JSON.stringify(list)
  const known = lists.get(key)
  if (known !== undefined) return known
  if (lists.size >= mostLists) lists.clear()
  lists.set(key, list)
  return list
}

/**
 * Serves an exchange by another route of its snapshot. For the log and for what is counted it stays that of the route
 * that it came to first.
 */
const forward: Forward = (exchange, path, isBodyGone) => {
  const { transport, snapshot, method, recorder, moduleVersion } = exchange
  const { route, kept, params, pattern, told } = exchange
  const before = exchange.path
  const found = findServingPath(snapshot.table.router, method, path, transport, Date.now)
  if (found.kind !== 'match') return null
  const { target } = found.value
  if (isBodyGone && !('location' in target || 'body' in target)) return null
  exchange.matched(found, path)
  exchange.outbound = null
  const handler = handlerOf(exchange, found.value)
  exchange.recorder = recorder
  exchange.moduleVersion = moduleVersion
  const back = <Value>(value: Value): Value => {
    exchange.matched({ ...found, value: route!, params, pattern, told }, before)
    exchange.kept = kept
    return value
  }
  const reply = handler(exchange)
  return reply instanceof Promise ? reply.then(back) : back(reply)
}
