import { createPublicKey, type KeyObject } from 'node:crypto'
import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import type { JwtFilter } from '../../core/route/access-filter.ts'
import type { Exchange } from '../exchange.ts'
import type { Reply } from '../reply.ts'
import type { Handler } from '../snapshot.ts'
import type { UpstreamEnvironment } from '../upstream/environment.ts'
import { clientValue, presentedField, refusal, removeSent } from './credentials.ts'
import type { FilterMaker } from './filter.ts'
import { KeySet } from './key-set.ts'
import { LiveSecret } from './live-secret.ts'

/** Longest token that is looked at, and longest value that is sent on. */
const maxToken = 8_192
const maxValue = 1_024

type Keys = KeyObject | Uint8Array | JWTVerifyGetKey

/** Who has the keys: `renew` is asked once more where a token names one that is not there. */
interface Issuer {
  keys(): Keys | null | Promise<Keys | null>
  renew?(): Promise<Keys | null>
}

/** Lets in who shows a token of the issuer (RFC 7519), in `Authorization: Bearer`. */
export const jwt: FilterMaker<'jwt'> = (settings, { upstreams, stateOf }) => {
  const { claims, identityHeader, forward, realm } = settings
  const issuer = issuerOf(settings, upstreams.environment, stateOf)
  const { log } = upstreams.environment
  const challenge = `Bearer realm="${realm}"`
  const invalid = (): Reply =>
    refusal('TURNOUT_CREDENTIALS_INVALID', `${challenge}, error="invalid_token"`)
  const sent = [identityHeader, ...Object.values(claims)]

  const check = async (exchange: Exchange, token: string, next: Handler): Promise<Reply> => {
    let payload: JWTPayload | null
    try {
      payload = await verified(issuer, token, settings)
    } catch (error) {
      // Its name only: a message may repeat what the token says.
      const reason = error instanceof errors.JOSEError ? error.code : (error as Error).name
      log.debug('a token is not accepted', {
        trace_id: exchange.trace.traceId,
        route_id: exchange.route?.id,
        reason,
      })
      return invalid()
    }
    if (payload === null)
      return refusal('TURNOUT_CREDENTIALS_UNCHECKED', challenge, 'there is no key')
    const fields = fieldsOf(payload, settings)
    if (fields === null) return invalid()
    if (!hasAll(payload, settings))
      return refusal('TURNOUT_CLIENT_FORBIDDEN', `${challenge}, error="insufficient_scope"`)
    exchange.setValue(clientValue, payload.sub ?? '')
    exchange.outbound!.headers.push(...fields)
    return next(exchange)
  }

  return (next) => (exchange) => {
    for (const name of sent) removeSent(exchange, name)
    const { value, isTwice } = presentedField(exchange, 'authorization')
    if (!forward) removeSent(exchange, 'authorization')
    if (value === null && !isTwice) return refusal('TURNOUT_CREDENTIALS_MISSING', challenge)
    const token = /^bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(value ?? '')?.[1]
    if (token === undefined || token.length > maxToken) return invalid()
    return check(exchange, token, next)
  }
}

function issuerOf(
  { algorithms, jwks, key }: JwtFilter,
  environment: UpstreamEnvironment,
  stateOf: <State>(make: () => State) => State,
): Issuer {
  if (jwks !== null) {
    const set = stateOf(() => new KeySet(jwks, environment))
    return { keys: () => set.get(), renew: () => set.renewed() }
  }
  const secret = new LiveSecret(key!, environment.log)
  const isSecret = algorithms.some((one) => one.startsWith('HS'))
  const least = Math.max(...algorithms.map((one) => Number(one.slice(2)) / 8 || 0))
  let known: { readonly text: string; readonly key: Keys | null } | null = null
  return {
    keys: () => {
      const { text } = secret
      if (text === null) return null
      if (known?.text === text) return known.key
      const made = isSecret ? sharedKey(text, least) : publicKey(text)
      if (made === null)
        environment.log.error('a key is none of the algorithm', {
          reference: key!,
          algorithms,
        })
      known = { text, key: made }
      return made
    },
  }
}

/** As long as its digests (RFC 7518 section 3.2), and no public key: that one is known to everybody. */
function sharedKey(text: string, least: number): Uint8Array | null {
  const bytes = Buffer.from(text)
  return bytes.length < least || text.includes('-----BEGIN') ? null : bytes
}

/** PEM, or a JWK. */
function publicKey(text: string): KeyObject | null {
  try {
    if (!text.trimStart().startsWith('{')) return createPublicKey(text)
    return createPublicKey({ key: JSON.parse(text), format: 'jwk' })
  } catch {
    return null
  }
}

/** What a token says that holds; null: there is no key. Throws where it does not hold. */
async function verified(
  issuer: Issuer,
  token: string,
  settings: JwtFilter,
): Promise<JWTPayload | null> {
  const keys = await issuer.keys()
  if (keys === null) return null
  try {
    return await verify(keys, token, settings)
  } catch (error) {
    if (!(error instanceof errors.JWKSNoMatchingKey) || issuer.renew === undefined) throw error
    const renewed = await issuer.renew()
    if (renewed === null || renewed === keys) throw error
    return await verify(renewed, token, settings)
  }
}

async function verify(keys: Keys, token: string, settings: JwtFilter): Promise<JWTPayload> {
  const options = {
    algorithms: [...settings.algorithms],
    issuer: settings.issuer,
    audience: [...settings.audiences],
    clockTolerance: settings.clockToleranceMs / 1000,
    requiredClaims: ['exp'],
  }
  const { payload } =
    typeof keys === 'function'
      ? await jwtVerify(token, keys, options)
      : await jwtVerify(token, keys, options)
  return payload
}

const claimOf = (payload: JWTPayload, name: string): unknown =>
  Object.hasOwn(payload, name) ? payload[name] : undefined

/** A claim is a text, a list of texts or, as `scope`, texts with spaces between. */
function hasAll(payload: JWTPayload, { required }: JwtFilter): boolean {
  return Object.entries(required).every(([name, wanted]) => {
    const value = claimOf(payload, name)
    const said: readonly unknown[] = Array.isArray(value)
      ? value
      : name === 'scope' && typeof value === 'string'
        ? value.split(' ')
        : [value]
    return wanted.some((one) => said.includes(one))
  })
}

/** Fields to send on; null where one has no form that is only its own. */
function fieldsOf(
  payload: JWTPayload,
  { claims, identityHeader }: JwtFilter,
): readonly string[] | null {
  const fields: string[] = []
  for (const [claim, header] of [['sub', identityHeader] as const, ...Object.entries(claims)]) {
    const value = claimOf(payload, claim)
    if (value === undefined || value === null) continue
    const text = fieldText(value)
    if (text === null || text.length > maxValue) return null
    fields.push(header, text)
  }
  return fields
}

function fieldText(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (isText(value)) return escaped(value)
  if (!Array.isArray(value) || !value.every(isText)) return null
  return value.map((one) => escaped(one).replaceAll(',', '%2C')).join(',')
}

/** Half of a pair of surrogates has no encoding. */
const isText = (value: unknown): value is string =>
  typeof value === 'string' && !/\p{Cs}/u.test(value)

/** What does not print is percent-encoded, and so is %: two values never become one. */
const escaped = (text: string): string => text.replaceAll(/[^ -$&-~]+|^ | $/g, encodeURIComponent)
