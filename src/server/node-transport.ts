import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { TurnoutError } from '../core/errors.ts'
import type { Transport } from '../gateway/transport.ts'
import { canEndInOneWrite, endInOneWrite } from './one-write.ts'

/** Status codes whose answers have no body (RFC 9110 sections 15.3.5 and 15.4.5). */
const isBodyless = (status: number): boolean => status === 204 || status === 304

/** Node lets an informational status through as if it were final; the client would wait on for the real one. */
const mustBeFinal = (status: number): void => {
  if (status < 200) throw new TurnoutError('TURNOUT_ANSWER_INVALID', { reason: `status ${status}` })
}

const hasField = (headers: readonly string[], name: string): boolean => {
  for (let at = 0; at < headers.length; at += 2) {
    const field = headers[at]!
    if (field.length === name.length && field.toLowerCase() === name) return true
  }
  return false
}

/** A literal of the usual size: growing a list by `push` allocates four times as much. */
const withLength = (headers: readonly string[], length: string): string[] =>
  headers.length === 2
    ? [headers[0]!, headers[1]!, 'content-length', length]
    : [...headers, 'content-length', length]

const byteLength = (body: string | Uint8Array): number =>
  typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength

/** Absolute-form targets (RFC 9112 section 3.2.2) lose scheme and authority; `*` of OPTIONS stays out of any pattern. */
const originForm = (url: string): string => {
  if (url.charCodeAt(0) === 47) return url
  const absolute = /^https?:\/\/[^/?#]*/i.exec(url)
  if (absolute === null) return url
  const rest = url.slice(absolute[0].length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** A request of `node:http`, translated both ways. Nothing else in Turnout touches its objects. */
export class NodeTransport implements Transport {
  readonly method: string
  readonly target: string
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #bodyLimit: number

  constructor(request: IncomingMessage, response: ServerResponse, bodyLimit: number) {
    this.method = request.method!
    this.target = originForm(request.url!)
    this.#request = request
    this.#response = response
    this.#bodyLimit = bodyLimit
  }

  origin(): string {
    const scheme = 'encrypted' in this.#request.socket ? 'https' : 'http'
    return `${scheme}://${this.#request.headers.host ?? 'localhost'}`
  }

  remoteAddress(): string | undefined {
    return this.#request.socket.remoteAddress
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }

  headers(): readonly string[] {
    return this.#request.rawHeaders
  }

  async readBody(): Promise<Uint8Array> {
    const request = this.#request
    const limit = this.#bodyLimit
    const tooLarge = (): TurnoutError => new TurnoutError('TURNOUT_BODY_TOO_LARGE', { limit })
    if (request.readableEnded || request.destroyed) throw new TurnoutError('TURNOUT_BODY_USED')
    if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge()
    const chunks: Buffer[] = []
    let size = 0
    return new Promise((resolve, reject) => {
      request.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > limit) {
          request.pause()
          reject(tooLarge())
          return
        }
        chunks.push(chunk)
      })
      request.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
      request.on('error', () => reject(new TurnoutError('TURNOUT_CLIENT_LEFT')))
      request.on('close', () => reject(new TurnoutError('TURNOUT_CLIENT_LEFT')))
    })
  }

  bodyStream(): ReadableStream<Uint8Array> | null {
    const { headers } = this.#request
    if (headers['transfer-encoding'] === undefined && !(Number(headers['content-length']) > 0)) {
      return null
    }
    return Readable.toWeb(this.#request) as ReadableStream<Uint8Array>
  }

  get isHeadSent(): boolean {
    return this.#response.headersSent
  }

  send(status: number, headers: string[], body: string | Uint8Array | null): void {
    const response = this.#response
    mustBeFinal(status)
    if (isBodyless(status)) {
      response.writeHead(status, headers).end()
      return
    }
    const whole = body ?? ''
    const length = byteLength(whole)
    // An explicit length for every method, so that head and body leave as one write.
    const isLengthGiven = hasField(headers, 'content-length')
    response.writeHead(status, isLengthGiven ? headers : withLength(headers, String(length)))
    const isAscii = length === whole.length && typeof whole === 'string'
    if (canEndInOneWrite && isAscii && this.method !== 'HEAD') endInOneWrite(response, whole)
    else response.end(whole)
  }

  async stream(
    status: number,
    headers: string[],
    body: AsyncIterable<string | Uint8Array>,
  ): Promise<void> {
    const response = this.#response
    mustBeFinal(status)
    const iterator = body[Symbol.asyncIterator]()
    if (isBodyless(status) || this.method === 'HEAD') {
      response.writeHead(status, headers).end()
      await iterator.return?.()
      return
    }
    response.writeHead(status, headers)
    response.flushHeaders()
    await new Promise<void>((resolve, reject) => {
      let isLeft = false
      // The source may wait in `next` for ever: the exchange ends when its client has left all the same.
      this.onClose(() => {
        isLeft = true
        iterator.return?.().catch(() => undefined)
        resolve()
      })
      const pump = async (): Promise<void> => {
        for (;;) {
          const part = await iterator.next()
          if (isLeft) return
          if (part.done === true) break
          if (!response.write(part.value)) await once(response, 'drain')
        }
        response.end()
        resolve()
      }
      pump().catch(reject)
    })
  }

  onClose(listener: () => void): void {
    if (this.#response.closed) listener()
    else this.#response.once('close', listener)
  }

  destroy(): void {
    this.#response.destroy()
  }

  node(): { readonly request: IncomingMessage; readonly response: ServerResponse } {
    return { request: this.#request, response: this.#response }
  }
}
