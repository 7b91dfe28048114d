import type { Logger } from '../core/logger.ts'
import type { ModuleFilter } from '../core/route/filter.ts'
import type { Table } from '../core/route/table.ts'
import type { Recorder } from '../core/rollout/recorder.ts'
import type { Exchange } from './exchange.ts'
import type { Hold } from './hold.ts'
import type { Reply } from './reply.ts'
import type { Upstreams } from './upstream/upstreams.ts'

/** Answers an exchange; synchronous answers stay synchronous. */
export type Handler = (exchange: Exchange) => Reply | Promise<Reply>

/** A filter of a module around what comes after it. */
export type LiveFilter = (
  exchange: Exchange,
  next: Handler,
  args: ModuleFilter['args'],
) => Reply | Promise<Reply>

/** A module version as the gateway sees it: handlers by route id, filters by name, and a count of the exchanges inside. */
export interface LiveVersion {
  readonly name: string
  readonly version: string
  readonly log: Logger
  /** What its exchanges come to is counted there; null: nowhere. */
  readonly recorder: Recorder | null
  handlerOf(routeId: string): Handler | undefined
  filterOf(name: string): LiveFilter | undefined
  /** Takes in a hold: the version is not disposed of before the matching `release`. */
  acquire(hold: Hold): void
  release(hold: Hold): void
}

/** A table compiled and ready to serve. Immutable; an exchange keeps the one that it entered with. */
export interface Snapshot {
  readonly revision: number
  readonly table: Table
  readonly versions: ReadonlyMap<string, LiveVersion>
  /** Of the instance: what outlives every snapshot. */
  readonly upstreams: Upstreams
}

/** Holds the current snapshot: applying a revision is one assignment to it. */
export interface Switch {
  current: Snapshot
}
