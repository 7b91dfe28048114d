import { Buffer } from 'node:buffer'
import type { Fields } from '../../core/http/field-lines.ts'
import { latin1 } from '../../gateway/latin1.ts'
import { isToken } from '../../gateway/upstream/fields.ts'
import { STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http'

const statusLines: string[] = []

const statusLine = (status: number): string =>
  (statusLines[status] ??= `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`)

let dateField = ''

/** RFC 9110 section 6.6.1; made once a second. */
const currentDate = (): string => {
  if (dateField !== '') return dateField
  const now = new Date()
  dateField = `date: ${now.toUTCString()}\r\n`
  setTimeout(() => (dateField = ''), 1_000 - now.getMilliseconds()).unref()
  return dateField
}

const mostLengths = 4_096
const lengthLines: (string | undefined)[] = Array.from({ length: mostLengths }, () => undefined)

/** Where a body ends; lines of short ones are made once. */
export function lengthLine(length: number): string {
  if (length >= mostLengths) return `content-length: ${length}\r\n`
  return (lengthLines[length] ??= `content-length: ${length}\r\n`)
}

/** Throws what `node:http` throws for a field that none could read. */
const checkField = (name: string, value: unknown): void => {
  if (!isToken(name)) validateHeaderName(name)
  if (typeof value !== 'string') return validateHeaderValue(name, value as string)
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at)
    if ((code < 32 && code !== 9) || code === 127 || code > 255)
      return validateHeaderValue(name, value)
  }
}

/** A field as a line, and what it says beside its value. */
interface FieldLine {
  readonly name: string
  readonly value: string
  readonly text: string
  readonly kind: 'date' | 'connection' | 'other'
  /** That no other answer follows. */
  readonly isLast: boolean
}

/** Handlers say the same again and again: each line at a place that lengths give, once it came there twice. */
const lines: (FieldLine | undefined)[] = Array.from({ length: 256 }, () => undefined)
/** Of the line that came last to each place. */
const marks = new Uint32Array(256)
const longestKept = 64

const markOf = (name: string, value: string): number => {
  const middle = value.length >> 1
  const ends = value.charCodeAt(0) | (value.charCodeAt(value.length - 1) << 16)
  return (ends ^ (value.charCodeAt(middle) << 8) ^ (name.charCodeAt(0) << 24)) >>> 0
}

/** A text of its own: a part of a larger one would keep all of that. */
const ownText = (text: string): string => latin1(Buffer.from(text, 'latin1'))

const lineOf = (name: string, value: string): FieldLine => {
  const place = (name.length * 31 + value.length) & 255
  const known = lines[place]
  if (known !== undefined && known.name === name && known.value === value) return known
  checkField(name, value)
  const lower = name.length === 4 || name.length === 10 ? name.toLowerCase() : ''
  const kind = lower === 'date' || lower === 'connection' ? lower : 'other'
  const isLast = kind === 'connection' && /\bclose\b/i.test(value)
  const line = { name, value, text: `${name}: ${value}\r\n`, kind, isLast } as const
  if (typeof value !== 'string' || value.length > longestKept) return line
  const mark = markOf(name, value)
  if (marks[place] === mark)
    lines[place] = {
      ...line,
      name: ownText(name),
      value: ownText(value),
      text: ownText(line.text),
    }
  else marks[place] = mark
  return line
}

/**
 * The head of an answer in HTTP/1.1, the empty line behind it too. `framing`: a whole line that says where the body ends, or
 * nothing. An answer that is the last of its connection says so, and one whose fields say so is.
 */
export function answerHead(
  answer: { isLast: boolean },
  status: number,
  fields: Fields,
  framing: string,
): string {
  if (typeof fields === 'string') {
    const end = answer.isLast ? 'connection: close\r\n\r\n' : '\r\n'
    return statusLine(status) + fields + framing + end
  }
  let text = statusLine(status)
  let hasDate = false
  let hasConnection = false
  for (let at = 0; at < fields.length; at += 2) {
    const line = lineOf(fields[at]!, fields[at + 1]!)
    if (line.kind === 'date') hasDate = true
    else if (line.kind === 'connection') hasConnection = true
    if (line.isLast) answer.isLast = true
    text += line.text
  }
  text += framing
  if (!hasDate) text += currentDate()
  if (answer.isLast && !hasConnection) text += 'connection: close\r\n'
  return `${text}\r\n`
}
