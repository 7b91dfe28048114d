import { entriesFrom } from '../../core/persistent-map.ts'
import { summaryOf } from '../../core/rollout/quantile.ts'
import { moduleNameOf, type Lifecycle } from '../../core/route/route.ts'
import type { Table } from '../../core/route/table.ts'
import type { VersionRow } from '../rollouts.ts'
import { isOfRollout, stableName } from './route-shape.ts'
import { figuresOf, type Observer } from './observer.ts'
import type { Serving } from './shape.ts'

/** What a row says of the last minute. */
const spanMs = 60_000

type Named = Omit<VersionRow, 'share' | 'figures' | keyof LifeFields> & LifeFields
type LifeFields = Pick<VersionRow, 'state' | 'deprecatedAt' | 'sunsetAt'>

const lifeOf = (lifecycle: Lifecycle | undefined): LifeFields => ({
  state: lifecycle?.state ?? 'current',
  deprecatedAt: lifecycle?.deprecatedAt ?? null,
  sunsetAt: lifecycle?.sunsetAt ?? null,
})

/** Every version of modules, and every route that has a version or a life of its own; by name, then version. */
export async function versionRows(
  table: Table,
  observer: Observer,
): Promise<readonly VersionRow[]> {
  const found = [...servings(table)]
  const figures = await figuresOf(
    observer,
    found.map(({ serving }) => ({ side: [serving], spanMs })),
  )
  const totals = new Map<string, number>()
  for (const [at, { row }] of found.entries()) {
    const key = `${row.kind} ${row.name}`
    totals.set(key, (totals.get(key) ?? 0) + figures[at]!.requests)
  }
  return found.map(({ row }, at) => {
    const total = totals.get(`${row.kind} ${row.name}`)!
    const own = figures[at]!
    return { ...row, share: total === 0 ? null : own.requests / total, figures: summaryOf(own) }
  })
}

function* servings(table: Table): Generator<{ readonly row: Named; readonly serving: Serving }> {
  for (const [, reference] of entriesFrom(table.modules)) {
    const { version, traffic, lifecycle } = reference
    yield {
      row: {
        kind: 'module',
        name: moduleNameOf(reference),
        version,
        weight: traffic?.weight ?? null,
        ...lifeOf(lifecycle),
      },
      serving: { kind: 'module', reference },
    }
  }
  for (const [, route] of entriesFrom(table.routes)) {
    const { id, target, selection, lifecycle } = route
    const version = selection?.version ?? null
    const weight = selection?.weight ?? null
    if (target.kind === 'module' || (version === null && weight === null && !lifecycle)) continue
    yield {
      row: {
        kind: 'route',
        name: weight === null ? id : isOfRollout(weight) ? stableName(id) : weight.group,
        version: version ?? weight?.side ?? id,
        weight: weight?.weight ?? null,
        ...lifeOf(lifecycle),
      },
      serving: { kind: 'route', route },
    }
  }
}
