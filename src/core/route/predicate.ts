import { isInBlock, parseBlock } from '../address.ts'
import { compileConstraint } from '../router/constraint.ts'
import { clientOf, cookieValueOf, hostOf, queryValueOf, type Facts } from './facts.ts'
import { parseHost } from './host-pattern.ts'
import type { Predicate } from './route.ts'

/** Whether a request holds; `now` in milliseconds since 1970. */
export type Condition = (facts: Facts, now: number) => boolean

/** Longest value that a regular expression is tried on; a longer one never matches. */
export const maxValueLength = 8192

/** All of the predicates in one: they must all hold. They were parsed before, so a bad one is a defect and throws. */
export function compilePredicates(predicates: readonly Predicate[]): Condition {
  const conditions = predicates.map(compilePredicate)
  const [first, second] = conditions
  if (first === undefined) return () => true
  if (second === undefined) return first
  return (facts, now) => conditions.every((condition) => condition(facts, now))
}

function compilePredicate(predicate: Predicate): Condition {
  switch (predicate.kind) {
    case 'host': {
      const accepts = hostAcceptor(predicate.patterns)
      return (facts) => {
        const host = hostOf(facts)
        return host !== undefined && accepts(host)
      }
    }
    case 'header': {
      const name = predicate.name.toLowerCase()
      return valueCondition(predicate, (facts) => facts.header(name))
    }
    case 'query':
      return valueCondition(predicate, (facts) => queryValueOf(facts, predicate.name))
    case 'cookie':
      return valueCondition(predicate, (facts) => cookieValueOf(facts, predicate.name))
    case 'time': {
      const [from, until] = windowOf(predicate)
      return (_, now) => now >= from && now < until
    }
    case 'client': {
      const blocks = predicate.sources.map((source) => usable(parseBlock(source), source))
      return (facts) => {
        const client = clientOf(facts, predicate.trusted)
        return client !== null && blocks.some((block) => isInBlock(client, block))
      }
    }
    default:
      return predicate satisfies never
  }
}

function hostAcceptor(patterns: readonly string[]): (host: string) => boolean {
  const names = new Set<string>()
  const acceptors: ((host: string) => boolean)[] = []
  for (const text of patterns) {
    const pattern = usableHost(text)
    if (pattern.kind === 'name') names.add(pattern.name)
    else acceptors.push(acceptorOf(pattern.source))
  }
  return (host) => names.has(host) || acceptors.some((accepts) => accepts(host))
}

function valueCondition(
  { equals, matches }: { readonly equals: string | null; readonly matches: string | null },
  valueOf: (facts: Facts) => string | undefined,
): Condition {
  const accepts = matches === null ? null : acceptorOf(matches)
  return (facts) => {
    const value = valueOf(facts)
    if (value === undefined || (equals !== null && value !== equals)) return false
    return accepts === null || (value.length <= maxValueLength && accepts(value))
  }
}

/** A predicate's window as instants: the first that holds and the first that no longer does. */
export function windowOf(predicate: {
  readonly from: string | null
  readonly until: string | null
}): readonly [from: number, until: number] {
  const instant = (text: string): number => {
    const time = Date.parse(text)
    return usable(Number.isNaN(time) ? null : time, text)
  }
  return [
    predicate.from === null ? -Infinity : instant(predicate.from),
    predicate.until === null ? Infinity : instant(predicate.until),
  ]
}

/** A host pattern that was parsed before. */
export function usableHost(text: string): Exclude<ReturnType<typeof parseHost>, string> {
  const pattern = parseHost(text)
  return usable(typeof pattern === 'string' ? null : pattern, text)
}

/** A regular expression that was compiled before, matched as a whole. */
export function acceptorOf(source: string): (text: string) => boolean {
  const found = compileConstraint(source)
  const constraint = usable(typeof found === 'string' ? null : found, source)
  return (text) => constraint.accepts(text)
}

function usable<Value>(value: Value | null, text: string): Value {
  if (value === null) throw new Error(`a predicate with ${text} was not checked before`)
  return value
}
