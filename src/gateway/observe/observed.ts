import type { Route } from '../../core/route/route.ts'

/**
 * Whose figures are asked for. Plain data, but for the handler of a closure, which is served in its own process only.
 *
 * `module`: the code that serves a module of a table, by its key there and its digest. `route`: a route as it stands, or
 * stood, in a table; those that differ only in what selects them are one. A route of a module has no figures of its own.
 */
export type Observed =
  | { readonly kind: 'module'; readonly module: string; readonly digest: string }
  | { readonly kind: 'route'; readonly route: Route }
