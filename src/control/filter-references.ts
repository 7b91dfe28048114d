import { problem, type Problem } from '../core/errors.ts'
import { getKey } from '../core/persistent-map.ts'
import { moduleFiltersOf } from '../core/route/references.ts'
import type { Route } from '../core/route/route.ts'
import { filterUsersOf, type Table } from '../core/route/table.ts'

const listed = (table: Table, module: string): readonly string[] =>
  getKey(table.modules, module)?.filters ?? []

/** Routes that name a filter which no module of the table registers. */
export function unknownFilters(table: Table, routes: readonly Route[]): readonly Problem[] {
  return routes.flatMap((route) =>
    moduleFiltersOf(route)
      .filter(({ module, name }) => !listed(table, module).includes(name))
      .map(({ module, name }) =>
        problem('TURNOUT_FILTER_UNKNOWN', { route: route.id, filter: name, module }),
      ),
  )
}

/** Filters that these modules no longer register although a route names them; the first route of each. */
export function usedFilters(
  before: Table,
  after: Table,
  modules: readonly string[],
): readonly Problem[] {
  return modules.flatMap((module) => {
    const lost = new Set(listed(before, module))
    for (const name of listed(after, module)) lost.delete(name)
    const problems: Problem[] = []
    // A module may have many routes: they are looked at only where it lost something.
    if (lost.size === 0) return problems
    for (const route of filterUsersOf(after, module)) {
      for (const { module: named, name } of moduleFiltersOf(route)) {
        if (named !== module || !lost.delete(name)) continue
        const values = { filter: name, module, route: route.id, owner: route.owner }
        problems.push(problem('TURNOUT_FILTER_USED', values))
      }
      if (lost.size === 0) break
    }
    return problems
  })
}
