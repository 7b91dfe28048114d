import { isTokenCode } from './fields.ts'

/** Most hex digits of a chunk's size: what is exact as a number. */
const mostDigits = 13
/** Most bytes of one chunk's extensions, which nobody asked for. */
const mostExtension = 256

/** Where in an extension: `;name`, `;name=value`, `;name="value"`, and nothing between. */
type Part = 'name-start' | 'name' | 'value-start' | 'value' | 'quoted' | 'quoted-end'

type Place = 'size' | 'extension' | 'size-feed' | 'data' | 'data-return' | 'data-feed' | 'last'

const hexDigit = (code: number): number => {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

/** Takes a chunked body apart, up to the line of its last chunk; the trailer section is behind it. */
export class ChunkScanner {
  #place: Place = 'size'
  #size = 0
  #digits = 0
  #extension = 0
  #part: Part = 'name-start'
  /** How much of `into` the last scan filled. */
  filled = 0

  start(): void {
    this.#place = 'size'
    this.#size = 0
    this.#digits = 0
    this.#extension = 0
  }

  /** The size line of the last chunk was read. */
  get isLast(): boolean {
    return this.#place === 'last'
  }

  /** Copies the data of chunks into `into`, which has room for all. Gives the position behind what was read; -1: not chunks. */
  scan(bytes: Buffer, from: number, end: number, into: Buffer): number {
    this.filled = 0
    let at = from
    while (at < end) {
      if (this.#place === 'data') {
        const stop = Math.min(end, at + this.#size)
        this.filled += bytes.copy(into, this.filled, at, stop)
        this.#size -= stop - at
        at = stop
        if (this.#size === 0) this.#place = 'data-return'
        continue
      }
      if (!this.#step(bytes[at]!)) return -1
      at++
      if (this.#place === 'last') break
    }
    return at
  }

  #step(code: number): boolean {
    switch (this.#place) {
      case 'size':
        return this.#sizeByte(code)
      case 'extension':
        return this.#extensionByte(code)
      case 'size-feed':
        return code === 10 && this.#go(this.#size === 0 ? 'last' : 'data')
      case 'data-return':
        return code === 13 && this.#go('data-feed')
      case 'data-feed':
        this.start()
        return code === 10
      default:
        return false
    }
  }

  #sizeByte(code: number): boolean {
    const digit = hexDigit(code)
    if (digit >= 0) {
      this.#size = this.#size * 16 + digit
      this.#digits += 1
      return this.#digits <= mostDigits
    }
    if (this.#digits === 0) return false
    if (code === 13) return this.#go('size-feed')
    return code === 59 && this.#goOn('name-start') && this.#go('extension')
  }

  #extensionByte(code: number): boolean {
    if (code !== 13) this.#extension += 1
    if (this.#extension > mostExtension) return false
    switch (this.#part) {
      case 'quoted':
        if (code === 34) return this.#goOn('quoted-end')
        // No escapes: nobody asked for any.
        return (code >= 32 || code === 9) && code !== 127 && code !== 92
      case 'name-start':
        return isTokenCode(code) && this.#goOn('name')
      case 'value-start':
        if (code === 34) return this.#goOn('quoted')
        return isTokenCode(code) && this.#goOn('value')
      default:
        if (code === 13) return this.#go('size-feed')
        if (code === 59) return this.#goOn('name-start')
        if (this.#part === 'quoted-end') return false
        if (code === 61 && this.#part === 'name') return this.#goOn('value-start')
        return isTokenCode(code)
    }
  }

  #goOn(part: Part): true {
    this.#part = part
    return true
  }

  #go(place: Place): true {
    this.#place = place
    return true
  }
}
