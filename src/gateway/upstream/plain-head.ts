import {
  codesOf,
  isBlank,
  isExactly,
  isText,
  numberOf,
  tableOf,
  tokenCharacters,
} from '../../core/http/head-bytes.ts'
import { latin1 } from '../latin1.ts'

/** What `read` gives for a head that is not of the ordinary kind, or not here as a whole: somebody else's to read, or to refuse. */
export const isElsewhere = -1

/** `HTTP/1.1 200 \r\n\r\n` */
const shortest = 17
const mostFields = 100
const mostBytes = 16_384
const tab = 9
const feed = 10
const carriageReturn = 13
const space = 32
const colon = 58

/** Of names: RFC 9110 section 5.6.2. */
const inName = tableOf(`${tokenCharacters}_`)
/** Of values and reasons: RFC 9110 section 5.5. */
const inValue = ((): Uint8Array => {
  const table = new Uint8Array(256).fill(1, 32).fill(0, 127, 128)
  table[tab] = 1
  return table
})()

const version = codesOf('HTTP/1.1 ')
const dateName = codesOf('date')
const connectionName = codesOf('connection')
const keepAlive = codesOf('keep-alive')
const lengthName = codesOf('content-length')
const codingName = codesOf('transfer-encoding')
const close = codesOf('close')
const chunked = codesOf('chunked')
/** Names of other fields of the connection: who sends one of these is read elsewhere. */
const others = ['te', 'trailer', 'upgrade', 'proxy-connection'].map(codesOf)

const isOther = (bytes: Uint8Array, at: number, length: number): boolean => {
  for (const name of others) if (name.length === length && isText(bytes, at, name)) return true
  return false
}

/**
 * Reads the head of an ordinary final answer in one pass over its bytes: HTTP/1.1, a `Date`, a `Content-Length` or chunks,
 * `Connection` plainly `keep-alive` or `close`. It refuses nothing: of whatever else a head may be, or be wrong in, it says
 * that it is somebody else's. So what it takes is a part of what `AnswerHead` takes, and means the same.
 */
export class PlainHead {
  status = 0
  /** Lines of the end-to-end fields, as they were written. */
  fields = ''
  /** Of the body; null: nobody has said it. */
  length: number | null = null
  isChunked = false
  /** The endpoint says that no other answer follows. */
  isLast = false
  /** The body as text of one byte a character, where all of it is here and it is short; else empty. */
  body = ''
  /** Bytes of the head. */
  size = 0
  /** Its fields. */
  count = 0
  #fieldsFrom = 0
  /** Lines that are not passed on: where each begins, and the one behind it. */
  readonly #cuts: number[] = []
  /** Of `cuts`, so many count. */
  #cut = 0

  /** Reads a head that begins at `from`. Gives the position behind it, or `isElsewhere`. `mostBody`: bytes of a short body. */
  read(bytes: Uint8Array, from: number, to: number, mostBody: number): number {
    const end = this.#scan(bytes, from, to)
    if (end < 0) return isElsewhere
    const { length } = this
    const hasBody = length !== null && length > 0 && length <= mostBody && end + length <= to
    this.#write(bytes, end, hasBody ? end + length : end)
    return end
  }

  #scan(bytes: Uint8Array, from: number, to: number): number {
    if (to - from < shortest || !isExactly(bytes, from, version)) return isElsewhere
    let at = from + version.length
    const status = numberOf(bytes, at, at + 3)
    if (status < 200 || status > 599 || bytes[at + 3] !== space) return isElsewhere
    at += 4
    while (at < to && inValue[bytes[at]!] === 1) at++
    if (at + 1 >= to || bytes[at] !== carriageReturn || bytes[at + 1] !== feed) return isElsewhere
    at += 2
    this.status = status
    this.length = null
    this.isChunked = false
    this.isLast = false
    this.#fieldsFrom = at
    const cuts = this.#cuts
    let cut = 0
    let hasDate = false
    let hasConnection = false
    let count = 0
    for (; ; count++) {
      if (at + 1 >= to || at - from > mostBytes) return isElsewhere
      if (bytes[at] === carriageReturn) break
      const nameFrom = at
      while (at < to && inName[bytes[at]!] === 1) at++
      const length = at - nameFrom
      const valueFrom = at + 2
      // One space in front, as nearly everybody writes it: the line may go on as it is.
      if (valueFrom >= to || length === 0 || count === mostFields) return isElsewhere
      if (bytes[at] !== colon || bytes[at + 1] !== space) return isElsewhere
      at = valueFrom
      while (at < to && inValue[bytes[at]!] === 1) at++
      if (at + 1 >= to || bytes[at] !== carriageReturn || bytes[at + 1] !== feed) return isElsewhere
      const valueTo = at
      if (valueTo === valueFrom || isBlank(bytes[valueFrom]!) || isBlank(bytes[valueTo - 1]!))
        return isElsewhere
      at += 2
      // Names are told apart by their length first: most fields are none of these.
      switch (length) {
        case 4:
          if (isText(bytes, nameFrom, dateName)) hasDate = true
          break
        case 10:
          if (isText(bytes, nameFrom, keepAlive)) {
            cuts[cut++] = nameFrom
            cuts[cut++] = at
          } else if (isText(bytes, nameFrom, connectionName)) {
            if (hasConnection) return isElsewhere
            hasConnection = true
            cuts[cut++] = nameFrom
            cuts[cut++] = at
            if (valueTo - valueFrom === 5 && isText(bytes, valueFrom, close)) this.isLast = true
            else if (valueTo - valueFrom !== 10 || !isText(bytes, valueFrom, keepAlive))
              return isElsewhere
          }
          break
        case 14:
          if (!isText(bytes, nameFrom, lengthName)) break
          if (this.length !== null || valueTo - valueFrom > 15) return isElsewhere
          this.length = numberOf(bytes, valueFrom, valueTo)
          if (this.length < 0) return isElsewhere
          cuts[cut++] = nameFrom
          cuts[cut++] = at
          break
        case 17:
          if (!isText(bytes, nameFrom, codingName)) break
          if (this.isChunked || valueTo - valueFrom !== 7) return isElsewhere
          if (!isText(bytes, valueFrom, chunked)) return isElsewhere
          this.isChunked = true
          cuts[cut++] = nameFrom
          cuts[cut++] = at
          break
        case 2:
        case 7:
        case 16:
          if (isOther(bytes, nameFrom, length)) return isElsewhere
          break
        default:
      }
    }
    if (bytes[at + 1] !== feed || at + 2 - from > mostBytes || !hasDate) return isElsewhere
    if (this.isChunked && this.length !== null) return isElsewhere
    this.#cut = cut
    this.count = count
    this.size = at + 2 - from
    return at + 2
  }

  /** Makes one text of what goes on, and cuts it up: a text costs more than its length. */
  #write(bytes: Uint8Array, end: number, stop: number): void {
    const start = this.#fieldsFrom
    const cuts = this.#cuts
    const text = latin1(bytes, start, stop)
    this.body = stop > end ? text.slice(end - start) : ''
    let fields = ''
    let from = 0
    for (let at = 0; at < this.#cut; at += 2) {
      const cut = cuts[at]! - start
      if (cut > from) fields += text.slice(from, cut)
      from = cuts[at + 1]! - start
    }
    const last = end - 2 - start
    if (last > from) fields += text.slice(from, last)
    this.fields = fields
  }
}
