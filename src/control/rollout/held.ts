import { problem, type Problem } from '../../core/errors.ts'
import { getKey } from '../../core/persistent-map.ts'
import { isOver } from '../../core/rollout/rollout.ts'
import type { Table } from '../../core/route/table.ts'
import type { Edit } from '../change.ts'
import { canaryName, stableName } from './route-shape.ts'

/**
 * What of an edit stands under a rollout that is under way: only the rollout itself may change that. Else its shares
 * would be gone, or one of its sides would be something else.
 */
export function heldBy(table: Table, edit: Edit): readonly Problem[] {
  if (table.rollouts.size === 0) return []
  const { putRoutes, removeRoutes, putUpstreams, removeUpstreams, switches } = edit
  const routes = [
    ...putRoutes.map(({ id }) => id),
    ...removeRoutes,
    ...switches.map(({ route }) => route),
  ]
  const upstreams = [...putUpstreams.map(({ name }) => name), ...removeUpstreams]
  const rollouts = new Set([
    ...routes.flatMap((id) => [ofRoute(table, stableName(id)), ofRoute(table, canaryName(id))]),
    ...upstreams.map((name) => ofUpstream(table, stableName(name))),
  ])
  return [...rollouts].flatMap((id) =>
    id === null ? [] : problem('TURNOUT_ROLLOUT_RUNNING', { id }),
  )
}

/** Its share names the rollout: of a route or an upstream, or of the module whose code serves it. */
function ofRoute(table: Table, id: string): string | null {
  const group = getKey(table.routes, id)?.selection?.weight?.group
  const [, name] = /^(?:rollout|module):(.*)$/s.exec(group ?? '') ?? []
  return name === undefined || !isUnderWay(table, name) ? null : name
}

const ofUpstream = (table: Table, name: string): string | null =>
  getKey(table.rollouts, name)?.subject.kind === 'upstream' && isUnderWay(table, name) ? name : null

function isUnderWay({ rollouts }: Table, id: string): boolean {
  const rollout = getKey(rollouts, id)
  return rollout !== undefined && !isOver(rollout)
}
