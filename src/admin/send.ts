import type { IncomingMessage, ServerResponse } from 'node:http'
import type { KeptAnswer } from './idempotency.ts'
import { jsonType } from './media.ts'
import type { Answer } from './resource.ts'

const always = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

/** How long a client that was refused may go on sending what nobody reads. */
const lingerMs = 2_000
const maxUnread = 64 * 1024 * 1024

/** An answer with its body as text, which can be sent again. */
export function written(answer: Answer): KeptAnswer {
  const text = answer.body === undefined ? null : JSON.stringify(answer.body)
  const type = text === null ? {} : { 'content-type': jsonType }
  return { status: answer.status, headers: { ...type, ...answer.headers }, text }
}

/**
 * Sends an answer. One that comes before the body was read is the last of its connection; the rest of the body is read
 * and thrown away for a while, because a connection that is closed with unread bytes loses the answer, too.
 */
export function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, text }: KeptAnswer,
): void {
  const isUnread = !request.readableEnded && !request.complete
  response.writeHead(status, {
    ...always,
    ...headers,
    ...(status === 204 ? {} : { 'content-length': Buffer.byteLength(text ?? '') }),
    ...(isUnread ? { connection: 'close' } : {}),
  })
  if (!isUnread) {
    response.end(request.method === 'HEAD' ? undefined : (text ?? undefined))
    return
  }
  if (text !== null && request.method !== 'HEAD') response.write(text)
  else response.flushHeaders()
  let unread = 0
  const end = (): void => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, lingerMs)
  request.on('data', (chunk: Buffer) => {
    unread += chunk.length
    if (unread > maxUnread) end()
  })
  request.once('end', end)
  request.once('close', end)
  request.resume()
}

/** Begins an answer that goes on. */
export function sendStream(
  response: ServerResponse,
  { status, headers, stream }: Answer & Required<Pick<Answer, 'stream'>>,
): void {
  response.writeHead(status, { ...always, ...headers })
  stream(response)
}
