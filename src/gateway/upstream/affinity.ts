import { createHash } from 'node:crypto'
import { cookieValueOf } from '../../core/route/facts.ts'
import type { AffinitySettings } from '../../core/route/upstream.ts'
import type { Exchange } from '../exchange.ts'

const names = new Map<string, string>()
const maxNames = 10_000

/** What the cookie says of an endpoint: nothing that an outsider learns an address from. */
export function affinityCookie(key: string): string {
  const known = names.get(key)
  if (known !== undefined) return known
  const name = createHash('sha256').update(key).digest('base64url').slice(0, 16)
  if (names.size < maxNames) names.set(key, name)
  return name
}

/** The endpoint that a client came from, as its cookie says. */
export function wantedKey({ cookie }: AffinitySettings, exchange: Exchange): string | undefined {
  return cookieValueOf(exchange.transport, cookie)
}
