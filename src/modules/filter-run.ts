import { TurnoutError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { isBodySource } from '../gateway/body-source.ts'
import type { Exchange, Thrower } from '../gateway/exchange.ts'
import { Reply, handled } from '../gateway/reply.ts'
import type { Handler, LiveFilter } from '../gateway/snapshot.ts'
import { replyOf } from './chain.ts'
import type { Filter } from './define.ts'
import { FilterContext } from './filter-context.ts'

/** What comes after a filter, asked at most once. */
class Following {
  readonly #exchange: Exchange
  readonly #next: Handler
  #asked: Promise<Reply> | null
  /** As it came; a filter is given a copy, for it may belong to many exchanges. */
  reply: Reply | null
  /** What it threw, which is not the filter's own. */
  failure: { readonly error: unknown } | null

  constructor(exchange: Exchange, next: Handler) {
    this.#exchange = exchange
    this.#next = next
    this.#asked = null
    this.reply = null
    this.failure = null
  }

  get asked(): Promise<Reply> | null {
    return this.#asked
  }

  readonly ask = (): Promise<Reply> => {
    if (this.#asked !== null) throw new TurnoutError('TURNOUT_NEXT_TWICE')
    this.#asked = this.#run()
    // A filter may answer by itself and leave this promise alone: its rejection is nobody's then.
    this.#asked.catch(() => undefined)
    return this.#asked
  }

  async #run(): Promise<Reply> {
    try {
      this.reply = await this.#next(this.#exchange)
    } catch (error) {
      this.failure = { error }
      throw error
    }
    const { status, headers, body } = this.reply
    return new Reply(status, [...headers], body)
  }

  /** Gives back what was asked for and is not sent; `kept` is the body that is. */
  drop(kept: Reply['body']): void {
    if (this.#asked === null || this.failure !== null) return
    if (this.reply === null) this.#exchange.worker?.abort('a filter answered instead')
    void this.#cancel(this.#asked, kept)
  }

  async #cancel(asked: Promise<Reply>, kept: Reply['body']): Promise<void> {
    const reply = await asked.catch(() => null)
    if (reply === null || reply.body === kept) return
    if (isBodySource(reply.body)) reply.body.cancel('a filter answered instead')
  }
}

/** A filter as its author wrote it, as the gateway runs it; `thrower` is told where it throws, `log` is its module's. */
export const runFilter =
  (filter: Filter, thrower: Thrower, log: Logger): LiveFilter =>
  async (exchange, next, args) => {
    const c = new FilterContext(exchange, log)
    const following = new Following(exchange, next)
    try {
      const said = await filter(c, following.ask, args)
      const isSilent = said === undefined && following.asked !== null
      const answer = isSilent ? await following.asked : await replyOf(said)
      const { reply, failure } = following
      // What was thrown further in was caught here.
      if (failure !== null) exchange.thrower = null
      // It is written already: nothing of it can be changed.
      if (reply === handled) return handled
      following.drop(answer.body)
      const isOwn = reply === null || reply.status !== answer.status || reply.body !== answer.body
      // What the target did not answer was answered here: filters further out have nothing to mend.
      if (isOwn) exchange.failure = null
      return c.finish(answer)
    } catch (error) {
      following.drop(null)
      const isOwn = following.failure === null || following.failure.error !== error
      if (isOwn) exchange.thrower = thrower
      throw error
    }
  }
