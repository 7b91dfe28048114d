/** Status codes whose answers have no body (RFC 9110 sections 15.3.5 and 15.4.5). */
export const isBodyless = (status: number): boolean => status === 204 || status === 304

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

/** What `toString` comes to, without its choice of an encoding. */
interface WithLatin1 {
  latin1Slice?(from: number, to: number): string
}

// oxlint-disable-next-line typescript/unbound-method -- called on other bytes
const { latin1Slice } = Buffer.prototype as WithLatin1

/** Bytes as text of one character each: how the head beside them is sent. */
export const latin1: (bytes: Uint8Array, from?: number, to?: number) => string =
  latin1Slice === undefined
    ? ({ buffer, byteOffset, byteLength }, from = 0, to = byteLength) =>
        Buffer.from(buffer, byteOffset, byteLength).toString('latin1', from, to)
    : (bytes, from = 0, to = bytes.byteLength) => latin1Slice.call(bytes as WithLatin1, from, to)

/** Largest body that is put behind its head as text: a copy, but one write instead of two. */
export const mostTogether: number = 16 * 1024

/** So many bytes of a pushed body may wait for the client. Node's own mark, 16 KB, stops the source at each large piece. */
export const mostWaiting: number = 128 * 1024
