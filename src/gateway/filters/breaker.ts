import { errorTable, type ErrorCode } from '../../core/errors.ts'
import { withoutField } from '../../core/http/fields.ts'
import { createBreaker, type BreakerPermit } from '../../core/protect/breaker.ts'
import { defaultBreaker } from '../../core/route/upstream.ts'
import { isBodySource } from '../body-source.ts'
import type { Exchange } from '../exchange.ts'
import { Reply } from '../reply.ts'
import { failureReply } from '../upstream/failure.ts'
import { before, type FilterMaker } from './filter.ts'
import { sentPath } from './sent-path.ts'
import { fillPath } from './template.ts'

/** Where an exchange keeps what failed, once it is forwarded. */
const failed = 'turnout.failed'

/** What a fallback is told of. */
interface Failed {
  readonly type: string
  readonly message: string
}

/** What took too long or was not let through is never passed over in silence. */
const isTold: ReadonlySet<string> = new Set([
  'TURNOUT_UPSTREAM_TIMEOUT',
  'TURNOUT_BREAKER_OPEN',
  'TURNOUT_BULKHEAD_FULL',
  'TURNOUT_ROUTE_FULL',
])

/** What the client did wrong is not the target's failure. */
const isFailure = (code: ErrorCode): boolean => errorTable[code].status >= 500

/**
 * A breaker around the rest of the route. What failed is forwarded once: a fallback that fails in turn is answered as it
 * is, and a request whose body is gone is served only by a route that does not send it on.
 */
export const breaker: FilterMaker<'breaker'> = (settings, { stateOf, forward }) => {
  const { name, resume } = settings
  const statuses = new Set(settings.statuses)
  const state = stateOf(() => createBreaker(defaultBreaker, performance.now()))
  const fill = settings.forward === null ? null : fillPath(settings.forward)

  const instead = (exchange: Exchange, reply: Reply, isSent: boolean): Reply | Promise<Reply> => {
    const { failure } = exchange
    if (exchange.abortReason !== null) return reply
    if (fill !== null && exchange.getValue(failed) === undefined) {
      exchange.setValue(failed, failedOf(failure, reply))
      exchange.failure = null
      const isBodyGone = isSent && exchange.transport.bodyLength() !== 0
      const path = sentPath(fill(exchange), exchange.path)
      const other = path === null ? null : forward(exchange, path, isBodyGone)
      if (other !== null) {
        const { body } = reply
        if (isBodySource(body)) body.cancel('another answer is sent')
        return other
      }
      exchange.failure = failure
    }
    if (!resume || failure === null || isTold.has(failure)) return reply
    exchange.failure = null
    return new Reply(200, [], '')
  }

  return (next) => (exchange) => {
    // A copy says nothing about whom it is sent to.
    if (exchange.mirrored) return next(exchange)
    const beganAt = performance.now()
    const acquired = state.tryAcquire(beganAt)
    if (!acquired.ok) {
      exchange.failure = 'TURNOUT_BREAKER_OPEN'
      const wait = acquired.retryAfterMs ?? 0
      return instead(exchange, failureReply('TURNOUT_BREAKER_OPEN', name, wait), false)
    }
    const settle = (reply: Reply): Reply | Promise<Reply> => {
      const isBad = settled(exchange, reply, statuses, acquired.permit, beganAt)
      return isBad ? instead(exchange, reply, true) : reply
    }
    const fail = (error: unknown): never => {
      const now = performance.now()
      acquired.permit.fail(now, now - beganAt)
      throw error
    }
    try {
      const reply = next(exchange)
      return reply instanceof Promise ? reply.then(settle, fail) : settle(reply)
    } catch (error) {
      return fail(error)
    }
  }
}

/** Tells the breaker how a call ended; whether it failed. */
function settled(
  { failure, abortReason }: Exchange,
  { status }: Reply,
  statuses: ReadonlySet<number>,
  permit: BreakerPermit,
  beganAt: number,
): boolean {
  const now = performance.now()
  const isBad = failure === null ? statuses.has(status) : isFailure(failure)
  if (abortReason !== null || (failure !== null && !isBad)) permit.release()
  else if (isBad) permit.fail(now, now - beganAt)
  else permit.succeed(now, now - beganAt)
  return isBad
}

/** Names of endpoints and reasons are for the log. */
const failedOf = (failure: ErrorCode | null, { status }: Reply): Failed =>
  failure === null
    ? { type: `STATUS_${status}`, message: `The target answered ${status}.` }
    : { type: failure, message: errorTable[failure].cause }

/** What a client sends under these names is never passed on as ours. */
export const failureHeaders: FilterMaker<'failure-headers'> = (settings) => {
  const { type, message, rootType, rootMessage } = settings
  const names = [type, message, rootType, rootMessage]
  return before((exchange) => {
    const outbound = exchange.outbound!
    for (const name of names) outbound.headers = withoutField(outbound.headers, name)
    const what = exchange.getValue(failed) as Failed | undefined
    if (what === undefined) return
    const values = [what.type, what.message, what.type, what.message]
    outbound.headers.push(...names.flatMap((name, at) => [name, values[at]!]))
  })
}
