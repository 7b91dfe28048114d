/** One whole HTTP/1.1 response. */
export interface WholeResponse {
  readonly status: number
  /** Names in lower case; of fields that repeat, the last. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  /** The server closes the connection behind it. */
  readonly isLast: boolean
}

/**
 * Reads the responses of one connection, one at a time (no pipelining). Knows `Content-Length` and chunked bodies,
 * which is all that a server under test may send; anything else is a fault of it, and throws.
 */
export class ResponseReader {
  #bytes: Buffer = Buffer.alloc(0)

  /** True when some of a response has come and the rest has not. */
  get isInside(): boolean {
    return this.#bytes.length > 0
  }

  /** The response, once its last byte is here. */
  push(bytes: Buffer): WholeResponse | null {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes])
    const headEnd = this.#bytes.indexOf('\r\n\r\n')
    if (headEnd < 0) return null
    const [statusLine = '', ...fields] = this.#bytes.toString('latin1', 0, headEnd).split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1])
    if (Number.isNaN(status)) throw new Error(`not a status line: ${statusLine.slice(0, 80)}`)
    const headers = new Map(
      fields.map((field) => {
        const colon = field.indexOf(':')
        return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const
      }),
    )
    const read = bodyOf(this.#bytes, headEnd + 4, headers)
    if (read === null) return null
    if (read.end !== this.#bytes.length) throw new Error('bytes behind the end of a response')
    this.#bytes = Buffer.alloc(0)
    return { status, headers, body: read.body, isLast: headers.get('connection') === 'close' }
  }
}

const bodyOf = (
  bytes: Buffer,
  start: number,
  headers: ReadonlyMap<string, string>,
): { readonly body: string; readonly end: number } | null => {
  if (headers.get('transfer-encoding') === 'chunked') return chunkedBodyOf(bytes, start)
  const length = headers.get('content-length')
  if (length === undefined || !/^\d+$/.test(length)) throw new Error('a body without a length')
  const end = start + Number(length)
  return bytes.length < end ? null : { body: bytes.toString('utf8', start, end), end }
}

const chunkedBodyOf = (
  bytes: Buffer,
  start: number,
): { readonly body: string; readonly end: number } | null => {
  const chunks: Buffer[] = []
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return null
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    if (Number.isNaN(size)) throw new Error('not the size of a chunk')
    const end = lineEnd + 2 + size + 2
    if (bytes.length < end) return null
    if (size === 0) return { body: Buffer.concat(chunks).toString('utf8'), end }
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = end
  }
}
