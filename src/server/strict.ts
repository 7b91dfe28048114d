import type { IncomingMessage } from 'node:http'
import { problem, type Problem } from '../core/errors.ts'
import { hasUnderscore, type Underscores } from '../core/http/fields.ts'
import type { Limits } from '../core/http/limits.ts'
import { isValidAuthority } from './authority.ts'

/** What a request must obey before anybody sees it. */
export interface Rules {
  readonly limits: Pick<Limits, 'headerFields' | 'targetLength'>
  readonly underscores: Underscores
}

const invalid = (reason: string): Problem => problem('TURNOUT_REQUEST_INVALID', { reason })

/** `\` is a slash to some readers; in a query browsers send it as it is. */
const isPlainTarget = (url: string, method: string): boolean => {
  const isKnown = url.charCodeAt(0) === 47 || /^https?:\/\//i.test(url)
  if (url.includes('#') || !(isKnown || (url === '*' && method === 'OPTIONS'))) return false
  const at = url.indexOf('\\')
  if (at < 0) return true
  const query = url.indexOf('?')
  return query >= 0 && query < at
}

/**
 * Why a request is refused, or null. Node's parser has refused much already; this is what it lets pass and what the next
 * reader could understand in another way. Whoever answers a refused request closes its connection.
 */
export function refusalOf(request: IncomingMessage, rules: Rules): Problem | null {
  const { rawHeaders, httpVersionMajor, httpVersionMinor } = request
  const method = request.method!
  const url = request.url!
  const { headerFields, targetLength } = rules.limits
  if (httpVersionMajor !== 1) return invalid('its version is not 1.0 or 1.1')
  if (rawHeaders.length > headerFields * 2) return problem('TURNOUT_HEADERS_TOO_MANY')
  if (url.length > targetLength) return problem('TURNOUT_TARGET_TOO_LONG')
  if (method === 'TRACE' || method === 'CONNECT') {
    return problem('TURNOUT_METHOD_REFUSED', { method })
  }
  if (!isPlainTarget(url, method)) return invalid('the target is no path, or has "#" or "\\"')

  let host: string | null = null
  let coding: string | null = null
  let hasLength = false
  // Names are told apart by their length first: most fields are none of these.
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const field = rawHeaders[at]!
    const { length } = field
    if (length !== 4 && length !== 14 && length !== 17) continue
    const name = field.toLowerCase()
    const value = rawHeaders[at + 1]!
    if (name === 'host') {
      if (host !== null) return problem('TURNOUT_HOST_INVALID')
      host = value
    } else if (name === 'transfer-encoding') {
      if (coding !== null) return invalid('Transfer-Encoding twice')
      coding = value
    } else if (name === 'content-length') {
      if (hasLength) return invalid('Content-Length twice')
      // Node reads lengths that no number of ours tells apart.
      if (!Number.isSafeInteger(Number(value))) return invalid('Content-Length is too large')
      hasLength = true
    }
  }
  if (coding !== null) {
    if (coding.toLowerCase() !== 'chunked') return invalid('Transfer-Encoding is not chunked')
    if (httpVersionMinor === 0) return invalid('Transfer-Encoding in HTTP/1.0')
    if (hasLength) return invalid('Content-Length and Transfer-Encoding')
  }
  const isNamed = host !== null || httpVersionMinor === 0
  if (!isNamed || !isValidAuthority(url, host)) return problem('TURNOUT_HOST_INVALID')
  if (rules.underscores === 'refuse' && hasUnderscore(rawHeaders)) {
    return problem('TURNOUT_FIELD_NAME')
  }
  return null
}

/** Null for the one expectation that there is, said plainly. */
export function expectationRefusal({ rawHeaders }: IncomingMessage): Problem | null {
  let isMet = true
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.toLowerCase() !== 'expect') continue
    count += 1
    isMet = rawHeaders[at + 1]!.toLowerCase() === '100-continue'
  }
  return isMet && count <= 1 ? null : problem('TURNOUT_EXPECT_INVALID')
}
