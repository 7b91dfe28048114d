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

/** Runs the middleware from `at` on, then the handler. Composed once; per request it only walks the list. */
const runFrom = async (
  c: Context,
  middleware: readonly Middleware[],
  at: number,
  handler: RouteHandler,
): Promise<Reply> => {
  const current = middleware[at]
  if (current === undefined) return runHandler(c, handler)
  let following: Promise<Reply> | null = null
  const next = (): Promise<Reply> => {
    if (following !== null) throw new TurnoutError('TURNOUT_NEXT_TWICE')
    following = runFrom(c, middleware, at + 1, handler)
    // A middleware may answer by itself and leave this promise alone: its rejection is nobody's then.
    following.catch(ignore)
    return following
  }
  const answer = await current(c, next)
  if (answer !== undefined) return replyOf(answer)
  if (following === null) return replyOf(undefined)
  return following
}

/** Makes one handler of a route's middleware and its author's handler. */
export function chain(middleware: readonly Middleware[], handler: RouteHandler): Handler {
  if (middleware.length === 0) {
    return (exchange: Exchange): Reply | Promise<Reply> => {
      const c = new Context(exchange)
      const reply = runHandler(c, handler)
      return reply instanceof Reply ? c.finish(reply) : reply.then((late) => c.finish(late))
    }
  }
  return async (exchange: Exchange): Promise<Reply> => {
    const c = new Context(exchange)
    return c.finish(await runFrom(c, middleware, 0, handler))
  }
}
