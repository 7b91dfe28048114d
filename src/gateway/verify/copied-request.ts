import type { Transport } from '../transport.ts'

/** A request that was answered, as it is answered again. */
export interface CopiedRequest {
  readonly method: string
  readonly target: string
  readonly origin: string
  readonly remoteAddress: string | undefined
  readonly clientAddress: string | undefined
  /** Flat. */
  readonly headers: readonly string[]
  readonly body: Uint8Array
  header(name: string): string | undefined
}

/** Taken while the connection is there: later nobody knows its addresses. */
export function copyRequest(transport: Transport): Omit<CopiedRequest, 'body'> {
  return {
    method: transport.method,
    target: transport.target,
    origin: transport.origin(),
    remoteAddress: transport.remoteAddress(),
    clientAddress: transport.clientAddress(),
    headers: transport.headers(),
    header: (name) => transport.header(name),
  }
}
