import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../admin/duration.ts'
import { mostWorkers } from '../config/schema.ts'
import type { Removal } from './instance/commands.ts'

/** Readers of single words of the command line; each throws what commander prints. */

const wholeNumber = (text: string, least: number, most: number): number => {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (number >= least && number <= most) return number
  throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`)
}

export function toPort(text: string): number {
  return wholeNumber(text, 0, 65_535)
}

export function toMs(text: string): number {
  return wholeNumber(text, 0, 2_147_483_647)
}

export function toWorkers(text: string): number {
  return wholeNumber(text, 0, mostWorkers)
}

export function toLane(text: string): 'fast' | 'safe' {
  if (text === 'fast' || text === 'safe') return text
  throw new InvalidArgumentError('Expected fast or safe.')
}

export function toRevision(text: string): number {
  return wholeNumber(text, 0, 999_999_999_999_999)
}

/** Most rows of a list. */
export function toLimit(text: string): number {
  return wholeNumber(text, 1, 100_000)
}

/** Where something beside the gateway listens. */
export interface Place {
  readonly host: string
  readonly port: number
}

/** `HOST:PORT`, a port alone, or `off`. Not null for that: the parser of options takes it for a missing value. */
export function toPlace(text: string): Place | 'off' {
  if (text === 'off') return text
  const [, host = '127.0.0.1', port = ''] = /^(?:(.+):)?(\d+)$/.exec(text) ?? []
  if (port === '') throw new InvalidArgumentError('Expected HOST:PORT, or off.')
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: toPort(port) }
}

/** The path that a URL names: an absolute URL or a path that starts with `/`. */
export function toTarget(text: string): string {
  if (text.startsWith('/') || URL.canParse(text)) return text
  throw new InvalidArgumentError('Expected a path that starts with /, or an absolute URL.')
}

/** The origin that a URL names. */
export function toOrigin(text: string): string {
  const { protocol, origin } = URL.canParse(text) ? new URL(text) : { protocol: '', origin: '' }
  if (protocol === 'http:' || protocol === 'https:') return origin
  throw new InvalidArgumentError('Expected an http:// or https:// URL.')
}

export function toMethod(text: string): string {
  // RFC 9110 section 9.1: a method is a token.
  if (/^[\w!#$%&'*+.^`|~-]+$/.test(text)) return text.toUpperCase()
  throw new InvalidArgumentError('Expected an HTTP method, such as GET.')
}

type Headers = Readonly<Record<string, string>>

/** Adds `name: value`; a name that was there already is one value, as HTTP joins them. */
export function toHeaders(text: string, before: Headers = {}): Headers {
  const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):\s*(.*?)\s*$/s.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError("Expected a header field, 'name: value'.")
  const key = name.toLowerCase()
  const there = Object.hasOwn(before, key) ? before[key] : undefined
  return { ...before, [key]: there === undefined ? value : `${there}, ${value}` }
}

/** Adds `NAME=URL,URL`: a service and its endpoints. */
export function toServices(
  text: string,
  before: Readonly<Record<string, readonly string[]>> = {},
): Readonly<Record<string, readonly string[]>> {
  const [, name, urls] = /^([\w.-]+)=(.+)$/.exec(text) ?? []
  if (name === undefined || urls === undefined)
    throw new InvalidArgumentError('Expected NAME=URL or NAME=URL,URL.')
  return { ...before, [name]: urls.split(',').map((url) => url.trim()) }
}

/** Adds one more word to those before. */
export function toWords(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

/** `5m` */
export function toDuration(text: string): string {
  if (parseDuration(text) !== null) return text
  throw new InvalidArgumentError('Expected a duration such as 30s, 5m or 1h.')
}

/** Adds `route:ID`, `upstream:NAME` or `module:NAME`. */
export function toRemovals(text: string, before: readonly Removal[] = []): readonly Removal[] {
  const [, kind, name] = /^(route|upstream|module):(.+)$/s.exec(text) ?? []
  if (kind === undefined || name === undefined)
    throw new InvalidArgumentError('Expected route:ID, upstream:NAME or module:NAME.')
  return [...before, { kind: kind as Removal['kind'], name }]
}
