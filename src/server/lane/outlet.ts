import { Buffer } from 'node:buffer'
import process from 'node:process'
import { putInFront } from '../../gateway/upstream/slabs.ts'
import { latin1 } from '../../gateway/latin1.ts'
import type { Socket } from 'node:net'
import { mostTogether, mostWaiting } from '../framing.ts'

/** What an answer is written to. */
export interface OutletPort {
  readonly socket: Socket
  /** Bytes that wait for the client. */
  readonly waiting: number
  /** Text of one byte a character; it leaves before the turn ends. */
  writeText(text: string): void
  writeBytes(bytes: Uint8Array, written?: (error?: Error | null) => void): void
}

/**
 * The body of an answer that goes out in pieces, behind its head. What is small and comes in one turn leaves in one write.
 * `length`: what the head said; null: it is chunked (RFC 9112 section 7.1).
 */
export class Outlet {
  readonly #port: OutletPort
  #rest: number | null
  #text: string
  #isScheduled: boolean

  constructor(port: OutletPort, head: string, length: number | null) {
    this.#port = port
    this.#rest = length
    this.#text = head
    this.#isScheduled = false
    this.#later()
  }

  /** False: the client has to take some first; a `drain` of the socket follows. Throws where it is more than was said. */
  write(piece: string | Uint8Array, written?: () => void): boolean {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
    const { byteLength } = bytes
    if (byteLength === 0) {
      written?.()
      return this.#hasRoom()
    }
    const isChunked = this.#rest === null
    if (this.#rest !== null) {
      this.#rest -= byteLength
      if (this.#rest < 0) throw new Error('its body is longer than was said')
    }
    if (isChunked) this.#text += `${byteLength.toString(16)}\r\n`
    if (byteLength <= mostTogether) {
      this.#text += latin1(bytes)
      if (isChunked) this.#text += '\r\n'
      written?.()
      if (this.#text.length > mostTogether) this.flush()
      else this.#later()
      return this.#hasRoom()
    }
    // Only what the system has is nobody's any more.
    const isOut = written && ((error?: Error | null) => error ?? written())
    const whole = isChunked ? null : putInFront(this.#text, bytes)
    if (whole !== null) {
      this.#text = ''
      this.#port.writeBytes(whole, isOut)
      return this.#hasRoom()
    }
    const { socket } = this.#port
    socket.cork()
    this.flush()
    this.#port.writeBytes(bytes, isOut)
    if (isChunked) this.#text += '\r\n'
    this.flush()
    socket.uncork()
    return this.#hasRoom()
  }

  /** False: the body is shorter than was said, and its connection of no more use. */
  end(): boolean {
    if (this.#rest === null) this.#text += '0\r\n\r\n'
    this.flush()
    return this.#rest === null || this.#rest === 0
  }

  flush(): void {
    const text = this.#text
    if (text === '') return
    this.#text = ''
    this.#port.writeText(text)
  }

  /** None where nothing goes out any more: the end of the connection is near. */
  #hasRoom(): boolean {
    const { socket } = this.#port
    return socket.writable && this.#port.waiting < mostWaiting
  }

  #later(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    process.nextTick(() => {
      this.#isScheduled = false
      this.flush()
    })
  }
}
