import type { IncomingMessage } from 'node:http'
import { TurnoutError } from '../core/errors.ts'
import type { Identity } from './identity.ts'
import type { LockOut } from './lock-out.ts'
import { refusal } from './refusal.ts'
import type { TokenStore } from './tokens.ts'

const challenge = { 'www-authenticate': 'Bearer realm="turnout"' }

/**
 * Who sends a request.
 *
 * @throws TurnoutError TURNOUT_TOKEN_MISSING, TURNOUT_TOKEN_UNKNOWN or TURNOUT_TOKEN_LOCKED
 */
export function authenticate(
  request: IncomingMessage,
  tokens: TokenStore,
  lockOut: LockOut,
  now: number,
): Identity {
  const from = request.socket.remoteAddress ?? ''
  const [, token] = /^Bearer +([\w.~+/=-]{1,512})$/i.exec(request.headers.authorization ?? '') ?? []
  if (token === undefined) throw refusal('TURNOUT_TOKEN_MISSING', {}, challenge)
  const known = tokens.find(token, now)
  if (known !== null) {
    lockOut.succeed(from)
    return { ...known, from }
  }
  const waitMs = lockOut.waitMs(from, now)
  if (waitMs > 0) throw refusal('TURNOUT_TOKEN_LOCKED', {}, { ...challenge, ...retryAfter(waitMs) })
  lockOut.fail(from, now)
  throw unknownToken()
}

const unknownToken = (): TurnoutError =>
  refusal(
    'TURNOUT_TOKEN_UNKNOWN',
    {},
    {
      'www-authenticate': `${challenge['www-authenticate']}, error="invalid_token"`,
    },
  )

/**
 * Looks once more, after a body that may have taken a minute: a token that is taken away changes nothing from then on.
 *
 * @throws TurnoutError TURNOUT_TOKEN_UNKNOWN
 */
export function demandValid({ token }: Identity, tokens: TokenStore, now: number): void {
  if (token !== null && !tokens.isValid(token, now)) throw unknownToken()
}

/** Of a request that needs no token. */
export function anonymous(request: IncomingMessage): Identity {
  const from = request.socket.remoteAddress ?? ''
  return { token: null, name: '', scopes: [], expiresAt: null, from }
}

export const retryAfter = (waitMs: number): { readonly 'retry-after': string } => ({
  'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))),
})

/** @throws TurnoutError TURNOUT_SCOPE_MISSING */
export function demandScope(may: boolean, what: string): void {
  if (!may) throw new TurnoutError('TURNOUT_SCOPE_MISSING', { what })
}
