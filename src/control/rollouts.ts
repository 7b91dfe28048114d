import type {
  FiguresSummary,
  Judgement,
  RolloutMeasurement,
  VerifyReport,
} from '../core/rollout/measurement.ts'
import type { Plan } from '../core/rollout/plan.ts'
import type { Rollout } from '../core/rollout/rollout.ts'
import type { Route, Upstream } from '../core/route/route.ts'
import type { LoadedModule } from './change.ts'
import type { Who } from './control.ts'

export type { FiguresSummary, Judgement, RolloutMeasurement, VerifyReport }

/** What is rolled out. */
export type RolloutStart =
  /** A version that stands beside the one in service already. */
  | { readonly kind: 'module'; readonly module: string; readonly version: string }
  /** A version that is not in the table yet: it comes beside the one in service, under the same owner. */
  | { readonly kind: 'loaded'; readonly loaded: LoadedModule }
  /** Another definition of a route that is there. */
  | { readonly kind: 'route'; readonly route: Route }
  | { readonly kind: 'upstream'; readonly upstream: Upstream }

/** A rollout and what is seen of it now. */
export interface RolloutView {
  readonly rollout: Rollout
  readonly canary: FiguresSummary
  readonly stable: FiguresSummary
  /** The newest judgements. */
  readonly judgements: readonly Judgement[]
  /** Of the verify step, while and after it runs. */
  readonly verify: VerifyReport | null
}

/** One row of the table of versions. */
export interface VersionRow {
  readonly kind: 'module' | 'route'
  /** Name of the module, or the route's id. */
  readonly name: string
  readonly version: string
  readonly state: 'current' | 'maintenance' | 'deprecated' | 'retired'
  /** Share among the versions beside it, in percent; null: no weight decides. */
  readonly weight: number | null
  /** ISO 8601, UTC. */
  readonly deprecatedAt: string | null
  readonly sunsetAt: string | null
  /** Share of the exchanges of its name in the last minute, as a fraction; null: there were none. */
  readonly share: number | null
  /** In the last minute. */
  readonly figures: FiguresSummary
}

/** Whoever starts a rollout. */
export interface Starter extends Who {
  /** The reason is their own: it may go to a lower version. */
  readonly isReasoned?: boolean
}

/** What edges may ask of rollouts. Every one rejects with TURNOUT_ROLLOUT_UNKNOWN where there is none of that id. */
export interface Rollouts {
  /** The running ones first, then the newest; of each id the last one. */
  list(): readonly RolloutView[]
  find(id: string): RolloutView | null
  /** Newest first. */
  measurements(id: string): readonly RolloutMeasurement[]
  /**
   * Rejects with TURNOUT_ROLLOUT_RUNNING (one of its subject runs), TURNOUT_ROLLOUT_SUBJECT (there is nothing to roll
   * out from), TURNOUT_VERSION_LOWER, or the problems of the change.
   */
  start(what: RolloutStart, plan: Plan | null, who: Starter): Promise<RolloutView>
  /** Rejects with TURNOUT_ROLLOUT_STATE where it is over. The others do too. */
  pause(id: string, who: Who): Promise<RolloutView>
  /** Goes on; past a pause that waits for somebody too. */
  resume(id: string, who: Who): Promise<RolloutView>
  /** The canary takes all clients, whatever steps are left. */
  promote(id: string, who: Who): Promise<RolloutView>
  /** All clients go back to the stable version at once. */
  abort(id: string, who: Who): Promise<RolloutView>
  versions(): Promise<readonly VersionRow[]>
}
