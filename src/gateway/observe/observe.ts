import { performance } from 'node:perf_hooks'
import type { Exchange } from '../exchange.ts'
import type { ExchangeCounts } from './exchange-counts.ts'
import type { Observer } from './observer.ts'
import { wallTime, type Recorders } from './recorders.ts'

/** Whoever wants copies of exchanges. */
export interface Copier {
  /** Exchanges of these routes are copied, by id; null: of none, which is the usual case. */
  readonly routes: ReadonlyMap<string, unknown> | null
  began(exchange: Exchange): void
  ended(exchange: Exchange): void
}

/**
 * Counts what exchanges come to, and shows them to whoever copies them. Null recorders, null counts: those do not count.
 *
 * Of a recorder, an exchange counts once, at its end, for the module version that served it, or the route. Its duration is that until its
 * whole answer left; where the body comes after the head, until the head left, because what follows goes at the client's
 * pace. An answer without an end of its own (an event stream, an upgrade) counts with its head, and once more, as an
 * error, if its handler breaks it off. What says nothing of a version is not counted: an exchange that a drain, a close or
 * a change of its route cut, and one whose client left before it was answered.
 */
export function createObserver(
  recorders: Recorders | null,
  copier: Copier,
  counts: ExchangeCounts | null = null,
): Observer {
  return {
    isTiming: recorders !== null || counts !== null,
    began: (exchange, route) => {
      counts?.began()
      const { kept, startedAt } = exchange
      // That of a module version is the version's own. A route that was recorded before need not be looked at.
      if (recorders !== null && ((kept?.seen ?? null) !== null || route.target.kind !== 'module'))
        exchange.recorder = recorders.ofRoute(route, startedAt, kept)
      if (copier.routes?.has(route.id) === true) copier.began(exchange)
    },
    ended: (exchange) => {
      if (exchange.recorder !== null || counts !== null) {
        const now = performance.now()
        if (exchange.recorder !== null) count(exchange, now)
        counts?.ended(exchange, now)
      }
      if (copier.routes !== null) copier.ended(exchange)
    },
  }
}

function count(exchange: Exchange, now: number): void {
  const { recorder, startedAt, headAt, fault, status, isEndless } = exchange
  if (exchange.abortReason !== null || exchange.failure === 'TURNOUT_CLIENT_LEFT') return
  if (isEndless && fault === 0) return
  const until = headAt === 0 ? now : headAt
  recorder!.record(wallTime(now), until - startedAt, fault === 0 ? status : fault)
}
