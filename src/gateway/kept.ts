import type { Route } from '../core/route/route.ts'
import type { Leaf } from '../core/router/node.ts'
import type { Row } from './observe/exchange-counts.ts'
import type { Seen } from './observe/recorders.ts'
import type { Handler } from './snapshot.ts'
import type { Upstreams } from './upstream/upstreams.ts'

/**
 * What an instance has found of a route, kept with the leaf that requests come to. Each of them could be found by the
 * route, too; with thousands of routes in turn those look-ups cost more than all the rest of serving, because each is
 * somewhere else in memory.
 *
 *     request ──> leaf ──> kept ──> handler, recorder, row
 *
 * Two instances may serve one table: whoever takes something out looks whose it is.
 */
export class Kept {
  /** Of data, with filters and all, where nothing of the route has to be told; null: look for it. */
  handler: Handler | null = null
  /** Whose handler it is. */
  upstreams: Upstreams | null = null
  seen: Seen | null = null
  row: Row | null = null
  /** The look at which there was no place for a row of its own. */
  look: number = 0
}

export const keptAt = (leaf: Leaf<Route>): Kept => (leaf.memo ??= new Kept()) as Kept
