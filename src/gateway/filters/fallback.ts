import { errorTable } from '../../core/errors.ts'
import type { Exchange } from '../exchange.ts'
import { Reply } from '../reply.ts'
import type { Handler } from '../snapshot.ts'
import { forwardTo } from '../upstream/forward.ts'
import type { Outbound } from '../upstream/outbound.ts'
import type { FilterMaker } from './filter.ts'

/** Whether the target owes an answer. What the client did wrong is its own, and who was cut has had an answer. */
const isMissing = ({ failure, abortReason }: Exchange): boolean =>
  failure !== null && abortReason === null && errorTable[failure].status >= 500

/** Answers where the target did not; the upstream first, where there are both. A request whose body is gone cannot be asked again: it gets the static answer, or none. */
export const fallback: FilterMaker<'fallback'> = ({ respond, upstream }, { upstreams }) => {
  const other: Handler | null =
    upstream === null
      ? null
      : forwardTo(upstreams, upstream, () => upstreams.get(upstream), undefined)
  const atLast = (exchange: Exchange, reply: Reply): Reply => {
    if (respond === null || !isMissing(exchange)) return reply
    exchange.failure = null
    return new Reply(respond.status, Object.entries(respond.headers).flat(), respond.body)
  }
  const answer = (
    exchange: Exchange,
    reply: Reply,
    before: Outbound | null,
  ): Reply | Promise<Reply> => {
    if (!isMissing(exchange)) return reply
    if (other === null || exchange.transport.bodyLength() !== 0) return atLast(exchange, reply)
    // The time of the first is mostly over: the other one has its own.
    exchange.outbound = before!.copy()
    exchange.outbound.life = null
    const second = other(exchange)
    return second instanceof Promise
      ? second.then((late) => atLast(exchange, late))
      : atLast(exchange, second)
  }
  return (next) => (exchange) => {
    const before = other === null ? null : exchange.outbound!.copy()
    const reply = next(exchange)
    return reply instanceof Promise
      ? reply.then((late) => answer(exchange, late, before))
      : answer(exchange, reply, before)
  }
}
