import type { Figures } from '../core/rollout/figures.ts'
import type { Plan } from '../core/rollout/plan.ts'
import type { Rollout } from '../core/rollout/rollout.ts'
import type { Route, Upstream } from '../core/route/route.ts'
import type { LoadedModule } from './change.ts'
import type { Who } from './control.ts'

/** What is rolled out. */
export type RolloutStart =
  /** A version that stands beside the one in service already. */
  | { readonly kind: 'module'; readonly module: string; readonly version: string }
  /** A version that is not in the table yet: it comes beside the one in service, under the same owner. */
  | { readonly kind: 'loaded'; readonly loaded: LoadedModule }
  /** Another definition of a route that is there. */
  | { readonly kind: 'route'; readonly route: Route }
  | { readonly kind: 'upstream'; readonly upstream: Upstream }

/** A judgement of both versions. */
export interface Judgement {
  readonly condition: string
  readonly verdict: 'pass' | 'fail' | 'inconclusive' | 'error'
  /** Of the canary, in the unit of the metric: ms, a fraction, a count. Null: no number. */
  readonly value: number | null
  readonly limit: number | null
  /** What it means, for people. */
  readonly text: string
}

/** One measurement of a rollout, kept in its history. */
export interface RolloutMeasurement {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly step: number
  readonly canary: FiguresSummary
  readonly stable: FiguresSummary
  readonly judgements: readonly Judgement[]
  readonly verdict: Judgement['verdict']
}

/** Figures as people read them. Times in ms; null: nothing was seen. */
export interface FiguresSummary {
  readonly requests: number
  readonly errors: number
  readonly errorRate: number | null
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
}

/** What the copies of a verify step showed. */
export interface VerifyReport {
  readonly compared: number
  /** Comparisons in which canary and stable differed where two runs of the stable one do not. */
  readonly different: number
  /** Where: `status`, `header content-type`, `body /items/*\/price`; most frequent first, at most 50. */
  readonly differences: readonly {
    readonly place: string
    readonly count: number
    /** How often two runs of the stable version differ there. */
    readonly noise: number
    /** One request that showed it: `GET /users/7`. */
    readonly request: string
    /** Values there, cut to 200 characters. */
    readonly stable: string | null
    readonly canary: string | null
  }[]
  /** Copies that could not be made or answered. */
  readonly failed: number
}

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

/** What edges may ask of rollouts. Every one rejects with TURNOUT_ROLLOUT_UNKNOWN where there is none of that id. */
export interface Rollouts {
  /** The running ones first, then the newest; of each id the last one. */
  list(): readonly RolloutView[]
  find(id: string): RolloutView | null
  /** Newest first. */
  measurements(id: string): readonly RolloutMeasurement[]
  /**
   * Rejects with TURNOUT_ROLLOUT_RUNNING (one of its subject runs), TURNOUT_ROLLOUT_SUBJECT (there is nothing to roll
   * out from), or the problems of the change.
   */
  start(what: RolloutStart, plan: Plan | null, who: Who): Promise<RolloutView>
  /** Rejects with TURNOUT_ROLLOUT_STATE where it is over. The others do too. */
  pause(id: string, who: Who): Promise<RolloutView>
  /** Goes on; past a pause that waits for somebody too. */
  resume(id: string, who: Who): Promise<RolloutView>
  /** The canary takes all clients, whatever steps are left. */
  promote(id: string, who: Who): Promise<RolloutView>
  /** All clients go back to the stable version at once. */
  abort(id: string, who: Who): Promise<RolloutView>
  versions(): readonly VersionRow[]
}

/** What is read of a version's traffic: see `core/rollout/figures.ts`. */
export type FiguresOf = (sinceMs: number) => Figures
