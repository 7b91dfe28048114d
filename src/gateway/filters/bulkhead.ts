import type { Exchange } from '../exchange.ts'
import { LiveBulkhead } from '../live-bulkhead.ts'
import { codeReply } from '../problem-reply.ts'
import type { Reply } from '../reply.ts'
import type { Handler } from '../snapshot.ts'
import type { FilterMaker } from './filter.ts'
import { leftReply } from './wait.ts'

/**
 * A limit of the exchanges of a route that are under way at once. A place is held until the answer's head is known: a body
 * may take as long as its client likes.
 */
export const bulkhead: FilterMaker<'bulkhead'> = (settings, { stateOf, upstreams }) => {
  const { random } = upstreams.environment
  const state = stateOf(() => new LiveBulkhead(settings))
  // A change of the numbers finds those in it that came before.
  state.update(settings)

  const enter = (next: Handler, exchange: Exchange): Reply | Promise<Reply> => {
    let reply: Reply | Promise<Reply>
    try {
      reply = next(exchange)
    } catch (error) {
      state.leave()
      throw error
    }
    if (reply instanceof Promise) return reply.finally(() => state.leave())
    state.leave()
    return reply
  }

  return (next) => (exchange) => {
    // A copy is nobody's request: it takes no place, and is not refused for want of one.
    if (exchange.mirrored) return next(exchange)
    if (state.tryEnter()) return enter(next, exchange)
    const { signal } = exchange
    if (signal.aborted) return leftReply(exchange)
    const waiting = state.wait((left) => signal.addEventListener('abort', left))
    if (waiting === null) return full(exchange, random())
    const go = (): Reply | Promise<Reply> => enter(next, exchange)
    return waiting.then((isLetIn) => {
      if (!isLetIn) return signal.aborted ? leftReply(exchange) : full(exchange, random())
      return go()
    })
  }
}

/** `drawn`: clients that come again at different times are no wave. */
function full(exchange: Exchange, drawn: number): Reply {
  exchange.failure = 'TURNOUT_ROUTE_FULL'
  const seconds = 1 + Math.floor(drawn * 3)
  const headers = ['retry-after', String(seconds)]
  // What was not read is not worth reading.
  if (exchange.transport.bodyLength() !== 0) headers.push('connection', 'close')
  return codeReply('TURNOUT_ROUTE_FULL', {}, headers)
}
