import type { Problem } from '../core/errors.ts'
import type { AuthoredRoute, ModuleReference, Route, Upstream } from '../core/route/route.ts'
import type { Table } from '../core/route/table.ts'
import type { ModuleCode } from '../worker/worker.ts'

/** A module that is built, rehearsed and ready to be prepared: its reference, its routes, the way to its code. */
export interface LoadedModule {
  readonly reference: ModuleReference
  readonly routes: readonly {
    readonly id: string
    readonly method: string
    readonly path: string
  }[]
  readonly code: ModuleCode
}

/** What loading came to. */
export type LoadOutcome =
  | { readonly ok: true; readonly module: LoadedModule }
  | { readonly ok: false; readonly problems: readonly Problem[] }

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
  /** The owner gives up its modules and routes. */
  | { readonly kind: 'remove'; readonly owner: string }
  /** Single objects of an owner; the rest of its set stays. */
  | {
      readonly kind: 'edit'
      readonly owner: string
      readonly putRoutes: readonly AuthoredRoute[]
      readonly removeRoutes: readonly string[]
      readonly putUpstreams: readonly Upstream[]
      readonly removeUpstreams: readonly string[]
      /** Routes of any owner switched off, or on again: an overlay that outlives what their owners propose. */
      readonly switches: readonly { readonly route: string; readonly enabled: boolean }[]
    }
  /** Routes with handlers of the embedding program. */
  | {
      readonly kind: 'routes'
      readonly owner: string
      readonly put: readonly Route[]
      readonly remove: readonly string[]
    }

/** What one publish adds, replaces and removes. */
export interface ChangeSet {
  readonly author: string
  readonly reason: string
  /** True: owners that fail are left out and reported, the rest go live. False: all or nothing. */
  readonly isPartial: boolean
  /**
   * A function is called with the newest table when nothing else can come between, so preconditions are checked and
   * partial edits are made there; what it throws is the author's answer.
   */
  readonly items: readonly ChangeItem[] | ((table: Table) => readonly ChangeItem[])
  /** The change is taken back unless it is confirmed within so many milliseconds of its publish. */
  readonly confirmWithinMs?: number
  /** Rejections that were told before: they are in the outcome, and are not told again. */
  readonly isKnown?: (rejection: Rejection) => boolean
}

/** What happened to one module or to the routes of one owner. */
export interface AppliedChange {
  readonly owner: string
  readonly module: string | null
  /** Version before; null: it is new. */
  readonly from: string | null
  /** Version now; null: it is gone. */
  readonly to: string | null
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/** An owner whose part of a change set was refused; what it served before goes on. */
export interface Rejection {
  readonly owner: string
  readonly label: string
  /** Version that goes on serving; null: there is none. */
  readonly serving: string | null
  readonly problems: readonly Problem[]
}

/** A published table: number, who and why. Never changed, never reused. */
export interface Revision {
  readonly number: number
  readonly at: number
  readonly author: string
  readonly reason: string
  readonly changes: readonly AppliedChange[]
}

/** Where a change set ended. */
export interface Outcome {
  /** Null: nothing was published, because nothing changed or everything was rejected. */
  readonly revision: Revision | null
  readonly rejections: readonly Rejection[]
  /** Milliseconds from the change set's arrival to the end of its road. */
  readonly durationMs: number
}
