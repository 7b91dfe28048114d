import type { Problem } from '../core/errors.ts'
import type { OverloadStatus } from '../core/protect/overload.ts'
import type { Json } from '../core/json.ts'
import type { AppliedChange } from '../control/change.ts'
import type { HistoryRow } from '../control/control.ts'
import type {
  FiguresSummary,
  Judgement,
  RolloutMeasurement,
  VerifyReport,
  VersionRow,
} from '../control/rollouts.ts'
import type { RolloutStatus, Subject } from '../core/rollout/rollout.ts'
import type { ModuleUpload } from './upload.ts'

export type {
  BreakerStatus,
  EndpointState,
  EndpointStatus,
  UpstreamStatus,
} from '../gateway/upstream/status.ts'

export type { FiguresSummary, Judgement, VerifyReport, VersionRow } from '../control/rollouts.ts'

/** An object of JSON. */
export interface Item {
  readonly [key: string]: Json
}

/** What the API adds to an object of a table. Sent back with a `PUT`, it is passed over. */
export interface ItemFacts extends Item {
  readonly owner: string
  /** Revision that last touched it: its ETag. */
  readonly revision: number
}

/** A route as authored. `switchedOff`: it serves nothing, whatever its owner proposes. */
export interface RouteItem extends ItemFacts {
  readonly id: string
}

export interface UpstreamItem extends ItemFacts {
  readonly name: string
}

/** Into which state a breaker is brought by hand. `CLOSED` starts it anew; in each of the others it stays. */
export interface BreakerRequest {
  readonly state: 'CLOSED' | 'DISABLED' | 'FORCED_OPEN' | 'METRICS_ONLY'
}

/** A route module; `live` is what this instance knows of its versions. */
export interface ModuleItem extends ItemFacts {
  readonly name: string
  readonly version: string
  readonly digest: string
}

/** One page of a list. */
export interface Page<Value> {
  readonly items: readonly Value[]
  /** `after` of the next page; null: this is the last. */
  readonly next: string | null
  /** The revision that was listed. */
  readonly revision: number
}

export interface Readiness {
  readonly isReady: boolean
  readonly reasons: readonly string[]
}

/** What this instance serves, and how it is. */
export interface StatusAnswer extends Item {
  readonly revision: number
  readonly digest: string
  readonly isReady: boolean
}

/** A worker process. */
export interface WorkerItem {
  /** Its place, from 1. */
  readonly worker: number
  readonly pid: number
  readonly state: 'starting' | 'serving' | 'leaving'
  /** That it serves. */
  readonly revision: number
  /** ISO 8601. */
  readonly startedAt: string
  /** Starts at this place after the first one. */
  readonly restarts: number
  /** Null: it has said nothing yet. */
  readonly rssBytes: number | null
  /** How it bears what it is asked; null: it takes everything, or has said nothing yet. */
  readonly overload: OverloadStatus | null
}

/** What a change came to, where the answer is not the item. */
export interface PublishAnswer {
  /** The revision that serves it. */
  readonly revision: number
  /** False: there was nothing to change. */
  readonly isChanged: boolean
  readonly changes: readonly AppliedChange[]
}

/** Objects that differ between two tables. */
export interface ItemDiff {
  readonly added: readonly Item[]
  readonly changed: readonly { readonly before: Item; readonly after: Item }[]
  readonly removed: readonly Item[]
}

export interface TableDiff {
  readonly routes: ItemDiff
  readonly upstreams: ItemDiff
  readonly modules: ItemDiff
  readonly switches: readonly { readonly route: string; readonly enabled: boolean }[]
}

/** What a change would do; nothing was published. */
export interface PlanAnswer {
  readonly base: number
  readonly isAccepted: boolean
  readonly changes: TableDiff
  readonly problems: readonly AnsweredProblem[]
  readonly shadowed: readonly AnsweredProblem[]
  readonly loads: readonly {
    readonly module: string
    readonly version: string
    readonly digest: string
  }[]
  readonly retires: readonly { readonly module: string; readonly version: string }[]
}

/** One finding. */
export interface AnsweredProblem {
  readonly code: Problem['code']
  readonly detail: string
  /** JSON pointer into the body. */
  readonly pointer?: string
}

/** A problem of RFC 9457: the body of every answer that is not a success. */
export interface ProblemAnswer extends AnsweredProblem {
  readonly title: string
  readonly status: number
  /** Every finding, where there are several or they have a place. */
  readonly problems?: readonly AnsweredProblem[]
}

/** A row of the history. */
export interface RevisionRow {
  /** Null: a change set that was rejected. */
  readonly number: number | null
  readonly state: HistoryRow['state']
  /** ISO 8601. */
  readonly at: string
  readonly author: string
  readonly reason: string
  readonly digest: string | null
  readonly changes: readonly AppliedChange[]
  readonly restores: number | null
  readonly takesBack: number | null
  readonly confirmBy: string | null
  readonly confirmation: 'waiting' | 'confirmed' | 'reverted' | null
  readonly problems: readonly AnsweredProblem[]
}

/** A revision and how many objects its table has. */
export interface RevisionAnswer extends RevisionRow {
  readonly routes: number
  readonly upstreams: number
  readonly modules: number
}

/** A request to be explained. */
export interface ProbeRequest {
  readonly method: string
  /** A path, or a URL whose host is asked for. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Address of the client. */
  readonly from?: string | undefined
}

/** Several objects in one revision, all or nothing. */
export interface ChangeRequest {
  readonly routes?: Edits | undefined
  readonly upstreams?: Edits | undefined
  readonly modules?:
    | {
        readonly put?: readonly ModuleUpload[] | undefined
        readonly remove?: readonly string[] | undefined
      }
    | undefined
  /** Routes of any owner that serve again. */
  readonly enable?: readonly string[] | undefined
  /** Routes of any owner that serve nothing from now on, whatever their owners propose. */
  readonly disable?: readonly string[] | undefined
  readonly reason?: string | undefined
  /** Revision that was looked at: 412 when a later one touched what is changed here. */
  readonly based_on?: number | undefined
}

interface Edits {
  readonly put?: readonly Item[] | undefined
  readonly remove?: readonly string[] | undefined
}

export interface TokenRequest {
  readonly name: string
  readonly scopes: readonly string[]
  /** `1h`, `720h`; absent: it does not expire. */
  readonly expiresIn?: string | undefined
}

export interface TokenItem {
  readonly id: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly createdAt: string
  readonly expiresAt: string | null
}

/** The only time that the token itself is shown. */
export interface CreatedToken extends TokenItem {
  readonly token: string
}

/** What is rolled out: `module`, or an upload as `POST /api/modules` takes it, or `route`, or `upstream`. */
export interface RolloutRequest extends Partial<ModuleUpload> {
  /** A version that is there already: `users@2.0.0`. */
  readonly module?: string | undefined
  /** Another definition of a route that is there, in either shape. */
  readonly route?: Item | undefined
  readonly upstream?: Item | undefined
  /** Not there: the default plan. */
  readonly plan?: Item | undefined
}

/** One of the two versions of a rollout, and what is seen of it. */
export interface RolloutSide extends FiguresSummary {
  /** The version of a module; `revision 7` of a route or upstream. */
  readonly version: string
}

/** A rollout and what is seen of it now. */
export interface RolloutItem {
  readonly id: string
  readonly kind: Subject['kind']
  /** Of the module or upstream; the id of the route. */
  readonly name: string
  readonly owner: string
  readonly status: RolloutStatus
  /** Index of the step under way; the number of steps after the last. */
  readonly step: number
  /** For people, one for each step of the plan. */
  readonly steps: readonly string[]
  /** ISO 8601, as all times. */
  readonly stepSince: string
  /** Of the canary, in percent of all clients. */
  readonly weight: number
  /** Clients chosen by a rule, and the canary's share of them in percent. */
  readonly cohort: { readonly predicates: readonly Item[]; readonly weight: number } | null
  readonly stable: RolloutSide
  readonly canary: RolloutSide
  /** The newest. */
  readonly judgements: readonly Judgement[]
  readonly verify: VerifyReport | null
  readonly startedAt: string
  readonly endedAt: string | null
  readonly author: string
  /** Why it stands as it does. */
  readonly reason: string
  /** That last touched it. */
  readonly revision: number
  /** As an author writes it. */
  readonly plan: Item
}

/** A measurement of a rollout. */
export interface MeasurementItem extends Omit<RolloutMeasurement, 'at'> {
  readonly at: string
}

export type VersionItem = VersionRow
