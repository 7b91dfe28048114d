import type { Rollout } from '../../core/rollout/rollout.ts'
import type { ModuleReference, Route } from '../../core/route/route.ts'
import type { Table } from '../../core/route/table.ts'
import type { ChangeItem } from '../change.ts'

/** What serves one side of a rollout: whose figures are compared. */
export type Serving =
  | { readonly kind: 'module'; readonly reference: ModuleReference }
  | { readonly kind: 'route'; readonly route: Route }

/** Both sides, in pairs of routes that serve the same requests. */
export interface Sides {
  readonly stable: readonly Serving[]
  readonly canary: readonly Serving[]
  /** Ids of routes. */
  readonly pairs: readonly { readonly stable: string; readonly canary: string }[]
}

/** How a kind of subject stands in a table while it is rolled out. Pure: every one says what the next table has. */
export interface Shape {
  /** The shares that the rollout says. */
  share(table: Table, rollout: Rollout): readonly ChangeItem[]
  /** The canary takes the place of the stable version. */
  finish(table: Table, rollout: Rollout): readonly ChangeItem[]
  /** The canary goes; the stable version has everything. */
  withdraw(table: Table, rollout: Rollout): readonly ChangeItem[]
  /** Null: somebody replaced one of the two. */
  sides(table: Table, rollout: Rollout): Sides | null
}
