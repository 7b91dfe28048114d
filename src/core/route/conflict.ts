import { spend, withEffort } from '../effort.ts'
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
import { anyMethod, editRouter, type Router } from '../router/router.ts'
import { areApart, decides } from '../version/decides.ts'
import { rivalsAt, routesAt, type Placed } from './choice.ts'
import {
  placeAt,
  placeChange,
  spotsMeeting,
  spotsOf,
  withoutRoutes,
  withSpot,
  type Place,
} from './place.ts'
import { witnessOf, type RequestWitness } from './predicate-overlap.ts'
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
  /** What it needs beside, where predicates ask for something. */
  readonly with?: RequestWitness
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
  readonly router: Router<Placed>
  readonly routes: PersistentMap<Route>
}

/** A route at one of its methods and paths. */
export interface Placing {
  readonly route: Route
  readonly method: string
  readonly pattern: Pattern
}

/** Every method and path of a route; `problems` where a path is no pattern. */
export function placingsOf(route: Route): {
  readonly placings: readonly Placing[]
  readonly problems: readonly Problem[]
} {
  const placings: Placing[] = []
  const problems: Problem[] = []
  for (const path of route.paths) {
    const parsed = parsePattern(path)
    if (parsed.pattern === null) problems.push(...parsed.problems)
    else
      for (const method of route.methods) placings.push({ route, method, pattern: parsed.pattern })
  }
  return { placings, problems }
}

/** Most findings for one route: a short path under `prefix` may cross a whole table. */
export const maxFindings = 10

/** Most routes of one place that one request asks one after the other; each new one is compared with all of them. */
export const maxAtPlace = 256

/**
 * Steps after which no more is found out about a change: then what cannot be told is in the way. All who serve wait
 * meanwhile, so it is under a second; what people write takes a hundredth of it.
 */
export const maxEffort = 1_000_000
const tooMuch = 'it takes too long to tell what decides between them: send fewer at once'

/** Trees and the method whose routes count in them. */
type Trees = readonly { readonly tree: TreeNode<Leaf<Placed>> | null; readonly method: string }[]

/** The finding as a problem. */
export function problemOf({ kind, route, other, reason, witness }: Finding): Problem {
  const unknown =
    kind === 'exact' ? 'requests that no example can be given of' : 'none can be given'
  const request = witness === null ? unknown : witnessText(witness)
  const shown = kind === 'exact' && reason !== onePlace ? `${request} (${reason})` : request
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
  const placings = put.flatMap((route) => placingsOf(route).placings)
  return placeRoutes(standing, placings, policy).findings
}

/** The router with the routes in it, and what stands in their way; a place that is taken is left as it is. */
export function placeRoutes(
  standing: Standing,
  put: readonly Placing[],
  policy: ConflictPolicy,
): { readonly router: Router<Placed>; readonly findings: readonly Finding[] } {
  return withEffort(maxEffort, () => placeAll(standing, put, policy))
}

function placeAll(
  standing: Standing,
  put: readonly Placing[],
  policy: ConflictPolicy,
): { readonly router: Router<Placed>; readonly findings: readonly Finding[] } {
  const findings: Finding[] = []
  const overlapping: Placing[] = []
  const places = new Map<string, { readonly one: Placing; readonly left: Place }>()
  const ids = new Map<string, Route>()
  for (const { route } of put) if (!ids.has(route.id)) ids.set(route.id, route)
  const isReplaced = ({ id, owner }: Route): boolean => ids.get(id)?.owner === owner
  const replaced = [...ids.keys()].flatMap((id) => {
    const known = getKey(standing.routes, id)
    return known !== undefined && isReplaced(known) ? [known] : []
  })
  for (const one of put) {
    const { route, method, pattern } = one
    const key = `${method} ${shapeOf(pattern)}`
    const place = places.get(key)?.left ?? placeWithout(standing, one, replaced)
    const rivals = spotsMeeting(place, route)
    const first = ids.get(route.id)
    const known = getKey(standing.routes, route.id)
    const namesake =
      first !== route ? first : known === undefined || isReplaced(known) ? undefined : known
    const next = withSpot(place, method, { route, pattern }, maxAtPlace)
    if (next === null) {
      const reason = `more than ${maxAtPlace} routes would lie there, and neither a host nor a field tells most of them apart`
      findings.push({ ...exactly(one, spotsOf(place)[0]!.route), reason, witness: null })
      continue
    }
    const other =
      rivals.find(
        (rival) => rival.route === route || !spend(1) || decides(rival.route, route) === null,
      )?.route ?? namesake
    if (other !== undefined) {
      const finding = exactly(one, other)
      findings.push(spend(0) ? finding : { ...finding, reason: tooMuch })
      continue
    }
    places.set(key, { one, left: next })
    if (mayOverlap(pattern, policy)) overlapping.push(one)
  }
  const changes = [...places.values()].map(({ one, left }) =>
    placeChange(left, one.method, one.pattern),
  )
  const router = editRouter(standing.router, changes)
  if (overlapping.length > 0) findings.push(...findOverlaps(router, overlapping, policy))
  return { router, findings }
}

/** What lies at a place without what is replaced. */
const placeWithout = (
  { router }: Standing,
  { method, pattern }: Placing,
  gone: readonly Route[],
): Place => withoutRoutes(placeAt(router, method, pattern), gone)

const parsed = (text: string): Pattern => {
  const { pattern } = parsePattern(text)
  // Only patterns that were parsed before stand in a router.
  if (pattern === null) throw new Error(`${text} stands in a router and is no pattern`)
  return pattern
}

const mayOverlap = ({ edges }: Pattern, policy: ConflictPolicy): boolean =>
  policy !== 'exact' && (policy !== 'ambiguous' || edges.some(({ kind }) => kind === 'constrained'))

const onePlace = 'they have one method and one shape'

const exactly = ({ route, method, pattern }: Placing, other: Route): Finding => {
  const path = pathFor(pattern)
  const isTwice = other.id === route.id && other !== route
  return {
    kind: 'exact',
    route,
    other,
    reason:
      other === route
        ? 'it names one method and one shape twice'
        : isTwice
          ? 'they have one id'
          : other.selection === null && route.selection === null
            ? onePlace
            : 'they have one method and one shape, and neither order, version, labels, weight nor predicates decide',
    witness:
      path === null
        ? null
        : { method: method === anyMethod ? 'GET' : method, path, ...factsOf(route, other) },
  }
}

/** What the request must have beside method and path. */
const factsOf = (route: Route, other: Route): { readonly with?: RequestWitness } => {
  const facts = witnessOf(route.selection?.predicates ?? [], other.selection?.predicates ?? [])
  return facts === null || Object.keys(facts).length === 0 ? {} : { with: facts }
}

/** `GET /users/7 with {"headers":{"x-plan":"gold"}}`. */
export const witnessText = ({ method, path, with: facts }: Witness): string =>
  facts === undefined ? `${method} ${path}` : `${method} ${path} with ${JSON.stringify(facts)}`

/** Walks the finished router, so routes of one change meet each other as they meet the rest. */
function findOverlaps(
  router: Router<Placed>,
  put: readonly Placing[],
  policy: ConflictPolicy,
): Finding[] {
  const order = new Map(put.map(({ route }, at) => [route, at]))
  return put.flatMap((one, at) => {
    const { route, method: own, pattern } = one
    const found = new Map<Route, Finding>()
    const reportIn =
      (
        method: string,
        findingOf: (other: Route, text: string, path: string | null) => Finding | null,
      ) =>
      ({ leaf, path }: Overlap<Placed>): boolean => {
        if (leaf.shape.method !== method) return false
        for (const other of rivalsAt(leaf.value, route)) {
          // The later of two new routes tells of both. Any-method routes lie in every method's tree.
          const isTold = (order.get(other) ?? -1) >= at || found.has(other)
          if (isTold || areApart(route, other)) continue
          const finding = findingOf(other, leaf.text, path)
          if (finding !== null) found.set(other, finding)
        }
        return found.size >= maxFindings
      }
    const ambiguousIn =
      (method: string) =>
      (other: Route, text: string, path: string | null): Finding =>
        ambiguously(one, { route: other, method, pattern: parsed(text) }, path)
    treesOf(router, own).some(({ tree, method }) =>
      findAmbiguous(tree, pattern, reportIn(method, ambiguousIn(method))),
    )
    if (policy === 'ambiguous' || found.size >= maxFindings) return [...found.values()]
    const isWithin = policy === 'prefix-within'
    const isSkipped = (node: TreeNode<Leaf<Placed>>): boolean =>
      !isWithin && soleOwner(node) === route.owner
    const crossingIn =
      (method: string) =>
      (other: Route, text: string, path: string | null): Finding | null =>
        other.owner !== route.owner || (isWithin && sharedMethod(own, method) !== null)
          ? crossingly(one, { route: other, method, pattern: parsed(text) }, path)
          : null
    allTrees(router).some(({ tree, method }) =>
      findCrossing(tree, pattern, isSkipped, reportIn(method, crossingIn(method))),
    )
    return [...found.values()]
  })
}

/** The trees in which a route of this method meets others. HEAD is asked before all that serves GET. */
export function treesOf(router: Router<Placed>, method: string): Trees {
  const own = router.methods.filter((known) => known.method !== 'HEAD' || method === 'HEAD')
  if (method === 'HEAD') return own.filter((known) => known.method === 'HEAD')
  const any = { tree: router.any, method: anyMethod }
  return [any, ...own.filter((known) => method === anyMethod || known.method === method)]
}

const allTrees = (router: Router<Placed>): Trees => [
  { tree: router.any, method: anyMethod },
  ...router.methods,
]

/** A method that both serve in one tree, or null. */
function sharedMethod(left: string, right: string): string | null {
  if (left === right) return left === anyMethod ? 'GET' : left
  if (left === 'HEAD' || right === 'HEAD') return null
  return left === anyMethod ? right : right === anyMethod ? left : null
}

function ambiguously(
  { route, method, pattern }: Placing,
  { route: other, method: otherMethod, pattern: otherPattern }: Placing,
  path: string | null,
): Finding {
  const tokens = tokensOf(pattern)
  const others = tokensOf(otherPattern)
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
      path === null
        ? null
        : { method: sharedMethod(method, otherMethod) ?? 'GET', path, ...factsOf(route, other) },
  }
}

const isSame = (token: Token, other: Token | undefined): boolean =>
  token.kind === other?.kind &&
  (token.kind !== 'static' || (other.kind === 'static' && token.text === other.text)) &&
  (token.kind !== 'constrained' || (other.kind === 'constrained' && token.source === other.source))

function crossingly(
  { route, method, pattern }: Placing,
  { route: other, method: otherMethod, pattern: otherPattern }: Placing,
  path: string | null,
): Finding {
  const [depth, size] = sizeOf(tokensOf(pattern))
  const [otherDepth, otherSize] = sizeOf(tokensOf(otherPattern))
  const isShorter = depth < otherDepth || (depth === otherDepth && size < otherSize)
  const [long, short] = isShorter ? [otherPattern, pattern] : [pattern, otherPattern]
  const longest = isShorter ? otherMethod : method
  const ofLonger = longest === anyMethod ? 'GET' : longest
  return {
    kind: 'prefix',
    route,
    other,
    reason:
      depth === otherDepth
        ? `${pattern.text} and ${otherPattern.text} overlap`
        : `${long.text} goes on below ${short.text}`,
    witness: path === null ? null : { method: sharedMethod(method, otherMethod) ?? ofLonger, path },
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
function soleOwner(node: TreeNode<Leaf<Placed>>): string | typeof mixed {
  const known = owners.get(node)
  if (known !== undefined) return known
  let sole: string | typeof mixed | undefined
  const add = (owner: string | typeof mixed): void => {
    sole = sole === undefined || sole === owner ? owner : mixed
  }
  const addLeaf = (leaf: Leaf<Placed> | null): void => {
    if (leaf !== null) for (const { owner } of routesAt(leaf.value)) add(owner)
  }
  const addNode = (below: TreeNode<Leaf<Placed>> | null): void => {
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
