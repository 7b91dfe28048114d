import { Buffer } from 'node:buffer'
/** What `toString` comes to, without its choice of an encoding. */
interface WithLatin1 {
  latin1Slice?(from: number, to: number): string
}

// oxlint-disable-next-line typescript/unbound-method -- called on other bytes
const { latin1Slice } = Buffer.prototype as WithLatin1

/** Bytes as text of one character each: how heads are read and written. */
export const latin1: (bytes: Uint8Array, from?: number, to?: number) => string =
  latin1Slice === undefined
    ? ({ buffer, byteOffset, byteLength }, from = 0, to = byteLength) =>
        Buffer.from(buffer, byteOffset, byteLength).toString('latin1', from, to)
    : (bytes, from = 0, to = bytes.byteLength) => latin1Slice.call(bytes as WithLatin1, from, to)

/** Whether a text has as many bytes in UTF-8 as characters. */
export const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length
