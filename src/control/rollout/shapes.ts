import type { Subject } from '../../core/rollout/rollout.ts'
import { isOver, type Rollout } from '../../core/rollout/rollout.ts'
import type { Table } from '../../core/route/table.ts'
import type { ChangeItem } from '../change.ts'
import { moduleShape } from './module-shape.ts'
import { routeShape } from './route-shape.ts'
import type { Shape, Sides } from './shape.ts'
import { upstreamShape } from './upstream-shape.ts'

const shapes: { readonly [Kind in Subject['kind']]: Shape } = {
  module: moduleShape,
  route: routeShape,
  upstream: upstreamShape,
}

/** Both sides of a rollout in a table; null: one of them is no longer there. */
export const sidesOf = (table: Table, rollout: Rollout): Sides | null =>
  shapes[rollout.subject.kind].sides(table, rollout)

/** What a table gets where a rollout goes on to where it stands now. */
export function itemsOf(table: Table, rollout: Rollout): readonly ChangeItem[] {
  const shape = shapes[rollout.subject.kind]
  if (rollout.status === 'promoted') return shape.finish(table, rollout)
  return isOver(rollout) ? shape.withdraw(table, rollout) : shape.share(table, rollout)
}
