import { TurnoutError } from '../core/errors.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { Reply } from '../gateway/reply.ts'
import type { Handler } from '../gateway/snapshot.ts'
import { Context } from './context.ts'
import type { Answer, Middleware, RouteHandler } from './define.ts'
import { webReply } from './web.ts'

/** What an author's function returned, as a reply. */
export const replyOf = (answer: Answer | void): Reply | Promise<Reply> => {
  if (answer instanceof Reply) return answer
  if (answer instanceof Response) return webReply(answer)
  const kind = answer === undefined ? 'nothing' : `a value of type ${typeof answer}`
  throw new TurnoutError('TURNOUT_ANSWER_INVALID', { reason: `the handler returned ${kind}` })
}

const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value

/** Runs a handler; an answer that is there at once stays synchronous. */
const runHandler = (c: Context, handler: RouteHandler): Reply | Promise<Reply> => {
  const answer = handler(c)
  if (answer instanceof Reply) return answer
  return isPromise(answer) ? answer.then(replyOf) : replyOf(answer)
}

const ignore = (): undefined => undefined

/** What a middleware returned, as a reply; `following` is what `next` gave it, or null. */
const settled = (answer: Answer | void, following: Promise<Reply> | null): Reply | Promise<Reply> =>
  answer === undefined && following !== null ? following : replyOf(answer)

/**
 * Runs the middleware from `at` on, then the handler. Composed once; per request it only walks the list. It makes no
 * promise that its parts have not made: each costs as much as a look-up of the route.
 */
const runFrom = (
  c: Context,
  middleware: readonly Middleware[],
  at: number,
  handler: RouteHandler,
): Reply | Promise<Reply> => {
  const current = middleware[at]
  if (current === undefined) return runHandler(c, handler)
  let following: Promise<Reply> | null = null
  const next = (): Promise<Reply> => {
    if (following !== null) throw new TurnoutError('TURNOUT_NEXT_TWICE')
    following = startFrom(c, middleware, at + 1, handler)
    return following
  }
  const answer = current(c, next)
  if (answer instanceof Reply) return answer
  // Who hands on what `next` gave is not in the way.
  if (answer === following && following !== null) return following
  if (!isPromise(answer)) return settled(answer, following)
  const late = answer instanceof Promise ? answer : Promise.resolve(answer)
  return late.then((reply) => (reply instanceof Reply ? reply : settled(reply, following)))
}

/** The same for `next`, which gives a promise, whatever comes. */
const startFrom = (
  c: Context,
  middleware: readonly Middleware[],
  at: number,
  handler: RouteHandler,
): Promise<Reply> => {
  let reply: Reply | Promise<Reply>
  try {
    reply = runFrom(c, middleware, at, handler)
  } catch (error) {
    reply = Promise.reject(error)
  }
  // Authors may use promises of their own kind, and `next` gives a whole one.
  if (!(reply instanceof Promise)) return Promise.resolve(reply)
  // A middleware may answer by itself and leave this promise alone: its rejection is nobody's then.
  reply.catch(ignore)
  return reply
}

/** Makes one handler of a route's middleware and its author's handler. */
export function chain(middleware: readonly Middleware[], handler: RouteHandler): Handler {
  return (exchange: Exchange): Reply | Promise<Reply> => {
    const c = new Context(exchange)
    const reply = runFrom(c, middleware, 0, handler)
    return reply instanceof Reply ? c.finish(reply) : reply.then((late) => c.finish(late))
  }
}
