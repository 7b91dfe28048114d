import type { Exchange } from '../exchange.ts'
import { Reply } from '../reply.ts'
import type { Handler } from '../snapshot.ts'
import { forwardTo } from '../upstream/forward.ts'
import { copyOutbound, type Outbound } from '../upstream/outbound.ts'
import type { FilterMaker } from './filter.ts'

/** Answers where the target did not. A request whose body is gone cannot be asked again: it gets the static answer, or none. */
export const fallback: FilterMaker<'fallback'> = ({ respond, upstream }, { upstreams }) => {
  const other: Handler | null =
    upstream === null
      ? null
      : forwardTo(upstreams, upstream, () => upstreams.get(upstream), undefined)
  const answer = (
    exchange: Exchange,
    reply: Reply,
    before: Outbound | null,
  ): Reply | Promise<Reply> => {
    if (exchange.failure === null || exchange.failure === 'TURNOUT_CLIENT_LEFT') return reply
    if (other !== null && exchange.transport.bodyLength() === 0) {
      exchange.outbound = before
      return other(exchange)
    }
    if (respond === null) return reply
    return new Reply(respond.status, Object.entries(respond.headers).flat(), respond.body)
  }
  return (next) => (exchange) => {
    const before = other === null ? null : copyOutbound(exchange.outbound!)
    const reply = next(exchange)
    return reply instanceof Promise
      ? reply.then((late) => answer(exchange, late, before))
      : answer(exchange, reply, before)
  }
}
