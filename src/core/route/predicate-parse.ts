import { parseBlock } from '../address.ts'
import { parseInstant } from '../instant.ts'
import type { Json } from '../json.ts'
import { compileConstraint } from '../router/constraint.ts'
import { parseHost } from './host-pattern.ts'
import {
  fieldOf,
  hasField,
  kindOf,
  readInteger,
  readList,
  readObject,
  readText,
  refuse,
  refuseKind,
  shown,
  type Input,
} from './input.ts'
import type { Predicate } from './route.ts'

type Valued = 'header' | 'query' | 'cookie'

const keysOfKind: Readonly<Record<Predicate['kind'], readonly string[]>> = {
  host: ['patterns'],
  header: ['name', 'equals', 'matches'],
  query: ['name', 'equals', 'matches'],
  cookie: ['name', 'equals', 'matches'],
  time: ['from', 'until'],
  client: ['sources', 'trusted'],
}
const kinds = Object.keys(keysOfKind) as readonly Predicate['kind'][]

/** Most predicates of one route, rule or cohort. */
export const maxPredicates = 32
/** Most host patterns or sources of one predicate. */
export const maxAlternatives = 32
/** Most proxies in a row that are trusted. */
export const maxTrusted = 32
/** Longest text that a field, parameter or cookie equals. */
export const maxText = 1024

/** Reads a list of predicates of our own shape. */
export function readPredicates(input: Input, least: number): readonly Predicate[] | undefined {
  return readList(input, 'predicates', least, maxPredicates)?.flatMap(
    (item) => readPredicate(item) ?? [],
  )
}

/** Reads a predicate of our own shape, `{ kind, ... }`; undefined where it has problems. */
export function readPredicate(input: Input): Predicate | undefined {
  const field = fieldOf(input, 'kind')
  const kind = kinds.find((one) => one === field.value)
  if (kind === undefined && typeof field.value === 'string')
    return refuse(
      field,
      `a predicate is of the kind ${kinds.join(', ')}, not ${kindOf(field.value)}`,
    )
  const known = kind === undefined ? Object.values(keysOfKind).flat() : keysOfKind[kind]
  if (!readObject(input, 'a predicate', ['kind', ...known])) return undefined
  switch (kind) {
    case 'host':
      return readHosts(fieldOf(input, 'patterns'))
    case 'header':
    case 'query':
    case 'cookie':
      return readValued(input, kind)
    case 'time':
      return readWindow(input)
    case 'client':
      return readClient(input)
    case undefined:
      return refuseKind(field, 'the kind of a predicate', 'a text')
    default:
      return kind satisfies never
  }
}

/** The predicate in our own shape. */
export function renderPredicate(predicate: Predicate): Json {
  const fields: readonly (readonly [string, Json])[] = Object.entries(predicate)
  return Object.fromEntries(fields.filter(([, value]) => value !== null))
}

function readHosts(input: Input): Predicate | undefined {
  const patterns = readList(input, 'patterns of a host', 1, maxAlternatives)?.map((item) => {
    const text = readText(item, 'a host pattern', 1, maxText)
    return text === undefined ? undefined : checked(item, hostReason(text), tidyHost(text))
  })
  return allRead(patterns) ? { kind: 'host', patterns } : undefined
}

function readValued(input: Input, kind: Valued): Predicate | undefined {
  const nameField = fieldOf(input, 'name')
  const given = readText(nameField, `the name of a ${kind}`, 1, maxText)
  const name =
    given === undefined
      ? undefined
      : checked(nameField, nameReason(kind, given), tidyName(kind, given))
  const [equals, matches] = [
    optional(input, 'equals', (field) => {
      const text = readText(field, 'what it equals', 0, maxText)
      return text === undefined ? undefined : checked(field, valueReason(kind, text), text)
    }),
    optional(input, 'matches', (field) => {
      const text = readText(field, 'what it matches', 1, maxText)
      return text === undefined ? undefined : checked(field, expressionReason(text), text)
    }),
  ]
  if (hasField(input, 'equals') && hasField(input, 'matches'))
    return refuse(input, 'a predicate has either equals or matches')
  if (name === undefined || equals === undefined || matches === undefined) return undefined
  return { kind, name, equals, matches }
}

function readWindow(input: Input): Predicate | undefined {
  const [from, until] = ['from', 'until'].map((key) =>
    optional(input, key, (field) => {
      const text = readText(field, 'an instant', 1, 64)
      const time = text === undefined ? undefined : parseInstant(text)
      return time === null
        ? refuse(field, `${kindOf(text)} is no instant like 2026-01-01T12:00:00Z`)
        : time
    }),
  )
  if (from === undefined || until === undefined) return undefined
  if (from === null && until === null)
    return refuse(input, 'a predicate of time has from, until or both')
  if (from !== null && until !== null && from >= until)
    return refuse(input, 'until is not later than from')
  return { kind: 'time', from: isoOf(from), until: isoOf(until) }
}

function readClient(input: Input): Predicate | undefined {
  const sources = readList(fieldOf(input, 'sources'), 'sources', 1, maxAlternatives)?.map(
    (item) => {
      const text = readText(item, 'a source', 1, 128)
      return text === undefined ? undefined : checked(item, sourceReason(text), text)
    },
  )
  const trusted = optional(input, 'trusted', (field) =>
    readInteger(field, 'the number of trusted proxies', 1, maxTrusted),
  )
  return allRead(sources) && trusted !== undefined
    ? { kind: 'client', sources, trusted }
    : undefined
}

/** Null where the key is not there, undefined where its value has problems. */
function optional<Value>(
  input: Input,
  key: string,
  read: (field: Input) => Value | undefined,
): Value | null | undefined {
  return hasField(input, key) ? read(fieldOf(input, key)) : null
}

const checked = (input: Input, reason: string | null, text: string): string | undefined =>
  reason === null ? text : refuse(input, reason)

const allRead = <Value>(
  values: readonly (Value | undefined)[] | undefined,
): values is readonly Value[] => values !== undefined && !values.includes(undefined)

export const isoOf = (time: number | null): string | null =>
  time === null ? null : new Date(time).toISOString()

/** A host pattern in its one spelling. */
export const tidyHost = (text: string): string => text.toLowerCase().replace(/\.$/, '')

/** The name of a field in its one spelling; those of parameters and cookies tell cases apart. */
export const tidyName = (kind: Valued, name: string): string =>
  kind === 'header' ? name.toLowerCase() : name

/** Why a host pattern is refused, or null. */
export function hostReason(text: string): string | null {
  const pattern = parseHost(text)
  return typeof pattern === 'string' ? pattern : null
}

/** Why a regular expression is refused, or null. */
export function expressionReason(source: string): string | null {
  const constraint = compileConstraint(source)
  return typeof constraint === 'string' ? constraint : null
}

/** Why an address or block is refused, or null. */
export function sourceReason(text: string): string | null {
  return parseBlock(text) === null
    ? `${shown(text)} is no address or block like 10.0.0.0/8 or fd00::/8`
    : null
}

/** Why the name of a field, parameter or cookie is refused, or null. */
export function nameReason(kind: Valued, name: string): string | null {
  if (kind === 'query') return name.length <= maxText ? null : `the name of a ${kind} is too long`
  const isToken = name.length <= 256 && /^[\w!#$%&'*+.^`|~-]+$/.test(name)
  return isToken ? null : `${shown(name)} is no name of a ${kind}`
}

/** Why no value of a field or cookie is this text, or null. */
export function valueReason(kind: Valued, text: string): string | null {
  if (kind === 'query') return null
  const isSent = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/
  const isValue = isSent.test(text) && (kind === 'header' || !text.includes(';'))
  return isValue ? null : `no ${kind} has the value ${shown(text)}`
}
