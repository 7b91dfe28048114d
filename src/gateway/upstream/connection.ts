import { performance } from 'node:perf_hooks'
import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import type { Fields } from '../../core/http/field-lines.ts'
import { AnswerParser, type AnswerSink } from './answer-parser.ts'
import type { FailureKind } from './client.ts'
import { StraightWriter } from '../straight.ts'
import { atTurnEnd, type Held } from '../turn-end.ts'
import { DialError, dialOwn, type Dial } from './dial.ts'
import type { OutgoingExchange } from './outgoing.ts'

/** What a connection tells its pool. */
export interface ConnectionPool {
  /** Its exchange is over, and it may have another. */
  release(connection: Connection, now: number): void
  /** It is of no more use. */
  discard(connection: Connection): void
  /** It speaks another protocol now, and belongs to somebody else. */
  handOver(connection: Connection, socket: Socket): void
  /** Of the requests on one connection. */
  readonly mostRequests: number
}

/** An upgraded socket may fail before its new owner listens. */
const ignore = (): void => undefined

/**
 * One connection. Open/destroy.
 *
 *   opening -> busy -> idle -> busy ... -> destroyed | handed over
 */
export class Connection implements AnswerSink, Held {
  readonly openedAt: number = performance.now()
  /** Since when it has been in use, or idle. */
  since: number
  /** A leak is reported once. */
  isReported = false
  readonly #socket: Socket
  readonly #pool: ConnectionPool
  readonly #isTls: boolean
  readonly #parser: AnswerParser
  /** When the bytes came that are being read. */
  #readAt: number
  #exchange: OutgoingExchange | null
  /** Null: it is not open. */
  #straight: StraightWriter | null = null
  /** A request that is a head alone, until the turn ends. */
  #held = ''
  #isOpen = false
  #isConnected = false
  #isGone = false
  #isPaused = false
  #requests = 0

  constructor(dial: Dial, isTls: boolean, pool: ConnectionPool, exchange: OutgoingExchange) {
    this.since = this.openedAt
    this.#readAt = this.openedAt
    this.#pool = pool
    this.#isTls = isTls
    this.#exchange = exchange
    this.#parser = new AnswerParser(this)
    exchange.wait(this)
    const socket = dialOwn(dial, (length, bytes) => this.#read(bytes, length))
    this.#socket = socket
    socket.on('connect', () => {
      this.#isConnected = true
      if (!isTls) this.#open()
    })
    if (isTls) {
      socket.on('secureConnect', () => this.#open())
      socket.on('data', this.#onData)
    }
    socket.on('drain', this.#onDrain)
    socket.on('end', this.#onEnd)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
  }

  /** Null: it is idle. */
  get exchange(): OutgoingExchange | null {
    return this.#exchange
  }

  /** It is connected, and the handshake is under way. */
  get isInTls(): boolean {
    return this.#isTls && this.#isConnected && !this.#isOpen
  }

  get isWornOut(): boolean {
    return this.#requests >= this.#pool.mostRequests
  }

  /** Sends the request of an exchange. */
  start(exchange: OutgoingExchange, now: number): void {
    this.#exchange = exchange
    this.#requests += 1
    this.#parser.expect(exchange.request.method, exchange.request.upgrade)
    exchange.start(this, this.isWornOut, now)
  }

  /** Writes all of a request at the end of the turn. */
  hold(head: string): void {
    if (this.#isGone) return
    this.#held = head
    atTurnEnd(this)
  }

  flush(): void {
    const head = this.#held
    if (head === '') return
    this.#held = ''
    if (!this.write(head)) this.#exchange!.fill()
  }

  /** False: a `drain` follows. */
  write(data: string | Buffer): boolean {
    if (this.#isGone) return true
    const straight = this.#straight
    if (straight !== null && straight.write(data)) return straight.waiting === 0
    const isTaken =
      typeof data === 'string' ? this.#socket.write(data, 'latin1') : this.#socket.write(data)
    // What the system took at once is written, however large it was.
    return isTaken || this.#socket.writableLength === 0
  }

  pause(): void {
    this.#isPaused = true
    // Of the others, the read that is under way says so when it returns.
    if (this.#isTls) this.#socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    if (!this.#isGone) this.#socket.resume()
  }

  /** Ends the socket; tells nobody. */
  destroy(): void {
    this.#isGone = true
    this.#exchange = null
    this.#held = ''
    this.#parser.stop()
    this.#socket.destroy()
  }

  /** Ends it and its exchange. */
  fail(kind: FailureKind, reason: string): void {
    if (this.#isGone) return
    const exchange = this.#exchange
    const isStale = kind === 'closed' && this.#requests > 1
    const isHeld = this.#held !== ''
    this.#pool.discard(this)
    exchange?.fail(kind, reason, isStale, isHeld)
  }

  onInformational(status: number, headers: readonly string[]): void {
    this.#exchange!.listener.onInformational(status, headers)
  }

  onHead(
    status: number,
    fields: Fields,
    length: number | null,
    whole: Buffer | string | null,
  ): void {
    this.#exchange!.takeHead(status, fields, length, whole, this.#readAt)
  }

  onData(bytes: Buffer): void {
    this.#exchange!.takeData(bytes, this.#readAt)
  }

  onEnd(isReusable: boolean): void {
    const exchange = this.#exchange!
    // An endpoint that was asked for an upgrade may take what follows for another protocol.
    const isFree = isReusable && exchange.isSent && exchange.request.upgrade === null
    const isLast = exchange.finish()
    this.#exchange = null
    if (isFree) {
      this.resume()
      this.#pool.release(this, this.#readAt)
    } else {
      this.#pool.discard(this)
    }
    if (isLast) exchange.listener.onEnd()
  }

  onUpgrade(headers: string[], first: Buffer): void {
    const exchange = this.#exchange!
    if (!exchange.isSent) return this.onInvalid('it switches before the request is complete')
    const socket = this.#socket
    exchange.finish()
    this.#exchange = null
    this.#isGone = true
    this.#pool.handOver(this, socket)
    socket.off('data', this.#onData)
    socket.off('drain', this.#onDrain)
    socket.off('end', this.#onEnd)
    socket.off('error', this.#onError)
    socket.off('close', this.#onClose)
    socket.on('error', ignore)
    // As for a socket that nobody has read from: it flows once somebody listens.
    Object.assign(socket, { readableFlowing: null })
    exchange.listener.onUpgrade(headers, socket, first)
  }

  onInvalid(reason: string): void {
    this.fail('invalid', `the answer is invalid: ${reason}`)
  }

  #open(): void {
    if (this.#isGone) return
    this.#isOpen = true
    this.#straight = new StraightWriter(this.#socket, this.#onDrain)
    this.start(this.#exchange!, performance.now())
  }

  /** False: no more for now. */
  #read(bytes: Buffer, length: number): boolean {
    // After an upgrade the socket is an ordinary stream for its new owner.
    if (this.#isGone) return this.#socket.push(Buffer.from(bytes.subarray(0, length)))
    this.#feed(bytes, length)
    return !this.#isPaused
  }

  #feed(bytes: Buffer, length: number): void {
    // What nobody asked for is no answer to the next request.
    if (this.#exchange === null) return this.#pool.discard(this)
    if (this.#held !== '') return this.#answersEarly()
    this.#readAt = performance.now()
    this.#parser.feed(bytes, length)
  }

  /** Nor is it one to a request that it has not seen. */
  #answersEarly(): void {
    this.fail(this.#requests > 1 ? 'closed' : 'invalid', 'it sent something before the request')
  }

  readonly #onData = (bytes: Buffer): void => this.#feed(bytes, bytes.length)

  readonly #onDrain = (): void => this.#exchange?.drained()

  readonly #onEnd = (): void => {
    if (!this.#isGone && !this.#parser.finish()) this.#ended('the connection ended')
  }

  readonly #onError = (error: Error & { code?: string }): void => {
    if (this.#isGone) return
    const reason = error.code ?? error.message
    if (error instanceof DialError) this.fail(error.kind, error.message)
    else if (this.isInTls) this.fail('tls', error.code ? `${reason}: ${error.message}` : reason)
    else if (!this.#isOpen) this.fail('connect', `no connection: ${reason}`)
    else this.#ended(`the connection broke: ${reason}`)
  }

  readonly #onClose = (): void => {
    if (!this.#isGone) this.#ended('the connection ended')
  }

  #ended(reason: string): void {
    if (this.#exchange === null) this.#pool.discard(this)
    else if (!this.#isOpen) this.fail(this.isInTls ? 'tls' : 'connect', reason)
    else if (this.#parser.isInBody) this.fail('truncated', `${reason} before the answer did`)
    else if (this.#parser.hasBytes) this.fail('invalid', `${reason} inside the head of the answer`)
    else this.fail('closed', `${reason} before the answer`)
  }
}
