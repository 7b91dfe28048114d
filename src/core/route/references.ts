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
