import type { ModuleFilter } from './filter.ts'
import type { Route } from './route.ts'

const none: readonly string[] = Object.freeze([])

/** The names of all upstreams that a route needs, each once: of its target and of its filters. */
export function referencesOf({ target, filters }: Route): readonly string[] {
  const own = target.kind === 'upstream' ? [target.upstream] : none
  if (filters === undefined) return own
  const others = filters.flatMap((filter) =>
    (filter.kind === 'mirror' || filter.kind === 'fallback') && filter.upstream !== null
      ? [filter.upstream]
      : [],
  )
  return others.length === 0 ? own : [...new Set([...own, ...others])]
}

const noFilters: readonly ModuleFilter[] = Object.freeze([])

/** The filters of a route that modules register. */
export function moduleFiltersOf({ filters }: Pick<Route, 'filters'>): readonly ModuleFilter[] {
  if (filters === undefined) return noFilters
  return filters.filter((filter) => filter.kind === 'module')
}

/** The names of the modules whose filters a route needs, each once. */
export function filterModulesOf(route: Pick<Route, 'filters'>): readonly string[] {
  const filters = moduleFiltersOf(route)
  return filters.length === 0 ? none : [...new Set(filters.map(({ module }) => module))]
}
