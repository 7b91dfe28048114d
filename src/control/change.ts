import type { Problem } from '../core/errors.ts'
import type { Rollout } from '../core/rollout/rollout.ts'
import type { ListedModule, ListedRoute } from '../core/route/module-routes.ts'
import type { ModuleReference, Route, Upstream } from '../core/route/route.ts'
import type { Table } from '../core/route/table.ts'
import type { ModuleCode } from '../worker/worker.ts'

/** A module that is built, rehearsed and ready to be prepared: its reference, its routes, the way to its code. */
export interface LoadedModule {
  readonly reference: ModuleReference
  readonly routes: readonly ListedRoute[]
  readonly code: ModuleCode
  /** Puts the artifact where it outlives the process; null: it cannot, because it is closures of this program. */
  readonly save: (() => Promise<void>) | null
}

/** What loading came to; `digest` of the artifact, where there was one. */
export type LoadOutcome =
  | {
      readonly ok: true
      readonly module: LoadedModule
      /** Other versions of it, that stand beside it. */
      readonly beside?: readonly LoadedModule[]
    }
  | {
      readonly ok: false
      readonly problems: readonly Problem[]
      readonly digest?: string | undefined
    }

/** Single objects of an owner that come and go; the rest of its set stays. */
export interface Edit {
  readonly putRoutes: readonly Route[]
  /** Ids. */
  readonly removeRoutes: readonly string[]
  readonly putUpstreams: readonly Upstream[]
  /** Names. */
  readonly removeUpstreams: readonly string[]
  /** Routes of any owner switched off, or on again: an overlay that outlives what their owners propose. */
  readonly switches: readonly { readonly route: string; readonly enabled: boolean }[]
  /** Where rollouts stand now. */
  readonly putRollouts?: readonly Rollout[]
  /**
   * Of a source that replaces its set as a whole: the digest of that set, to be remembered. What was switched off
   * stays so, even where the route goes and comes back.
   */
  readonly proposed?: string
}

/** From the versions that an owner has to those that it shall have. */
export type Reshape = (now: readonly ListedModule[]) => readonly ListedModule[]

/** One part of a change set. */
export type ChangeItem =
  | {
      readonly kind: 'module'
      readonly owner: string
      /** What the owner is called in reports before its module told its name. */
      readonly label: string
      /** Builds and rehearses; runs before anything else of the road. */
      readonly load: () => Promise<LoadOutcome>
    }
  /** What versions of its modules the owner has from now on, made of those that it has. */
  | {
      readonly kind: 'reshape'
      readonly owner: string
      readonly label: string
      /** Versions that are new. */
      readonly loaded: readonly LoadedModule[]
      readonly reshape: Reshape
      readonly putRollouts: readonly Rollout[]
    }
  /** The owner gives up its modules and routes. */
  | { readonly kind: 'remove'; readonly owner: string }
  | ({ readonly kind: 'edit'; readonly owner: string } & Edit)

/** An edit of routes alone. */
export function editOf(
  owner: string,
  putRoutes: readonly Route[],
  removeRoutes: readonly string[],
): ChangeItem & { readonly kind: 'edit' } {
  return {
    kind: 'edit',
    owner,
    putRoutes,
    removeRoutes,
    putUpstreams: [],
    removeUpstreams: [],
    switches: [],
  }
}

/** What one publish adds, replaces and removes. */
export interface ChangeSet {
  readonly author: string
  readonly reason: string
  /** True: owners that fail are left out and reported, the rest go live. False: all or nothing. */
  readonly isPartial: boolean
  /**
   * A function is called with the newest table when nothing else can come between, so preconditions are checked and
   * partial edits are made there; what it throws is the author's answer. Modules of a function should be loaded
   * before, for nobody else can change anything while they load.
   */
  readonly items: readonly ChangeItem[] | ((table: Table) => readonly ChangeItem[])
  /**
   * A source says what its input is now, again and again: what it proposed last is passed over, so that it does not
   * undo what an operator did since.
   */
  readonly isProposal?: boolean
  /** Somebody gave a reason of their own: a module may go to a lower version. */
  readonly isReasoned?: boolean
  /** The change is taken back unless it is confirmed within so many milliseconds of its publish. */
  readonly confirmWithinMs?: number
  /** Rejections that were told before: they are in the outcome, and are not told again. */
  readonly isKnown?: (rejection: Rejection) => boolean
}

/** What happened to one module, or to the other objects of one owner. */
export interface AppliedChange {
  readonly owner: string
  readonly module: string | null
  /** Version before; null: it is new. */
  readonly from: string | null
  /** Version now; null: it is gone. */
  readonly to: string | null
  /** Ids of routes. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** Routes that have the id of an earlier one. */
  readonly changed: readonly string[]
  /** Names of upstreams that came, changed or went. */
  readonly upstreams: readonly string[]
  /** Those of them that came. */
  readonly upstreamsAdded: readonly string[]
  /** Those of them that went. */
  readonly upstreamsRemoved: readonly string[]
}

/** An owner whose part of a change set was refused; what it served before goes on. */
export interface Rejection {
  readonly owner: string
  readonly label: string
  /** Version that goes on serving; null: there is none. */
  readonly serving: string | null
  readonly problems: readonly Problem[]
  /** Digest of the artifact that was refused, where there is one. */
  readonly digest: string | null
}

/** A published table: number, who and why. Never changed, never reused. */
export interface Revision {
  readonly number: number
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly author: string
  readonly reason: string
  /** Of the whole table after it. */
  readonly digest: string
  readonly changes: readonly AppliedChange[]
  /** Of a rollback: the revision whose table it publishes again. */
  readonly restores: number | null
  /** Of a change that was taken back: the revision whose inverse it is. */
  readonly takesBack: number | null
  /** Until when it has to be confirmed, or it is taken back; milliseconds since the epoch. */
  readonly confirmBy: number | null
}

/** Where a change set ended. */
export interface Outcome {
  /** Null: nothing was published, because nothing changed or everything was rejected. */
  readonly revision: Revision | null
  readonly rejections: readonly Rejection[]
  /** Milliseconds from the change set's arrival to the end of its road. */
  readonly durationMs: number
}
