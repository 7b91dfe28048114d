import { performance } from 'node:perf_hooks'
import { TurnoutError } from '../core/errors.ts'
import type { Route } from '../core/route/route.ts'
import { findServing } from '../core/route/find.ts'
import type { PathOptions } from '../core/router/path.ts'
import type { Asking } from '../core/version/asking.ts'
import { Exchange } from './exchange.ts'
import { isEventStream } from './observe/event-stream.ts'
import { isGone } from './observe/gone.ts'
import type { Observer } from './observe/observer.ts'
import { matchOtherSlash, missReply, type NotFound, type TrailingSlash } from './miss.ts'
import { errorReply } from './problem-reply.ts'
import { Reply, handled } from './reply.ts'
import { sendWhole, streamOf } from './send-whole.ts'
import type { Switch } from './snapshot.ts'
import { handlerOf } from './targets.ts'
import type { FindHandler } from './trace/tracer.ts'
import type { Transport } from './transport.ts'

export interface GatewayOptions {
  readonly trailingSlash: TrailingSlash
  readonly path: PathOptions
  /** How requests ask for versions and labels. */
  readonly asking: Asking
  /** Answers for a handler that threw; null hands the error to whoever called `serve`. */
  readonly recovery: ((error: unknown, exchange: Exchange) => void) | null
  /** Told about every exchange when it has ended: the access log. */
  readonly onEnd: ((exchange: Exchange) => void) | null
  /** Sees every exchange that a route serves. */
  readonly observer: Observer
  /** How an exchange finds who answers it, where that is not as usual. */
  readonly find?: FindHandler
  /** Given, once, what ends an exchange with an error that its handler will never throw. */
  readonly onOpen?: (fail: (exchange: Exchange, error: unknown) => void) => void
}

/** Serves one request. `passOn` is called instead of a 404, where a host wants the request back. */
export type Serve = (transport: Transport, passOn?: () => void) => void | Promise<void>

/** A request's life: match, target, answer. Whatever the live switch holds at entry serves it to the end. */
export function createGateway(live: Switch, options: GatewayOptions): Serve {
  const { trailingSlash, path, asking, recovery, onEnd, observer, find = handlerOf } = options

  const serve: Serve = (transport, passOn) => {
    const exchange = new Exchange(transport, live.current)
    if (onEnd !== null || observer.isTiming) exchange.startedAt = performance.now()
    const { router } = exchange.snapshot.table
    const { method, target } = transport
    const found = findServing(router, method, target, path, transport, Date.now, asking)
    if (found.kind !== 'match') return missed(exchange, found, passOn)
    exchange.matched(found)
    return run(exchange, found.value)
  }

  const run = (exchange: Exchange, route: Route): void | Promise<void> => {
    let reply: Reply | Promise<Reply>
    observer.began(exchange, route)
    try {
      reply = find(exchange, route)(exchange)
    } catch (error) {
      return failed(exchange, error)
    }
    if (reply instanceof Reply) return answer(exchange, reply)
    return reply.then(
      (settled) => answer(exchange, settled),
      (error: unknown) => failed(exchange, error),
    )
  }

  const answer = (exchange: Exchange, reply: Reply): void | Promise<void> => {
    // An exchange that was cut while its handler ran has had its answer.
    if (exchange.abortReason !== null) return end(exchange)
    const { transport } = exchange
    if (reply !== handled && !transport.isHeadSent) {
      const { status } = reply
      if (!isFinal(status)) return failed(exchange, invalidStatus(status))
      exchange.status = status
      const stream = streamOf(reply)
      if (stream !== null) {
        exchange.headSent(isEventStream(reply.fields))
        return transport.stream(status, reply.fields, stream).then(
          () => end(exchange),
          (error: unknown) => failed(exchange, error),
        )
      }
      try {
        sendWhole(transport, reply)
      } catch (error) {
        return failed(exchange, error)
      }
    }
    end(exchange)
  }

  const failed = (exchange: Exchange, error: unknown): void => {
    // What a handler throws because it was cut is no failure, and its client has been answered.
    if (exchange.abortReason !== null) return end(exchange)
    const { transport } = exchange
    const reply = errorReply(error)
    exchange.fault = transport.isHeadSent ? 500 : reply.status
    if (isGone(transport)) exchange.failure = 'TURNOUT_CLIENT_LEFT'
    if (recovery === null) {
      end(exchange)
      throw error
    }
    try {
      recovery(error, exchange)
    } catch {
      // A log that fails must not cost the answer; there is nowhere left to say so.
    }
    exchange.status = reply.status
    if (transport.isHeadSent) transport.destroy()
    else transport.send(reply.status, reply.headers, reply.body as string)
    end(exchange)
  }

  const missed = (
    exchange: Exchange,
    miss: NotFound,
    passOn: (() => void) | undefined,
  ): void | Promise<void> => {
    let last = miss
    if (miss.kind === 'miss') {
      exchange.missed(miss.path)
      const other = trailingSlash === 'strict' ? null : matchOtherSlash(exchange, miss.path, asking)
      if (other !== null && trailingSlash === 'redirect') {
        return answer(exchange, new Reply(308, ['location', other.path + exchange.search], ''))
      }
      if (other?.found.kind === 'match') {
        exchange.matched(other.found, other.path)
        return run(exchange, other.found.value)
      }
      last = other?.found ?? miss
    }
    const reply = missReply(exchange, last)
    if (passOn !== undefined && reply.status === 404) return passOn()
    return answer(exchange, reply)
  }

  options.onOpen?.((exchange, error) => {
    if (exchange.isOver || exchange.abortReason !== null) return
    failed(exchange, error)
    exchange.stop('its handler failed')
  })

  const end = (exchange: Exchange): void => {
    if (exchange.isOver) return
    exchange.isOver = true
    exchange.release()
    observer.ended(exchange)
    try {
      onEnd?.(exchange)
    } catch {
      // As above: the answer is out already.
    }
  }

  return serve
}

/** A status that ends an exchange: an interim one would leave its client waiting. */
export const isFinal = (status: number): boolean =>
  Number.isInteger(status) && status >= 200 && status <= 599

export const invalidStatus = (status: number): TurnoutError =>
  new TurnoutError('TURNOUT_ANSWER_INVALID', { reason: `status ${status}` })
