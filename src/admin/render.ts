import type { ChangePlan, HistoryRow, ObjectDiff, TableChanges } from '../control/control.ts'
import { renderRoute, renderUpstream } from '../core/route/parse.ts'
import type { ModuleReference } from '../core/route/route.ts'
import type { Item, ItemDiff, PlanAnswer, RevisionRow, TableDiff } from './answers.ts'
import { answeredProblem } from './refusal.ts'

/** Objects of the control floor as clients see them. */

const diffOf = <Value>(
  { added, changed, removed }: ObjectDiff<Value>,
  render: (value: Value) => Item,
): ItemDiff => ({
  added: added.map(render),
  changed: changed.map(({ before, after }) => ({ before: render(before), after: render(after) })),
  removed: removed.map(render),
})

/** A module reference is plain data: what is in it is what is shown. */
export const moduleOf = (reference: ModuleReference): Item => ({ ...reference }) as unknown as Item

export function tableDiff(changes: TableChanges): TableDiff {
  const { routes, upstreams, modules, switches } = changes
  return {
    routes: diffOf(routes, (route) => ({
      ...(renderRoute(route) as Item),
      owner: route.owner,
    })),
    upstreams: diffOf(upstreams, (upstream) => ({
      ...(renderUpstream(upstream) as Item),
      owner: upstream.owner,
    })),
    modules: diffOf(modules, moduleOf),
    switches,
  }
}

export function planOf(plan: ChangePlan): PlanAnswer {
  const { base, changes, rejections, shadowed, loads, retires } = plan
  return {
    base,
    isAccepted: rejections.length === 0,
    changes: tableDiff(changes),
    problems: rejections.flatMap(({ problems }) => problems).map(answeredProblem),
    shadowed: shadowed.map(answeredProblem),
    loads,
    retires,
  }
}

const timeOf = (at: number): string => new Date(at).toISOString()

export function rowOf(row: HistoryRow): RevisionRow {
  const { author, reason, state } = row
  const shared = { state, at: timeOf(row.at), author, reason }
  if (row.number === null) {
    return {
      ...shared,
      number: null,
      digest: null,
      changes: [],
      restores: null,
      takesBack: null,
      confirmBy: null,
      confirmation: null,
      problems: row.rejections.flatMap(({ problems }) => problems).map(answeredProblem),
    }
  }
  const { number, digest, changes, restores, takesBack, confirmBy, confirmation } = row
  return {
    ...shared,
    number,
    digest,
    changes,
    restores,
    takesBack,
    confirmBy: confirmBy === null ? null : timeOf(confirmBy),
    confirmation,
    problems: [],
  }
}
