import type { Problem } from '../core/errors.ts'
import type { ModuleReference, Route, Upstream } from '../core/route/route.ts'
import type { Table } from '../core/route/table.ts'
import type { ChangeSet, Outcome, Rejection, Revision } from './change.ts'

/** Who asks, and why; kept in the history. */
export interface Who {
  readonly author: string
  readonly reason: string
}

/** One row of the history. */
export type HistoryRow =
  | (Revision & {
      readonly state: 'current' | 'superseded' | 'rolled-back'
      /** Of one with `confirmBy`. */
      readonly confirmation: 'waiting' | 'confirmed' | 'reverted' | null
    })
  | (Who & {
      /** A change set that was refused as a whole or in part has no number of its own. */
      readonly number: null
      readonly state: 'rejected'
      readonly at: number
      readonly rejections: readonly Rejection[]
    })

/** A revision and the table that it made. */
export interface Entry {
  readonly revision: Revision
  readonly table: Table
}

/** How one table becomes another, object by object. */
export interface ObjectDiff<Value> {
  readonly added: readonly Value[]
  readonly changed: readonly { readonly before: Value; readonly after: Value }[]
  readonly removed: readonly Value[]
}

export interface TableChanges {
  readonly routes: ObjectDiff<Route>
  readonly upstreams: ObjectDiff<Upstream>
  readonly modules: ObjectDiff<ModuleReference>
  /** Routes that were switched on or off by hand. */
  readonly switches: readonly { readonly route: string; readonly enabled: boolean }[]
}

/** What a change set would do; nothing is published. */
export interface ChangePlan {
  /** The revision that it was planned on. */
  readonly base: number
  readonly changes: TableChanges
  readonly rejections: readonly Rejection[]
  /** Routes that would never be reached. */
  readonly shadowed: readonly Problem[]
  /** Modules whose code would be loaded. */
  readonly loads: readonly {
    readonly module: string
    readonly version: string
    readonly digest: string
  }[]
  /** Module versions that would be replaced and drain. */
  readonly retires: readonly { readonly module: string; readonly version: string }[]
}

/** What edges may ask of the control floor. */
export interface Control {
  readonly current: Entry
  /**
   * Walks the road. Rejects with a TurnoutError that the set's `items` function threw (a failed precondition), with
   * TURNOUT_STORE_FAILED, or TURNOUT_CLOSED; everything else is in the outcome.
   */
  change(set: ChangeSet): Promise<Outcome>
  /** What the road would come to; nothing is prepared or published. Rejects as `change` does. */
  plan(set: ChangeSet): Promise<ChangePlan>
  /** Publishes the table of an earlier revision as the next one. Rejects with TURNOUT_REVISION_UNKNOWN. */
  rollBack(number: number, who: Who): Promise<Outcome>
  /** Keeps a revision that waits for its confirmation. Rejects with TURNOUT_REVISION_UNKNOWN or TURNOUT_CONFIRM_LATE. */
  confirm(number: number, who: Who): Promise<void>
  /**
   * Undoes what a revision did that waits for its confirmation; what others changed since stays. Rejects as `confirm`
   * does.
   */
  takeBackWaiting(number: number, who: Who): Promise<Outcome>
  /** Newest first. */
  history(): readonly HistoryRow[]
  /** Rejects with TURNOUT_REVISION_UNKNOWN when it is no longer kept. */
  entryOf(number: number): Promise<Entry>
  diff(from: number, to: number): Promise<TableChanges>
  /** Owners whose last proposal is not what is served: an operator went back behind their back. */
  diverged(): readonly string[]
}
