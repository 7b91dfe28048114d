import { parsePattern } from '../core/router/pattern.ts'
import { allowedMethods, findRoute } from '../core/router/lookup.ts'
import { canonicalPath } from '../core/router/path.ts'
import { buildRouter, type Router } from '../core/router/router.ts'
import { operations, type OperationName } from './operations.ts'

/** What a request asks for. */
export type Dispatched =
  | {
      readonly kind: 'operation'
      readonly name: OperationName
      readonly params: Readonly<Record<string, string>>
    }
  /** Methods that the path has; none: there is no such path. */
  | { readonly kind: 'none'; readonly path: string; readonly allowed: readonly string[] }

const patternOf = (path: string) => {
  const { pattern } = parsePattern(path.replaceAll(/\{(\w+)\}/g, ':$1'))
  if (pattern === null) throw new Error(`${path} is no pattern`)
  return pattern
}

const router: Router<OperationName> = buildRouter(
  Object.entries(operations).map(([name, { method, path }]) => ({
    method,
    pattern: patternOf(path),
    value: name as OperationName,
  })),
)

/** Ids have slashes in them, and backslashes: `users#GET /:id(\\d+)`. Escaped, they are characters of their segment. */
const options = { encodedSlash: 'keep', encodedBackslash: 'keep' } as const

/** The operation of a request; HEAD is what GET is, without its body. */
export function dispatch(method: string, target: string): Dispatched {
  const found = findRoute(router, method, target, options)
  if (found.kind === 'match') return { kind: 'operation', name: found.value, params: found.params }
  const { path } = canonicalPath(target, options)
  if (path === null) return { kind: 'none', path: target.slice(0, 100), allowed: [] }
  return { kind: 'none', path: path.slice(0, 100), allowed: allowedMethods(router, path) }
}
