import { problem, type Problem } from '../errors.ts'

/** Fields of one connection, or that say where a message ends: whoever sends a message writes these itself. */
export const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The same in a request, where a connection is negotiated as well. */
export const requestConnectionFields: ReadonlySet<string> = new Set([
  ...connectionFields,
  'expect',
  'http2-settings',
])

/** What is not passed on: RFC 9110 section 7.6.1. */
const hopByHop: ReadonlySet<string> = new Set([
  ...requestConnectionFields,
  'proxy-authenticate',
  'proxy-authorization',
])

const hopLengths: ReadonlySet<number> = new Set(Array.from(hopByHop, ({ length }) => length))

/** Fields that a client must not have removed on the way: who acts on them believes that they are there. */
const protectedNames: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'authorization',
  'cookie',
  'forwarded',
  'x-forwarded',
  'x-real-ip',
])

/** A field's name as the loosest reader takes it: many turn `_` and `-` into the same variable. */
export function looseName(name: string): string {
  const lower = name.toLowerCase()
  return lower.includes('_') ? lower.replaceAll('_', '-') : lower
}

const isProtected = (token: string): boolean => {
  const name = looseName(token)
  return protectedNames.has(name) || name.startsWith('x-forwarded-') || name.startsWith('turnout-')
}

const isHopByHop = (name: string): boolean =>
  hopLengths.has(name.length) && hopByHop.has(name.toLowerCase())

const isConnection = (name: string): boolean =>
  name.length === 10 && name.toLowerCase() === 'connection'

/**
 * The fields of a request that are for its target: without those of the connection, those that `Connection` names, those
 * that say how the body is framed, and `Expect`. Flat lists, as received. The same list, where nothing is to be
 * removed. A problem (400), where `Connection` names a field that is not the client's to remove.
 */
export function endToEndFields(rawHeaders: readonly string[]): readonly string[] | Problem {
  let isEndToEnd = true
  let named: Set<string> | null = null
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (!isHopByHop(name)) continue
    isEndToEnd = false
    if (!isConnection(name)) continue
    for (const part of rawHeaders[at + 1]!.split(',')) {
      const token = part.trim().toLowerCase()
      if (token === '' || token === 'close') continue
      if (isProtected(token)) return problem('TURNOUT_CONNECTION_INVALID', { name: token })
      named ??= new Set()
      named.add(token)
    }
  }
  if (isEndToEnd) return rawHeaders
  const kept: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (isHopByHop(name) || named?.has(name.toLowerCase()) === true) continue
    kept.push(name, rawHeaders[at + 1]!)
  }
  return kept
}

/** What becomes of fields with `_` in their name. */
export type Underscores = 'drop' | 'refuse' | 'keep'

/** Whether a field's name has `_`, which many programs take for `-`: a name that no check of ours has looked at. */
export function hasUnderscore(rawHeaders: readonly string[]): boolean {
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]!.includes('_')) return true
  return false
}

/**
 * The fields without those whose name has `_`. The same list where there is none; half of what it is shorter by is how
 * many were dropped.
 */
export function cleanFields(rawHeaders: readonly string[]): readonly string[] {
  if (!hasUnderscore(rawHeaders)) return rawHeaders
  const kept: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (!rawHeaders[at]!.includes('_')) kept.push(rawHeaders[at]!, rawHeaders[at + 1]!)
  }
  return kept
}

const isNamed = (name: string, lowerCase: string): boolean =>
  name.length === lowerCase.length && name.toLowerCase() === lowerCase

/** First value of a field of a flat list; `name` in lower case. */
export function fieldValue(headers: readonly string[], name: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2)
    if (isNamed(headers[at]!, name)) return headers[at + 1]
  return undefined
}

/** All values of a field, joined as RFC 9110 section 5.3 asks, or with another separator; `name` in lower case. */
export function joinedValue(
  headers: readonly string[],
  name: string,
  separator: string = ', ',
): string | undefined {
  let joined: string | undefined
  for (let at = 0; at < headers.length; at += 2)
    if (isNamed(headers[at]!, name))
      joined = joined === undefined ? headers[at + 1]! : `${joined}${separator}${headers[at + 1]!}`
  return joined
}

/** A flat list with one field of that name; `name` in lower case. */
export function withFieldOnce(headers: readonly string[], name: string, value: string): string[] {
  const kept = fieldValue(headers, name) === undefined ? [...headers] : withoutField(headers, name)
  kept.push(name, value)
  return kept
}

/** A flat list whose one `vary` also names these fields, `Accept, Cookie`. */
export function withVary(headers: readonly string[], names: string): string[] {
  if (fieldValue(headers, 'vary') === undefined) return [...headers, 'vary', names]
  const members: string[] = []
  for (let at = 0; at < headers.length; at += 2)
    if (isNamed(headers[at]!, 'vary'))
      members.push(...headers[at + 1]!.split(',').map((one) => one.trim()))
  const known = new Set(members.map((one) => one.toLowerCase()))
  // All of them are in it already.
  if (known.has('*')) return [...headers]
  const added = names.split(', ').filter((one) => !known.has(one.toLowerCase()))
  if (added.length === 0) return [...headers]
  const all = [...members.filter((one) => one !== ''), ...added].join(', ')
  return withFieldOnce(headers, 'vary', all)
}

/** A flat list without a field; `name` in lower case. */
export function withoutField(headers: readonly string[], name: string): string[] {
  const kept: string[] = []
  for (let at = 0; at < headers.length; at += 2)
    if (!isNamed(headers[at]!, name)) kept.push(headers[at]!, headers[at + 1]!)
  return kept
}
