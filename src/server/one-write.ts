import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Writable } from 'node:stream'

/** The head that `writeHead` has made, where Node keeps it: the one private field that is used here. */
interface WithHead {
  _header: unknown
}

/**
 * Ends a response whose head was just written by `writeHead`. `end(body)` hands the socket two chunks, the second
 * one empty, and two chunks take the slow path of a vectored write: a sixth of a small answer's time. A body put
 * behind the head leaves with it as one. Only for ASCII, because the head is sent as Latin-1.
 */
export function endInOneWrite(response: ServerResponse, body: string): void {
  const head = response as unknown as WithHead
  head._header = (head._header as string) + body
  response.end()
}

/** What a probe response hands its socket. */
const probe = (): string[] => {
  const chunks: string[] = []
  const socket = new Writable({
    decodeStrings: false,
    write: (chunk, _, done) => {
      chunks.push(String(chunk))
      done()
    },
  })
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  response.assignSocket(socket as Socket)
  response.writeHead(200, ['content-length', '4'])
  endInOneWrite(response, 'body')
  return chunks
}

/** Whether this Node keeps the head where `endInOneWrite` needs it, tried out on a response without a network. */
const hasOneWrite: boolean = ((): boolean => {
  try {
    const [chunk, ...more] = probe()
    return (
      more.length === 0 && chunk !== undefined && /^HTTP\/1\.1 200 [^]*\r\n\r\nbody$/.test(chunk)
    )
  } catch {
    return false
  }
})()

// oxlint-disable-next-line typescript/unbound-method -- compared, never called
const { end, write, writeHead } = ServerResponse.prototype

/**
 * Whether middleware of a host, one that compresses or measures, has put functions of its own on a response. They
 * must see head and body in the ordinary way.
 */
export function isPatched(response: ServerResponse): boolean {
  return response.end !== end || response.write !== write || response.writeHead !== writeHead
}

/** Whether `endInOneWrite` may end a response. Behind the head, a body would not be a chunk of a chunked one. */
export function canEndInOneWrite(response: ServerResponse): boolean {
  return hasOneWrite && !isPatched(response) && !response.chunkedEncoding
}
