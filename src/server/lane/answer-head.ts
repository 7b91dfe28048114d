import type { Fields } from '../../core/http/field-lines.ts'
import { isToken } from '../../gateway/upstream/fields.ts'
import { STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http'

const statusLines: string[] = []

const statusLine = (status: number): string =>
  (statusLines[status] ??= `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`)

let dateField = ''
let dateUntil = 0

/** RFC 9110 section 6.6.1; made once a second. */
const currentDate = (): string => {
  const now = Date.now()
  if (now >= dateUntil || now < dateUntil - 1_000) {
    dateField = `date: ${new Date(now).toUTCString()}\r\n`
    dateUntil = now - (now % 1_000) + 1_000
  }
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
    const name = fields[at]!
    const value = fields[at + 1]!
    checkField(name, value)
    if (name.length === 4 && name.toLowerCase() === 'date') hasDate = true
    else if (name.length === 10 && name.toLowerCase() === 'connection') {
      hasConnection = true
      if (/\bclose\b/i.test(value)) answer.isLast = true
    }
    text += `${name}: ${value}\r\n`
  }
  text += framing
  if (!hasDate) text += currentDate()
  if (answer.isLast && !hasConnection) text += 'connection: close\r\n'
  return `${text}\r\n`
}
