import { spend } from '../effort.ts'
import { addressText, doBlocksMeet, parseBlock, type Block } from '../address.ts'
import { commonText } from '../router/overlap-words.ts'
import type { Facts } from './facts.ts'
import { acceptorOf, compilePredicates, usableHost, windowOf } from './predicate.ts'
import type { Predicate } from './route.ts'

/** What a request must have beside method and path; only what is needed. */
export interface RequestWitness {
  readonly host?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly cookies?: Readonly<Record<string, string>>
  /** Address of the connection. */
  readonly client?: string
  /** An instant, in ISO 8601. */
  readonly at?: string
}

type Of<Kind extends Predicate['kind']> = Extract<Predicate, { readonly kind: Kind }>
type Valued = Of<'header' | 'query' | 'cookie'>

/** Texts that count as one: an exact text, a regular expression, or any text. */
type Texts =
  | { readonly equals: string }
  | { readonly matches: string }
  | { readonly equals: string; readonly matches: string }
  | null

/** Whether it is proved that no request at any time satisfies both; not where that took too much effort. */
export function areDisjoint(left: readonly Predicate[], right: readonly Predicate[]): boolean {
  return left.some((one) => right.some((other) => spend(1) && exclude(one, other)))
}

function exclude(one: Predicate, other: Predicate): boolean {
  switch (one.kind) {
    case 'host':
      return (
        other.kind === 'host' &&
        hostsOf(one).every((texts) => hostsOf(other).every((others) => isNone(texts, others)))
      )
    case 'header':
    case 'query':
    case 'cookie':
      // The first parameter or cookie counts, and a header is one joined value: two values exclude each other.
      return (
        other.kind === one.kind &&
        nameOf(one) === nameOf(other) &&
        isNone(textsOf(one), textsOf(other))
      )
    case 'time': {
      if (other.kind !== 'time') return false
      const [[from, until], [otherFrom, otherUntil]] = [windowOf(one), windowOf(other)]
      return Math.max(from, otherFrom) >= Math.min(until, otherUntil)
    }
    case 'client':
      return (
        other.kind === 'client' &&
        other.trusted === one.trusted &&
        blocksOf(one).every((block) => blocksOf(other).every((next) => !doBlocksMeet(block, next)))
      )
    default:
      return one satisfies never
  }
}

/**
 * Whether a request needs more for `left`: all predicates of `right`, as they are written, and others; or with hosts by
 * their names where `right` has wildcards that take these, and not fewer predicates.
 */
export function isStricter(left: readonly Predicate[], right: readonly Predicate[]): boolean {
  const mine = new Set(left.map(keyOf))
  const others = new Set(right.map(keyOf))
  const missing = right.filter((one) => !mine.has(keyOf(one)))
  if (missing.length === 0) return mine.size > others.size
  if (left.length < right.length) return false
  const named = left.filter((one): one is Of<'host'> => isExactHost(one) && !others.has(keyOf(one)))
  return missing.every((wide) => named.some((one) => isWiderHost(wide, one)))
}

/** Whether a predicate asks for hosts by their whole names. */
export const isExactHost = (one: Predicate): boolean =>
  one.kind === 'host' && one.patterns.every((text) => !/[*?{]/.test(text))

/** Whether wildcards take every name of another predicate. */
function isWiderHost(wide: Predicate, { patterns }: Of<'host'>): boolean {
  if (wide.kind !== 'host' || isExactHost(wide)) return false
  const holds = compilePredicates([wide])
  return patterns.every((host) =>
    holds({ header: () => host, remoteAddress: () => undefined, target: '/' }, 0),
  )
}

/** Equal for predicates that say the same in another order or case. */
function keyOf(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'host':
      return JSON.stringify(['host', predicate.patterns.map((text) => text.toLowerCase()).sort()])
    case 'header':
    case 'query':
    case 'cookie':
      return JSON.stringify([
        predicate.kind,
        nameOf(predicate),
        predicate.equals,
        predicate.matches,
      ])
    case 'time':
      return JSON.stringify(['time', ...windowOf(predicate).map(String)])
    case 'client':
      return JSON.stringify(['client', predicate.trusted, [...predicate.sources].sort()])
    default:
      return predicate satisfies never
  }
}

/** What a request may have that satisfies both; null where there is none or it cannot be told. */
export function witnessOf(
  left: readonly Predicate[],
  right: readonly Predicate[],
): RequestWitness | null {
  const all = [...left, ...right]
  const of = <Kind extends Predicate['kind']>(kind: Kind): readonly Of<Kind>[] =>
    all.filter((one): one is Of<Kind> => one.kind === kind)
  const host = hostFor(of('host'))
  const headers = valuesFor(of('header'))
  const query = valuesFor(of('query'))
  const cookies = valuesFor(of('cookie'))
  const forwarded = of('client').filter(({ trusted }) => trusted !== null)
  const client = clientFor(of('client').filter(({ trusted }) => trusted === null))
  const last = clientFor(forwarded)
  if (host === null || headers === null || query === null || cookies === null) return null
  if (client === null || last === null) return null
  if (last !== undefined) headers['x-forwarded-for'] ??= last
  const [from, until] = of('time')
    .map(windowOf)
    .reduce(([a, b], [c, d]) => [Math.max(a, c), Math.min(b, d)], [-Infinity, Infinity])
  const instant = from > -Infinity ? from : until < Infinity ? until - 1 : undefined
  const witness: RequestWitness = {
    ...(host !== undefined && { host }),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(Object.keys(query).length > 0 && { query }),
    ...(Object.keys(cookies).length > 0 && { cookies }),
    ...(client !== undefined && { client }),
    ...(instant !== undefined && { at: new Date(instant).toISOString() }),
  }
  // What serves has the last word: a text may be no field's value, or one predicate may spoil another's.
  return compilePredicates(all)(factsOf(witness), instant ?? 0) ? witness : null
}

/** A request of a witness, as a gateway would see it. */
export function factsOf(witness: RequestWitness, path: string = '/'): Facts {
  const cookies = Object.entries(witness.cookies ?? {})
  const fields = new Map(Object.entries(witness.headers ?? {}))
  if (witness.host !== undefined) fields.set('host', witness.host)
  if (cookies.length > 0)
    fields.set('cookie', cookies.map(([name, value]) => `${name}=${value}`).join('; '))
  const query = new URLSearchParams(Object.entries(witness.query ?? {})).toString()
  return {
    header: (name) => fields.get(name),
    remoteAddress: () => witness.client,
    target: query === '' ? path : `${path}?${query}`,
  }
}

const nameOf = ({ kind, name }: Valued): string => (kind === 'header' ? name.toLowerCase() : name)

const textsOf = ({ equals, matches }: Valued): Texts => {
  if (equals !== null) return matches === null ? { equals } : { equals, matches }
  return matches === null ? null : { matches }
}

const hosts = new WeakMap<Predicate, readonly Texts[]>()

/** Parsed once: a route meets every other one of its place. */
function hostsOf(predicate: Of<'host'>): readonly Texts[] {
  const known = hosts.get(predicate)
  if (known !== undefined) return known
  const found = predicate.patterns.map((text) => {
    const pattern = usableHost(text)
    return pattern.kind === 'name' ? { equals: pattern.name } : { matches: pattern.source }
  })
  hosts.set(predicate, found)
  return found
}

const blocksOf = ({ sources }: Of<'client'>): readonly Block[] =>
  sources.flatMap((source) => parseBlock(source) ?? [])

/** Whether it is proved that no text is in both. */
function isNone(left: Texts, right: Texts): boolean {
  // Most are two names; what follows would come to the same, at several times the price.
  const areNamed = left !== null && right !== null && 'equals' in left && 'equals' in right
  if (areNamed && left.equals !== right.equals) return true
  const exact = [left, right].flatMap((one) =>
    one !== null && 'equals' in one ? [one.equals] : [],
  )
  const sources = sourcesOf([left, right])
  const [text] = exact
  if (text !== undefined) {
    return exact.some((one) => one !== text) || !sources.every((one) => acceptorOf(one)(text))
  }
  const [first, second] = sources
  return first !== undefined && commonText(first, second).kind === 'none'
}

const sourcesOf = (all: readonly Texts[]): readonly string[] =>
  all.flatMap((one) => (one !== null && 'matches' in one ? [one.matches] : []))

/** One text for all, or null. */
function textFor(all: readonly Texts[]): string | null {
  const exact = all.find((one) => one !== null && 'equals' in one)
  const sources = sourcesOf(all)
  const candidates = exact && 'equals' in exact ? [exact.equals] : wordsFor(sources)
  const fits = (text: string): boolean =>
    all.every((one) => one === null || !('equals' in one) || one.equals === text) &&
    sources.every((source) => acceptorOf(source)(text))
  return candidates.find(fits) ?? null
}

/** Of three or more regular expressions every pair is tried. */
function wordsFor(sources: readonly string[]): readonly string[] {
  const pairs = sources.flatMap((one, at) =>
    sources.slice(at).map((other) => [one, other] as const),
  )
  const words = pairs.flatMap(([one, other]) => {
    const found = commonText(one, other)
    return found.kind === 'word' ? [found.text] : []
  })
  return ['x', ...words]
}

function hostFor(hosts: readonly Of<'host'>[]): string | null | undefined {
  const [first, ...others] = hosts
  if (first === undefined) return undefined
  for (const texts of hostsOf(first)) {
    const found = combined([texts], others.map(hostsOf))
    if (found !== null) return found
  }
  return null
}

/** A text of one choice of each list. Few hosts have more than one list, so the first that fits is soon found. */
function combined(
  chosen: readonly Texts[],
  [choices, ...others]: readonly (readonly Texts[])[],
): string | null {
  const found = textFor(chosen)
  if (found === null || choices === undefined) return found
  for (const texts of choices) {
    const next = combined([...chosen, texts], others)
    if (next !== null) return next
  }
  return null
}

function valuesFor(predicates: readonly Valued[]): Record<string, string> | null {
  const values: Record<string, string> = {}
  for (const name of new Set(predicates.map(nameOf))) {
    const found = textFor(predicates.filter((one) => nameOf(one) === name).map(textsOf))
    if (found === null) return null
    values[name] = found
  }
  return values
}

/** An address that lies in a block of each. */
function clientFor(clients: readonly Of<'client'>[]): string | null | undefined {
  if (clients.length === 0) return undefined
  const lists = clients.map(blocksOf)
  // Blocks that meet lie in each other, so the smallest of those that meet is one of the given.
  const found = lists
    .flat()
    .find((block) =>
      lists.every((blocks) =>
        blocks.some((other) => other.bits <= block.bits && doBlocksMeet(block, other)),
      ),
    )
  return found === undefined ? null : addressText(found.address)
}
