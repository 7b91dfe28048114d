import { backoffMs } from '../../core/protect/backoff.ts'
import { createRetryBudget } from '../../core/protect/retry-budget.ts'
import { isBodySource } from '../body-source.ts'
import type { Exchange } from '../exchange.ts'
import type { Reply } from '../reply.ts'
import { beginLife, copyOutbound, type Life, type Outbound } from '../upstream/outbound.ts'
import type { FilterMaker } from './filter.ts'
import { leftReply, wait } from './wait.ts'

/** Longest time that a server may ask to wait before a repeat. */
const maxAskedMs = 10_000

/** What an exchange failed with that another attempt may mend. An open breaker or a full one asks for less, not more. */
const mendable: ReadonlySet<string> = new Set([
  'TURNOUT_UPSTREAM_UNREACHABLE',
  'TURNOUT_UPSTREAM_CLOSED',
  'TURNOUT_UPSTREAM_TIMEOUT',
  'TURNOUT_UPSTREAM_INVALID',
])

/** Milliseconds that an answer asks to wait; 0 where it does not say. */
function askedFor(reply: Reply): number {
  const value = reply.header('retry-after') ?? ''
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Math.max(0, Number.isNaN(ms) ? 0 : ms)
}

/** Repeats requests that have no body and a method that may be repeated, within a budget. */
export const retry: FilterMaker<'retry'> = (settings, { upstreams, stateOf }) => {
  const { retries, budgetPercent, onFailure } = settings
  const methods = new Set(settings.methods)
  const statuses = new Set(settings.statuses)
  const budget = stateOf(() => createRetryBudget(budgetPercent, performance.now()))
  const { random } = upstreams.environment

  const isWanted = ({ failure }: Exchange, { status }: Reply): boolean =>
    failure === null ? statuses.has(status) : onFailure && mendable.has(failure)

  return (next) => {
    const again = async (
      exchange: Exchange,
      first: Reply,
      before: Outbound,
      life: Life,
    ): Promise<Reply> => {
      let reply = first
      for (let repeat = 1; repeat <= retries && isWanted(exchange, reply); repeat += 1) {
        const askedMs = askedFor(reply)
        if (askedMs > maxAskedMs) break
        const waitMs = Math.max(backoffMs(settings, repeat, random), askedMs)
        // An answer that is there is worth more than a repeat that would be cut.
        const now = performance.now()
        if (now + waitMs >= life.deadline || !budget.tryRepeat(now)) break
        const { body } = reply
        if (typeof body === 'object' && body !== null && isBodySource(body))
          body.cancel('it is tried again')
        if (!(await wait(exchange, waitMs))) return leftReply(exchange)
        exchange.outbound = copyOutbound(before)
        exchange.failure = null
        reply = await next(exchange)
      }
      return reply
    }
    return (exchange) => {
      if (exchange.mirrored) return next(exchange)
      budget.countRequest(performance.now())
      const { transport, method } = exchange
      const mayRepeat =
        methods.has(method) && transport.bodyLength() === 0 && transport.upgrade === null
      if (!mayRepeat) return next(exchange)
      const life = beginLife()
      exchange.outbound!.life = life
      const before = copyOutbound(exchange.outbound!)
      const reply = next(exchange)
      if (reply instanceof Promise) return reply.then((late) => again(exchange, late, before, life))
      return isWanted(exchange, reply) ? again(exchange, reply, before, life) : reply
    }
  }
}
