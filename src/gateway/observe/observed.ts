import type { Route } from '../../core/route/route.ts'

/** What tells a route from those of its id that do something else. */
export type ObservedRoute = Pick<Route, 'id' | 'target' | 'filters'>

/**
 * Whose figures are asked for. Plain data, but for the handler of a closure, which is served in its own process only.
 *
 * `module`: the code that serves a module of a table, by what the module is called and its digest. `route`: a route as it stands, or
 * stood, in a table; those that differ only in what selects them are one.
 */
export type Observed =
  | { readonly kind: 'module'; readonly module: string; readonly digest: string }
  | { readonly kind: 'route'; readonly route: ObservedRoute }
