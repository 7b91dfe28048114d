import { Buffer } from 'node:buffer'

const isFraming = (field: string): boolean => {
  const { length } = field
  if (length !== 14 && length !== 17) return false
  const name = field.toLowerCase()
  return name === 'content-length' || name === 'transfer-encoding'
}

export const hasFraming = (headers: readonly string[]): boolean => {
  for (let at = 0; at < headers.length; at += 2) if (isFraming(headers[at]!)) return true
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
