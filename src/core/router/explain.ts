import { type Exploration, type Refusal, type SegmentKind, type Way, explore } from './explore.ts'
import { type Chooser, allowedMethods, findPath } from './lookup.ts'
import { type PathFault, type PathOptions, canonicalPath, otherTrailingSlash } from './path.ts'
import { type Edge, parsePattern } from './pattern.ts'
import { type Router, anyMethod, placeOf, treeOf } from './router.ts'

/** Why one segment of the path was taken by the pattern's. A rest takes all that is left. */
export interface ExplainedSegment {
  readonly text: string
  readonly kind: SegmentKind
  /** Of a capture. */
  readonly name?: string
  readonly value?: string
  /** Of a constrained param. */
  readonly constraint?: string
}

/** A route that would have served the path, had the matched one not been there. */
export interface PassedOver {
  readonly method: string
  readonly pattern: string
  readonly because: string
}

/** A place that fits path and method, none of whose routes takes the request. */
export interface Unmet {
  readonly method: string
  readonly pattern: string
}

/** What came nearest to a path that no route of the method serves. */
export interface Nearest {
  /** The longest beginning of the path, in whole segments, that routes of the method share. */
  readonly matched: string
  /** The first segment that none takes; empty where the path ends too early. */
  readonly at: string
  /** What was expected there: static segments (`...` where only a beginning is shown), `:`, `:(regex)`, `*`. */
  readonly expected: readonly string[]
  /** Constraints that refused a segment on the way. */
  readonly refused: readonly Refusal[]
  /** Methods that have a route for the path. */
  readonly otherMethods: readonly string[]
  /** The path with its trailing slash added or taken away, where that is served. */
  readonly otherSlash?: string
  /** Places that fit, none of whose routes takes the request. */
  readonly unmet?: readonly Unmet[]
}

/** Why a request is served by what it is served by; plain data. */
export type Explanation =
  | {
      readonly kind: 'match'
      readonly path: string
      readonly method: string
      readonly pattern: string
      readonly segments: readonly ExplainedSegment[]
      readonly passedOver: readonly PassedOver[]
      readonly refused: readonly Refusal[]
    }
  | { readonly kind: 'miss'; readonly path: string; readonly nearest: Nearest }
  | { readonly kind: 'invalid'; readonly fault: PathFault | 'too-many-alternatives' }

/**
 * Explains what `findRoute` answers for a request: the segments of the match and what it was preferred to, or
 * what came nearest. Walks every alternative: for people, not for the data plane.
 */
export function explainRoute<T>(
  router: Router<T>,
  method: string,
  target: string,
  options?: PathOptions,
  choose: Chooser<T> = null,
): Explanation {
  const { path, fault } = canonicalPath(target, options)
  if (path === null) return { kind: 'invalid', fault }
  const found = findPath(router, method, path, choose)
  if (found.kind === 'invalid') return found
  const own = explore(treeOf(router, method), path)
  const get = method === 'HEAD' ? explore(router.GET, path) : undefined
  const ways = [...own.ways, ...(get?.ways ?? [])]
  const taken = ways.map((way) => chosenWay(way, choose))
  const at = taken.findIndex((way) => way !== null)
  const best = taken[at]
  const others = taken.slice(at + 1).flatMap((way) => way ?? [])
  const unmet = ways.filter((_, index) => taken[index] === null)
  const refused = [...own.refused, ...(get?.refused ?? [])]
  if (best === undefined || best === null) {
    const further = get !== undefined && get.depth > own.depth ? get : own
    const nearest = nearestOf(router, method, path, further, refused, choose)
    const told = unmet.length === 0 ? {} : { unmet: unmet.map(unmetOf) }
    return { kind: 'miss', path, nearest: { ...nearest, ...told } }
  }
  return {
    kind: 'match',
    path,
    method: best.leaf.shape.method,
    pattern: best.leaf.text,
    segments: segmentsOf(best, path),
    passedOver: [
      ...unmet.map((way) => ({ ...unmetOf(way), because: unmetReason })),
      ...coveredBy(router, best),
      ...others.map((way) => passedOver(best, way, path)),
    ],
    refused,
  }
}

/** Why a place that fits path and method was passed over. */
export const unmetReason: string =
  'its conditions do not hold, or another version or label was asked for'

const unmetOf = <T>({ leaf }: Way<T>): Unmet => ({
  method: leaf.shape.method,
  pattern: leaf.text,
})

function chosenWay<T>(way: Way<T>, choose: Chooser<T>): Way<T> | null {
  const leaf = choose === null ? way.leaf : choose(way.leaf)
  return leaf === null ? null : { leaf, kinds: way.kinds }
}

const edgesOf = (pattern: string): readonly Edge[] => parsePattern(pattern).pattern?.edges ?? []

const decoded = (raw: string, kind: SegmentKind): string =>
  kind === 'rest' ? raw.split('%2F').map(decodeURIComponent).join('%2F') : decodeURIComponent(raw)

function segmentsOf<T>({ leaf, kinds }: Way<T>, path: string): readonly ExplainedSegment[] {
  const texts = path.split('/').slice(1)
  const edges = [...edgesOf(leaf.text)]
  return kinds.map((kind, index) => {
    const text = kind === 'rest' ? texts.slice(index).join('/') : (texts[index] ?? '')
    const edge = kind === 'static' ? undefined : edges.shift()
    if (edge === undefined) return { text, kind }
    const captured = { text, kind, name: edge.name, value: decoded(text, kind) }
    return edge.kind === 'constrained' ? { ...captured, constraint: edge.source } : captured
  })
}

function passedOver<T>(best: Way<T>, other: Way<T>, path: string): PassedOver {
  const { method } = other.leaf.shape
  const at = best.kinds.findIndex((kind, index) => kind !== other.kinds[index])
  const kind = best.kinds[at]
  const otherKind = other.kinds[at]
  const segment = path.split('/')[at + 1] ?? ''
  const because =
    kind === undefined || otherKind === undefined
      ? best.leaf.shape.method === method
        ? 'constraints of one place are tried in the order of their text'
        : `routes of HEAD come before those of GET`
      : best.leaf.shape.method === 'HEAD' && method !== 'HEAD'
        ? 'routes of HEAD come before those of GET'
        : `at "${segment}" ${kind} comes before ${otherKind}`
  return { method, pattern: other.leaf.text, because }
}

/** The any-method route at the very place of the match, which its method's own route covers. */
function coveredBy<T>(router: Router<T>, { leaf }: Way<T>): readonly PassedOver[] {
  const { method } = leaf.shape
  const { pattern } = parsePattern(leaf.text)
  // HEAD's own tree covers nothing: what serves GET is passed over as a whole.
  if (method === anyMethod || method === 'HEAD' || pattern === null) return []
  const covered = placeOf(router, anyMethod, pattern)
  if (covered === undefined) return []
  const because = `at the same place ${method} comes before any method`
  return [{ method: anyMethod, pattern: covered.pattern, because }]
}

function nearestOf<T>(
  router: Router<T>,
  method: string,
  path: string,
  { depth, expected }: Exploration<T>,
  refused: readonly Refusal[],
  choose: Chooser<T>,
): Nearest {
  const segments = path.split('/').slice(1)
  // A method that is allowed was refused by the conditions of its routes: there is no other to use.
  const allowed = allowedMethods(router, path)
  const isAllowed = allowed.includes(method) || allowed.includes(anyMethod)
  const other = otherTrailingSlash(path)
  const isOtherServed =
    other !== undefined && findPath(router, method, other, choose).kind === 'match'
  const matched = segments
    .slice(0, depth)
    .map((segment) => `/${segment}`)
    .join('')
  return {
    matched: matched === '' ? '/' : `${matched}/`,
    at: segments[depth] ?? '',
    expected,
    refused,
    otherMethods: isAllowed ? [] : allowed,
    ...(isOtherServed ? { otherSlash: other } : {}),
  }
}
