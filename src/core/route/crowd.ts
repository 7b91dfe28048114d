import { editMap, emptyMap, entriesFrom, getKey, type PersistentMap } from '../persistent-map.ts'
import type { Pattern } from '../router/pattern.ts'
import type { Leaf } from '../router/node.ts'
import { Choice, Shared, type Placed, type Sole } from './choice.ts'
import { cookieValueOf, hostOf, queryValueOf, type Facts } from './facts.ts'
import { usableHost } from './predicate.ts'
import type { Predicate, Route } from './route.ts'
import { ValueIndex } from './value-index.ts'

/** A route at a place, with the names that its own pattern has for params. */
export interface Spot {
  readonly route: Route
  readonly pattern: Pattern
}

/** What tells the routes of a place apart: the host, or the exact value of one field. */
export interface Field {
  readonly kind: 'host' | 'header' | 'query' | 'cookie'
  /** Empty for the host. */
  readonly name: string
}

/** From so many routes on, an index is worth its price. */
export const crowdSize = 32

/** So many candidates a crowd remembers in choices that it has made. */
const maxRemembered = 65_536

/**
 * Many routes of one place and method, most of which ask for one host each, or for one value of one field. A request
 * asks those of its own value and those that are in no bucket, and no others: the rest cannot hold.
 *
 *     host a.test ──> bucket "a.test" ──┐
 *     host b.test      bucket "b.test"  ├──> choice of these, in their order
 *     (all others: wildcards, none) ────┘
 *
 * Immutable; a change shares all buckets that it does not touch.
 */
export class Crowd extends Shared {
  readonly method: string
  readonly pattern: Pattern
  readonly field: Field
  readonly size: number
  /** Of routes that the field does not tell apart. */
  readonly others: readonly Spot[]
  readonly buckets: PersistentMap<readonly Spot[]>
  /** By value; only of those that have a bucket, so clients cannot make it grow. */
  readonly #known: ValueIndex<Choice | Sole>
  readonly #most: number
  #alone: Choice | null

  constructor(
    method: string,
    pattern: Pattern,
    field: Field,
    parts: Pick<Crowd, 'size' | 'others' | 'buckets'>,
  ) {
    super()
    this.method = method
    this.pattern = pattern
    this.field = field
    this.size = parts.size
    this.others = parts.others
    this.buckets = parts.buckets
    this.#known = new ValueIndex()
    this.#most = Math.max(16, maxRemembered / (parts.others.length + 1))
    this.#alone = null
  }

  choiceFor(facts: Facts): Choice | Sole | null {
    // What is known is as patterns have it: most clients send a host just so, and nothing has to be read of it.
    const asSent = sentValue(this.field, facts)
    if (asSent === undefined) return this.#withoutBucket()
    const known = this.#known.get(asSent)
    if (known !== undefined) return known
    if (this.field.kind !== 'host') return this.#find(asSent)
    const host = hostOf(facts)
    if (host === undefined) return this.#withoutBucket()
    return (host === asSent ? undefined : this.#known.get(host)) ?? this.#find(host)
  }

  #find(value: string): Choice | Sole | null {
    const bucket = getKey(this.buckets, value)
    if (bucket === undefined) return this.#withoutBucket()
    const { method, field, others } = this
    const choice =
      others.length === 0
        ? ownChoice(method, field, bucket)
        : new Choice(method, [...others, ...bucket], (route) => isAnswered(field, route))
    const found = choice.choiceFor()
    if (this.#known.size >= this.#most) this.#known.clear()
    // The route's own text of it: that of the request may be a part of its whole head, and keep it.
    const own = keysOf(field, bucket[0]!.route)?.find((key) => key === value)
    this.#known.add(own ?? value, found)
    return found
  }

  #withoutBucket(): Choice | Sole | null {
    if (this.others.length === 0) return null
    return (this.#alone ??= new Choice(this.method, this.others)).choiceFor()
  }

  /** Those beside whom a route may not be able to stand: no request satisfies any of the others and this one. */
  meeting(route: Route): readonly Spot[] {
    const keys = keysOf(this.field, route)
    if (keys === null) return this.spots()
    const inBuckets = keys.flatMap((key) => getKey(this.buckets, key) ?? none)
    return [...this.others, ...distinct(inBuckets)]
  }

  /** Most routes that one request asks once this one is in. */
  mostAsked(route: Route): number {
    const keys = keysOf(this.field, route)
    if (keys === null) return this.others.length + 1 + mostIn(this.buckets)
    const sizes = keys.map((key) => getKey(this.buckets, key)?.length ?? 0)
    return this.others.length + 1 + Math.max(...sizes)
  }

  with(given: Spot): Crowd {
    const { method, pattern, field, size, others, buckets } = this
    const spot = sharing(pattern, given)
    const keys = keysOf(field, spot.route)
    if (keys === null)
      return new Crowd(method, pattern, field, {
        size: size + 1,
        others: [...others, spot],
        buckets,
      })
    const changes = keys.map((key) => ({ key, value: [...(getKey(buckets, key) ?? none), spot] }))
    return new Crowd(method, pattern, field, {
      size: size + 1,
      others,
      buckets: editMap(buckets, changes),
    })
  }

  /** The same, where the route is not in it. */
  without(route: Route): Crowd {
    const { method, pattern, field, size, others, buckets } = this
    const isOther = (spot: Spot): boolean => spot.route.id !== route.id
    const keys = keysOf(field, route)
    const lists = keys === null ? [others] : keys.map((key) => getKey(buckets, key) ?? none)
    if (lists.every((list) => list.every(isOther))) return this
    if (keys === null)
      return new Crowd(method, pattern, field, {
        size: size - 1,
        others: others.filter(isOther),
        buckets,
      })
    const changes = keys.map((key, at) => {
      const value = lists[at]!.filter(isOther)
      return value.length === 0 ? { key } : { key, value }
    })
    return new Crowd(method, pattern, field, {
      size: size - 1,
      others,
      buckets: editMap(buckets, changes),
    })
  }

  get routes(): readonly Route[] {
    return this.spots().map(({ route }) => route)
  }

  rivalsOf(route: Route): readonly Route[] {
    return this.meeting(route).map((spot) => spot.route)
  }

  leafOf(id: string): Leaf<Placed> | null {
    const spot = this.spots().find(({ route }) => route.id === id)
    return spot === undefined ? null : new Choice(this.method, [spot]).leafOf(id)
  }

  spots(): readonly Spot[] {
    return [
      ...this.others,
      ...distinct([...entriesFrom(this.buckets, '')].flatMap(([, one]) => one)),
    ]
  }
}

const none: readonly Spot[] = []

/** With one object for all who have the same pattern: whoever compares them looks at nothing more. */
const sharing = (pattern: Pattern, spot: Spot): Spot =>
  spot.pattern.text === pattern.text ? { route: spot.route, pattern } : spot

const owned = new WeakMap<readonly Spot[], Choice>()

/** Of one bucket alone: it outlives changes to others. */
function ownChoice(method: string, field: Field, bucket: readonly Spot[]): Choice {
  let choice = owned.get(bucket)
  if (choice === undefined) {
    choice = new Choice(method, bucket, (route) => isAnswered(field, route))
    owned.set(bucket, choice)
  }
  return choice
}

/** Whether to come to a bucket of a route is all that it asks. */
function isAnswered(field: Field, route: Route): boolean {
  const [predicate, further] = route.selection?.predicates ?? []
  if (predicate === undefined || further !== undefined) return false
  return !('matches' in predicate && predicate.matches !== null) && keysOf(field, route) !== null
}

const distinct = (spots: readonly Spot[]): readonly Spot[] => [...new Set(spots)]

const largest = new WeakMap<object, number>()

function mostIn(buckets: PersistentMap<readonly Spot[]>): number {
  let most = largest.get(buckets)
  if (most === undefined) {
    most = 0
    for (const [, bucket] of entriesFrom(buckets, '')) most = Math.max(most, bucket.length)
    largest.set(buckets, most)
  }
  return most
}

/** The value of the field; a host as it was sent. */
function sentValue({ kind, name }: Field, facts: Facts): string | undefined {
  switch (kind) {
    case 'host':
      return facts.header('host')
    case 'header':
      return facts.header(name)
    case 'query':
      return queryValueOf(facts, name)
    case 'cookie':
      return cookieValueOf(facts, name)
    default:
      return kind satisfies never
  }
}

const nameOf = ({ kind, name }: Field): string => (kind === 'header' ? name.toLowerCase() : name)

/** The values of the field that a route can serve; null: any, for all that is known. */
export function keysOf(field: Field, { selection }: Route): readonly string[] | null {
  for (const predicate of selection?.predicates ?? []) {
    if (predicate.kind !== field.kind) continue
    if (predicate.kind === 'host') {
      const names = namesOf(predicate.patterns)
      if (names !== null) return names
    } else if ('equals' in predicate && predicate.equals !== null) {
      if (nameOf({ kind: field.kind, name: predicate.name }) === field.name)
        return [predicate.equals]
    }
  }
  return null
}

/** Each once; null where one of them has wildcards. */
function namesOf(patterns: readonly string[]): readonly string[] | null {
  const names = new Set<string>()
  for (const text of patterns) {
    const pattern = usableHost(text)
    if (pattern.kind !== 'name') return null
    names.add(pattern.name)
  }
  return [...names]
}

const fieldOf = (predicate: Predicate): Field | null => {
  if (predicate.kind === 'host') return { kind: 'host', name: '' }
  if (!('equals' in predicate) || predicate.equals === null) return null
  return { kind: predicate.kind, name: nameOf(predicate) }
}

/** The field that tells most routes apart, and how many it leaves; null: none does. */
export function bestField(
  spots: readonly Spot[],
): { readonly field: Field; readonly left: number } | null {
  const counts = new Map<string, { readonly field: Field; count: number }>()
  for (const { route } of spots) {
    const seen = new Set<string>()
    for (const predicate of route.selection?.predicates ?? []) {
      const field = fieldOf(predicate)
      const key = field === null ? '' : `${field.kind} ${field.name}`
      if (field === null || seen.has(key) || keysOf(field, route) === null) continue
      seen.add(key)
      const known = counts.get(key)
      if (known === undefined) counts.set(key, { field, count: 1 })
      else known.count += 1
    }
  }
  let best: { readonly field: Field; readonly count: number } | null = null
  for (const one of counts.values()) if (best === null || one.count > best.count) best = one
  return best && { field: best.field, left: spots.length - best.count }
}

/** A crowd of routes of one place. */
export function crowdOf(
  method: string,
  pattern: Pattern,
  field: Field,
  spots: readonly Spot[],
): Crowd {
  const others: Spot[] = []
  const buckets = new Map<string, Spot[]>()
  for (const one of spots) {
    const spot = sharing(pattern, one)
    const keys = keysOf(field, spot.route)
    if (keys === null) others.push(spot)
    for (const key of keys ?? []) {
      const bucket = buckets.get(key)
      if (bucket === undefined) buckets.set(key, [spot])
      else bucket.push(spot)
    }
  }
  return new Crowd(method, pattern, field, {
    size: spots.length,
    others,
    buckets: editMap(
      emptyMap as PersistentMap<readonly Spot[]>,
      [...buckets].map(([key, value]) => ({ key, value })),
    ),
  })
}
