import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { getSystemErrorName } from 'node:util'

/** What the handle of a socket has, and the documentation does not say. */
interface Handle {
  writeLatin1String(request: WriteRequest | null, text: string): number | WriteRequest
  writeBuffer(request: WriteRequest | null, bytes: Uint8Array): number | WriteRequest
  /** Bytes that the system has not taken. */
  readonly writeQueueSize: number
}

/** One write. Where the system took all at once, nothing is kept in it, and the next write may have it. */
interface WriteRequest {
  oncomplete?: (status: number) => void
  /** Of one that was returned: it was over before it was. */
  writeStatus?: number | null
  /** Who writes keeps the bytes. */
  bytes?: Uint8Array
}

type NewRequest = new () => WriteRequest

/**
 * How Node hands out requests. Up to a release of line 24, each write is given one, made by this; since then a write returns
 * one, where the system has not taken all, or else its status. Null: nobody knows, and everything goes through the streams.
 */
let requests: NewRequest | 'returned' | null = null
let spare: WriteRequest | null = null

const handleOf = (socket: Socket): Handle | null =>
  (socket as unknown as { readonly _handle: Handle | null })._handle

const isMaker = (made: unknown): made is NewRequest =>
  typeof made === 'function' && made.name === 'WriteWrap'

/** Learns, at the next text that the stream of this socket writes, what Node gives its handle, and gets back. */
export function watchWrite(socket: Socket): void {
  const handle = handleOf(socket)!
  // oxlint-disable-next-line typescript/unbound-method -- called on its handle
  const { writeLatin1String } = handle
  handle.writeLatin1String = (request, text) => {
    Reflect.deleteProperty(handle, 'writeLatin1String')
    const result = writeLatin1String.call(handle, request, text)
    const made: unknown = request?.constructor
    if (request === null && result === 0) requests = 'returned'
    else if (isMaker(made) && result === 0) requests = made
    return result
  }
}

/** Nobody in this process writes so. */
export function refuseStraight(): void {
  requests = null
}

/** Whether anybody may. */
export const isStraight = (): boolean => requests !== null

/**
 * Writes to a connected socket without TLS past its stream, which costs a fifth of a microsecond, and garbage, each time.
 * Only where the stream has nothing that waits; behind bytes that the system has not taken the stream goes on, and libuv keeps the order. The socket counts what is
 * written here in `bytesWritten`, and not in `writableLength`: whoever asks what waits has to ask here, too.
 */
export class StraightWriter {
  /** Bytes that the system has not taken. */
  waiting: number
  readonly #socket: Socket
  readonly #handle: Handle | null
  readonly #taken: () => void

  /** `taken`: what waited is out, and the stream keeps nobody waiting either. */
  constructor(socket: Socket, taken: () => void) {
    this.waiting = 0
    this.#socket = socket
    // What a cipher takes is not out yet, whatever its handle says.
    const handle = socket instanceof TLSSocket ? null : handleOf(socket)
    this.#handle = typeof handle?.writeQueueSize === 'number' ? handle : null
    this.#taken = taken
  }

  /**
   * Writes a text of one byte a character, or bytes, which nobody changes until `written` is called. False: nothing was
   * done, and the stream has to.
   */
  write(data: string | Uint8Array, written?: (error?: Error | null) => void): boolean {
    const handle = this.#handle
    const socket = this.#socket
    if (requests === null || handle === null || this.waiting > 0) return false
    if (socket.writableLength > 0 || socket.writableCorked > 0) return false
    const request = requests === 'returned' ? null : (spare ?? new requests())
    // A turn that containment breaks off here leaves it to its write.
    spare = null
    const isText = typeof data === 'string'
    const result = isText
      ? handle.writeLatin1String(request, data)
      : handle.writeBuffer(request, data)
    if (typeof result !== 'number') this.#wait(result, data, written)
    else if (result !== 0) {
      const error = failure(result)
      written?.(error)
      socket.destroy(error)
    } else if (request !== null && handle.writeQueueSize > 0) this.#wait(request, data, written)
    else {
      spare = request
      written?.()
    }
    return true
  }

  #wait(
    request: WriteRequest,
    data: string | Uint8Array,
    written: ((error?: Error | null) => void) | undefined,
  ): void {
    this.waiting = data.length
    if (typeof data !== 'string') request.bytes = data
    request.oncomplete = (status) => {
      this.waiting = 0
      const error = status < 0 ? failure(status) : null
      written?.(error)
      const socket = this.#socket
      if (error !== null) socket.destroy(error)
      else if (!socket.destroyed && !socket.writableNeedDrain) this.#taken()
    }
    const { writeStatus } = request
    if (typeof writeStatus === 'number') request.oncomplete(writeStatus)
  }
}

const failure = (status: number): Error => {
  const code = getSystemErrorName(status)
  return Object.assign(new Error(`write ${code}`), { code, errno: status, syscall: 'write' })
}
