import type { Exchange } from '../gateway/exchange.ts'
import { TurnoutError } from '../core/errors.ts'
import { Reply } from '../gateway/reply.ts'

/** Methods whose requests have no body in the Fetch standard. */
const isBodyless = (method: string): boolean => method === 'GET' || method === 'HEAD'

/** Path and query as an app mounted below `prefix` sees them: canonical, and without the prefix. */
export function mountedTarget(exchange: Exchange, prefix: string): string {
  const path = exchange.path.slice(prefix.length)
  return (path === '' ? '/' : path) + exchange.search
}

/** Makes a web `Request` of an exchange; its URL has the canonical path, its signal ends with the exchange. */
export function webRequest(exchange: Exchange, prefix: string): Request {
  const { method, path, transport } = exchange
  // `Request` refuses it (Fetch standard, forbidden methods).
  if (method === 'TRACE') {
    const allowed = 'what a web Request can have'
    throw new TurnoutError('TURNOUT_METHOD_NOT_ALLOWED', { method, path, allowed })
  }
  const headers = new Headers()
  const fields = transport.headers()
  for (let at = 0; at < fields.length; at += 2) headers.append(fields[at]!, fields[at + 1]!)
  const init: RequestInit & { duplex?: 'half' } = {
    method: exchange.method,
    headers,
    signal: exchange.signal,
  }
  const body = isBodyless(exchange.method) ? null : transport.bodyStream()
  if (body !== null) {
    init.body = body
    init.duplex = 'half'
  }
  return new Request(transport.origin() + mountedTarget(exchange, prefix), init)
}

/** True when the promise is settled by now, or within the few microtasks that a buffered stream needs. */
const isSettledSoon = async (promise: Promise<unknown>): Promise<boolean> => {
  let isSettled = false
  const settle = (): void => {
    isSettled = true
  }
  promise.then(settle, settle)
  for (let turn = 0; turn < 8; turn += 1) {
    if (isSettled) break
    await Promise.resolve()
  }
  return isSettled
}

/** What was read already, then the rest. */
async function* continued(
  first: Uint8Array,
  second: ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield first
    for (let part = await second; !part.done; part = await reader.read()) yield part.value
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

/**
 * Turns a web `Response` into a reply. A body that is one chunk, which is what almost every app makes, leaves
 * in one write like any other; a longer one is streamed.
 */
export async function webReply(response: Response): Promise<Reply> {
  const headers: string[] = []
  for (const [name, value] of response.headers) headers.push(name, value)
  const { status, body } = response
  if (body === null) return new Reply(status, headers, null)
  const reader = (body as ReadableStream<Uint8Array>).getReader()
  const first = await reader.read()
  if (first.done) return new Reply(status, headers, '')
  const second = reader.read()
  if (await isSettledSoon(second)) {
    const part = await second
    if (part.done) return new Reply(status, headers, first.value)
  }
  return new Reply(status, headers, continued(first.value, second, reader))
}
