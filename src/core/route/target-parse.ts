import type { Json } from '../json.ts'
import { isRange } from '../version/version.ts'
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
import { fieldNameReason, fieldValueReason, maxFieldLength } from './message-field.ts'
import type { Target } from './route.ts'
import { readLabels } from './selection-parse.ts'
import type { Labels } from './upstream.ts'
import { maxUriLength, parseUri } from './uri.ts'

type Respond = Extract<Target, { readonly kind: 'respond' }>
type Redirect = Extract<Target, { readonly kind: 'redirect' }>

const kinds = ['upstream', 'uri', 'respond', 'redirect']
/** Statuses of a redirect. */
export const redirects: readonly number[] = [301, 302, 303, 307, 308]
/** Statuses whose answers have no body (RFC 9110). */
const bodiless: readonly number[] = [204, 205, 304]

const maxHeaders = 64
const maxBodyLength = 65_536

/** Reads the target of a route of our own shape; undefined where it has problems. */
export function readTarget(input: Input): Target | undefined {
  if (hasField(input, 'module') || hasField(input, 'handler'))
    return refuse(input, 'a module lists its own routes: deploy the module')
  if (!readObject(input, 'a target', [...kinds, 'subset'])) return undefined
  const given = kinds.filter((kind) => hasField(input, kind))
  if (given.length !== 1)
    return refuse(input, `a target is exactly one of ${kinds.join(', ')}, not ${given.length}`)
  const [kind = ''] = given
  const field = fieldOf(input, kind)
  if (kind === 'upstream') {
    const upstream = readName(field, 'the name of an upstream')
    const hasSubset = hasField(input, 'subset')
    const subset = hasSubset ? readSubset(fieldOf(input, 'subset')) : undefined
    return upstream === undefined ? undefined : { kind, upstream, ...(subset && { subset }) }
  }
  if (hasField(input, 'subset'))
    refuse(fieldOf(input, 'subset'), 'a subset is of the endpoints of an upstream')
  if (kind === 'uri') {
    const uri = readOrigin(field)
    return uri === undefined ? undefined : { kind, uri }
  }
  return kind === 'respond' ? readRespond(field) : readRedirect(field)
}

/** At least one label; what stands for `version` is a range. */
function readSubset(input: Input): Labels | undefined {
  const labels = readLabels(input)
  if (labels === undefined) return undefined
  const { version } = labels
  if (Object.keys(labels).length === 0) refuse(input, 'a subset has at least one label')
  if (version !== undefined && !isRange(version))
    refuse(fieldOf(input, 'version'), `${shown(version)} is no version or range like 1.3.x or ^2`)
  return labels
}

/** The target in our own shape; null for a module's or a closure's, which have none. */
export function renderTarget(target: Target): Json | null {
  switch (target.kind) {
    case 'upstream':
      return { upstream: target.upstream, ...(target.subset && { subset: target.subset }) }
    case 'uri':
      return { uri: target.uri }
    case 'respond':
      return { respond: renderRespond(target) }
    case 'redirect':
      return { redirect: { status: target.status, location: target.location } }
    case 'module':
    case 'closure':
      return null
    default:
      return target satisfies never
  }
}

/** Reads `http://host:port` or `unix:/path.sock`, in its one spelling. */
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

/** What a fixed answer says, without what it leaves out. */
export function renderRespond({ status, headers, body }: Omit<Respond, 'kind'>): Json {
  const hasHeaders = Object.keys(headers).length > 0
  return { status, ...(hasHeaders && { headers }), ...(body !== '' && { body }) }
}

/** Reads a fixed answer. */
export function readRespond(input: Input): Respond | undefined {
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
    const value = readText(field, 'the value of a header', 0, maxFieldLength)
    const reason =
      fieldNameReason(key) ?? (value === undefined ? null : fieldValueReason(name, value))
    if (reason !== null) refuse(field, reason)
    else if (Object.hasOwn(headers, name)) refuse(field, `${name} stands there twice`)
    else if (value !== undefined) headers[name] = value
  }
  return entries === undefined || input.problems.length > before ? undefined : headers
}

/** Reads a redirect. */
export function readRedirect(input: Input): Redirect | undefined {
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
