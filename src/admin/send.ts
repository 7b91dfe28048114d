import type { IncomingMessage, ServerResponse } from 'node:http'
import { isAscii } from '../gateway/latin1.ts'
import { canEndInOneWrite, endInOneWrite } from '../server/one-write.ts'
import type { KeptAnswer } from './idempotency.ts'
import { jsonType } from './media.ts'
import type { Answer } from './resource.ts'

const always = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

/** How long a client that was refused may go on sending what nobody reads. */
const lingerMs = 2_000
const maxUnread = 64 * 1024 * 1024
/** A body of that many bytes is read away behind the answer: cheaper than another connection, for both sides. */
const maxSkipped = 64 * 1024

/** An answer with its body as text, which can be sent again. */
export function written(answer: Answer): KeptAnswer {
  const text = answer.text ?? (answer.body === undefined ? null : JSON.stringify(answer.body))
  const type = text === null ? {} : { 'content-type': jsonType }
  return { status: answer.status, headers: { ...type, ...answer.headers }, text }
}

/** Node reads away by itself what nobody looked at. A client that asked whether it may send may leave its body out. */
const isSkippable = ({ headers }: IncomingMessage): boolean =>
  headers.expect === undefined && Number(headers['content-length']) <= maxSkipped

/**
 * Sends an answer. One that comes before a long body was read is the last of its connection; the rest of the body is
 * read and thrown away for a while, because a connection that is closed with unread bytes loses the answer, too.
 */
export function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, text }: KeptAnswer,
): void {
  const isUnread = !request.readableEnded && !request.complete && !isSkippable(request)
  response.writeHead(status, {
    ...always,
    ...headers,
    ...(status === 204 ? {} : { 'content-length': Buffer.byteLength(text ?? '') }),
    ...(isUnread ? { connection: 'close' } : {}),
  })
  if (!isUnread) {
    const body = request.method === 'HEAD' ? null : text
    if (body !== null && isAscii(body) && canEndInOneWrite(response)) endInOneWrite(response, body)
    else response.end(body ?? undefined)
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
