import type { Predicate } from '../route/route.ts'
import type { Plan } from './plan.ts'

/** What is rolled out: a version of a module, another definition of a route, or of an upstream. */
export type Subject =
  | { readonly kind: 'module'; readonly module: string }
  | { readonly kind: 'route'; readonly route: string }
  | { readonly kind: 'upstream'; readonly upstream: string }

/** Clients that are chosen by a rule, and the canary's share of them in percent. */
export interface Cohort {
  /** All must hold. */
  readonly predicates: readonly Predicate[]
  readonly weight: number
}

/**
 * `watching`: promoted, with the stable version kept warm. `superseded`: somebody replaced what it was about.
 */
export type RolloutStatus =
  | 'running'
  | 'paused'
  | 'watching'
  | 'promoted'
  | 'aborted'
  | 'superseded'

/** Where a rollout stands. A part of the table: every step is a revision. Plain data; instants in ms since the epoch. */
export interface Rollout {
  /** The name of its subject. */
  readonly id: string
  readonly subject: Subject
  readonly owner: string
  /** What people call the two: versions of a module, `revision 7` of a route or upstream. */
  readonly stable: string
  readonly canary: string
  readonly plan: Plan
  readonly status: RolloutStatus
  /** Index of the step under way; the plan's length after the last. */
  readonly step: number
  readonly stepSince: number
  /** The canary's share of all clients, in percent. */
  readonly weight: number
  readonly cohort: Cohort | null
  readonly startedAt: number
  readonly endedAt: number | null
  readonly author: string
  /** Why it stands as it does: the words of whoever moved it, or the verdict. */
  readonly reason: string
  /** Number of the revision that last touched it. */
  readonly revision: number
}

export const isOver = ({ status }: Pick<Rollout, 'status'>): boolean =>
  status === 'promoted' || status === 'aborted' || status === 'superseded'
