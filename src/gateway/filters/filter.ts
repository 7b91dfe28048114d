import type { Filter } from '../../core/route/filter.ts'
import type { Route } from '../../core/route/route.ts'
import type { Exchange } from '../exchange.ts'
import { handled, Reply } from '../reply.ts'
import type { Handler } from '../snapshot.ts'
import type { Upstreams } from '../upstream/upstreams.ts'

/** What a filter is made from, beside its settings. */
export interface FilterPlace {
  readonly routeId: string
  readonly route: Route
  readonly upstreams: Upstreams
  /** What the filter keeps beyond one exchange, by its own settings: it outlives revisions that leave them alone. */
  readonly stateOf: <State>(make: () => State) => State
  /** Answers an exchange by the route of its table that serves a path, or null: none does. */
  readonly forward: Forward
}

/** `isBodyGone`: a route that would send the request's body on cannot. */
export type Forward = (
  exchange: Exchange,
  path: string,
  isBodyGone: boolean,
) => Reply | Promise<Reply> | null

/** A filter is a function around what comes after it: the next filter, or the target. */
export type Wrap = (next: Handler) => Handler

/** The settings of a kind; several kinds may share one shape. */
type Of<Kind> = Filter extends infer One
  ? One extends { readonly kind: infer Kinds }
    ? Kind extends Kinds
      ? One
      : never
    : never
  : never

/** Makes the filter of one kind. */
export type FilterMaker<Kind extends Filter['kind']> = (
  settings: Of<Kind>,
  place: FilterPlace,
) => Wrap

/** Changes the request, then goes on; or answers it, where it may not go on. */
export const before =
  (change: (exchange: Exchange) => Reply | void): Wrap =>
  (next) =>
  (exchange) =>
    change(exchange) ?? next(exchange)

/** Answers that are data are one object for many exchanges: what is changed is a copy. */
export const copied = ({ status, headers, body }: Reply): Reply =>
  new Reply(status, [...headers], body)

/** The same for a change that may take its time. */
export const afterwards =
  (change: (reply: Reply, exchange: Exchange) => Reply | Promise<Reply>): Wrap =>
  (next) =>
  (exchange) => {
    const changed = (reply: Reply): Reply | Promise<Reply> =>
      reply === handled ? reply : change(reply, exchange)
    const reply = next(exchange)
    return reply instanceof Promise ? reply.then(changed) : changed(reply)
  }

/** Goes on, then changes the answer. An answer at once stays one; what was written already is left alone. */
export const after =
  (change: (reply: Reply, exchange: Exchange) => Reply): Wrap =>
  (next) =>
  (exchange) => {
    const changed = (reply: Reply): Reply => (reply === handled ? reply : change(reply, exchange))
    const reply = next(exchange)
    return reply instanceof Promise ? reply.then(changed) : changed(reply)
  }
