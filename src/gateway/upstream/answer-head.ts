import { Buffer } from 'node:buffer'
import { isBlank } from '../../core/http/head-bytes.ts'
import { isFieldText, listTokens, lowerName, tokenEnd } from './fields.ts'

const mostFields = 100
const mostBytes = 16_384
const space = 32
const colon = 58
const carriageReturn = 13

const blankLine = Buffer.from('\r\n\r\n')

/** Fields that stay though `connection` names them: losing one would change what the answer means or protects. */
const endToEnd: ReadonlySet<string> = new Set([
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-range',
  'content-security-policy',
  'content-type',
  'date',
  'etag',
  'expires',
  'last-modified',
  'location',
  'set-cookie',
  'strict-transport-security',
  'vary',
  'www-authenticate',
  'x-content-type-options',
  'x-frame-options',
])

/** Fields that say where an answer ends, and what comes behind it. */
const ofFraming: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'transfer-encoding',
])

/** What `read` gives instead of a position. */
export const needsMore = -1
/** What `read` gives instead of a position; `reason` says why. */
export const isBad = -2

/** A line as it was written, and what was read of it. */
interface Line {
  readonly text: string
  readonly name: string
  readonly value: string
}

/** Endpoints say the same again and again: what was checked once is known by its text, at a place that length and ends give. */
const lines: (Line | undefined)[] = Array.from({ length: 256 }, () => undefined)
const longestKnown = 128

/**
 * Reads the head of an answer line by line, and the trailer section behind a chunked body. What a piece leaves of a
 * line is kept for the next; a line is judged once it is complete, so that how the bytes were cut makes no difference.
 */
export class AnswerHead {
  /** 0: the status line has not been read. */
  status = 0
  /** HTTP/1.0. */
  isOld = false
  /** End-to-end fields, names in lower case; of a 101 all fields. */
  headers: string[] = []
  length: number | null = null
  isChunked = false
  /** Tokens of `connection`; null: there was none. */
  connection: string[] | null = null
  upgrade = ''
  reason = ''
  #rest = ''
  #size = 0
  #count = 0
  #isTrailer = false

  /** Before the first byte of a head. */
  start(): void {
    this.status = 0
    this.isOld = false
    this.headers = []
    this.length = null
    this.isChunked = false
    this.connection = null
    this.upgrade = ''
    this.#rest = ''
    this.#size = 0
    this.#count = 0
    this.#isTrailer = false
  }

  /** Trailer fields count with those of the head; they are checked and dropped. `size`, `count`: of a head that was read elsewhere. */
  startTrailer(size: number, count: number): void {
    this.#isTrailer = true
    this.#size += size
    this.#count += count
  }

  /** Nothing has come of it. */
  get isUntouched(): boolean {
    return this.#size === 0 && this.#rest === ''
  }

  get fields(): string[] {
    return this.headers
  }

  get body(): string {
    return ''
  }

  /** The head says that nothing follows. */
  get isLast(): boolean {
    return this.isOld || (this.connection !== null && this.connection.includes('close'))
  }

  /** Reads on. Gives the position behind the empty line, or `needsMore`, or `isBad`. */
  read(bytes: Buffer, from: number, end: number): number {
    const kept = this.#rest.length
    // What is turned into text may go beyond the head, where its end is cut: the lines decide.
    const blank = kept === 0 ? bytes.indexOf(blankLine, from) : -1
    const known = blank < 0 || blank + 4 > end ? end : blank + 4
    const stop = Math.min(known, from + mostBytes - this.#size - kept + 1)
    const text = this.#rest + bytes.toString('latin1', from, stop)
    let line = 0
    let searched = kept
    for (;;) {
      const feed = text.indexOf('\n', searched)
      if (this.#size + (feed < 0 ? text.length : feed + 1) > mostBytes) {
        return this.#refuse(`it has more than ${mostBytes} bytes of fields`)
      }
      if (feed < 0) break
      const lineEnd = feed - 1
      if (lineEnd < line || text.charCodeAt(lineEnd) !== carriageReturn) {
        return this.#refuse('a line ends without CR')
      }
      const isFirst = this.status === 0 && !this.#isTrailer
      if (lineEnd === line && !isFirst) {
        this.#rest = ''
        this.#size += feed + 1
        return this.#finish() ? from + feed + 1 - kept : isBad
      }
      const isGood = isFirst
        ? this.#statusLine(text, line, lineEnd)
        : this.#field(text, line, lineEnd)
      if (!isGood) return isBad
      line = feed + 1
      searched = line
    }
    this.#rest = text.slice(line)
    this.#size += line
    return needsMore
  }

  #refuse(reason: string): typeof isBad {
    this.reason = reason
    return isBad
  }

  #statusLine(text: string, start: number, end: number): boolean {
    const version = text.charCodeAt(start + 7) - 48
    const status = Number(text.slice(start + 9, start + 12))
    if (
      end - start < 13 ||
      !text.startsWith('HTTP/1.', start) ||
      (version !== 0 && version !== 1) ||
      text.charCodeAt(start + 8) !== space ||
      text.charCodeAt(start + 12) !== space ||
      !Number.isInteger(status) ||
      !isDigits(text, start + 9, start + 12) ||
      !isFieldText(text, start + 13, end)
    ) {
      return this.#refuse('its status line is none') !== isBad
    }
    if (status < 100 || status > 599) return this.#refuse('its status is none') !== isBad
    this.status = status
    this.isOld = version === 0
    return true
  }

  #field(text: string, start: number, end: number): boolean {
    this.#count += 1
    if (this.#count > mostFields) {
      return this.#refuse(`it has more than ${mostFields} fields`) !== isBad
    }
    const length = end - start
    const ends = text.charCodeAt(start) * 7 + text.charCodeAt(end - 1)
    const place = (length * 31 + ends) & 255
    const known = lines[place]
    if (known?.text.length === length && text.startsWith(known.text, start) && !this.#isTrailer)
      return this.#take(known.name, known.value)
    const nameEnd = tokenEnd(text, start, end)
    const at = Math.abs(nameEnd)
    // A line that starts with a space goes on from the one before (obs-fold): no name, so refused as well.
    if (at === start || text.charCodeAt(at) !== colon) {
      return this.#refuse('a line is no field') !== isBad
    }
    if (!isFieldText(text, at + 1, end)) {
      return this.#refuse('a field has control characters') !== isBad
    }
    const name = lowerName(text, start, at)
    let first = at + 1
    let last = end
    while (first < last && isBlank(text.charCodeAt(first))) first++
    // Where the answer or its connection ends must not hang on who takes a tab for a blank.
    if (ofFraming.has(name) && (this.#isTrailer || text.slice(first, last).includes('\t'))) {
      return this.#refuse(`its field ${name} has a tab, or is in the trailer`) !== isBad
    }
    if (this.#isTrailer) return true
    while (last > first && isBlank(text.charCodeAt(last - 1))) last--
    const value = text.slice(first, last)
    if (length <= longestKnown) lines[place] = { text: text.slice(start, end), name, value }
    return this.#take(name, value)
  }

  #take(name: string, value: string): boolean {
    if (this.status === 101) this.headers.push(name, value)
    switch (name.length) {
      case 2:
        if (name === 'te') return true
        break
      case 7:
        if (name === 'trailer') return true
        if (name === 'upgrade') {
          this.upgrade = this.upgrade === '' ? value : `${this.upgrade},${value}`
          return true
        }
        break
      case 10:
        if (name === 'connection') {
          const tokens = listTokens(value)
          this.connection = this.connection === null ? tokens : [...this.connection, ...tokens]
          return true
        }
        if (name === 'keep-alive') return true
        break
      case 14:
        if (name === 'content-length') return this.#contentLength(value)
        break
      case 16:
        if (name === 'proxy-connection') {
          // No field of HTTP, but some obey it, so whoever sends it may close.
          if (listTokens(value).includes('close'))
            this.connection = [...(this.connection ?? []), 'close']
          return true
        }
        break
      case 17:
        if (name === 'transfer-encoding') return this.#transferEncoding(value)
        break
      default:
    }
    if (this.status !== 101) this.headers.push(name, value)
    return true
  }

  #contentLength(value: string): boolean {
    // 15 digits are exact as a number.
    const isNumber = value !== '' && value.length <= 15 && isDigits(value, 0, value.length)
    if (!isNumber || this.length !== null) {
      return this.#refuse('its content-length is no single number') !== isBad
    }
    this.length = Number(value)
    return true
  }

  #transferEncoding(value: string): boolean {
    if (this.isChunked || this.isOld || value.toLowerCase() !== 'chunked') {
      return this.#refuse('its transfer-encoding is not chunked alone') !== isBad
    }
    this.isChunked = true
    return true
  }

  #finish(): boolean {
    if (this.#isTrailer) return true
    if (this.isChunked && this.length !== null) {
      return this.#refuse('it has content-length and transfer-encoding') !== isBad
    }
    const { connection } = this
    if (connection === null || this.status === 101) return true
    const named = connection.filter((name) => !endToEnd.has(name))
    const { headers } = this
    if (named.some((name) => headers.includes(name))) {
      this.headers = headers.filter((_, at) => !named.includes(headers[at - (at % 2)]!))
    }
    return true
  }
}

function isDigits(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code < 48 || code > 57) return false
  }
  return true
}
