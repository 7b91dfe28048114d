import type { Exchange } from '../exchange.ts'
import {
  digestOf,
  isSameDigest,
  letIn,
  presentedField,
  refusal,
  removeSent,
  type Presented,
} from './credentials.ts'
import type { FilterMaker } from './filter.ts'
import { LiveSecret } from './live-secret.ts'

/** Longest key that is looked at. */
const maxKey = 4_096

/** Lets in who shows a key that is known. All keys are compared, whichever fits. */
export const keyAuth: FilterMaker<'key-auth'> = (settings, { upstreams }) => {
  const { header, query, identityHeader, forward, realm } = settings
  const challenge = `ApiKey realm="${realm}"`
  const { log } = upstreams.environment
  const clients = settings.clients.map(({ name, secret }) => ({
    name,
    secret: new LiveSecret(secret, log),
  }))
  const clientOf = (key: string): string | null => {
    const shown = digestOf(key)
    let found: string | null = null
    for (const { name, secret } of clients) {
      const { digest } = secret
      if (digest !== null && isSameDigest(shown, digest)) found ??= name
    }
    return found
  }
  return (next) => (exchange) => {
    removeSent(exchange, identityHeader)
    const places = [
      header === null ? none : presentedField(exchange, header),
      query === null ? none : presentedQuery(exchange, query),
    ]
    if (!forward) {
      if (header !== null) removeSent(exchange, header)
      if (query !== null) removeQuery(exchange, query)
    }
    const keys = places.flatMap(({ value }) => value ?? [])
    const isTwice = keys.length > 1 || places.some((place) => place.isTwice)
    const [key] = keys
    if (!isTwice && key === undefined) return refusal('TURNOUT_CREDENTIALS_MISSING', challenge)
    const client = isTwice || key!.length > maxKey ? null : clientOf(key!)
    if (client === null) return refusal('TURNOUT_CREDENTIALS_INVALID', challenge)
    letIn(exchange, identityHeader, client)
    return next(exchange)
  }
}

const none: Presented = { value: null, isTwice: false }

/** The name of a piece of a query, as a form reads it. */
const nameOf = (piece: string): string => [...new URLSearchParams(`&${piece}`).keys()][0] ?? ''

function presentedQuery({ search }: Exchange, name: string): Presented {
  const values = new URLSearchParams(search).getAll(name)
  return { value: values.length === 1 ? values[0]! : null, isTwice: values.length > 1 }
}

/** All other pieces stay byte for byte. */
function removeQuery({ outbound }: Exchange, name: string): void {
  const pieces = outbound!.search.slice(1).split('&')
  const kept = pieces.filter((piece) => nameOf(piece) !== name)
  if (kept.length < pieces.length) outbound!.search = kept.length === 0 ? '' : `?${kept.join('&')}`
}
