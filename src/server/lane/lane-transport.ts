import { Buffer } from 'node:buffer'
import process from 'node:process'
import { latin1 } from '../../gateway/latin1.ts'
import type { Block } from '../../core/address.ts'
import { TurnoutError } from '../../core/errors.ts'
import { isBodyless } from '../../core/http/bodyless.ts'
import { putInFront } from '../../gateway/upstream/slabs.ts'
import { fieldList, type Fields } from '../../core/http/field-lines.ts'
import { fieldValue } from '../../core/http/fields.ts'
import { clientAddress } from '../../core/http/forwarded.ts'
import {
  isBodySource,
  type BodyPump,
  type BodySink,
  type BodySource,
} from '../../gateway/body-source.ts'
import type { Transport } from '../../gateway/transport.ts'
import { byteLength, hasFraming, mostTogether, withoutFraming } from '../framing.ts'
import { answerHead, lengthLine } from './answer-head.ts'
import { readField } from './head-fields.ts'
import { LaneBody, type BodyPort } from './lane-body.ts'
import { Outlet, type OutletPort } from './outlet.ts'

/** Most requests of a server name the same host. */
let last = { scheme: '', host: '', origin: '' }

/** What a listener gives each of its requests. */
export interface LaneSettings {
  readonly scheme: 'http' | 'https'
  readonly bodyLimit: number
  readonly trusted: readonly Block[]
}

/** The connection of a request. */
export interface LanePort extends OutletPort, BodyPort {
  readonly settings: LaneSettings
  readonly remoteAddress: string | undefined
  readonly isGone: boolean
  /** The answer is out. */
  answered(transport: LaneTransport): void
  /** So is the exchange. */
  ended(transport: LaneTransport, isFailed: boolean): void
  destroy(): void
}

/** What a head came to. Positions are those in `head`. */
export interface LaneRequest {
  readonly method: string
  readonly target: string
  /** Text of the head; fields begin at `fieldsFrom`. */
  readonly head: string
  readonly fieldsFrom: number
  readonly host: string
  /** Lines of it that are not passed on; null: its fields need a look. */
  readonly cuts: readonly number[] | null
  readonly bodyLength: number
  readonly isLast: boolean
}

/**
 * One request of the fast lane, and the way to answer it. Nothing is made of the head before somebody asks: what leaves is
 * one text, where it can be.
 */
export class LaneTransport implements Transport {
  readonly method: string
  readonly target: string
  readonly upgrade: null
  readonly body: LaneBody | null
  isHeadSent: boolean
  isLast: boolean
  isAnswered: boolean
  /** Its answer went to nobody. */
  #isLost: boolean
  readonly #port: LanePort
  readonly #head: string
  readonly #fieldsFrom: number
  readonly #host: string
  readonly #cuts: readonly number[] | null
  #fields: string[] | null
  #closers: (() => void)[] | null
  #drained: (() => void) | null

  constructor(port: LanePort, request: LaneRequest) {
    this.method = request.method
    this.target = request.target
    this.upgrade = null
    this.body = request.bodyLength === 0 ? null : new LaneBody(request.bodyLength, port)
    this.isHeadSent = false
    this.isLast = request.isLast
    this.isAnswered = false
    this.#isLost = false
    this.#port = port
    this.#head = request.head
    this.#fieldsFrom = request.fieldsFrom
    this.#host = request.host
    this.#cuts = request.cuts
    this.#fields = null
    this.#closers = null
    this.#drained = null
  }

  origin(): string {
    const { scheme } = this.#port.settings
    const host = this.#host
    if (scheme !== last.scheme || host !== last.host)
      last = { scheme, host, origin: `${scheme}://${host}` }
    return last.origin
  }

  remoteAddress(): string | undefined {
    return this.#port.remoteAddress
  }

  clientAddress(): string | undefined {
    const { trusted } = this.#port.settings
    const peer = this.#port.remoteAddress
    if (trusted.length === 0) return peer
    return clientAddress(peer, this.header('x-forwarded-for'), trusted)
  }

  header(name: string): string | undefined {
    return readField(this.headers(), name)
  }

  headers(): readonly string[] {
    this.#fields ??= fieldList(this.#head.slice(this.#fieldsFrom, -2))
    return this.#fields
  }

  plainFields(): string | null {
    const cuts = this.#cuts
    if (cuts === null) return null
    const head = this.#head
    let text = ''
    let from = this.#fieldsFrom
    for (let at = 0; at < cuts.length; at += 2) {
      if (cuts[at]! > from) text += head.slice(from, cuts[at])
      from = cuts[at + 1]!
    }
    const end = head.length - 2
    return from < end ? text + head.slice(from, end) : text
  }

  bodyLength(): number {
    return this.body?.length ?? 0
  }

  async readBody(): Promise<Uint8Array> {
    const { body } = this
    if (body === null) return new Uint8Array(0)
    if (body.isUsed || body.destroyed) throw new TurnoutError('TURNOUT_BODY_USED')
    const limit = this.#port.settings.bodyLimit
    if (body.length > limit) throw new TurnoutError('TURNOUT_BODY_TOO_LARGE', { limit })
    return new Promise((resolve, reject) => {
      const pieces: Uint8Array[] = []
      body.pump({
        write: (piece) => {
          pieces.push(piece)
          return true
        },
        end: () => resolve(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)),
        fail: reject,
      })
    })
  }

  bodyStream(): ReadableStream<Uint8Array> | null {
    const { body } = this
    if (body === null) return null
    if (body.isUsed || body.destroyed) throw new TurnoutError('TURNOUT_BODY_USED')
    let pump: BodyPump
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        pump = body.pump({
          write: (piece) => {
            controller.enqueue(piece)
            return (controller.desiredSize ?? 0) > 0
          },
          end: () => controller.close(),
          fail: (error) => controller.error(error),
        })
      },
      pull: () => pump.resume(),
      cancel: () => pump.stop(),
    })
  }

  pumpBody(sink: BodySink): BodyPump {
    if (this.body !== null) return this.body.pump(sink)
    process.nextTick(() => sink.end())
    return { resume: () => undefined, stop: () => undefined }
  }

  copyBody(limit: number): () => Uint8Array | null {
    return this.body === null ? () => new Uint8Array(0) : this.body.copy(limit)
  }

  inform(status: number, headers: readonly string[]): void {
    if (this.isHeadSent || this.#port.isGone) return
    if (status === 102) this.#port.writeText('HTTP/1.1 102 Processing\r\n\r\n')
    if (status !== 103) return
    const links = headers.flatMap((value, at) =>
      at % 2 === 1 && headers[at - 1]!.toLowerCase() === 'link' ? [`link: ${value}\r\n`] : [],
    )
    if (links.length > 0) this.#port.writeText(`HTTP/1.1 103 Early Hints\r\n${links.join('')}\r\n`)
  }

  send(status: number, given: Fields, body: string | Uint8Array | null): void {
    const whole = body ?? ''
    this.#sendWhole(status, given, whole, byteLength(whole))
  }

  sendByteText(status: number, fields: Fields, text: string): void {
    this.#sendWhole(status, fields, text, text.length)
  }

  /** `length`: of the body in bytes; a text that is as long has one byte a character. */
  #sendWhole(status: number, given: Fields, whole: string | Uint8Array, length: number): void {
    const isHead = this.method === 'HEAD'
    // The length of what HEAD or 304 leave out is known to the handler alone.
    const isLengthKept = status === 304 || (isHead && length === 0)
    const isFramed = hasFraming(given)
    const fields = isFramed ? withoutFraming(given, isLengthKept) : given
    const isBare = isBodyless(status)
    const isSaid = isBare || (isFramed && isLengthKept && hasFraming(fields))
    const head = answerHead(this, status, fields, isSaid ? '' : lengthLine(length))
    this.isHeadSent = true
    const port = this.#port
    if (isBare || isHead || length === 0) port.writeText(head)
    else if (typeof whole === 'string') {
      if (length === whole.length) port.writeText(head + whole)
      else this.#writeBoth(head, Buffer.from(whole))
    } else if (length <= mostTogether) port.writeText(head + latin1(whole))
    else this.#writeBoth(head, whole)
    this.#answered()
  }

  /** Two writes that leave as one. */
  #writeBoth(head: string, body: Uint8Array): void {
    const port = this.#port
    port.socket.cork()
    port.writeText(head)
    port.writeBytes(body)
    port.socket.uncork()
  }

  stream(
    status: number,
    given: Fields,
    body: AsyncIterable<string | Uint8Array> | BodySource,
  ): Promise<void> {
    const fields = hasFraming(given) ? withoutFraming(given, status !== 204) : given
    return isBodySource(body) ? this.#push(status, fields, body) : this.#pull(status, fields, body)
  }

  async #pull(
    status: number,
    fields: Fields,
    body: AsyncIterable<string | Uint8Array>,
  ): Promise<void> {
    const iterator = body[Symbol.asyncIterator]()
    if (isBodyless(status) || this.method === 'HEAD') {
      this.#sendBare(status, fields)
      await iterator.return?.()
      return
    }
    const said = typeof fields === 'string' ? undefined : fieldValue(fields, 'content-length')
    const outlet = this.#open(status, fields, said === undefined ? null : Number(said), true)
    await new Promise<void>((resolve, reject) => {
      let isLeft = false
      // The source may wait in `next` for ever: the exchange ends when its client has left all the same.
      this.onClose(() => {
        isLeft = true
        this.#drained?.()
        iterator.return?.().catch(() => undefined)
        resolve()
      })
      const run = async (): Promise<void> => {
        for (;;) {
          const part = await iterator.next()
          if (isLeft) return
          if (part.done === true) break
          if (!outlet.write(part.value)) await this.#drain()
        }
        this.#close(outlet)
        resolve()
      }
      run().catch(reject)
    })
  }

  /** The same for a body that is pushed. */
  #push(status: number, fields: Fields, source: BodySource): Promise<void> {
    const { length } = source
    return new Promise((resolve, reject) => {
      if (isBodyless(status) || this.method === 'HEAD') {
        this.#sendBare(status, fields)
        source.cancel('its answer has no body')
        return resolve()
      }
      // What is here already is handed over in this turn: where that is all, it leaves in one write.
      let here: Uint8Array[] | null = []
      let outlet: Outlet | null = null
      let rest = length ?? Infinity
      let isEnded = false
      let isOver = false
      const recycled = (bytes: Uint8Array) => (): void => source.recycle?.(bytes)
      const put = (bytes: Uint8Array): boolean => {
        if (isOver) return true
        rest -= bytes.byteLength
        const hasRoom = outlet!.write(bytes, recycled(bytes))
        // The last piece leaves at once: nothing more comes behind it.
        if (rest === 0) outlet!.flush()
        return rest === 0 || hasRoom
      }
      const finish = (): void => {
        if (isOver) return
        isOver = true
        this.#close(outlet!)
        resolve()
      }
      source.flow({
        write: (bytes) => {
          if (here === null) return put(bytes)
          here.push(bytes)
          return true
        },
        end: () => {
          isEnded = true
          if (here === null) finish()
        },
        fail: (error) => {
          isOver = true
          reject(error)
        },
      })
      const pieces = here
      here = null
      if (isOver) return
      if (isEnded && length !== null && this.#sendAll(status, fields, pieces, length, recycled))
        return resolve()
      outlet = this.#open(status, fields, length, false)
      this.onClose(() => {
        if (!isOver) source.cancel('the client left')
        isOver = true
        resolve()
      })
      this.#drained = () => source.resume()
      for (const bytes of pieces) put(bytes)
      if (isEnded) finish()
    })
  }

  /** False: it is not as long as was said. */
  #sendAll(
    status: number,
    fields: Fields,
    pieces: readonly Uint8Array[],
    length: number,
    recycled: (bytes: Uint8Array) => () => void,
  ): boolean {
    if (pieces.reduce((sum, { byteLength: size }) => sum + size, 0) !== length) return false
    const port = this.#port
    const head = answerHead(this, status, fields, lengthLine(length))
    this.isHeadSent = true
    const whole = pieces.length === 1 ? putInFront(head, pieces[0]!) : null
    if (whole !== null) {
      const written = recycled(whole)
      port.writeBytes(whole, (error) => error ?? written())
      this.#answered()
      return true
    }
    port.socket.cork()
    port.writeText(head)
    for (const bytes of pieces) {
      const written = recycled(bytes)
      // Only what the system has is nobody's any more.
      port.writeBytes(bytes, (error) => error ?? written())
    }
    port.socket.uncork()
    this.#answered()
    return true
  }

  #sendBare(status: number, fields: Fields): void {
    const head = answerHead(this, status, fields, '')
    this.isHeadSent = true
    this.#port.writeText(head)
    this.#answered()
  }

  /** `isSaid`: a length is among the fields already. */
  #open(status: number, fields: Fields, length: number | null, isSaid: boolean): Outlet {
    const framing = length === null ? 'transfer-encoding: chunked\r\n' : lengthLine(length)
    const isDone = isSaid && length !== null
    const head = answerHead(this, status, fields, isDone ? '' : framing)
    this.isHeadSent = true
    return new Outlet(this.#port, head, length)
  }

  #close(outlet: Outlet): void {
    if (outlet.end()) this.#answered()
    else this.destroy()
  }

  #drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve
    })
  }

  /** Its exchange is over. `isFailed`: with an error that nobody has answered for. */
  ended(isFailed: boolean): void {
    this.#port.ended(this, isFailed)
  }

  /** The client has taken what waited for it. */
  drained(): void {
    this.#drained?.()
  }

  #answered(): void {
    this.isAnswered = true
    this.#isLost = this.#port.isGone
    this.#tellClosed()
    this.#port.answered(this)
  }

  #tellClosed(): void {
    const closers = this.#closers
    if (closers === null) return
    this.#closers = null
    for (const listener of closers) listener()
  }

  tunnel(): Promise<void> {
    return Promise.reject(new Error('what asks for another protocol is not served here'))
  }

  onClose(listener: () => void): void {
    if (this.isAnswered || this.#port.isGone) listener()
    // A list that begins with one has room for one.
    else if (this.#closers === null) this.#closers = [listener]
    else this.#closers.push(listener)
  }

  /** Its connection is gone. */
  closed(): void {
    this.body?.fail()
    this.#tellClosed()
  }

  destroy(): void {
    this.#port.destroy()
  }

  bytesMoved(): number {
    const { bytesRead, bytesWritten } = this.#port.socket
    return bytesRead + bytesWritten
  }

  node(): null {
    return null
  }

  get isGone(): boolean {
    return this.isAnswered ? this.#isLost : this.#port.isGone
  }

  /** What `Connections` and `Admission` call it. */
  get headersSent(): boolean {
    return this.isHeadSent
  }

  set shouldKeepAlive(isKept: boolean) {
    if (!isKept) this.isLast = true
  }
}
