import { performance } from 'node:perf_hooks'
import { Buffer } from 'node:buffer'
import process from 'node:process'
import type { AnswerListener, Failure, FailureKind, Outgoing, OutgoingRequest } from './client.ts'
import type { Fields } from '../../core/http/field-lines.ts'
import type { TimeoutSettings } from '../../core/route/upstream.ts'
import type { Connection } from './connection.ts'

/** A small body leaves with its head in one write. */
const mostTogether = 65_536

const lastChunk = '0\r\n\r\n'

/** Kinds of failures before which nothing was sent. */
const unsent: ReadonlySet<FailureKind> = new Set(['connect', 'tls', 'forbidden', 'busy'])

/** What an exchange waits for. */
type Phase = 'connection' | 'request' | 'head' | 'answer'

/** What an exchange needs of the pool. */
export interface ExchangePool {
  /** It waits no more. */
  leave(outgoing: OutgoingExchange): void
  /** Its connection is of no more use. */
  discard(connection: Connection): void
}

/** An exchange with an endpoint, from `send` to the last call of its listener. */
export class OutgoingExchange implements Outgoing {
  readonly request: OutgoingRequest
  readonly listener: AnswerListener
  readonly #timeouts: TimeoutSettings
  readonly #pool: ExchangePool
  #head: string
  #connection: Connection | null = null
  #phase: Phase = 'connection'
  /** When the phase began, or bytes last moved. */
  #since: number
  /** Pieces of the body that came before the connection. */
  #early: Buffer[] | null = null
  #given = 0
  #isEnded: boolean
  #isStarted = false
  #isOver = false
  #isPaused = false
  /** The socket keeps what the system has not taken. */
  #isFull = false
  /** `write` said false. */
  #owesDrain = false
  hasSentBody = false

  constructor(
    request: OutgoingRequest,
    head: string,
    listener: AnswerListener,
    timeouts: TimeoutSettings,
    pool: ExchangePool,
    now: number,
  ) {
    this.request = request
    this.listener = listener
    this.#head = head
    this.#timeouts = timeouts
    this.#pool = pool
    this.#since = now
    this.#isEnded = request.bodyLength === 0
  }

  /** All of the request was handed to the connection. */
  get isSent(): boolean {
    return this.#isStarted && this.#head === '' && this.#isEnded && !this.#isFull
  }

  get waitsSince(): number {
    return this.#since
  }

  /** A connection is being opened for it. */
  wait(connection: Connection): void {
    this.#connection = connection
    this.#since = performance.now()
  }

  /** The connection is there. `isLast`: no request follows on it. */
  start(connection: Connection, isLast: boolean, now: number): void {
    this.#connection = connection
    this.#isStarted = true
    this.#phase = 'request'
    const isClosing = isLast && this.request.upgrade === null
    this.#head += isClosing ? 'connection: close\r\n\r\n' : '\r\n'
    const early = this.#early
    this.#early = null
    if (early === null) {
      if (this.#isEnded) this.#hold(connection, now)
      // The first piece of the body, where it is there already, leaves with the head.
      else process.nextTick(() => this.#flush())
      return
    }
    this.#sendPiece(early.length === 1 ? early[0]! : Buffer.concat(early))
    if (this.#isEnded) this.#complete(now)
    if (!this.#isFull) this.#tellDrain()
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isOver) return true
    if (bytes.byteLength === 0) return !this.#owesDrain
    const { bodyLength } = this.request
    this.#given += bytes.byteLength
    if (this.#isEnded || (bodyLength !== null && this.#given > bodyLength)) {
      this.abort('its body is longer than was said')
      return true
    }
    if (!this.#isStarted) {
      this.#early ??= []
      this.#early.push(Buffer.from(bytes))
      this.#owesDrain = true
    } else {
      this.#sendPiece(bytes)
      this.#owesDrain = this.#isFull
    }
    if (this.#given === bodyLength) this.end()
    return !this.#owesDrain
  }

  end(): void {
    if (this.#isOver || this.#isEnded) return
    const { bodyLength } = this.request
    if (bodyLength !== null && this.#given < bodyLength) {
      this.abort('its body is shorter than was said')
      return
    }
    this.#isEnded = true
    if (this.#isStarted) this.#complete(performance.now())
  }

  resume(): void {
    if (this.#isOver || !this.#isPaused) return
    this.#isPaused = false
    this.#since = performance.now()
    this.#connection?.resume()
  }

  abort(reason: string): void {
    if (this.#isOver) return
    const failure = this.#failure('aborted', reason, false)
    this.#isOver = true
    if (this.#connection === null) this.#pool.leave(this)
    else this.#pool.discard(this.#connection)
    process.nextTick(() => this.listener.onFailure(failure))
  }

  /** Ends it with a failure, in a turn of its connection. `isStale`: the connection was used before. `isHeld`: nothing was sent. */
  fail(kind: FailureKind, reason: string, isStale = false, isHeld = false): void {
    if (this.#isOver) return
    this.#isOver = true
    if (isHeld) this.#isStarted = false
    this.listener.onFailure(this.#failure(kind, reason, isStale))
  }

  /** Whether this call ends it. */
  finish(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    return true
  }

  takeHead(
    status: number,
    fields: Fields,
    length: number | null,
    whole: Buffer | string | null,
    now: number,
  ): void {
    this.#since = now
    this.#phase = 'answer'
    this.listener.onHead(status, fields, length, whole, now)
  }

  takeData(bytes: Buffer, now: number): void {
    this.#since = now
    if (this.listener.onData(bytes) || this.#isOver) return
    this.#isPaused = true
    this.#connection!.pause()
  }

  /** Not all of a request that was held is taken: `drained` follows. */
  fill(): void {
    this.#isFull = true
    this.#phase = 'request'
  }

  drained(): void {
    if (!this.#isFull || this.#isOver) return
    this.#isFull = false
    this.#since = performance.now()
    if (this.#isEnded && this.#phase === 'request') this.#phase = 'head'
    this.#tellDrain()
  }

  /** Which deadline has passed. */
  overdue(now: number): FailureKind | null {
    const { connectMs, headersMs, idleMs } = this.#timeouts
    const passed = (limit: number): boolean => limit > 0 && now - this.#since >= limit
    switch (this.#phase) {
      case 'connection':
        return passed(connectMs) ? (this.#connection?.isInTls === true ? 'tls' : 'connect') : null
      case 'request':
        return this.#isFull && passed(idleMs) ? 'idle-timeout' : null
      case 'head':
        return passed(headersMs) ? 'headers-timeout' : null
      case 'answer':
        return !this.#isPaused && passed(idleMs) ? 'idle-timeout' : null
      default:
        return this.#phase satisfies never
    }
  }

  /** All of the request is here: it waits for nobody but the endpoint. */
  get isWhole(): boolean {
    return this.#isEnded
  }

  /** Since when its connection waits for the client, which neither sends nor takes anything; null: it does not. */
  get stalledSince(): number | null {
    const isSending = this.#phase === 'request' && !this.#isEnded && !this.#isFull
    return isSending || (this.#phase === 'answer' && this.#isPaused) ? this.#since : null
  }

  #failure(kind: FailureKind, reason: string, isStale: boolean): Failure {
    return { kind, reason, isUnsent: unsent.has(kind) || !this.#isStarted, isStale }
  }

  #tellDrain(): void {
    if (!this.#owesDrain) return
    this.#owesDrain = false
    this.listener.onDrain()
  }

  /** The head alone, where no body has come yet. */
  #flush(): void {
    if (this.#isOver || this.#head === '') return
    const head = this.#head
    this.#head = ''
    this.#put(head, performance.now())
  }

  #sendPiece(bytes: Uint8Array): void {
    this.hasSentBody = true
    if (this.#head.length + bytes.byteLength > mostTogether) this.#flush()
    const isChunked = this.request.bodyLength === null
    const before = this.#head + (isChunked ? `${bytes.byteLength.toString(16)}\r\n` : '')
    this.#head = ''
    // A copy: the caller may use the bytes again, and the socket may keep them.
    const start = before.length
    const stop = start + bytes.byteLength
    const all = Buffer.allocUnsafe(stop + (isChunked ? 2 : 0))
    all.write(before, 'latin1')
    all.set(bytes, start)
    if (isChunked) all.write('\r\n', stop, 'latin1')
    this.#put(all, performance.now())
  }

  /** A request without a body. */
  #hold(connection: Connection, now: number): void {
    const head = this.#takeRest()
    this.#phase = 'head'
    this.#since = now
    connection.hold(head)
  }

  #takeRest(): string {
    const rest = this.request.bodyLength === null ? this.#head + lastChunk : this.#head
    this.#head = ''
    return rest
  }

  #complete(now: number): void {
    const rest = this.#takeRest()
    if (rest !== '') this.#put(rest, now)
    if (this.#phase !== 'request') return
    this.#since = now
    if (!this.#isFull) this.#phase = 'head'
  }

  #put(data: string | Buffer, now: number): void {
    this.#since = now
    if (!this.#connection!.write(data)) this.#isFull = true
  }
}
