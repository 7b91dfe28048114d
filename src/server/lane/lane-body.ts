import { Buffer } from 'node:buffer'
import process from 'node:process'
import { TurnoutError } from '../../core/errors.ts'
import type { BodyPump, BodySink } from '../../gateway/body-source.ts'

/** So many bytes of a body wait for whoever will read it; then its client has to. */
const mostEarly = 65_536

/** The connection that a body comes on. */
export interface BodyPort {
  /** Reads on, or no further, until the other is said. */
  flow(isOn: boolean): void
}

interface Copy {
  readonly limit: number
  pieces: Buffer[]
  size: number
}

/**
 * The body of one request, on its way. It is asked for once, by `pump`; until then a little of it waits, and after `discard`
 * nobody wants the rest.
 */
export class LaneBody {
  readonly length: number
  /** Bytes that have not come. */
  rest: number
  readonly #port: BodyPort
  #waiting: Buffer[]
  #waitingBytes: number
  #sink: BodySink | null
  #isFull: boolean
  #isDone: boolean
  /** Who took it once, cannot again. */
  isUsed: boolean
  #isFailed: boolean
  #copy: Copy | null

  constructor(length: number, port: BodyPort) {
    this.length = length
    this.rest = length
    this.#port = port
    this.#waiting = []
    this.#waitingBytes = 0
    this.#sink = null
    this.#isFull = false
    this.#isDone = false
    this.isUsed = false
    this.#isFailed = false
    this.#copy = null
  }

  /** What `Connections` asks of a request that is still coming. */
  get complete(): boolean {
    return this.rest === 0
  }

  get destroyed(): boolean {
    return this.#isFailed
  }

  /** Bytes that wait for us, and not for the client. */
  get readableLength(): number {
    return this.#waitingBytes
  }

  /** Takes the next bytes, which are somebody else's to overwrite after it. */
  take(bytes: Uint8Array): void {
    this.rest -= bytes.byteLength
    if (this.#isDone && this.#copy === null) return
    const piece = Buffer.from(bytes)
    this.#keepCopy(piece)
    if (this.#isDone) return
    this.#waiting.push(piece)
    this.#waitingBytes += piece.byteLength
    if (this.#sink !== null && !this.#isFull) this.#hand()
    else if (this.#waitingBytes >= mostEarly) this.#port.flow(false)
  }

  /** Hands it over, from the next turn on. */
  pump(sink: BodySink): BodyPump {
    this.isUsed = true
    this.#sink = sink
    process.nextTick(() => {
      if (!this.#isFailed) this.#hand()
      else this.#sink?.fail(new TurnoutError('TURNOUT_CLIENT_LEFT'))
    })
    const stop = (): void => {
      this.#sink = null
      this.discard()
    }
    return {
      resume: () => {
        if (!this.#isFull) return
        this.#isFull = false
        this.#hand()
      },
      stop,
    }
  }

  /** Nobody takes the rest; the connection goes on behind it. */
  discard(): void {
    this.#isDone = true
    this.#waiting = []
    this.#waitingBytes = 0
    if (this.rest > 0) this.#port.flow(true)
  }

  /** The client left before its end. */
  fail(): void {
    this.#isFailed = true
    this.#copy = null
    if (this.#isDone || this.rest === 0) return
    this.#isDone = true
    this.#waiting = []
    this.#sink?.fail(new TurnoutError('TURNOUT_CLIENT_LEFT'))
  }

  /** Keeps what comes beside whoever reads it; gives all of it, or null. */
  copy(limit: number): () => Uint8Array | null {
    const copy: Copy = { limit, pieces: [], size: 0 }
    for (const piece of this.#waiting) copy.pieces.push(piece)
    copy.size = this.#waitingBytes
    this.#copy = copy
    return () =>
      this.rest === 0 && copy.size === this.length && copy.size <= limit
        ? Buffer.concat(copy.pieces)
        : null
  }

  #keepCopy(piece: Buffer): void {
    const copy = this.#copy
    if (copy === null) return
    copy.size += piece.byteLength
    if (copy.size <= copy.limit) copy.pieces.push(piece)
    else copy.pieces = []
  }

  #hand(): void {
    while (this.#sink !== null && this.#waiting.length > 0) {
      const piece = this.#waiting.shift()!
      this.#waitingBytes -= piece.byteLength
      if (this.#sink.write(piece)) continue
      this.#isFull = true
      this.#port.flow(false)
      return
    }
    const sink = this.#sink
    if (sink === null) return
    if (this.rest > 0) return this.#port.flow(true)
    this.#isDone = true
    this.#sink = null
    sink.end()
  }
}
