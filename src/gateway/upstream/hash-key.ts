import type { HashKey } from '../../core/route/upstream.ts'
import type { Exchange } from '../exchange.ts'
import { fieldValue, type Outbound } from './outbound.ts'

/** The first cookie of a name. */
export function cookieValue(field: string | undefined, name: string): string | undefined {
  for (const part of field?.split(';') ?? []) {
    const equals = part.indexOf('=')
    if (equals > 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim()
  }
  return undefined
}

/** What a request is told apart by; null where it does not say. */
export function hashKeyOf(
  key: HashKey,
  { transport, search }: Pick<Exchange, 'transport' | 'search'>,
  outbound: Pick<Outbound, 'headers'> | null,
): string | null {
  switch (key.kind) {
    case 'header':
      return transport.header(key.name.toLowerCase()) ?? null
    case 'query':
      return new URLSearchParams(search).get(key.name)
    case 'cookie':
      return cookieValue(transport.header('cookie'), key.name) ?? null
    case 'client':
      // Ours says who it is from, behind proxies that are trusted.
      return (
        (outbound === null ? undefined : fieldValue(outbound.headers, 'x-real-ip')) ??
        transport.remoteAddress() ??
        null
      )
    default:
      return key satisfies never
  }
}
