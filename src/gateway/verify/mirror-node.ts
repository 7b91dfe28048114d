import { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { Answer } from '../../core/rollout/compare.ts'
import type { CopiedRequest } from './copied-request.ts'

/** Node's own objects of a request that no socket brought. */
export interface NodePair {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/**
 * Makes the objects that a Node app is given. Its answer is written to a socket that leads nowhere, and read off there;
 * `answered` is told it, or null where there is none that can be compared.
 */
export function mirrorNode(
  copied: CopiedRequest,
  maxBytes: number,
  answered: (answer: Answer | null) => void,
): NodePair {
  const written: Buffer[] = []
  let size = 0
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _, done) => {
      size += chunk.length
      // The head comes beside the body.
      if (size > maxBytes * 2) answered(null)
      else written.push(chunk)
      done()
    },
  })
  socket.on('error', () => undefined)
  const { remoteAddress } = copied
  const isSecure = copied.origin.startsWith('https:')
  Object.assign(socket, { remoteAddress, ...(isSecure && { encrypted: true }) })
  const request = requestOf(copied, socket as Socket)
  const response = new ServerResponse(request)
  // So that what is written behind the head is the body as it is.
  response.useChunkedEncodingByDefault = false
  response.shouldKeepAlive = false
  response.assignSocket(socket as Socket)
  response.once('finish', () => answered(parsed(Buffer.concat(written), maxBytes)))
  response.once('close', () => {
    if (!response.writableFinished) answered(null)
    socket.destroy()
  })
  return { request, response }
}

/** Node makes the object of all fields out of `rawHeaders`, by its own rules, when it is asked for. */
function requestOf(
  { method, target, headers, body }: CopiedRequest,
  socket: Socket,
): IncomingMessage {
  const request = new IncomingMessage(socket)
  request.method = method
  request.url = target
  request.httpVersion = '1.1'
  request.httpVersionMajor = 1
  request.httpVersionMinor = 1
  request.rawHeaders = [...headers]
  request.headers = headersOf(headers)
  request.complete = true
  if (body.byteLength > 0) request.push(Buffer.from(body))
  request.push(null)
  return request
}

/** Several of one name are one value, as Node joins them. */
function headersOf(fields: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!.toLowerCase()
    const before = headers[name]
    const value = fields[at + 1]!
    headers[name] =
      before === undefined ? value : `${before}${name === 'cookie' ? ';' : ','} ${value}`
  }
  return headers
}

function parsed(bytes: Buffer, maxBytes: number): Answer | null {
  const end = bytes.indexOf('\r\n\r\n')
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const status = Number(first.split(' ')[1])
  const body = bytes.subarray(end + 4)
  if (end < 0 || !Number.isInteger(status) || body.length > maxBytes) return null
  const headers = lines.flatMap((line) => {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    // Of this connection, which is none.
    return name.toLowerCase() === 'connection' ? [] : [name, line.slice(colon + 2)]
  })
  return { status, headers, body }
}
