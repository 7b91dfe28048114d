import type { BreakerState } from '../core/protect/breaker.ts'
import type { Json } from '../core/json.ts'
import type { Logger } from '../core/logger.ts'
import type { ChangeItem, LoadedModule, LoadOutcome } from '../control/change.ts'
import type { Control } from '../control/control.ts'
import type { Rollouts } from '../control/rollouts.ts'
import type { Item, ProbeRequest, Readiness, UpstreamStatus, WorkerItem } from './answers.ts'
import type { Audit } from './audit.ts'
import type { AdminEvent, EventRing } from './event-ring.ts'
import type { EventStreams } from './event-stream.ts'
import type { ChangeRates } from './rate-limit.ts'
import type { TokenStore } from './tokens.ts'
import type { ModuleUpload } from './upload.ts'

/** Owner of what is changed through the API. */
export const adminOwner = 'admin'

export interface AdminLimits extends ChangeRates {
  readonly heartbeatMs: number
}

/** What the rest of an instance gives the API. */
export interface AdminOptions {
  readonly control: Control
  readonly rollouts: Rollouts
  readonly tokens: TokenStore
  readonly audit: Audit
  readonly logger: Logger
  probe(request: ProbeRequest): Json
  /** Facts for people, beside those that the API knows itself. */
  status(): Item
  readiness(): Readiness
  /** What this instance knows of the versions of a module: live ones, exchanges that hold them. */
  moduleFacts(name: string): Json
  /** Names of the upstreams that are alive on this instance, in order. */
  upstreamNames(): readonly string[] | Promise<readonly string[]>
  /** What one does now; null: there is none of that name. */
  upstreamStatus(name: string): UpstreamStatus | null | Promise<UpstreamStatus | null>
  /** Brings its breaker into a state by hand. False: it has none. */
  forceBreaker(name: string, state: BreakerState): boolean | Promise<boolean>
  /** The worker processes; none: one process does everything. */
  workers(): readonly WorkerItem[]
  /** Replaces them one after the other; resolves when all new ones serve. */
  restart(reason: string): Promise<readonly WorkerItem[]>
  /** Checks, stores and rehearses an artifact; in a process of its own. */
  loadUpload(upload: ModuleUpload, options: { readonly isPlan: boolean }): Promise<LoadOutcome>
  /** Publishes a loaded version at weight 0 beside the one in service, under the same owner. */
  besideItem(module: LoadedModule): ChangeItem
  /** The metrics, in the form that `accept` asks for. Rejects with TURNOUT_METRICS_OFF. */
  scrape(accept: string): Promise<{ readonly type: string; readonly text: string }>
  /** Hands over what happens; returns the function that ends it. */
  subscribe(listener: (event: AdminEvent) => void): () => void
  /** Further names under which the API may be asked. */
  readonly hosts?: readonly string[]
  readonly limits?: Partial<AdminLimits>
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

/** What operations are given. */
export interface AdminContext extends AdminOptions {
  readonly now: () => number
  /** Where the API listens; null: not yet. Routes to it are refused. */
  readonly address: () => AdminAddress | null
  readonly ring: EventRing
  readonly streams: EventStreams
  /** Requests that were turned away, by code. */
  readonly denied: ReadonlyMap<string, number>
  /** The OpenAPI document. */
  readonly document: () => Item
}

export interface AdminAddress {
  readonly host: string
  readonly port: number
}
