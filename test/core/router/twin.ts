import { RE2JS } from 're2js'
import type { PathOptions } from '../../../src/core/router/path.ts'
import { canonicalPath } from '../../../src/core/router/path.ts'
import { type Pattern, parsePattern, shapeOf } from '../../../src/core/router/pattern.ts'

/** The naive twin of the router: a list, and a match that is written to be obviously right. */
export interface TwinRoute {
  readonly method: string
  readonly pattern: Pattern
  readonly value: number
}

export type Twin = readonly TwinRoute[]

export const pattern = (text: string): Pattern => {
  const { pattern: parsed, problems } = parsePattern(text)
  if (parsed === null) throw new Error(problems.map(({ message }) => message).join('\n'))
  return parsed
}

const isAt = (method: string, shape: string) => (route: TwinRoute) =>
  route.method === method && shapeOf(route.pattern) === shape

export const twinAt = (twin: Twin, method: string, at: Pattern): TwinRoute | undefined =>
  twin.find(isAt(method, shapeOf(at)))

export const twinPut = (twin: Twin, route: TwinRoute): Twin => [
  ...twinRemove(twin, route.method, route.pattern),
  route,
]

export const twinRemove = (twin: Twin, method: string, at: Pattern): Twin => {
  const isHere = isAt(method, shapeOf(at))
  return twin.filter((route) => !isHere(route))
}

interface Candidate {
  readonly route: TwinRoute
  /** Segments: `=text`, `:`, `:(source)` or `*`. */
  readonly tokens: readonly string[]
}

/** Tokens of a shape; static text is `=text`, because a request's segment may look like a token. */
function tokensOf(route: TwinRoute): Candidate {
  const { runs, edges } = route.pattern
  const tokens: string[] = []
  runs.forEach((run, index) => {
    const segments = run.split('/').slice(1)
    const edge = edges[index]
    if (edge !== undefined) segments.pop()
    tokens.push(...segments.map((text) => `=${text}`))
    if (edge?.kind === 'param') tokens.push(':')
    if (edge?.kind === 'constrained') tokens.push(`:(${edge.source})`)
    if (edge?.kind === 'rest') tokens.push('*')
  })
  return { route, tokens }
}

function search(
  candidates: readonly Candidate[],
  segments: readonly string[],
  at: number,
): { readonly route: TwinRoute; readonly captured: readonly string[] } | undefined {
  if (candidates.length === 0) return undefined
  if (at === segments.length) {
    const ended = candidates.find(({ tokens }) => tokens.length === at)
    return ended && { route: ended.route, captured: [] }
  }
  const segment = segments[at] ?? ''
  const having = (token: string) => candidates.filter(({ tokens }) => tokens[at] === token)
  const found = search(having(`=${segment}`), segments, at + 1)
  if (found) return found
  const through = (token: string) => {
    const below = search(having(token), segments, at + 1)
    return below && { ...below, captured: [segment, ...below.captured] }
  }
  if (segment !== '') {
    const constrained = new Set(candidates.flatMap(({ tokens }) => tokens[at] ?? []))
    for (const token of [...constrained].filter((token) => token.startsWith(':(')).sort()) {
      const expression = RE2JS.compile(`^(?:${token.slice(2, -1)})$`)
      const below = expression.test(decodeURIComponent(segment)) ? through(token) : undefined
      if (below) return below
    }
    const below = through(':')
    if (below) return below
  }
  const rest = having('*')[0]
  return rest && { route: rest.route, captured: [segments.slice(at).join('/')] }
}

function routesFor(twin: Twin, method: string): readonly Candidate[] {
  const own = twin.filter((route) => route.method === method)
  const shapes = new Set(own.map((route) => shapeOf(route.pattern)))
  const any = twin.filter((route) => route.method === '*' && !shapes.has(shapeOf(route.pattern)))
  return [...own, ...any].map(tokensOf)
}

/** What the twin answers for a canonical path. */
export function twinFind(
  twin: Twin,
  method: string,
  path: string,
): { readonly value: number; readonly params: Record<string, string> } | undefined {
  const segments = path.split('/').slice(1)
  const head = twin.filter((route) => route.method === 'HEAD').map(tokensOf)
  const found =
    method === 'HEAD'
      ? (search(head, segments, 0) ?? search(routesFor(twin, 'GET'), segments, 0))
      : search(routesFor(twin, method), segments, 0)
  if (!found) return undefined
  const { edges } = found.route.pattern
  const params = Object.fromEntries(
    edges.map(({ name, kind }, index) => {
      const raw = found.captured[index] ?? ''
      const parts = kind === 'rest' ? raw.split('%2F') : [raw]
      return [name, parts.map(decodeURIComponent).join('%2F')]
    }),
  )
  return { value: found.route.value, params }
}

/** What `findRoute` must answer, in plain data. */
export function twinRoute(
  twin: Twin,
  method: string,
  target: string,
  options: PathOptions = {},
): object {
  const { path, fault } = canonicalPath(target, options)
  if (path === null) return { kind: 'invalid', fault }
  const found = twinFind(twin, method, path)
  return found ? { kind: 'match', ...found, path } : { kind: 'miss', path }
}
