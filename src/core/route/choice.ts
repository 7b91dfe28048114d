import type { Leaf } from '../router/node.ts'
import { shapeFor } from '../router/params.ts'
import type { Pattern } from '../router/pattern.ts'
import { anyMethod, leafOfPlace, type Router } from '../router/router.ts'
import { highestMatch, selectVersions } from '../version/version.ts'
import { addressOf, type Facts } from './facts.ts'
import { areDisjoint, isStricter } from './predicate-overlap.ts'
import { compilePredicates } from './predicate.ts'
import { noSelection, type Route, type Selection } from './route.ts'

/** What lies at one place of the router: a route, or several among which the request decides. */
export type Placed = Route | Choice

/** One of several routes at a place. */
interface Candidate {
  readonly route: Route
  /** With the names of its own params. */
  readonly leaf: Leaf<Placed>
  readonly holds: (facts: Facts, now: number) => boolean
}

/** Asks for a version of a route: exact or a SemVer range. */
export const versionField = 'x-api-version'
/** Asks for routes with labels: `canary=true, region=eu`. */
export const labelsField = 'x-turnout-labels'

const selectionOf = ({ selection }: Route): Selection => selection ?? noSelection

/**
 * Routes of one place and method, in the order in which they are asked: `order`, then who asks for more. Immutable.
 */
export class Choice {
  readonly method: string
  readonly pattern: Pattern
  readonly candidates: readonly Candidate[]

  constructor(method: string, routes: readonly { route: Route; pattern: Pattern }[]) {
    this.method = method
    this.pattern = routes[0]!.pattern
    this.candidates = routes
      .map(({ route, pattern }) => candidateOf(method, route, pattern))
      .sort(({ route: left }, { route: right }) => comesBefore(left, right))
  }

  get routes(): readonly Route[] {
    return this.candidates.map(({ route }) => route)
  }
}

const conditions = new WeakMap<Route, Candidate['holds']>()

/** Compiled once for each route: a place is made anew with each change to it. */
function conditionOf(route: Route): Candidate['holds'] {
  const known = conditions.get(route)
  if (known !== undefined) return known
  const holds = compilePredicates(selectionOf(route).predicates)
  conditions.set(route, holds)
  return holds
}

function candidateOf(method: string, route: Route, pattern: Pattern): Candidate {
  const names = pattern.edges.map(({ name }) => name)
  const hasRest = pattern.edges.at(-1)?.kind === 'rest'
  return {
    route,
    leaf: { text: pattern.text, value: route, shape: shapeFor(method, names, hasRest) },
    holds: conditionOf(route),
  }
}

const comesBefore = (left: Route, right: Route): number => {
  const [one, other] = [selectionOf(left), selectionOf(right)]
  return (
    one.order - other.order ||
    other.predicates.length - one.predicates.length ||
    (left.id < right.id ? -1 : 1)
  )
}

/** The routes of a place. */
export const routesAt = (placed: Placed): readonly Route[] =>
  placed instanceof Choice ? placed.routes : [placed]

/** Whether the request has a say in it: then the router must ask. */
export const isPlain = (routes: readonly { readonly route: Route }[]): boolean =>
  routes.length === 1 && routes[0]!.route.selection === null

/**
 * Makes the question that a walk asks at each place with a choice: which of its routes serves the request. Null: none
 * does, and the walk goes on. An any-method route at the same place, which the method's own routes cover, comes last.
 */
export function chooserOf(
  router: Router<Placed>,
  facts: Facts,
  clock: () => number,
): (leaf: Leaf<Placed>) => Leaf<Placed> | null {
  const now = clock()
  const choose = (leaf: Leaf<Placed>): Leaf<Placed> | null => {
    const { value } = leaf
    if (!(value instanceof Choice)) return leaf
    const chosen = chosenOf(value, facts, now)
    if (chosen !== null || value.method === anyMethod || value.method === 'HEAD') return chosen
    const covered = leafOfPlace(router, anyMethod, value.pattern)
    return covered === null ? null : choose(covered)
  }
  return choose
}

/**
 * Predicates must hold; an asked version selects, the highest first; asked labels select; then `order`; then weights;
 * then who asks for more.
 */
function chosenOf({ candidates }: Choice, facts: Facts, now: number): Leaf<Placed> | null {
  const labels = labelsOf(facts.header(labelsField))
  const version = facts.header(versionField)
  const fitting = candidates.filter(({ route, holds }) => {
    const selection = selectionOf(route)
    return hasLabels(selection, labels) && isOpen(selection, version) && holds(facts, now)
  })
  const able = withMostLabels(ofVersion(fitting, version))
  const [first] = able
  if (first === undefined) return null
  const { order, weight } = selectionOf(first.route)
  if (weight === null) return first.leaf
  const rivals = able.filter(({ route }) => {
    const other = selectionOf(route)
    return other.order === order && other.weight?.group === weight.group
  })
  return byWeight(rivals, bucketOf(`${weight.group} ${addressOf(facts) ?? ''}`))?.leaf ?? null
}

/** A labelled route serves only those who name all its labels. */
const hasLabels = ({ labels }: Selection, asked: ReadonlyMap<string, string>): boolean =>
  Object.entries(labels).every(([name, value]) => asked.get(name) === value)

/** A weight of zero keeps a route for those who ask for its labels or its very version. */
const isOpen = ({ weight, labels, version }: Selection, asked: string | undefined): boolean =>
  weight?.weight !== 0 ||
  Object.keys(labels).length > 0 ||
  (version !== null && version === asked?.trim())

function labelsOf(field: string | undefined): ReadonlyMap<string, string> {
  if (field === undefined) return noLabels
  return new Map(
    field.split(',').flatMap((pair) => {
      const [name, value] = pair.split('=')
      return name === undefined || value === undefined ? [] : [[name.trim(), value.trim()] as const]
    }),
  )
}

const noLabels: ReadonlyMap<string, string> = new Map()

function withMostLabels(able: readonly Candidate[]): readonly Candidate[] {
  if (able.length < 2) return able
  const counts = able.map(({ route }) => Object.keys(selectionOf(route).labels).length)
  const most = Math.max(...counts)
  return able.filter((_, at) => counts[at] === most)
}

/**
 * Those of the version that was asked for; where nothing was asked those of the highest that is no pre-release. Else
 * those of no version.
 */
function ofVersion(able: readonly Candidate[], asked: string | undefined): readonly Candidate[] {
  const versioned = able.flatMap((candidate) => {
    const { version, isBaseline } = selectionOf(candidate.route)
    return version === null ? [] : [{ candidate, version, isBaseline }]
  })
  if (versioned.length === 0) return able
  const highest = highestMatch(
    '*',
    versioned.map(({ version }) => version),
  )
  const chosen =
    asked === undefined
      ? versioned.filter(({ version }) => version === highest)
      : selectVersions(asked, versioned)
  return chosen.length > 0
    ? chosen.map(({ candidate }) => candidate)
    : able.filter(({ route }) => selectionOf(route).version === null)
}

/** The first whose share covers the bucket. */
function byWeight(rivals: readonly Candidate[], bucket: number): Candidate | null {
  const weights = rivals.map(({ route }) => selectionOf(route).weight?.weight ?? 0)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let left = bucket * total
  for (const [at, rival] of rivals.entries()) {
    left -= weights[at]!
    if (left < 0) return rival
  }
  // Each was asked for by name.
  return rivals[0] ?? null
}

/** From 0 to just below 1, the same for the same key: FNV-1a, then a finishing mix. */
function bucketOf(key: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < key.length; at += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}

/** Why two routes of one place may stand side by side; null: some request would be served by both. */
export function decides(left: Route, right: Route): string | null {
  const [one, other] = [selectionOf(left), selectionOf(right)]
  if (one.order !== other.order) return 'order'
  if (one.version !== other.version) return 'version'
  if (labelsDecide(one.labels, other.labels)) return 'labels'
  if (one.weight !== null && one.weight.group === other.weight?.group) return 'weight'
  if (areDisjoint(one.predicates, other.predicates)) return 'predicates'
  if (isStricter(one.predicates, other.predicates)) return 'predicates'
  if (isStricter(other.predicates, one.predicates)) return 'predicates'
  return null
}

/** Whether no request can satisfy both: all that tells routes of different places apart. */
export const areApart = (left: Route, right: Route): boolean =>
  areDisjoint(selectionOf(left).predicates, selectionOf(right).predicates)

/** Two sets of labels decide when no request can name both, or one asks for more than the other. */
function labelsDecide(
  left: Readonly<Record<string, string>>,
  right: Readonly<Record<string, string>>,
): boolean {
  const names = Object.keys(left)
  const shared = names.filter((name) => Object.hasOwn(right, name))
  if (shared.some((name) => left[name] !== right[name])) return true
  return shared.length === Math.min(names.length, Object.keys(right).length)
    ? names.length !== Object.keys(right).length
    : false
}
