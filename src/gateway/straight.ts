import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { getSystemErrorName } from 'node:util'

/** What the handle of a socket has, and the documentation does not say. */
interface Handle {
  writeLatin1String(request: WriteRequest, text: string): number
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number
  /** Bytes that the system has not taken. */
  readonly writeQueueSize: number
}

/** One write. Where the system took all at once, nothing is kept in it, and the next write may have it. */
interface WriteRequest {
  oncomplete?: (status: number) => void
  /** Who writes keeps the bytes. */
  bytes?: Uint8Array
}

type NewRequest = new () => WriteRequest

/** Null: everything goes through the streams. */
let Request: NewRequest | null = null
let spare: WriteRequest | null = null

const handleOf = (socket: Socket): Handle | null =>
  (socket as unknown as { readonly _handle: Handle | null })._handle

/** Finds out, at the next text that the stream of this socket writes, what Node gives its handle; `found` is told. */
export function watchWrite(socket: Socket, found: (request: unknown) => void): void {
  const handle = handleOf(socket)!
  // oxlint-disable-next-line typescript/unbound-method -- called on its handle
  const { writeLatin1String } = handle
  handle.writeLatin1String = (request, text) => {
    Reflect.deleteProperty(handle, 'writeLatin1String')
    found(request.constructor)
    return writeLatin1String.call(handle, request, text)
  }
}

/** Lets all of the process write so; null: nobody. */
export function setStraight(request: unknown): void {
  Request = request as NewRequest | null
  spare = null
}

/** Whether anybody may. */
export const isStraight = (): boolean => Request !== null

/**
 * Writes to a connected socket without TLS past its stream, which costs a third of a small write. Only where the stream has nothing that
 * waits; behind bytes that the system has not taken the stream goes on, and libuv keeps the order. The socket counts what is
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
    if (Request === null || handle === null || this.waiting > 0) return false
    if (socket.writableLength > 0 || socket.writableCorked > 0) return false
    const request = spare ?? new Request()
    // A turn that containment breaks off here leaves it to its write.
    spare = null
    const isText = typeof data === 'string'
    const failed = isText
      ? handle.writeLatin1String(request, data)
      : handle.writeBuffer(request, data)
    if (failed !== 0) {
      const error = failure(failed)
      written?.(error)
      socket.destroy(error)
      return true
    }
    if (handle.writeQueueSize > 0) this.#wait(request, data, written)
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
  }
}

const failure = (status: number): Error => {
  const code = getSystemErrorName(status)
  return Object.assign(new Error(`write ${code}`), { code, errno: status, syscall: 'write' })
}
