import type { Route } from '../../core/route/route.ts'
import type { Exchange } from '../exchange.ts'
import type { Observer } from '../observe/observer.ts'
import type { Handler } from '../snapshot.ts'

/** What is recorded of an exchange, in the terms of whoever records it. */
export interface Span {
  /** Attempts at an endpoint so far. */
  attempts: number
}

/** One attempt at an endpoint. */
export interface AttemptSpan {
  /** The fields that are sent, with those of the trace. */
  readonly headers: readonly string[]
  /** What it came to: an answer (`status`), or none (`failure`). */
  note(status: number | null, failure: string | null): void
  end(): void
}

/** How an exchange finds who answers it. */
export type FindHandler = (exchange: Exchange, route: Route) => Handler

/** Follows exchanges through their traces. Null where one is expected: nobody does, and nothing is in the way. */
export interface Tracer {
  /** Around the observer: an exchange begins and ends. */
  observer(observer: Observer): Observer
  /** Around what answers exchanges. */
  handlers(find: FindHandler): FindHandler
  /** Around what a filter of the table is, with all that comes after it. */
  filter(kind: string, handler: Handler): Handler
  attempt(
    exchange: Exchange,
    to: { readonly upstream: string; readonly url: string; readonly target: string },
    headers: readonly string[],
  ): AttemptSpan
  /** What is still to be sent is sent. */
  close(): Promise<void>
}
