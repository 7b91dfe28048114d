import { Buffer } from 'node:buffer'
/** Pieces of so many bytes are not lent: an allocation is cheap, and the transport copies them behind their head anyway. */
export const mostUnlent = 16_384
/** In front of a piece there is room for a head. */
const room = 1_024
const classes = [32_768, 65_536, 131_072].map((size) => size + room)
/** Kept of each class: as many as are written in one turn of a busy loop. */
const mostFree = 32

const free: Readonly<Record<number, Buffer[]>> = Object.fromEntries(
  classes.map((size) => [size, []]),
)
const lent = new WeakSet<ArrayBufferLike>()

/**
 * A buffer of so many bytes for a large piece of a body, used again once it was given back: a fresh one each time is
 * memory outside the heap, for which V8 collects garbage many times a second. One that is never given back is
 * collected like any other.
 */
export function lend(length: number): Buffer {
  const size = length <= mostUnlent ? undefined : classes.find((one) => length + room <= one)
  if (size === undefined) return Buffer.allocUnsafe(length)
  const slab = free[size]!.pop() ?? Buffer.allocUnsafeSlow(size)
  lent.add(slab.buffer)
  return slab.subarray(room, room + length)
}

/** A text of one byte a character and the bytes as one, where these were lent and there is room; else null. */
export function putInFront(text: string, bytes: Uint8Array): Uint8Array | null {
  const { buffer, byteOffset, byteLength } = bytes
  if (text === '') return bytes
  if (byteOffset < text.length || !lent.has(buffer)) return null
  const all = Buffer.from(buffer, byteOffset - text.length, text.length + byteLength)
  all.write(text, 0, 'latin1')
  return all
}

/** Nobody looks at the bytes any more: the next piece may overwrite them. What was not lent, or twice, is passed over. */
export function giveBack({ buffer }: Uint8Array): void {
  if (!lent.delete(buffer)) return
  const list = free[buffer.byteLength]
  if (list !== undefined && list.length < mostFree) list.push(Buffer.from(buffer))
}

/** Buffers that wait for the next piece. */
export const freeSlabs = (): number => classes.reduce((sum, size) => sum + free[size]!.length, 0)
