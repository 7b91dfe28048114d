import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { problem, type ErrorCode, type Problem } from '../../core/errors.ts'
import { isElsewhere, needsMore, type RequestHead } from '../../core/http/request-head.ts'
import { latin1 } from '../../gateway/latin1.ts'
import { problemReply } from '../../gateway/problem-reply.ts'
import { StraightWriter } from '../../gateway/straight.ts'
import { atTurnEnd, type Held } from '../../gateway/turn-end.ts'
import { isHost } from '../authority.ts'
import type { Connections, Reader, Use } from '../connections.ts'
import { lastFields } from '../raw-reply.ts'
import { answerHead, lengthLine } from './answer-head.ts'
import { LaneTransport, type LanePort, type LaneSettings } from './lane-transport.ts'

/** Serves a request of the lane, which is told when its exchange has ended. */
export type ServeLane = (transport: LaneTransport) => void

/** What the connections of a listener share. */
export interface LaneContext {
  readonly settings: LaneSettings
  readonly connections: Connections
  readonly head: RequestHead
  readonly serve: ServeLane
  /** Whether its routes can only be served with the objects of `node:http`. */
  readonly needsNode: (transport: LaneTransport) => boolean
  /** Whether answers are the last of their connections. */
  readonly isLast: () => boolean
  /** Told of a request that is refused here. */
  readonly onRefused: (code: ErrorCode) => void
  /** Takes a connection as `node:http` takes those that it has accepted, with what was read of it and not used. */
  readonly toNode: (socket: Socket, unread: Buffer | null) => void
}

/** Bytes behind a request that is served: then its client has to wait. */
const mostKept = 65_536
/** Characters of answers that wait for the end of the turn. */
const mostHeld = 65_536
/** Reads in which one head may come. */
const mostReads = 4

/** The host that was checked last; a text of its own, and no part of a head. */
let lastHost = ''

/**
 * A connection of the fast lane. It has one request at a time: what comes behind it waits, and its client with it. What is
 * not of the ordinary kind goes to `node:http`, and the connection with it, for good.
 *
 *     head -> exchange (body, answer) -> head ...      -> node:http
 */
export class LaneConnection implements LanePort, Reader, Held {
  readonly socket: Socket
  readonly settings: LaneSettings
  readonly #context: LaneContext
  readonly #use: Use
  readonly #stopReading: () => void
  readonly #straight: StraightWriter
  headSince: number
  bodySince: number
  isGone: boolean
  #current: LaneTransport | null
  /** A head of which not all has come, or what came behind the request that is served. */
  #kept: Buffer | null
  #reads: number
  /** Small answers of one turn leave in one write. */
  #out: string
  #isReading: boolean
  #isPaused: boolean
  /** It is `node:http`'s. */
  #isElsewhere: boolean
  #isEnding: boolean
  #address: string | undefined

  /** `stopReading`: what was read goes to `read` no more. */
  constructor(socket: Socket, context: LaneContext, use: Use, stopReading: () => void) {
    this.socket = socket
    this.settings = context.settings
    this.#context = context
    this.#use = use
    this.#stopReading = stopReading
    this.#straight = new StraightWriter(socket, () => {
      if (!this.#isElsewhere) this.#onDrain()
    })
    this.headSince = performance.now()
    this.bodySince = 0
    this.isGone = false
    this.#current = null
    this.#kept = null
    this.#reads = 0
    this.#out = ''
    this.#isReading = false
    this.#isPaused = false
    this.#isElsewhere = false
    this.#isEnding = false
    this.#address = undefined
    use.reader = this
    socket.on('drain', this.#onDrain)
    socket.on('end', this.#onEnd)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
  }

  get isAtRest(): boolean {
    return this.#current === null && this.#kept === null
  }

  get hasMore(): boolean {
    return this.#current !== null && this.#kept !== null
  }

  get waiting(): number {
    return this.socket.writableLength + this.waitingBeside
  }

  get waitingBeside(): number {
    return this.#out.length + this.#straight.waiting
  }

  /** Who takes no answers gets no more of them. */
  get #mustWait(): boolean {
    return this.#straight.waiting > 0 || this.socket.writableNeedDrain
  }

  get remoteAddress(): string | undefined {
    // Asked for twice it is two calls of the system.
    return (this.#address ??= this.socket.remoteAddress)
  }

  /** Takes what was read; the bytes are overwritten after it. False: read no more for now. */
  read(bytes: Buffer, length: number): boolean {
    if (this.#isElsewhere) return this.socket.push(Buffer.from(bytes.subarray(0, length)))
    if (this.isGone || this.#isEnding) return true
    this.#isPaused = false
    const kept = this.#kept
    if (kept === null) this.#take(bytes, 0, length)
    else if (this.#current === null) {
      this.#kept = null
      const all = Buffer.concat([kept, bytes.subarray(0, length)])
      this.#take(all, 0, all.length)
    } else this.#keep(bytes, 0, length)
    return !this.#isPaused
  }

  #take(bytes: Buffer, from: number, to: number): void {
    this.#isReading = true
    let at = from
    while (at < to && !this.isGone && !this.#isEnding) {
      const current = this.#current
      if (current === null) {
        // Ends of lines before a request are none of it (RFC 9112 section 2.2): the connection rests.
        if (bytes[at] === 13 || bytes[at] === 10) {
          at += 1
          continue
        }
        if (this.#mustWait) {
          this.#keep(bytes, at, to)
          this.flow(false)
          break
        }
        const next = this.#begin(bytes, at, to)
        if (next < 0) break
        at = next
        continue
      }
      const { body } = current
      if (body === null || body.rest === 0) {
        this.#keep(bytes, at, to)
        break
      }
      const stop = Math.min(to, at + body.rest)
      body.take(bytes.subarray(at, stop))
      at = stop
      if (body.rest === 0) this.#bodyEnded()
    }
    this.#isReading = false
  }

  /** A request begins; gives where its body does, or -1. */
  #begin(bytes: Buffer, from: number, to: number): number {
    const { head, connections } = this.#context
    const end = head.read(bytes, from, to)
    if (end < 0) {
      this.#reads += 1
      if (end === isElsewhere || this.#reads >= mostReads) this.#handOver(bytes, from, to)
      else {
        this.#kept = Buffer.from(bytes.subarray(from, to))
        if (this.headSince === 0) this.headSince = performance.now()
      }
      return needsMore
    }
    const text = latin1(bytes, from, end)
    const { hostFrom, hostTo } = head
    // Most requests name the host that the one before named: the same text again costs nothing to compare.
    const isKnown =
      hostTo - hostFrom === lastHost.length && text.startsWith(lastHost, hostFrom - from)
    const host = isKnown ? lastHost : latin1(bytes, hostFrom, hostTo)
    if (isKnown || isHost(host)) lastHost = host
    else {
      this.#handOver(bytes, from, to)
      return needsMore
    }
    const { method, bodyLength, isLast } = head
    const transport = new LaneTransport(this, {
      method,
      target: text.slice(head.targetFrom - from, head.targetTo - from),
      head: text,
      fieldsFrom: head.fieldsFrom - from,
      host,
      cuts: head.isPlain ? cutsOf(head, from) : null,
      bodyLength,
      // What has come already is served too.
      isLast: isLast || (end + bodyLength >= to && this.#context.isLast()),
    })
    if (this.#context.needsNode(transport)) {
      this.#handOver(bytes, from, to)
      return needsMore
    }
    const { body } = transport
    if (body !== null) this.bodySince = this.headSince === 0 ? performance.now() : this.headSince
    this.#reads = 0
    this.headSince = 0
    this.#current = transport
    connections.begin(this.#use, transport, body)
    this.#context.serve(transport)
    return end
  }

  ended(transport: LaneTransport, isFailed: boolean): void {
    this.#context.connections.end(this.#use, transport)
    if (isFailed) this.destroy()
  }

  answered(transport: LaneTransport): void {
    const { body } = transport
    if (body === null || body.rest === 0 || transport.isLast) return this.#next(transport)
    // Whoever still reads it may go on.
    if (!body.isUsed) body.discard()
  }

  #bodyEnded(): void {
    this.bodySince = 0
    if (this.#current?.isAnswered === true) this.#next(this.#current)
  }

  /** A request is over: the next one may begin, where there is one. */
  #next(transport: LaneTransport): void {
    if (transport !== this.#current) return
    this.#current = null
    if (transport.isLast) return this.#end()
    if (!this.#isReading && !this.isGone) this.#goOn()
  }

  /** Begins with what has come already, then reads on. */
  #goOn(): void {
    const kept = this.#kept
    this.#kept = null
    if (kept !== null) this.#take(kept, 0, kept.length)
    if (this.#current === null) this.flow(true)
    if (this.#isPaused) this.socket.pause()
  }

  /** What came behind the request that is served waits. It is read on, so that it is seen when the client leaves; but not for ever. */
  #keep(bytes: Buffer, from: number, to: number): void {
    const piece = bytes.subarray(from, to)
    this.#kept = this.#kept === null ? Buffer.from(piece) : Buffer.concat([this.#kept, piece])
    if (this.#kept.length >= mostKept) this.flow(false)
  }

  flow(isOn: boolean): void {
    if (this.isGone || this.#isElsewhere || isOn === !this.#isPaused) return
    if (isOn && this.#current === null && this.#mustWait) return
    this.#isPaused = !isOn
    if (isOn) this.socket.resume()
    else if (!this.#isReading) this.socket.pause()
  }

  writeText(text: string): void {
    if (this.isGone || !this.socket.writable) return
    const isFirst = this.#out === ''
    this.#out += text
    if (this.#out.length > mostHeld) this.flush()
    // Not before: it may be flushed at once.
    else if (isFirst) atTurnEnd(this)
  }

  writeBytes(bytes: Uint8Array, written?: (error?: Error | null) => void): void {
    if (this.isGone || !this.socket.writable) return
    this.flush()
    if (!this.#straight.write(bytes, written)) this.socket.write(bytes, written)
  }

  flush(): void {
    const text = this.#out
    if (text === '') return
    this.#out = ''
    if (this.isGone || this.socket.destroyed) return
    if (!this.#straight.write(text)) this.socket.write(text, 'latin1')
    // Who asks for more than it takes is asked to wait.
    if (this.#current === null && this.#mustWait) this.flow(false)
  }

  /** The last answer is out. */
  #end(): void {
    this.#isEnding = true
    this.flush()
    this.#kept = null
    if (!this.isGone) this.socket.destroySoon()
  }

  destroy(): void {
    this.flush()
    this.socket.destroy()
  }

  /** Head or body took too long. */
  endLate(): void {
    if (this.#current?.isHeadSent === true || !this.socket.writable) return this.destroy()
    this.#endWith(problem('TURNOUT_REQUEST_TIMEOUT'))
  }

  /** Its request will not be whole. */
  #endWith(found: Problem): void {
    this.#context.onRefused(found.code)
    const { status, headers, body } = problemReply(found, lastFields(found))
    const text = body as string
    const framing = lengthLine(Buffer.byteLength(text))
    this.headSince = 0
    this.#isEnding = true
    this.flush()
    this.socket.end(answerHead({ isLast: true }, status, headers, framing) + text, 'latin1', () =>
      this.destroy(),
    )
  }

  #handOver(bytes: Buffer, from: number, to: number): void {
    this.flush()
    const { socket } = this
    this.#stopReading()
    // Whoever takes it over reads on by itself, unless it is told not to.
    if (this.#isPaused) socket.resume()
    this.#isPaused = false
    this.#isElsewhere = true
    this.#kept = null
    this.headSince = 0
    this.bodySince = 0
    this.#use.reader = null
    socket.off('drain', this.#onDrain)
    socket.off('end', this.#onEnd)
    socket.off('error', this.#onError)
    socket.off('close', this.#onClose)
    this.#context.toNode(socket, to > from ? Buffer.from(bytes.subarray(from, to)) : null)
  }

  readonly #onDrain = (): void => {
    const current = this.#current
    if (current === null) this.#goOn()
    else current.drained()
  }

  /** The client sends no more. Who has not been answered yet is taken to have left, as `node:http` takes it. */
  readonly #onEnd = (): void => {
    const current = this.#current
    const isCut = current === null ? this.#kept !== null : current.body?.complete === false
    if (isCut && current?.isHeadSent !== true) {
      this.#endWith(problem('TURNOUT_REQUEST_INVALID', { reason: 'it does not follow RFC 9112' }))
      return
    }
    this.#isEnding = true
    this.flush()
    this.socket.end()
  }

  readonly #onError = (): void => undefined

  readonly #onClose = (): void => {
    this.isGone = true
    this.#kept = null
    const current = this.#current
    this.#current = null
    current?.closed()
  }
}

const cutsOf = ({ cuts: [a, b, c, d, e, f] }: RequestHead, from: number): readonly number[] => [
  a - from,
  b - from,
  c - from,
  d - from,
  e - from,
  f - from,
]
