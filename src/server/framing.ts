import { Buffer } from 'node:buffer'
import type { Fields } from '../core/http/field-lines.ts'

const isFraming = (field: string): boolean => {
  const { length } = field
  if (length !== 14 && length !== 17) return false
  const name = field.toLowerCase()
  return name === 'content-length' || name === 'transfer-encoding'
}

/** Lines have nothing of it. */
export const hasFraming = (fields: Fields): fields is string[] => {
  if (typeof fields === 'string') return false
  for (let at = 0; at < fields.length; at += 2) if (isFraming(fields[at]!)) return true
  return false
}

/** Without the fields that say where a message ends: what handlers put there may not be so. */
export const withoutFraming = (headers: readonly string[], isLengthKept: boolean): string[] =>
  headers.filter((_, at) => {
    const name = headers[at - (at % 2)]!
    return !isFraming(name) || (isLengthKept && name.length === 14)
  })

export const byteLength = (body: string | Uint8Array): number =>
  typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength

/** Largest body that is put behind its head as text: a copy, but one write instead of two. */
export const mostTogether: number = 16 * 1024

/** So many bytes of a pushed body may wait for the client. Node's own mark, 16 KB, stops the source at each large piece. */
export const mostWaiting: number = 128 * 1024
