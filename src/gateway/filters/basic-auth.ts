import { parseSecret, type Secret } from '../../core/route/secret.ts'
import type { Reply } from '../reply.ts'
import {
  digestOf,
  isSameDigest,
  letIn,
  presentedField,
  refusal,
  removeSent,
} from './credentials.ts'
import type { FilterMaker } from './filter.ts'
import { LiveSecret } from './live-secret.ts'
import { ScryptCheck } from './scrypt-check.ts'

/** Longest credentials that are looked at. */
const maxLength = 4_096

interface Known {
  readonly name: string
  readonly slow: Extract<Secret, { readonly kind: 'scrypt' }> | null
  readonly quick: LiveSecret | null
}

/** Lets in who shows a name and its password (RFC 7617). A name that nobody has takes as long as one that is known. */
export const basicAuth: FilterMaker<'basic-auth'> = (settings, { upstreams, stateOf }) => {
  const { identityHeader, forward, realm } = settings
  const { log } = upstreams.environment
  const challenge = `Basic realm="${realm}", charset="UTF-8"`
  const slowly = stateOf(() => new ScryptCheck())
  const all = settings.clients.map(({ name, secret }): Known => {
    const parsed = parseSecret(secret)
    return parsed?.kind === 'scrypt'
      ? { name, slow: parsed, quick: null }
      : { name, slow: null, quick: new LiveSecret(secret, log) }
  })
  const decoy = all.find(({ slow }) => slow !== null) ?? all[0]!
  const byName = new Map<string, Known[]>()
  for (const one of all) byName.set(one.name, [...(byName.get(one.name) ?? []), one])

  const isRight = (
    { slow, quick }: Known,
    password: string,
  ): boolean | null | Promise<boolean | null> => {
    if (slow !== null) return slowly.check(password, slow)
    const digest = quick?.digest ?? null
    return digest !== null && isSameDigest(digestOf(password), digest)
  }
  const check = (name: string, password: string): boolean | null | Promise<boolean | null> => {
    const known = byName.get(name)
    if (known === undefined)
      return then(isRight(decoy, password), (right) => (right === null ? null : false))
    return known.length === 1 ? isRight(known[0]!, password) : anyOf(known, password)
  }
  const anyOf = async (known: readonly Known[], password: string): Promise<boolean | null> => {
    const found = await Promise.all(known.map(async (one) => isRight(one, password)))
    return found.includes(true) ? true : found.includes(null) ? null : false
  }

  return (next) => (exchange) => {
    removeSent(exchange, identityHeader)
    const { value, isTwice } = presentedField(exchange, 'authorization')
    if (!forward) removeSent(exchange, 'authorization')
    if (value === null && !isTwice) return refusal('TURNOUT_CREDENTIALS_MISSING', challenge)
    const given = value === null ? null : readBasic(value)
    if (given === null) return refusal('TURNOUT_CREDENTIALS_INVALID', challenge)
    const { name, password } = given
    return then<boolean | null, Reply>(check(name, password), (right) => {
      if (right === null)
        return refusal('TURNOUT_CREDENTIALS_UNCHECKED', challenge, 'too many are checked')
      if (!right) return refusal('TURNOUT_CREDENTIALS_INVALID', challenge)
      letIn(exchange, identityHeader, name)
      return next(exchange)
    })
  }
}

/** Goes on at once, where that is possible. */
function then<Value, Made>(
  value: Value | Promise<Value>,
  go: (value: Value) => Made | Promise<Made>,
): Made | Promise<Made> {
  return value instanceof Promise ? value.then(go) : go(value)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Name and password; null where they are not said in the one spelling that every reader takes for the same. */
function readBasic(value: string): { readonly name: string; readonly password: string } | null {
  const encoded =
    value.length > maxLength ? undefined : /^basic +([A-Za-z\d+/]+={0,2})$/i.exec(value)?.[1]
  if (encoded === undefined) return null
  const bytes = Buffer.from(encoded, 'base64')
  if (bytes.toString('base64') !== encoded) return null
  try {
    const text = utf8.decode(bytes)
    const colon = text.indexOf(':')
    if (colon < 0 || /\p{Cc}/u.test(text)) return null
    return { name: text.slice(0, colon), password: text.slice(colon + 1) }
  } catch {
    return null
  }
}
