import { createHash, timingSafeEqual } from 'node:crypto'
import type { ErrorCode } from '../../core/errors.ts'
import { looseName } from '../../core/http/fields.ts'
import type { Exchange } from '../exchange.ts'
import { codeReply } from '../problem-reply.ts'
import type { Reply } from '../reply.ts'

/** Under this name an exchange keeps who was let in: what is answered to one client is not for others. */
export const clientValue = 'turnout.client'

/** The one value of a field, as the client sent it; null: it is not there, or more than once. */
export type Presented = { readonly value: string | null; readonly isTwice: boolean }

/** `name` in lower case. Fields that are sent twice are never joined: who reads the first, who the last? */
export function presentedField({ transport }: Exchange, name: string): Presented {
  const fields = transport.headers()
  let value: string | null = null
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at]!.length !== name.length || fields[at]!.toLowerCase() !== name) continue
    if (value !== null) return { value: null, isTwice: true }
    value = fields[at + 1]!
  }
  return { value, isTwice: false }
}

/** Takes a field out of the request that is sent on, in every spelling that some program reads as one. */
export function removeSent({ outbound }: Exchange, name: string): void {
  const loose = looseName(name)
  const { headers } = outbound!
  outbound!.headers = headers.filter((_, at) => looseName(headers[at - (at % 2)]!) !== loose)
}

/** Notes who is let in, and tells the upstream. */
export function letIn(exchange: Exchange, identityHeader: string, name: string): void {
  exchange.setValue(clientValue, name)
  exchange.outbound!.headers.push(identityHeader, name)
}

/** 401 or 503, with how to ask. */
export function refusal(
  code: Extract<
    ErrorCode,
    | 'TURNOUT_CREDENTIALS_MISSING'
    | 'TURNOUT_CREDENTIALS_INVALID'
    | 'TURNOUT_CREDENTIALS_UNCHECKED'
    | 'TURNOUT_CLIENT_FORBIDDEN'
  >,
  challenge: string,
  reason = '',
): Reply {
  return code === 'TURNOUT_CREDENTIALS_UNCHECKED'
    ? codeReply(code, { reason }, ['retry-after', '1', 'cache-control', 'no-store'])
    : codeReply(code, {}, ['www-authenticate', challenge, 'cache-control', 'no-store'])
}

export const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Digests are of one length; how alike two are takes no time to tell. */
export const isSameDigest = (left: Buffer, right: Buffer): boolean => timingSafeEqual(left, right)
