import { parseAddress, type Address } from '../address.ts'
import { maxHostLength } from './host-pattern.ts'

/** What predicates ask of a request. */
export interface Facts {
  /** Value of a request field by lower-case name; several are joined as RFC 9110 section 5.3 asks. */
  header(name: string): string | undefined
  /** Address of the connection. */
  remoteAddress(): string | undefined
  /** Who the request is from, where that need not be the connection. */
  clientAddress?(): string | undefined
  /** Request target in origin form: raw path and query. */
  readonly target: string
}

/** The Host without port, in lower case and without a dot at its end; undefined where it is none. */
export function hostOf(facts: Facts): string | undefined {
  const field = facts.header('host')
  if (field === undefined || field.length > maxHostLength + 6) return undefined
  const host = field.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
  const isHost = host !== '' && host.length <= maxHostLength && !/^\.|\.\.|\.$/.test(host)
  return isHost ? host : undefined
}

/** The first value of a query parameter, decoded as HTML forms encode it. */
export function queryValueOf(facts: Facts, name: string): string | undefined {
  const { target } = facts
  let at = target.indexOf('?') + 1
  if (at === 0) return undefined
  while (at < target.length) {
    const stop = target.indexOf('&', at)
    const end = stop < 0 ? target.length : stop
    const value = valueOfPiece(target.slice(at, end), name)
    if (value !== undefined) return value
    at = end + 1
  }
  return undefined
}

function valueOfPiece(piece: string, name: string): string | undefined {
  if (piece === '') return undefined
  if (/[%+]/.test(piece)) {
    // The `&` keeps a question mark at the beginning of a name.
    return new URLSearchParams(`&${piece}`).get(name) ?? undefined
  }
  const equals = piece.indexOf('=')
  if (equals < 0) return piece === name ? '' : undefined
  return equals === name.length && piece.startsWith(name) ? piece.slice(equals + 1) : undefined
}

/** The first cookie of a name (RFC 6265: the one of the longest path), without the quotes around it. */
export function cookieValueOf(facts: Facts, name: string): string | undefined {
  const field = facts.header('cookie')
  if (field === undefined) return undefined
  for (let at = 0; at < field.length;) {
    const stop = field.indexOf(';', at)
    const end = stop < 0 ? field.length : stop
    const equals = field.indexOf('=', at)
    if (equals < 0) return undefined
    if (equals < end && trimmed(field.slice(at, equals)) === name) {
      const value = trimmed(field.slice(equals + 1, end))
      const isQuoted = value.length > 1 && value.startsWith('"') && value.endsWith('"')
      return isQuoted ? value.slice(1, -1) : value
    }
    at = end + 1
  }
  return undefined
}

/** Spaces and tabs only: other white space is part of a value. */
function trimmed(text: string): string {
  let from = 0
  let end = text.length
  while (from < end && isBlank(text.charCodeAt(from))) from += 1
  while (end > from && isBlank(text.charCodeAt(end - 1))) end -= 1
  return text.slice(from, end)
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

/** Who the request is from: the connection, or whom the listener's trusted proxies name. */
export function addressOf(facts: Facts): string | undefined {
  return facts.clientAddress === undefined ? facts.remoteAddress() : facts.clientAddress()
}

/**
 * Who called: the client that the listener knows, or with `trusted` the entry of `X-Forwarded-For` so many places from its end, the first
 * where there are fewer, the former where there is no such field.
 */
export function clientOf(facts: Facts, trusted: number | null): Address | null {
  const forwarded = trusted === null ? undefined : facts.header('x-forwarded-for')
  if (trusted === null || forwarded === undefined || trimmed(forwarded) === '')
    return parseAddress(addressOf(facts) ?? '')
  const entries = forwarded.split(',')
  const entry = trimmed(entries[Math.max(0, entries.length - trusted)] ?? '')
  const withPort = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/.exec(entry)
  return parseAddress(withPort?.[1] ?? withPort?.[2] ?? entry)
}
