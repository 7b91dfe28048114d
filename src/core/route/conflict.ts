import { problem, type Problem } from '../errors.ts'
import { getKey, type PersistentMap } from '../persistent-map.ts'
import type { Leaf, TreeNode } from '../router/node.ts'
import {
  findAmbiguous,
  findCrossing,
  pathFor,
  tokensOf,
  type Overlap,
  type Token,
} from '../router/overlap.ts'
import { parsePattern, shapeOf, type Pattern } from '../router/pattern.ts'
import { anyMethod, editRouter, placeOf, type Router, type RouterChange } from '../router/router.ts'
import type { Route } from './route.ts'

/**
 * What counts as a conflict; each policy includes those before it.
 *
 * - `exact`: two routes of one method and one shape
 * - `ambiguous`: also two that overlap where specificity does not decide, which is where two constrained params
 *   with different constraints meet; a pair of constraints that cannot be told apart or together counts
 * - `prefix`: also paths of two owners of which one, at a segment boundary, is a prefix of the other or takes the
 *   other's requests, whatever their methods
 * - `prefix-within`: the same among the routes of one owner, where they share a method
 */
export type ConflictPolicy = 'exact' | 'ambiguous' | 'prefix' | 'prefix-within'

/** A request that proves a finding. */
export interface Witness {
  readonly method: string
  readonly path: string
}

/** Two routes that cannot stand side by side. */
export interface Finding {
  readonly kind: 'exact' | 'ambiguous' | 'prefix'
  /** The one that is put in. */
  readonly route: Route
  readonly other: Route
  readonly reason: string
  /**
   * A request that both would serve; of a `prefix`, one that the longer would serve below the shorter. Null where
   * a constraint cannot be told.
   */
  readonly witness: Witness | null
}

/** What routes are put into: a table. */
export interface Standing {
  readonly router: Router<Route>
  readonly routes: PersistentMap<Route>
}

/** A route with its parsed pattern. */
export interface Placed {
  readonly route: Route
  readonly pattern: Pattern
}

/** Most findings for one route: a short path under `prefix` may cross a whole table. */
export const maxFindings = 10

/** Trees and the method whose routes count in them. */
type Trees = readonly { readonly tree: TreeNode<Leaf<Route>> | null; readonly method: string }[]

/** The finding as a problem. */
export function problemOf({ kind, route, other, reason, witness }: Finding): Problem {
  const unknown =
    kind === 'exact' ? 'requests that no example can be given of' : 'none can be given'
  const shown = witness === null ? unknown : `${witness.method} ${witness.path}`
  return problem(
    kind === 'exact'
      ? 'TURNOUT_ROUTE_CONFLICT'
      : kind === 'ambiguous'
        ? 'TURNOUT_ROUTE_AMBIGUOUS'
        : 'TURNOUT_ROUTE_PREFIX',
    {
      route: route.id,
      owner: route.owner,
      other: other.id,
      otherOwner: other.owner,
      reason,
      witness: shown,
    },
  )
}

/** What stands in the way of routes that are put into a table, in the table and among themselves. */
export function findConflicts(
  standing: Standing,
  put: readonly Route[],
  policy: ConflictPolicy,
): readonly Finding[] {
  const placed = put.flatMap((route): Placed[] => {
    const { pattern } = parsePattern(route.path)
    return pattern === null ? [] : [{ route, pattern }]
  })
  return placeRoutes(standing, placed, policy).findings
}

/** The router with the routes in it, and what stands in their way; a place that is taken is left as it is. */
export function placeRoutes(
  standing: Standing,
  put: readonly Placed[],
  policy: ConflictPolicy,
): { readonly router: Router<Route>; readonly findings: readonly Finding[] } {
  const findings: Finding[] = []
  const changes: RouterChange<Route>[] = []
  const overlapping: Placed[] = []
  const places = new Map<string, Route>()
  for (const one of put) {
    const { route, pattern } = one
    const place = `${route.method} ${shapeOf(pattern)}`
    const there = placeOf(standing.router, route.method, pattern)?.value
    const isReplaced = there?.id === route.id && there.owner === route.owner
    // Versions, labels and predicates will decide here between routes of one place.
    const other =
      places.get(place) ?? (isReplaced ? undefined : (there ?? getKey(standing.routes, route.id)))
    places.set(place, route)
    if (other !== undefined) {
      findings.push(exactly(one, other))
      continue
    }
    changes.push({ kind: 'put', method: route.method, pattern, value: route })
    if (mayOverlap(pattern, policy)) overlapping.push(one)
  }
  const router = editRouter(standing.router, changes)
  if (overlapping.length > 0) findings.push(...findOverlaps(router, overlapping, policy))
  return { router, findings }
}

const mayOverlap = ({ edges }: Pattern, policy: ConflictPolicy): boolean =>
  policy !== 'exact' && (policy !== 'ambiguous' || edges.some(({ kind }) => kind === 'constrained'))

const exactly = ({ route, pattern }: Placed, other: Route): Finding => {
  const path = pathFor(pattern)
  const method = sharedMethod(route.method, other.method) ?? route.method
  return {
    kind: 'exact',
    route,
    other,
    reason: 'they have one method and one shape',
    witness: path === null ? null : { method, path },
  }
}

/** Walks the finished router, so routes of one change meet each other as they meet the rest. */
function findOverlaps(
  router: Router<Route>,
  put: readonly Placed[],
  policy: ConflictPolicy,
): Finding[] {
  const order = new Map(put.map(({ route }, at) => [route, at]))
  return put.flatMap((one, at) => {
    const { route, pattern } = one
    const found = new Map<Route, Finding>()
    const reportIn =
      (method: string, findingOf: (other: Route, path: string | null) => Finding | null) =>
      ({ leaf, path }: Overlap<Route>): boolean => {
        const other = leaf.value
        // The later of two new routes tells of both. Any-method routes lie in every method's tree.
        const isTold = (order.get(other) ?? -1) >= at || found.has(other)
        if (isTold || leaf.shape.method !== method) return false
        // Versions, labels and predicates will decide here between two routes that overlap.
        const finding = findingOf(other, path)
        if (finding !== null) found.set(other, finding)
        return found.size >= maxFindings
      }
    const ambiguous = (other: Route, path: string | null): Finding => ambiguously(one, other, path)
    treesOf(router, route.method).some(({ tree, method }) =>
      findAmbiguous(tree, pattern, reportIn(method, ambiguous)),
    )
    if (policy === 'ambiguous' || found.size >= maxFindings) return [...found.values()]
    const isWithin = policy === 'prefix-within'
    const isSkipped = (node: TreeNode<Leaf<Route>>): boolean =>
      !isWithin && soleOwner(node) === route.owner
    const crossing = (other: Route, path: string | null): Finding | null =>
      other.owner !== route.owner || (isWithin && sharedMethod(route.method, other.method) !== null)
        ? crossingly(one, other, path)
        : null
    allTrees(router).some(({ tree, method }) =>
      findCrossing(tree, pattern, isSkipped, reportIn(method, crossing)),
    )
    return [...found.values()]
  })
}

/** The trees in which a route of this method meets others. HEAD is asked before all that serves GET. */
export function treesOf(router: Router<Route>, method: string): Trees {
  const own = router.methods.filter((known) => known.method !== 'HEAD' || method === 'HEAD')
  if (method === 'HEAD') return own.filter((known) => known.method === 'HEAD')
  const any = { tree: router.any, method: anyMethod }
  return [any, ...own.filter((known) => method === anyMethod || known.method === method)]
}

const allTrees = (router: Router<Route>): Trees => [
  { tree: router.any, method: anyMethod },
  ...router.methods,
]

/** A method that both serve in one tree, or null. */
function sharedMethod(left: string, right: string): string | null {
  if (left === right) return left === anyMethod ? 'GET' : left
  if (left === 'HEAD' || right === 'HEAD') return null
  return left === anyMethod ? right : right === anyMethod ? left : null
}

function ambiguously({ route, pattern }: Placed, other: Route, path: string | null): Finding {
  const tokens = tokensOf(pattern)
  const others = tokensOfRoute(other)
  const at = tokens.findIndex((token, index) => !isSame(token, others[index]))
  const show = (token: Token | undefined): string =>
    token?.kind === 'constrained' ? `(${token.source})` : ''
  const both = `${show(tokens[at])} and ${show(others[at])}`
  return {
    kind: 'ambiguous',
    route,
    other,
    reason:
      path === null
        ? `it cannot be told whether one request fits both, through ${both}`
        : `${both} both take "${decodeURIComponent(path.split('/')[at + 1] ?? '')}"`,
    witness:
      path === null ? null : { method: sharedMethod(route.method, other.method) ?? 'GET', path },
  }
}

const isSame = (token: Token, other: Token | undefined): boolean =>
  token.kind === other?.kind &&
  (token.kind !== 'static' || (other.kind === 'static' && token.text === other.text)) &&
  (token.kind !== 'constrained' || (other.kind === 'constrained' && token.source === other.source))

const tokensOfRoute = ({ path }: Route): readonly Token[] => {
  const { pattern } = parsePattern(path)
  return pattern === null ? [] : tokensOf(pattern)
}

function crossingly({ route, pattern }: Placed, other: Route, path: string | null): Finding {
  const [depth, size] = sizeOf(tokensOf(pattern))
  const [otherDepth, otherSize] = sizeOf(tokensOfRoute(other))
  const isShorter = depth < otherDepth || (depth === otherDepth && size < otherSize)
  const [longer, shorter] = isShorter ? [other, route] : [route, other]
  const longest = longer.method === anyMethod ? 'GET' : longer.method
  return {
    kind: 'prefix',
    route,
    other,
    reason:
      depth === otherDepth
        ? `${route.path} and ${other.path} overlap`
        : `${longer.path} goes on below ${shorter.path}`,
    witness:
      path === null ? null : { method: sharedMethod(route.method, other.method) ?? longest, path },
  }
}

/** How many segments, without and with the empty one after a slash at the end. */
const sizeOf = (tokens: readonly Token[]): readonly [number, number] => {
  const token = tokens.at(-1)
  const isOpen = token?.kind === 'static' && token.text === ''
  return [tokens.length - (isOpen ? 1 : 0), tokens.length]
}

const mixed = Symbol('mixed')
const owners = new WeakMap<object, string | typeof mixed>()

/**
 * The owner of everything below a node, or `mixed`. Nodes of a finished router never change, so a change pays
 * only for those that it made: an owner's own paths are passed over without a look, however many there are.
 */
function soleOwner(node: TreeNode<Leaf<Route>>): string | typeof mixed {
  const known = owners.get(node)
  if (known !== undefined) return known
  let sole: string | typeof mixed | undefined
  const add = (owner: string | typeof mixed): void => {
    sole = sole === undefined || sole === owner ? owner : mixed
  }
  const addLeaf = (leaf: Leaf<Route> | null): void => {
    if (leaf !== null) add(leaf.value.owner)
  }
  const addNode = (below: TreeNode<Leaf<Route>> | null): void => {
    if (below !== null) add(soleOwner(below))
  }
  addLeaf(node.leaf)
  addLeaf(node.paramLeaf)
  addNode(node.paramNode)
  for (const edge of node.rare?.constrained ?? []) {
    addLeaf(edge.leaf)
    addNode(edge.node)
  }
  addLeaf(node.rare?.rest ?? null)
  for (let index = 0; index < node.length; index += 1) addNode(node[index] ?? null)
  const owner = sole ?? mixed
  owners.set(node, owner)
  return owner
}
