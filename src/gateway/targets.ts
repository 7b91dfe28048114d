import type { Route, Target } from '../core/route/route.ts'
import { codeReply } from './problem-reply.ts'
import { Reply } from './reply.ts'
import type { Handler } from './snapshot.ts'

/** Targets that are data: no code of a module serves them. */
type DataTarget = Exclude<Target, { readonly kind: 'module' | 'closure' }>

const handlers = new WeakMap<Route, Handler>()

/** The handler of a route whose target is data, made once for each route. */
export function dataHandler(route: Route, target: DataTarget): Handler {
  const known = handlers.get(route)
  if (known !== undefined) return known
  const handler = handlerFor(target)
  handlers.set(route, handler)
  return handler
}

function handlerFor(target: DataTarget): Handler {
  switch (target.kind) {
    case 'respond': {
      const headers = Object.entries(target.headers).flat()
      return () => new Reply(target.status, [...headers], target.body)
    }
    case 'redirect':
      return (exchange) => {
        const { search } = exchange
        const query = target.location.includes('?') ? '' : search
        return new Reply(target.status, ['location', target.location + query], '')
      }
    case 'upstream':
      return () => codeReply('TURNOUT_PROXY_MISSING', { upstream: target.upstream })
    case 'uri':
      return () => codeReply('TURNOUT_PROXY_MISSING', { upstream: target.uri })
    default:
      return target satisfies never
  }
}
