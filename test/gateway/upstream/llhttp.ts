import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import type { MadeAnswer } from './generate.ts'
import { parse, type Parsed } from './parsed.ts'

/** A connection on which nothing goes over a network: all that comes is pushed from outside. */
class Wire extends Duplex {
  override _read(): void {
    // All is pushed from outside.
  }

  override _write(_: unknown, __: unknown, done: () => void): void {
    done()
  }

  setKeepAlive(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setTimeout(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }
}

/** Opens wires, and keeps them for a second request as it keeps sockets. */
class Wires extends Agent {
  constructor() {
    super({
      keepAlive: true,
      maxSockets: Infinity,
      maxFreeSockets: Infinity,
      maxTotalSockets: Infinity,
    })
  }

  override getName(options?: object): string {
    return String((options as { id: number }).id)
  }

  /** However long a server says that it waits. */
  override keepSocketAlive(): boolean {
    return true
  }

  override createConnection(options: object): Duplex {
    return (options as { wire: Wire }).wire
  }
}

const agent = new Wires()
let lastId = 0

/** What Node's own client reads of the bytes of one answer. */
export class NodeReading {
  readonly informational: [number, string[]][] = []
  status = 0
  fields: string[] = []
  body = ''
  /** It reads on as another protocol; what came behind the head. */
  upgraded: string | null = null
  failure: string | null = null
  isEnded = false
  readonly #id = ++lastId
  readonly #wire = new Wire()
  #answer: IncomingMessage | null = null
  #request: ClientRequest

  constructor({ method, upgrade }: Pick<MadeAnswer, 'method' | 'upgrade'>) {
    this.#wire.on('error', () => undefined)
    const headers = upgrade === null ? {} : { connection: 'Upgrade', upgrade }
    this.#request = this.#send(method, headers)
    this.#request.on('information', ({ statusCode, rawHeaders }) => {
      if (statusCode !== 100) this.informational.push([statusCode, rawHeaders])
    })
    if (upgrade !== null)
      this.#request.on('upgrade', (answer, _, first: Buffer) => {
        this.status = answer.statusCode!
        this.fields = answer.rawHeaders
        this.upgraded = first.toString('latin1')
      })
    this.#request.on('response', (answer) => {
      this.#answer = answer
      this.status = answer.statusCode!
      this.fields = answer.rawHeaders
      answer.on('data', (piece: Buffer) => (this.body += piece.toString('latin1')))
      answer.on('end', () => (this.isEnded = true))
      answer.on('error', (error) => (this.failure ??= String(error)))
    })
    this.#request.on('error', (error: NodeJS.ErrnoException) => {
      this.failure ??= error.code ?? error.message
    })
  }

  /** All of the answer was read, whether or not anybody was told. */
  get isComplete(): boolean {
    return this.#answer?.complete === true || this.upgraded !== null
  }

  feed(bytes: Buffer): void {
    if (bytes.length > 0) this.#wire.push(bytes)
  }

  /** The connection ends in order. */
  close(): void {
    this.#wire.push(null)
  }

  /** The connection is kept for the next request. */
  get isKept(): boolean {
    return agent.freeSockets[String(this.#id)] !== undefined
  }

  /** Asks once more on the same connection; gives what it was answered, once that has come. */
  again(): () => string {
    let seen = ''
    const next = this.#send('GET', {})
    next.on('error', (error) => (seen += String(error)))
    next.on('response', (answer) => {
      seen += `${answer.statusCode} ${answer.rawHeaders.join()} `
      answer.on('data', (piece: Buffer) => (seen += piece.toString('latin1')))
      answer.on('end', () => (seen += '.'))
    })
    return () => seen
  }

  end(): void {
    this.#wire.destroy()
  }

  #send(method: string, headers: Record<string, string>): ClientRequest {
    const options = {
      agent,
      method,
      headers,
      id: this.#id,
      wire: this.#wire,
      maxHeaderSize: 65_536,
    }
    const sent = request({ ...options, host: 'a.test' })
    sent.end()
    return sent
  }
}

const turns = async (count: number): Promise<void> => {
  for (let at = 0; at < count; at++) await new Promise((resolve) => setImmediate(resolve))
}

const removed: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
/** They stay, whatever `connection` says of them. */
const staying: ReadonlySet<string> = new Set([
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

/** The list that we make, by the plainest means. */
export const endToEnd = (raw: readonly string[], isAll: boolean): string[] => {
  const pairs: [string, string][] = []
  for (let at = 0; at < raw.length; at += 2) pairs.push([raw[at]!.toLowerCase(), raw[at + 1]!])
  if (isAll) return pairs.flat()
  const named = pairs.flatMap(([name, value]) =>
    name === 'connection'
      ? value
          .toLowerCase()
          .split(',')
          .map((one) => one.replace(/^[ \t]+|[ \t]+$/g, ''))
      : [],
  )
  return pairs
    .filter(([name]) => !removed.has(name) && (staying.has(name) || !named.includes(name)))
    .flat()
}

const isWhole = ({ end }: Parsed): boolean => end !== 'invalid' && end !== 'cut' && end !== 'open'

/** How many of the bytes are the answer's; the rest is behind it. */
const endOf = ({ bytes, method, upgrade }: MadeAnswer, { end }: Parsed): number => {
  if (end !== 'last') return bytes.length
  let [low, high] = [0, bytes.length]
  while (low + 1 < high) {
    const middle = (low + high) >> 1
    const piece = bytes.subarray(0, middle)
    const isEnded = isWhole(parse([piece], { method, upgrade, room: middle }))
    if (isEnded) high = middle
    else low = middle
  }
  return high
}

const marker = 'HTTP/1.1 418 Marker\r\nX-Marker: 1\r\nContent-Length: 2\r\n\r\nok'
const marked = '418 X-Marker,1,Content-Length,2 ok.'

const differenceOf = (ours: Parsed, node: NodeReading): string | null => {
  const wanted = {
    informational: ours.informational,
    status: ours.end.startsWith('upgrade') ? 101 : ours.status,
    headers: ours.headers,
    body: ours.body,
    upgraded: ours.end.startsWith('upgrade') ? ours.end.slice(8) : null,
    failure: null,
    isEnded: !ours.end.startsWith('upgrade'),
  }
  const isUpgrade = node.upgraded !== null
  const seen = {
    informational: node.informational.map(([status, raw]) => [status, endToEnd(raw, false)]),
    status: node.status,
    headers: endToEnd(node.fields, isUpgrade),
    body: node.body,
    upgraded: node.upgraded,
    failure: node.failure,
    isEnded: node.isEnded,
  }
  const [one, other] = [JSON.stringify(wanted), JSON.stringify(seen)]
  return one === other ? null : `${one} against ${other}`
}

export interface Compared {
  /** Answers that we take whole. */
  whole: number
  /** Of these, those whose connection both keep for a second one. */
  reused: number
  /** Those that we refuse and Node takes. */
  stricter: number
  /** Connections that we keep and Node does not. */
  closed: number
  readonly differences: string[]
}

interface Pair {
  readonly index: number
  readonly made: MadeAnswer
  readonly ours: Parsed
  readonly end: number
  readonly node: NodeReading
  next: (() => string) | null
}

/** Has Node's client read, in bunches, what we take; `caseOf` gives an answer by its number. */
export async function compareAnswers(
  count: number,
  caseOf: (index: number) => MadeAnswer,
): Promise<Compared> {
  const compared: Compared = { whole: 0, reused: 0, stricter: 0, closed: 0, differences: [] }
  const { differences } = compared
  const bunch = 400
  for (let from = 0; from < count && differences.length < 10; from += bunch) {
    const pairs: Pair[] = []
    for (let index = from; index < Math.min(count, from + bunch); index++) {
      const made = caseOf(index)
      const { bytes, method, upgrade } = made
      const ours = parse([bytes], {
        method,
        upgrade,
        isClosed: true,
        room: Math.max(1, bytes.length),
      })
      const node = new NodeReading(made)
      pairs.push({
        index,
        made,
        ours,
        end: isWhole(ours) ? endOf(made, ours) : bytes.length,
        node,
        next: null,
      })
    }
    await turns(1)
    for (const { made, ours, end, node } of pairs)
      node.feed(
        made.bytes.subarray(0, isWhole(ours) && !ours.end.startsWith('upgrade') ? end - 1 : end),
      )
    await turns(2)
    for (const { index, made, ours, end, node } of pairs) {
      if (!isWhole(ours) || ours.end.startsWith('upgrade')) continue
      if (node.isComplete) differences.push(`case ${index}: ends earlier to Node: ${shown(made)}`)
      node.feed(made.bytes.subarray(end - 1, end))
    }
    await turns(2)
    for (const { ours, node } of pairs)
      if (!node.isComplete && (ours.end !== 'reusable' || !isWhole(ours))) node.close()
    await turns(2)
    for (const pair of pairs) {
      const { index, made, ours, node } = pair
      if (!isWhole(ours)) {
        if (node.isComplete && node.failure === null) compared.stricter += 1
        continue
      }
      compared.whole += 1
      const difference = differenceOf(ours, node)
      if (difference !== null) differences.push(`case ${index}: ${shown(made)}: ${difference}`)
      if (difference !== null || ours.end !== 'reusable' || made.upgrade !== null) continue
      // llhttp waits for the end of a connection on which HEAD was answered without a framing.
      if (node.isKept) pair.next = node.again()
      else if (made.method === 'HEAD') compared.closed += 1
      else differences.push(`case ${index}: ${shown(made)}: Node keeps its connection no longer`)
    }
    await turns(1)
    for (const { next, node } of pairs) if (next !== null) node.feed(Buffer.from(marker))
    await turns(3)
    for (const { index, made, next, node } of pairs) {
      if (next !== null) {
        if (next() === marked) compared.reused += 1
        else differences.push(`case ${index}: ${shown(made)}: what is behind it is ${next()}`)
      }
      node.end()
    }
    await turns(1)
  }
  return compared
}

const shown = ({ bytes, method, upgrade }: MadeAnswer): string =>
  `${method} ${upgrade} ${JSON.stringify(bytes.toString('latin1').slice(0, 600))}`
