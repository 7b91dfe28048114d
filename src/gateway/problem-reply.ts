import { STATUS_CODES } from 'node:http'
import {
  TurnoutError,
  errorTable,
  problem,
  type ErrorCode,
  type ErrorValues,
  type Problem,
} from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import { thrownError } from '../core/thrown.ts'
import { Reply } from './reply.ts'

/**
 * Problem details of RFC 9457, with the stable `code` as an extension member, and `members` of its own. `status`: where
 * it is not that of the code.
 */
export function problemReply(
  found: Problem,
  headers: readonly string[] = [],
  status: number = errorTable[found.code].status,
  members: Readonly<Record<string, Json>> = {},
): Reply {
  const body = JSON.stringify({
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code: found.code,
    detail: found.message,
    ...members,
  })
  return new Reply(status, ['content-type', 'application/problem+json', ...headers], body)
}

/** The same, from a code and the values of its message. */
export function codeReply(
  code: ErrorCode,
  values?: ErrorValues,
  headers?: readonly string[],
  status?: number,
  members?: Readonly<Record<string, Json>>,
): Reply {
  return problemReply(problem(code, values), headers, status, members)
}

/**
 * The answer to an error thrown by a handler. The message of our own client errors is for the client;
 * that of everything else is for the log only, because it may hold what clients must not see.
 */
export function errorReply(error: unknown): Reply {
  const thrown = thrownError(error)
  if (thrown instanceof TurnoutError && (thrown.status < 500 || isBroken(thrown))) {
    // The rest of a body that is too large is not worth reading; what was broken off may have been read half.
    const isLast = isBroken(thrown) || thrown.code === 'TURNOUT_BODY_TOO_LARGE'
    const headers = isLast ? ['connection', 'close'] : []
    return problemReply({ code: thrown.code, message: thrown.message }, headers)
  }
  return codeReply('TURNOUT_HANDLER_FAILED')
}

const isBroken = ({ code }: TurnoutError): boolean => code === 'TURNOUT_HANDLER_STUCK'
