import type { ErrorCode } from '../../core/errors.ts'
import { codeReply } from '../problem-reply.ts'
import type { Reply } from '../reply.ts'
import type { Failure, FailureKind } from './client.ts'

/** What a client is told of a failure that came before the answer's head. */
export const failureCodes: Readonly<Record<FailureKind, ErrorCode>> = {
  connect: 'TURNOUT_UPSTREAM_UNREACHABLE',
  tls: 'TURNOUT_UPSTREAM_UNREACHABLE',
  forbidden: 'TURNOUT_UPSTREAM_FORBIDDEN',
  busy: 'TURNOUT_UPSTREAM_BUSY',
  closed: 'TURNOUT_UPSTREAM_CLOSED',
  'headers-timeout': 'TURNOUT_UPSTREAM_TIMEOUT',
  invalid: 'TURNOUT_UPSTREAM_INVALID',
  truncated: 'TURNOUT_UPSTREAM_CLOSED',
  'idle-timeout': 'TURNOUT_UPSTREAM_TIMEOUT',
  stalled: 'TURNOUT_REQUEST_TIMEOUT',
  aborted: 'TURNOUT_UPSTREAM_TIMEOUT',
}

/** The answer to a failure. Names of endpoints and reasons are for the log. */
export function failureReply(
  code: ErrorCode,
  upstream: string,
  retryAfterMs = 0,
  limit = 0,
): Reply {
  const headers =
    retryAfterMs > 0 ? ['retry-after', String(Math.max(1, Math.ceil(retryAfterMs / 1000)))] : []
  // The rest of a body that is too large, or too slow, is not worth reading.
  if (code === 'TURNOUT_BODY_TOO_LARGE' || code === 'TURNOUT_REQUEST_TIMEOUT')
    headers.push('connection', 'close')
  return codeReply(code, { upstream, limit }, headers)
}

/** Methods that may be sent twice (RFC 9110 section 9.2.2). */
const idempotent: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'PUT',
  'DELETE',
  'TRACE',
])

export const isIdempotent = (method: string): boolean => idempotent.has(method)

/** Whether the request may be sent to another endpoint, or on another connection, at once. */
export function mayResend({ isUnsent, isStale }: Failure, method: string): boolean {
  return isUnsent || (isStale && isIdempotent(method))
}
