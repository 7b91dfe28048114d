import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** A request as an upstream sees it. */
export interface Seen {
  readonly method: string
  readonly target: string
  /** In the order in which they came; names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly framing: 'none' | 'length' | 'chunked'
  body: Buffer
  /** Number of its connection, from 1. */
  readonly connection: number
}

/** Bytes in Latin-1 that answer a request; nothing: the script answers by itself, or never. */
export type Script = (seen: Seen, socket: Socket) => string | Buffer | void

export interface RecordingOptions {
  /** A request is complete. */
  readonly answer?: Script
  /** The head of a request is there; what it returns is sent before the body was read. */
  readonly onHead?: Script
  /** Bytes of a body. */
  readonly onBody?: (bytes: Buffer, socket: Socket) => void
}

/** A server that reads strictly and keeps what it read. */
export interface Recording {
  readonly port: number
  readonly url: string
  readonly seen: Seen[]
  /** What was no request to the letter. */
  readonly faults: string[]
  /** Connections that are open. */
  readonly open: Set<Socket>
  /** Connections that there were. */
  readonly count: number
  script: RecordingOptions
}

export const ok = (body: string): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/** Values of a field. */
export const valuesOf = ({ fields }: Seen, name: string): string[] =>
  fields.filter(([one]) => one === name).map(([, value]) => value)

/** Opens one on a free port; what is not answered otherwise is answered `ok`. */
export async function openRecording(
  t: Pick<TestContext, 'after'>,
  script: RecordingOptions = {},
  { host = '127.0.0.1', port: wanted = 0 }: { readonly host?: string; readonly port?: number } = {},
): Promise<Recording> {
  const seen: Seen[] = []
  const faults: string[] = []
  const open = new Set<Socket>()
  let count = 0
  const server = createServer((socket) => {
    count += 1
    open.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
    const reader = new RequestReader(count, {
      onHead: (one) => send(socket, recording.script.onHead?.(one, socket)),
      onBody: (bytes) => recording.script.onBody?.(bytes, socket),
      onEnd: (one) => {
        seen.push(one)
        const { answer } = recording.script
        send(socket, answer === undefined ? ok('ok') : answer(one, socket))
      },
      onFault: (reason) => {
        faults.push(reason)
        socket.destroy()
      },
    })
    socket.on('data', (bytes: Buffer) => reader.feed(bytes))
  })
  await new Promise<void>((resolve) => server.listen(wanted, host, resolve))
  const { port } = server.address() as AddressInfo
  const recording = {
    port,
    url: `http://${host}:${port}`,
    seen,
    faults,
    open,
    get count() {
      return count
    },
    script,
  }
  t.after(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return recording
}

const send = (socket: Socket, bytes: string | Buffer | void): void => {
  if (bytes !== undefined && !socket.destroyed)
    socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
}

interface ReaderEvents {
  onHead(seen: Seen): void
  onBody(bytes: Buffer): void
  onEnd(seen: Seen): void
  onFault(reason: string): void
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
// oxlint-disable-next-line no-control-regex -- control characters are what it refuses
const text = /^[\t\x20-\x7e\x80-\xff]*$/

/** Reads requests to the letter of RFC 9112: whatever has two readings is a fault. */
class RequestReader {
  readonly #connection: number
  readonly #events: ReaderEvents
  #rest: Buffer
  #seen: Seen | null
  #pieces: Buffer[]
  #left: number
  #place: 'head' | 'length' | 'chunk-size' | 'chunk' | 'trailer' | 'other'

  constructor(connection: number, events: ReaderEvents) {
    this.#connection = connection
    this.#events = events
    this.#rest = Buffer.alloc(0)
    this.#seen = null
    this.#pieces = []
    this.#left = 0
    this.#place = 'head'
  }

  feed(bytes: Buffer): void {
    if (this.#place === 'other') return
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    try {
      while (this.#step());
    } catch (error) {
      this.#place = 'other'
      this.#events.onFault((error as Error).message)
    }
  }

  /** Whether there may be more to read. */
  #step(): boolean {
    switch (this.#place) {
      case 'head':
        return this.#head()
      case 'length':
      case 'chunk':
        return this.#data()
      case 'chunk-size':
        return this.#chunkSize()
      case 'trailer':
        return this.#trailer()
      default:
        return false
    }
  }

  #line(): string | null {
    const at = this.#rest.indexOf('\n')
    if (at < 0) return null
    const line = this.#rest.toString('latin1', 0, at + 1)
    if (!line.endsWith('\r\n')) throw new Error(`a line without CR: ${JSON.stringify(line)}`)
    this.#rest = this.#rest.subarray(at + 1)
    return line.slice(0, -2)
  }

  #head(): boolean {
    const end = this.#rest.indexOf('\r\n\r\n')
    if (end < 0) return false
    const [start = '', ...lines] = this.#rest.toString('latin1', 0, end).split('\r\n')
    this.#rest = this.#rest.subarray(end + 4)
    const [, method, target] = /^(\S+) ([!-~]+) HTTP\/1\.1$/.exec(start) ?? []
    if (method === undefined || target === undefined || !token.test(method))
      throw new Error(`the request line ${JSON.stringify(start)}`)
    const fields = lines.map((line) => {
      const colon = line.indexOf(':')
      const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()]
      if (!token.test(name) || !text.test(value))
        throw new Error(`the field ${JSON.stringify(line)}`)
      return [name.toLowerCase(), value] as const
    })
    const of = (name: string): string[] =>
      fields.filter(([one]) => one === name).map(([, value]) => value)
    const [lengths, codings, hosts] = [of('content-length'), of('transfer-encoding'), of('host')]
    if (hosts.length !== 1) throw new Error(`${hosts.length} fields Host`)
    if (of('connection').length > 1) throw new Error('two fields Connection')
    if (lengths.length + codings.length > 1) throw new Error(`two framings: ${lines.join(', ')}`)
    if (lengths.some((one) => !/^\d+$/.test(one)))
      throw new Error(`content-length ${lengths.join()}`)
    if (codings.some((one) => one !== 'chunked')) throw new Error(`the coding ${codings.join()}`)
    const framing = codings.length > 0 ? 'chunked' : lengths.length > 0 ? 'length' : 'none'
    const body = Buffer.alloc(0)
    const seen: Seen = { method, target, fields, framing, body, connection: this.#connection }
    this.#seen = seen
    this.#pieces = []
    this.#left = Number(lengths[0] ?? 0)
    const isLong = framing === 'length' && this.#left > 0
    this.#place = framing === 'chunked' ? 'chunk-size' : isLong ? 'length' : 'head'
    this.#events.onHead(seen)
    if (this.#place === 'head') this.#end()
    return true
  }

  #data(): boolean {
    if (this.#rest.length === 0) return false
    const bytes = this.#rest.subarray(0, this.#left)
    if (bytes.length > 0) {
      this.#rest = this.#rest.subarray(bytes.length)
      this.#left -= bytes.length
      this.#pieces.push(bytes)
      this.#events.onBody(bytes)
    }
    if (this.#left > 0) return false
    if (this.#place === 'length') {
      this.#end()
      return true
    }
    if (this.#rest.length < 2) return false
    if (this.#rest.toString('latin1', 0, 2) !== '\r\n') throw new Error('a chunk is not as long')
    this.#rest = this.#rest.subarray(2)
    this.#place = 'chunk-size'
    return true
  }

  #chunkSize(): boolean {
    const line = this.#line()
    if (line === null) return false
    if (!/^[\da-f]+$/i.test(line)) throw new Error(`the size of a chunk ${JSON.stringify(line)}`)
    this.#left = parseInt(line, 16)
    this.#place = this.#left === 0 ? 'trailer' : 'chunk'
    return true
  }

  #trailer(): boolean {
    const line = this.#line()
    if (line === null) return false
    if (line !== '') throw new Error(`a trailer: ${line}`)
    this.#end()
    return true
  }

  #end(): void {
    const seen = this.#seen!
    seen.body = Buffer.concat(this.#pieces)
    this.#pieces = []
    // What follows an upgrade is of another protocol.
    const isUpgrade = seen.fields.some(([name]) => name === 'upgrade')
    this.#place = isUpgrade ? 'other' : 'head'
    this.#events.onEnd(seen)
  }
}
