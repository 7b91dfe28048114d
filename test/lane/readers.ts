import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { Underscores } from '../../src/core/http/fields.ts'
import { limitsOf, type Limits } from '../../src/core/http/limits.ts'
import { isElsewhere, needsMore, RequestHead } from '../../src/core/http/request-head.ts'
import { isHost } from '../../src/server/authority.ts'
import { fieldList } from '../../src/core/http/field-lines.ts'
import { refusalOf } from '../../src/server/strict.ts'

/** One request as a reader understood it. */
export interface Understood {
  readonly method: string
  readonly target: string
  readonly fields: readonly string[]
  body: string
  readonly isLast: boolean
}

export interface Reading {
  readonly requests: Understood[]
  /** Bytes of the requests that were read to their ends. */
  readonly consumed: number
  readonly ends: 'all' | 'needs more' | 'elsewhere' | 'last' | 'mid-body'
}

const limits: Limits = limitsOf()
const head = new RequestHead(limits)

/** Reads as a connection of the lane does, to the first bytes that are not its to read. */
export function readAsLane(bytes: Buffer): Reading {
  const requests: Understood[] = []
  let at = 0
  while (at < bytes.length) {
    if (bytes[at] === 13 || bytes[at] === 10) {
      at += 1
      continue
    }
    const end = head.read(bytes, at, bytes.length)
    if (end === needsMore) return { requests, consumed: at, ends: 'needs more' }
    if (end === isElsewhere) return { requests, consumed: at, ends: 'elsewhere' }
    const host = bytes.toString('latin1', head.hostFrom, head.hostTo)
    if (!isHost(host)) return { requests, consumed: at, ends: 'elsewhere' }
    if (end + head.bodyLength > bytes.length) return { requests, consumed: at, ends: 'mid-body' }
    requests.push({
      method: head.method,
      target: bytes.toString('latin1', head.targetFrom, head.targetTo),
      fields: fieldList(bytes.toString('latin1', head.fieldsFrom, end - 2)),
      body: bytes.toString('latin1', end, end + head.bodyLength),
      isLast: head.isLast,
    })
    at = end + head.bodyLength
    if (head.isLast) return { requests, consumed: at, ends: 'last' }
  }
  return { requests, consumed: at, ends: 'all' }
}

export const marker = 'GET /marker HTTP/1.1\r\nHost: marker\r\n\r\n'

class Wire extends Duplex {
  override _read(): void {
    // All is pushed from outside.
  }

  override _write(_: unknown, __: unknown, done: () => void): void {
    done()
  }
}

export interface NodeReading {
  readonly requests: Understood[]
  /** Why it stopped, where it did, and how many requests were good before it. */
  failure: string | null
  good: number
}

/** What `node:http` and the rules of the safe lane understand. Nothing is answered, and nothing goes over a network. */
export class NodeReader {
  readonly #server: Server
  readonly #readings: WeakMap<object, NodeReading>
  readonly #underscores: Underscores

  /** `isAnswering`: an expectation is met, and what follows is read, as where requests are answered. */
  constructor(underscores: Underscores, isAnswering = false) {
    this.#underscores = underscores
    this.#server = createServer({ maxHeaderSize: limits.headerBytes, requireHostHeader: false })
    this.#server.maxHeadersCount = 0
    this.#readings = new WeakMap()
    const take = (request: IncomingMessage, response: ServerResponse): void =>
      this.#take(request, response.shouldKeepAlive)
    this.#server.on('request', take)
    if (isAnswering) this.#server.on('checkContinue', take)
    const expectations = isAnswering ? ['checkExpectation'] : ['checkContinue', 'checkExpectation']
    for (const name of ['upgrade', 'connect', ...expectations])
      this.#server.on(name, (request: IncomingMessage) => this.#fail(request.socket, name))
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      this.#fail(socket, error.code ?? error.message)
    })
  }

  /** Begins to read; all is read after a turn of the event loop, or two. */
  begin(bytes: Buffer): { readonly reading: NodeReading; readonly end: () => void } {
    const reading: NodeReading = { requests: [], failure: null, good: 0 }
    const wire = new Wire()
    wire.on('error', () => undefined)
    this.#readings.set(wire, reading)
    this.#server.emit('connection', wire as unknown as Socket)
    wire.push(bytes)
    return { reading, end: () => void wire.destroy() }
  }

  async read(bytes: Buffer): Promise<NodeReading> {
    const { reading, end } = this.begin(bytes)
    for (let at = 0; at < 3; at++) await turn()
    end()
    return reading
  }

  #fail(socket: object, reason: string): void {
    const reading = this.#readings.get(socket)
    if (reading === undefined || reading.failure !== null) return
    reading.failure = reason
    reading.good = reading.requests.length
  }

  #take(request: IncomingMessage, isKept: boolean): void {
    const reading = this.#readings.get(request.socket)!
    const refused = refusalOf(request, { limits, underscores: this.#underscores })
    if (refused !== null) this.#fail(request.socket, refused.code)
    const understood: Understood = {
      method: request.method!,
      target: request.url!,
      fields: request.rawHeaders,
      body: '',
      isLast: !isKept,
    }
    reading.requests.push(understood)
    request.on('data', (piece: Buffer) => (understood.body += piece.toString('latin1')))
    request.on('error', () => undefined)
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const differenceIn = (lane: Reading, { requests, failure }: NodeReading): string | null => {
  for (const [at, one] of lane.requests.entries()) {
    const other = requests[at]
    if (other === undefined) return `request ${at} is none to node:http (${failure})`
    if (JSON.stringify(one) !== JSON.stringify(other))
      return `request ${at}: ${JSON.stringify(one)} against ${JSON.stringify(other)}`
  }
  const { length } = lane.requests
  if (lane.ends === 'last') {
    return requests.length === length ? null : 'node:http goes on behind the last request'
  }
  if (failure !== null) return `node:http: ${failure}`
  const next = requests[length]
  if (next?.target !== '/marker' || requests.length !== length + 1 || next.fields.length !== 2)
    return `what is behind begins elsewhere: ${JSON.stringify(requests.slice(length))}`
  return null
}

export interface Compared {
  readonly cases: number
  /** Cases that the lane takes whole. */
  readonly whole: number
  /** Requests that it took, in all cases. */
  readonly taken: number
  readonly differences: string[]
}

/** Shows the requests that the lane takes to both readers, in bunches; `caseOf` gives the bytes of one. */
export async function compareHeads(
  count: number,
  caseOf: (index: number) => Buffer,
): Promise<Compared> {
  const bunch = 500
  const node = new NodeReader('refuse')
  const differences: string[] = []
  let whole = 0
  let taken = 0
  for (let from = 0; from < count; from += bunch) {
    const pairs: { index: number; lane: Reading; node: ReturnType<NodeReader['begin']> }[] = []
    for (let index = from; index < Math.min(count, from + bunch); index++) {
      const bytes = caseOf(index)
      const lane = readAsLane(bytes)
      if (lane.ends === 'all' || lane.ends === 'last') whole += 1
      if (lane.requests.length === 0) continue
      taken += lane.requests.length
      const given = Buffer.concat([bytes.subarray(0, lane.consumed), Buffer.from(marker)])
      pairs.push({ index, lane, node: node.begin(given) })
    }
    for (let at = 0; at < 3; at++) await turn()
    for (const { index, lane, node: other } of pairs) {
      const difference = differenceIn(lane, other.reading)
      if (difference !== null) differences.push(`case ${index}: ${difference}`)
      other.end()
    }
    if (differences.length >= 10) break
  }
  return { cases: count, whole, taken, differences }
}
