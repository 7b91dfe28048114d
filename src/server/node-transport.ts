import { Buffer } from 'node:buffer'
import { latin1 } from '../gateway/latin1.ts'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable, type Duplex } from 'node:stream'
import type { Block } from '../core/address.ts'
import { TurnoutError } from '../core/errors.ts'
import { isBodyless } from '../core/http/bodyless.ts'
import { fieldList, type Fields } from '../core/http/field-lines.ts'
import { clientAddress } from '../core/http/forwarded.ts'
import {
  isBodySource,
  type BodyPump,
  type BodySink,
  type BodySource,
} from '../gateway/body-source.ts'
import type { Transport } from '../gateway/transport.ts'
import { authorityOf } from './authority.ts'
import { byteLength, hasFraming, mostTogether, mostWaiting, withoutFraming } from './framing.ts'
import { LeanRequest } from './lean-request.ts'
import { canEndInOneWrite, endInOneWrite, isPatched } from './one-write.ts'
import { join } from './tunnel.ts'

/** A literal of a usual size: growing a list by `push` allocates four times as much. */
const withLength = (headers: readonly string[], length: string): string[] => {
  const [name, value, other, next] = headers
  if (headers.length === 2) return [name!, value!, 'content-length', length]
  return headers.length === 4
    ? [name!, value!, other!, next!, 'content-length', length]
    : [...headers, 'content-length', length]
}

/** Absolute-form targets (RFC 9112 section 3.2.2) lose scheme and authority; `*` of OPTIONS stays out of any pattern. */
const originForm = (url: string): string => {
  if (url.charCodeAt(0) === 47) return url
  const absolute = /^https?:\/\/[^/?#]*/i.exec(url)
  if (absolute === null) return url
  const rest = url.slice(absolute[0].length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

const queued = new WeakMap<Socket, Set<() => void>>()

/**
 * A response that waits behind others of its connection (pipelining) has no socket yet, and Node does not tell it
 * when the connection is gone: its exchange would be held for ever.
 */
const onQueuedClose = (socket: Socket, response: ServerResponse, listener: () => void): void => {
  let listeners = queued.get(socket)
  if (listeners === undefined) {
    const all = new Set<() => void>()
    listeners = all
    queued.set(socket, all)
    socket.once('close', () => {
      for (const close of all) close()
    })
  }
  const waiting = listeners
  const close = (): void => {
    waiting.delete(close)
    response.off('close', close)
    listener()
  }
  waiting.add(close)
  response.once('close', close)
}

/** Sets fields and keeps several of one name, as `Set-Cookie` needs. How a body is framed is no field of the host's. */
const replaceFields = (response: ServerResponse, headers: readonly string[]): void => {
  response.removeHeader('transfer-encoding')
  for (let at = 0; at < headers.length; at += 2) {
    // What the host says of its own choices goes on to hold.
    if (headers[at]!.toLowerCase() !== 'vary') response.removeHeader(headers[at]!)
  }
  for (let at = 0; at < headers.length; at += 2) {
    response.appendHeader(headers[at]!, headers[at + 1]!)
  }
}

/** The connection of a client that asked for another protocol, and what it sent behind its request. */
export interface UpgradeOffer {
  readonly socket: Duplex
  readonly first: Uint8Array
}

/** A request of `node:http`, translated both ways. Nothing else in Turnout touches its objects. */
export class NodeTransport implements Transport {
  readonly method: string
  readonly target: string
  isGone: boolean
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #bodyLimit: number
  readonly #trusted: readonly Block[]
  /** Somebody has looked at the request as a stream. */
  #isTouched: boolean
  readonly #upgrade: UpgradeOffer | null

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    bodyLimit: number,
    trusted: readonly Block[] = [],
    upgrade: UpgradeOffer | null = null,
  ) {
    this.method = request.method!
    this.target = originForm(request.url!)
    this.isGone = false
    this.#request = request
    this.#response = response
    this.#bodyLimit = bodyLimit
    this.#trusted = trusted
    this.#isTouched = false
    this.#upgrade = upgrade
    // Node has let go of a connection that asks for another protocol, and tells no response of it to go on.
    upgrade?.socket.on('drain', () => response.emit('drain'))
  }

  origin(): string {
    const scheme = 'encrypted' in this.#request.socket ? 'https' : 'http'
    return `${scheme}://${authorityOf(this.#request) || 'localhost'}`
  }

  remoteAddress(): string | undefined {
    return this.#request.socket.remoteAddress
  }

  clientAddress(): string | undefined {
    const peer = this.remoteAddress()
    // Who trusts nobody needs no object of all fields.
    if (this.#trusted.length === 0) return peer
    return clientAddress(peer, this.header('x-forwarded-for'), this.#trusted)
  }

  header(name: string): string | undefined {
    const value: unknown = this.#request.headers[name]
    if (typeof value === 'string') return value
    // What is neither came with the object: `constructor`.
    return Array.isArray(value) ? value.join(', ') : undefined
  }

  headers(): readonly string[] {
    return this.#request.rawHeaders
  }

  plainFields(): null {
    return null
  }

  async readBody(): Promise<Uint8Array> {
    this.#isTouched = true
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
    this.#isTouched = true
    const { headers } = this.#request
    if (headers['transfer-encoding'] === undefined && !(Number(headers['content-length']) > 0)) {
      return null
    }
    if (this.#request.readableEnded || this.#request.destroyed) {
      throw new TurnoutError('TURNOUT_BODY_USED')
    }
    return Readable.toWeb(this.#request) as ReadableStream<Uint8Array>
  }

  bodyLength(): number | null {
    const { headers } = this.#request
    if (headers['transfer-encoding'] !== undefined) return null
    return Number(headers['content-length'] ?? 0)
  }

  pumpBody(sink: BodySink): BodyPump {
    this.#isTouched = true
    const request = this.#request
    const data = (bytes: Buffer): void => {
      if (!sink.write(bytes)) request.pause()
    }
    const stop = (): void => {
      request.off('data', data).off('end', end).off('close', left)
      // What nobody takes is read away, so that the connection can go on.
      request.resume()
    }
    const end = (): void => {
      stop()
      sink.end()
    }
    const left = (): void => {
      stop()
      sink.fail(new TurnoutError('TURNOUT_CLIENT_LEFT'))
    }
    request.on('data', data).once('end', end).once('close', left)
    // The reason is in `close`.
    request.on('error', () => undefined)
    return { resume: () => request.resume(), stop }
  }

  copyBody(limit: number): () => Uint8Array | null {
    const request = this.#request
    // A host may have read it.
    if (request.readableLength > 0 || request.readableDidRead) return () => null
    const pieces: Buffer[] = []
    let size = 0
    let isWhole = false
    const push = request.push.bind(request)
    // Whoever reads it, and however, it comes through here.
    request.push = (piece: Buffer | null, encoding) => {
      size += piece?.length ?? 0
      if (piece === null) isWhole = true
      else if (size <= limit) pieces.push(piece)
      return push(piece, encoding)
    }
    return () => (isWhole && size <= limit ? Buffer.concat(pieces) : null)
  }

  get upgrade(): string | null {
    return this.#upgrade === null ? null : (this.#request.headers.upgrade ?? null)
  }

  inform(status: number, headers: readonly string[]): void {
    const response = this.#response
    if (response.headersSent || this.#request.httpVersionMinor === 0) return
    if (status === 102) response.writeProcessing()
    if (status !== 103) return
    const links = headers.flatMap((value, at) =>
      at % 2 === 1 && headers[at - 1]!.toLowerCase() === 'link' ? value.split(/,\s*(?=<)/) : [],
    )
    if (links.length === 0) return
    try {
      response.writeEarlyHints({ link: links })
    } catch {
      // Links that Node does not take for links: a hint that is not given costs nothing.
    }
  }

  get isHeadSent(): boolean {
    return this.#response.headersSent
  }

  bytesMoved(): number {
    const { bytesRead, bytesWritten } = this.#request.socket
    return bytesRead + bytesWritten
  }

  send(status: number, given: Fields, body: string | Uint8Array | null): void {
    const headers = fieldList(given)
    const response = this.#response
    const request = this.#request
    if (request instanceof LeanRequest) request.isUnread = !this.#isTouched
    this.isGone = request.socket.destroyed
    const isHead = this.method === 'HEAD'
    const whole = body ?? ''
    const length = byteLength(whole)
    // The length of what HEAD or 304 leave out is known to the handler alone.
    const isLengthKept = status === 304 || (isHead && length === 0)
    const fields = hasFraming(headers) ? withoutFraming(headers, isLengthKept) : headers
    if (isBodyless(status)) {
      this.#writeHead(status, fields)
      response.end()
      return
    }
    // An explicit length for every method, so that head and body leave as one write.
    const isLengthGiven = isLengthKept && hasFraming(fields)
    this.#writeHead(status, isLengthGiven ? fields : withLength(fields, String(length)))
    if (isHead || !canEndInOneWrite(response)) response.end(whole)
    else if (typeof whole === 'string' && length === whole.length) endInOneWrite(response, whole)
    else if (typeof whole !== 'string' && length <= mostTogether)
      endInOneWrite(response, latin1(whole))
    else response.end(whole)
  }

  #writeHead(status: number, headers: string[]): void {
    const response = this.#response
    // Beside fields that a host has set, Node keeps only the last of several that have one name; and what patches
    // `writeHead` seldom knows that it takes a list.
    const isHosted =
      isPatched(response) || (headers.length > 2 && response.getHeaderNames().length > 0)
    try {
      if (isHosted) {
        replaceFields(response, headers)
        response.writeHead(status)
      } else response.writeHead(status, headers)
    } catch (error) {
      // The answer to the error has a reason phrase of its own.
      response.statusMessage = ''
      throw error
    }
  }

  async stream(
    status: number,
    given: Fields,
    body: AsyncIterable<string | Uint8Array> | BodySource,
  ): Promise<void> {
    const headers = fieldList(given)
    if (isBodySource(body)) return await this.#push(status, headers, body)
    const response = this.#response
    const iterator = body[Symbol.asyncIterator]()
    const isBare = isBodyless(status) || this.method === 'HEAD'
    const fields = hasFraming(headers) ? withoutFraming(headers, status !== 204) : headers
    if (isBare) {
      this.#writeHead(status, fields)
      response.end()
      await iterator.return?.()
      return
    }
    this.#writeHead(status, fields)
    // A body that is not as long as was said is cut, so that its rest is not taken for the next answer.
    response.strictContentLength = true
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

  /** The same for a body that is pushed. */
  #push(status: number, headers: string[], source: BodySource): Promise<void> {
    const response = this.#response
    const isBare = isBodyless(status) || this.method === 'HEAD'
    const { length } = source
    const fields = hasFraming(headers) ? withoutFraming(headers, status !== 204) : headers
    return new Promise((resolve, reject) => {
      if (isBare) {
        this.#writeHead(status, fields)
        response.end()
        source.cancel('its answer has no body')
        resolve()
        return
      }
      this.#writeHead(status, length === null ? fields : withLength(fields, String(length)))
      // A body that is not as long as was said is cut, so that its rest is not taken for the next answer.
      response.strictContentLength = true
      let isOver = false
      // Bytes that are still to come, where that is known.
      let rest = length ?? Infinity
      this.onClose(() => {
        if (!isOver) source.cancel('the client left')
        isOver = true
        resolve()
      })
      response.on('drain', () => source.resume())
      source.flow({
        write: (bytes) => {
          rest -= bytes.byteLength
          const written = (error?: Error | null): void => {
            // The system has them.
            if (error === null || error === undefined) source.recycle?.(bytes)
          }
          // The last piece and the end together are one write, not two.
          if (rest === 0) response.end(bytes, written)
          else if (!response.write(bytes, written)) return response.writableLength < mostWaiting
          return true
        },
        end: () => {
          isOver = true
          if (!response.writableEnded) response.end()
          resolve()
        },
        fail: (error) => {
          isOver = true
          reject(error)
        },
      })
      // The head leaves with the first piece where that is here already.
      response.flushHeaders()
    })
  }

  async tunnel(headers: readonly string[], other: Duplex, first: Uint8Array): Promise<void> {
    const { socket, first: early } = this.#upgrade!
    const response = this.#response
    response.writeHead(101, headers as string[])
    response.flushHeaders()
    response.detachSocket(socket as Socket)
    await join(socket, early, other, first)
  }

  onClose(listener: () => void): void {
    const response = this.#response
    if (this.#upgrade !== null) {
      const { socket } = this.#upgrade
      if (socket.destroyed) listener()
      else socket.once('close', listener)
      return
    }
    if (response.closed || this.#request.socket.destroyed) listener()
    else if (response.socket !== null) response.once('close', listener)
    else onQueuedClose(this.#request.socket, response, listener)
  }

  destroy(): void {
    this.#upgrade?.socket.destroy()
    const response = this.#response
    // An answer that ends with its connection looks whole unless the connection breaks.
    const isToEnd = this.#request.httpVersionMinor === 0 && response.headersSent
    if (isToEnd && !response.hasHeader('content-length')) response.socket?.resetAndDestroy()
    response.destroy()
  }

  node(): { readonly request: IncomingMessage; readonly response: ServerResponse } {
    this.#isTouched = true
    return { request: this.#request, response: this.#response }
  }
}
