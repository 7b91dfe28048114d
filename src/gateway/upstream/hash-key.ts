import { cookieValueOf, queryValueOf } from '../../core/route/facts.ts'
import type { HashKey } from '../../core/route/upstream.ts'
import type { Transport } from '../transport.ts'

/** What a request is told apart by; null where it does not say. */
export function hashKeyOf(key: HashKey, transport: Transport): string | null {
  switch (key.kind) {
    case 'header':
      return transport.header(key.name.toLowerCase()) ?? null
    case 'query':
      return queryValueOf(transport, key.name) ?? null
    case 'cookie':
      return cookieValueOf(transport, key.name) ?? null
    case 'client':
      return transport.clientAddress() ?? null
    default:
      return key satisfies never
  }
}
