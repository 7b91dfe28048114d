import { TurnoutError } from '../../core/errors.ts'
import { requestConnectionFields } from '../../core/http/fields.ts'
import type { OutgoingRequest } from './client.ts'
import { isFieldText, isToken } from './fields.ts'

/** Methods whose requests say that they have no body, because one is expected (RFC 9110 section 8.6). */
const withBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

const connectionLengths: ReadonlySet<number> = new Set(
  Array.from(requestConnectionFields, ({ length }) => length),
)

const refuse = (reason: string): never => {
  throw new TurnoutError('TURNOUT_REQUEST_UNSENDABLE', { reason })
}

/** Visible ASCII: no space, no control character, nothing that another parser may read as two. */
const isTarget = (target: string): boolean => {
  if (target.charCodeAt(0) !== 47) return target === '*'
  // For a target as short as most are, a regular expression costs more.
  for (let at = 1; at < target.length; at++) {
    const code = target.charCodeAt(at)
    if (code < 33 || code > 126) return false
  }
  return true
}

/** A name and a value are checked once more, whoever checked them before. */
function checkField(name: string, value: string): void {
  if (!isToken(name)) refuse(`the name of a field is no token: ${JSON.stringify(name)}`)
  if (!isFieldText(value, 0, value.length)) {
    refuse(`the field ${name} has control characters, or others than Latin-1`)
  }
  if (connectionLengths.has(name.length) && requestConnectionFields.has(name.toLowerCase()))
    refuse(`the field ${name} belongs to the connection`)
}

function framing({ method, bodyLength }: OutgoingRequest): string {
  if (bodyLength === null) return 'transfer-encoding: chunked\r\n'
  if (!Number.isSafeInteger(bodyLength) || bodyLength < 0)
    refuse('its length is no number of bytes')
  if (bodyLength > 0) return `content-length: ${bodyLength}\r\n`
  return method !== 'GET' && withBody.has(method) ? 'content-length: 0\r\n' : ''
}

/** Was checked; and its line. */
let lastHost = ''
let lastHostLine = 'host: \r\n'

/**
 * The head of a request in Latin-1, but for the empty line at its end, so that `connection: close` can still be said.
 * Exactly one framing for every method: what a server reads behind a head without one is a second request.
 */
export function requestHead(request: OutgoingRequest): string {
  const { method, target, headers, upgrade } = request
  if (!isToken(method) || method === 'CONNECT') refuse(`the method is ${JSON.stringify(method)}`)
  if (!isTarget(target)) refuse('the target is not in origin form')
  if (headers.length % 2 !== 0) refuse('a field has no value')
  let head = `${method} ${target} HTTP/1.1\r\n`
  let hosts = 0
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!
    const value = headers[at + 1]!
    const isHost = name.length === 4 && name.toLowerCase() === 'host'
    if (!isHost) {
      checkField(name, value)
      head += `${name}: ${value}\r\n`
      continue
    }
    hosts += 1
    // Most requests go to the endpoint that the one before went to.
    if (value !== lastHost) {
      checkField(name, value)
      lastHost = value
      lastHostLine = `host: ${value}\r\n`
    }
    head += lastHostLine
  }
  head += request.lines ?? ''
  if (hosts !== 1) refuse(`it has ${hosts} fields Host`)
  if (upgrade !== null) {
    if (!/^[\w!#$%&'*+.^`|~/-]+(?:, ?[\w!#$%&'*+.^`|~/-]+)*$/.test(upgrade)) {
      refuse('upgrade is no list of tokens')
    }
    head += `upgrade: ${upgrade}\r\nconnection: upgrade\r\n`
  }
  return head + framing(request)
}
