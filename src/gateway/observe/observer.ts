import type { Route } from '../../core/route/route.ts'
import type { Exchange } from '../exchange.ts'

/** Sees the exchanges that routes serve. It neither throws nor waits. */
export interface Observer {
  /** It wants to know when an exchange began. */
  readonly isTiming: boolean
  /** A route will serve it; its target was not asked yet. */
  began(exchange: Exchange, route: Route): void
  /** Handler and answer are done, of an exchange without a route too. */
  ended(exchange: Exchange): void
}
