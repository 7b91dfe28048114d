import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { problem, type Problem } from '../core/errors.ts'
import { problemReply } from '../gateway/problem-reply.ts'
import type { ListenerCounts } from './listener-counts.ts'

/** What Node keeps on a socket: the answer whose turn it is. */
interface WithMessage {
  readonly _httpMessage?: (ServerResponse & { readonly req: IncomingMessage }) | null
}

const messageOf = (socket: Duplex): WithMessage['_httpMessage'] =>
  (socket as WithMessage)._httpMessage

const close: readonly string[] = ['connection', 'close']

/** Fields of the answer to a problem of the connection: it is its last. */
export function lastFields(found: Problem): readonly string[] {
  return found.code === 'TURNOUT_METHOD_REFUSED'
    ? [...close, 'allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']
    : close
}

/** An answer for a socket that no request was made of. Nothing in it is the client's. */
function rawReply(found: Problem): string {
  const { status, headers, body } = problemReply(found, lastFields(found))
  const text = body as string
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`]
  for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`)
  lines.push(`content-length: ${Buffer.byteLength(text)}`, '', text)
  return lines.join('\r\n')
}

/** Says why on a bare socket, and closes it; says nothing where an earlier request of it waits for its answer. */
export function endWithProblem(socket: Duplex, found: Problem): void {
  if (messageOf(socket)?.req.complete === true) {
    socket.destroy()
    return
  }
  socket.on('error', () => undefined)
  socket.end(rawReply(found), 'latin1', () => socket.destroy())
}

/** A body came too slowly; the connection ends, with its answer where none has begun. */
export function endSlowBody(socket: Duplex): void {
  if (!socket.writable || messageOf(socket)?.headersSent === true) socket.destroy()
  else endWithProblem(socket, problem('TURNOUT_REQUEST_TIMEOUT'))
}

const problemOf = ({ code = '' }: NodeJS.ErrnoException): Problem | null => {
  if (code === 'HPE_HEADER_OVERFLOW') return problem('TURNOUT_HEADERS_TOO_LARGE')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return problem('TURNOUT_REQUEST_TIMEOUT')
  if (!code.startsWith('HPE_')) return null
  return problem('TURNOUT_REQUEST_INVALID', { reason: 'it does not follow RFC 9112' })
}

/**
 * What a client sent is no HTTP, took too long, or its handshake failed. The answer must be that of the request in
 * question: what is said while an earlier one waits for its answer would be taken for that.
 */
export function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  counts: ListenerCounts | null = null,
): void {
  const found = problemOf(error)
  const message = messageOf(socket)
  if (found !== null && socket.writable) counts?.refused(found.code)
  if (found === null || !socket.writable || message?.headersSent === true) socket.destroy(error)
  else if (message?.req.complete === true) message.shouldKeepAlive = false
  else endWithProblem(socket, found)
}
