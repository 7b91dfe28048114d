import type { Json } from '../json.ts'
import {
  fieldOf,
  hasField,
  kindOf,
  note,
  readEntries,
  readInteger,
  readName,
  readObject,
  readText,
  refuse,
  refuseKind,
  shown,
  type Input,
} from './input.ts'
import type { Target } from './route.ts'
import { maxUriLength, parseUri } from './uri.ts'

const kinds = ['upstream', 'uri', 'respond', 'redirect']
const redirects: readonly number[] = [301, 302, 303, 307, 308]
/** Statuses whose answers have no body (RFC 9110). */
const bodiless: readonly number[] = [204, 205, 304]

const maxHeaders = 64
const maxHeaderLength = 8192
const maxBodyLength = 65_536

/** Fields that say how a message is sent: whoever sends it writes them. */
const framing: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Reads the target of a route of our own shape; undefined where it has problems. */
export function readTarget(input: Input): Target | undefined {
  if (hasField(input, 'module') || hasField(input, 'handler'))
    return refuse(input, 'a module lists its own routes: deploy the module')
  if (!readObject(input, 'a target', kinds)) return undefined
  const given = kinds.filter((kind) => hasField(input, kind))
  if (given.length !== 1)
    return refuse(input, `a target is exactly one of ${kinds.join(', ')}, not ${given.length}`)
  const [kind = ''] = given
  const field = fieldOf(input, kind)
  if (kind === 'upstream') {
    const upstream = readName(field, 'the name of an upstream')
    return upstream === undefined ? undefined : { kind, upstream }
  }
  if (kind === 'uri') {
    const uri = readOrigin(field)
    return uri === undefined ? undefined : { kind, uri }
  }
  return kind === 'respond' ? readRespond(field) : readRedirect(field)
}

/** The target in our own shape; null for a module's or a closure's, which have none. */
export function renderTarget(target: Target): Json | null {
  switch (target.kind) {
    case 'upstream':
      return { upstream: target.upstream }
    case 'uri':
      return { uri: target.uri }
    case 'respond': {
      const { status, headers, body } = target
      const hasHeaders = Object.keys(headers).length > 0
      return { respond: { status, ...(hasHeaders && { headers }), ...(body !== '' && { body }) } }
    }
    case 'redirect':
      return { redirect: { status: target.status, location: target.location } }
    case 'module':
    case 'closure':
      return null
    default:
      return target satisfies never
  }
}

/** Reads `http://host:port`, in its one spelling. */
export function readOrigin(input: Input): string | undefined {
  if (typeof input.value !== 'string') return refuseKind(input, 'a URI', 'a text')
  const found = parseUri(input.value)
  const reason =
    found.origin !== null && found.hasPath
      ? 'it has a path or query, but the request brings its own'
      : found.reason
  if (reason === null) return found.origin ?? undefined
  note(input, 'TURNOUT_URI_FORBIDDEN', { uri: shown(input.value), reason })
  return undefined
}

function readRespond(input: Input): Target | undefined {
  if (!readObject(input, 'a respond', ['status', 'headers', 'body'])) return undefined
  const status = readInteger(fieldOf(input, 'status'), 'a status', 200, 599)
  const headers = hasField(input, 'headers') ? readHeaders(fieldOf(input, 'headers')) : {}
  const bodyField = fieldOf(input, 'body')
  const body = hasField(input, 'body') ? readText(bodyField, 'a body', 0, maxBodyLength) : ''
  if (status !== undefined && bodiless.includes(status) && body !== undefined && body !== '')
    return refuse(bodyField, `an answer of status ${status} has no body`)
  if (status === undefined || headers === undefined || body === undefined) return undefined
  return { kind: 'respond', status, headers, body }
}

function readHeaders(input: Input): Readonly<Record<string, string>> | undefined {
  const headers: Record<string, string> = {}
  const before = input.problems.length
  const entries = readEntries(input, 'headers', maxHeaders)
  for (const [key, field] of entries ?? []) {
    const name = key.toLowerCase()
    const value = readText(field, 'the value of a header', 0, maxHeaderLength)
    if (!/^[\w!#$%&'*+.^`|~-]{1,256}$/.test(key))
      refuse(field, `${shown(key)} is no name of a header`)
    else if (framing.has(name)) refuse(field, `${name} is written by the gateway`)
    else if (Object.hasOwn(headers, name)) refuse(field, `${name} stands there twice`)
    else if (value !== undefined && !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      refuse(field, `${name} has line breaks, control characters or some beyond Latin-1`)
    else if (value !== undefined) headers[name] = value
  }
  return entries === undefined || input.problems.length > before ? undefined : headers
}

function readRedirect(input: Input): Target | undefined {
  if (!readObject(input, 'a redirect', ['status', 'location'])) return undefined
  const statusField = fieldOf(input, 'status')
  const status = hasField(input, 'status') ? statusField.value : 302
  const isStatus = typeof status === 'number' && redirects.includes(status)
  if (!isStatus) refuse(statusField, `a redirect is ${redirects.join(', ')}, not ${kindOf(status)}`)
  const locationField = fieldOf(input, 'location')
  const location = readText(locationField, 'a location', 1, maxUriLength)
  const reason = location === undefined ? null : locationReason(location)
  if (reason !== null) return refuse(locationField, reason)
  return isStatus && location !== undefined ? { kind: 'redirect', status, location } : undefined
}

/** A client reads more into a location than it shows: `//host` and `/\host` lead elsewhere. */
function locationReason(location: string): string | null {
  if (!/^[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+$/.test(location))
    return 'a location has only the characters of a URI: percent-encode the others'
  if (location.startsWith('/'))
    return location.startsWith('//') ? 'a location that begins with // is another host' : null
  if (!/^https?:\/\/[^/?#]/i.test(location) || !URL.canParse(location))
    return 'a location is an http or https URL, or a path that begins with /'
  return /^https?:\/\/[^/?#]*@/i.test(location) ? 'a location has no credentials' : null
}
