import type { Leaf } from '../router/node.ts'
import { shapeFor, type Shape } from '../router/params.ts'
import type { Pattern } from '../router/pattern.ts'
import { announcementOf } from '../version/lifecycle.ts'
import { noVersions, VersionList } from '../version/request.ts'
import { shareOf, type Share } from '../version/share.ts'
import type { Facts } from './facts.ts'
import { compilePredicates, type Condition } from './predicate.ts'
import { isExactHost } from './predicate-overlap.ts'
import { noSelection, type Route, type Selection } from './route.ts'

/** What lies at one place of the router: a route, or several among which the request decides. */
export type Placed = Route | Shared

/** Several routes of one place and method. Immutable. */
export abstract class Shared {
  abstract readonly method: string
  abstract readonly pattern: Pattern
  /** Each once. */
  abstract get routes(): readonly Route[]
  /** Those whom a request can concern, or whoever serves it in any case; null: nobody. */
  abstract choiceFor(facts: Facts): Choice | Sole | null
  /** The others beside whom a route may not be able to stand: no request satisfies any of the rest and this one. */
  abstract rivalsOf(route: Route): readonly Route[]
  /** Where it has its own names of params; null: it is not among them. */
  abstract leafOf(id: string): Leaf<Placed> | null
}

/** One of several routes at a place. */
export interface Candidate {
  readonly route: Route
  readonly selection: Selection
  /** With the names of its own params. */
  readonly leaf: Leaf<Placed>
  /** Predicates by the whole names of hosts: these come before wildcards. */
  readonly exactHosts: number
  /** Null: it asks for nothing. */
  readonly condition: Condition | null
  /** Of its version among those of the place, the highest is 0; -1: it has none. */
  readonly rank: number
  readonly labels: readonly (readonly [name: string, value: string])[]
  /** Of a weight; null: it has none. */
  readonly share: Share | null
  /** The instant from which on it answers 410. */
  readonly goneAt: number
}

export const selectionOf = ({ selection }: Route): Selection => selection ?? noSelection

/**
 * Routes of one place and method, in the order in which they are asked: `order`, then who asks for more. Immutable.
 */
export class Choice extends Shared {
  /** Null: it depends on the request who serves it. */
  readonly sole: Sole | null
  readonly method: string
  readonly pattern: Pattern
  readonly candidates: readonly Candidate[]
  readonly versions: VersionList
  // What a request of this place can be spared.
  readonly hasVersions: boolean
  readonly hasLabels: boolean
  readonly hasShares: boolean
  /** All are sides of one group, and of one `order`. */
  readonly isOneGroup: boolean
  readonly hasConditions: boolean
  /** Some may answer 410 one day. */
  readonly hasEnds: boolean
  #memo: { readonly key: object; readonly text: string | null } | null

  /** `isAnswered`: whoever comes here satisfies all that the route asks. */
  constructor(
    method: string,
    routes: readonly { route: Route; pattern: Pattern }[],
    isAnswered: (route: Route) => boolean = never,
  ) {
    super()
    this.method = method
    this.pattern = routes[0]!.pattern
    const versioned = routes.flatMap(({ route }) => {
      const { version, isBaseline } = selectionOf(route)
      return version === null ? [] : [{ version, isBaseline }]
    })
    this.versions = versioned.length === 0 ? noVersions : new VersionList(versioned)
    this.candidates = routes
      .map(({ route, pattern }) =>
        candidateOf(method, route, pattern, this.versions, isAnswered(route)),
      )
      .sort(comesBefore)
    this.hasVersions = versioned.length > 0
    this.hasLabels = this.candidates.some(({ labels }) => labels.length > 0)
    this.hasShares = this.candidates.some(({ share }) => share !== null)
    const [first] = this.candidates
    this.isOneGroup = this.candidates.every(
      ({ share, selection }) =>
        share !== null &&
        share.group === first!.share?.group &&
        selection.order === first!.selection.order,
    )
    this.hasConditions = this.candidates.some(({ condition }) => condition !== null)
    this.hasEnds = this.candidates.some(({ goneAt }) => goneAt !== Infinity)
    const depends = this.hasConditions || this.hasVersions || this.hasLabels
    const isSole = this.candidates.length === 1 && !depends && !this.hasShares && !this.hasEnds
    this.sole = isSole ? new Sole(this, first!) : null
    this.#memo = null
  }

  /** What is worked out from it once for one and the same key: an instance has one. */
  memo<Key extends object>(
    key: Key,
    make: (choice: Choice, key: Key) => string | null,
  ): string | null {
    if (this.#memo?.key !== key) this.#memo = { key, text: make(this, key) }
    return this.#memo.text
  }

  get routes(): readonly Route[] {
    return this.candidates.map(({ route }) => route)
  }

  choiceFor(): Choice | Sole {
    return this.sole ?? this
  }

  rivalsOf(): readonly Route[] {
    return this.routes
  }

  leafOf(id: string): Leaf<Placed> | null {
    return this.candidates.find(({ route }) => route.id === id)?.leaf ?? null
  }
}

/**
 * The only candidate of a choice, which asks for nothing: as a leaf, so that a request of it need not look at anything
 * else. Where there are thousands, each further object that it looked at would have to come from far away in memory.
 */
export class Sole implements Leaf<Placed> {
  readonly text: string
  readonly value: Placed
  readonly shape: Shape
  memo: object | null
  readonly choice: Choice
  readonly candidate: Candidate

  constructor(choice: Choice, candidate: Candidate) {
    const { text, value, shape } = candidate.leaf
    this.text = text
    this.value = value
    this.shape = shape
    this.memo = null
    this.choice = choice
    this.candidate = candidate
  }
}

const never = (): boolean => false

const conditions = new WeakMap<Route, Condition>()

/** Compiled once for each route: a place is made anew with each change to it. */
function conditionOf(route: Route): Condition | null {
  const { predicates } = selectionOf(route)
  if (predicates.length === 0) return null
  const known = conditions.get(route)
  if (known !== undefined) return known
  const condition = compilePredicates(predicates)
  conditions.set(route, condition)
  return condition
}

function candidateOf(
  method: string,
  route: Route,
  pattern: Pattern,
  versions: VersionList,
  isAnswered: boolean,
): Candidate {
  const names = pattern.edges.map(({ name }) => name)
  const hasRest = pattern.edges.at(-1)?.kind === 'rest'
  const selection = selectionOf(route)
  return {
    route,
    selection,
    leaf: { text: pattern.text, value: route, shape: shapeFor(method, names, hasRest), memo: null },
    exactHosts: selection.predicates.filter(isExactHost).length,
    condition: isAnswered ? null : conditionOf(route),
    rank: versions.rankOf(selection.version),
    labels: Object.entries(selection.labels),
    share: shareOf(route),
    goneAt: announcementOf(route.lifecycle).goneAt,
  }
}

const comesBefore = (left: Candidate, right: Candidate): number => {
  const [one, other] = [left.selection, right.selection]
  return (
    one.order - other.order ||
    other.predicates.length - one.predicates.length ||
    right.exactHosts - left.exactHosts ||
    (left.route.id < right.route.id ? -1 : 1)
  )
}

/** The routes of a place. */
export const routesAt = (placed: Placed): readonly Route[] =>
  placed instanceof Shared ? placed.routes : [placed]

/** Those of a place that some request may satisfy as well as this one. */
export const rivalsAt = (placed: Placed, route: Route): readonly Route[] =>
  placed instanceof Shared ? placed.rivalsOf(route) : [placed]

/** Whether the request has a say in it: then the router must ask. */
export const isPlain = (routes: readonly { readonly route: Route }[]): boolean =>
  routes.length === 1 && routes[0]!.route.selection === null
