import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TestContext } from 'node:test'
import { defaultSettings } from '../../../src/core/route/upstream.ts'
import type {
  AnswerListener,
  Client,
  ClientOptions,
  Failure,
  Outgoing,
  OutgoingRequest,
} from '../../../src/gateway/upstream/client.ts'
import { createClient, parseOrigin } from '../../../src/gateway/upstream/http-client.ts'
import { canReadShared } from '../../../src/server/lane/shared-read.ts'
import { listed } from './parsed.ts'

// As in a process that serves: it writes past its streams. `--lane safe` does not.
if (process.env['TURNOUT_LANE'] !== 'safe') await canReadShared()

/** Settings that differ from the defaults. */
export interface Changes {
  readonly pool?: Partial<ClientOptions['pool']>
  readonly timeouts?: Partial<ClientOptions['timeouts']>
  readonly tls?: Partial<ClientOptions['tls']>
  readonly pem?: ClientOptions['pem']
  readonly refuseAddress?: ClientOptions['refuseAddress']
  readonly onLeak?: ClientOptions['onLeak']
}

const endings = new WeakMap<TestContext, (() => Promise<void>)[]>()

/** Last opened, first closed; the runner's own hooks run in the order in which they were given. */
function atEnd(t: TestContext, end: () => Promise<void>): void {
  const known = endings.get(t)
  if (known !== undefined) {
    known.unshift(end)
    return
  }
  const all = [end]
  endings.set(t, all)
  t.after(async () => {
    for (const end of all) await end()
  })
}

/** A client to the URL; at the end of the test nothing may be in use any more. */
export function openClient(t: TestContext, url: string, changes: Changes = {}): Client {
  const { pool, timeouts, tls } = defaultSettings
  const client = createClient(parseOrigin(url), {
    pool: { ...pool, ...changes.pool },
    timeouts: { ...timeouts, ...changes.timeouts },
    tls: { ...tls, ...changes.tls },
    pem: changes.pem ?? {},
    refuseAddress: changes.refuseAddress ?? (() => null),
    onLeak: changes.onLeak ?? (() => undefined),
  })
  atEnd(t, async () => {
    const { connections, idle, waiting } = client.stats
    client.destroy()
    await new Promise<void>((resolve) => client.close(resolve))
    assert.deepEqual({ inUse: connections - idle, waiting }, { inUse: 0, waiting: 0 })
    assert.deepEqual(client.stats, { connections: 0, idle: 0, waiting: 0, upgraded: 0 })
  })
  return client
}

/** An endpoint of sockets; at the end of the test the client must have closed every one. */
export interface Endpoint {
  readonly url: string
  readonly sockets: readonly Socket[]
  /** Waits until the client has closed all connections but `count`. */
  readonly left: (count: number) => Promise<void>
}

/** Listens, and calls `serve` for each connection with its number, from 0. */
export async function openEndpoint(
  t: TestContext,
  serve: (socket: Socket, number: number) => void,
  server: Server = createServer(),
): Promise<Endpoint> {
  const sockets: Socket[] = []
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
    serve(socket, sockets.push(socket) - 1)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const left = async (count: number): Promise<void> => {
    const until = Date.now() + 10_000
    while (open.size > count) {
      assert.ok(Date.now() < until, `${open.size} connections are left, not ${count}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  atEnd(t, async () => {
    await left(0)
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, sockets, left }
}

/** Calls back for each request without a body, with its head. */
export function onRequests(socket: Socket, answer: (head: string, number: number) => void): void {
  let text = ''
  let count = 0
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1')
    for (;;) {
      const end = text.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = text.slice(0, end + 4)
      text = text.slice(end + 4)
      answer(head, count++)
    }
  })
}

/** What an exchange came to. */
export interface Outcome {
  readonly status: number
  readonly headers: readonly string[]
  readonly length: number | null
  readonly isWhole: boolean
  readonly body: string
  readonly informational: readonly number[]
  readonly failure: Failure | null
  readonly upgraded: { readonly socket: Duplex; readonly first: Buffer } | null
}

/** An exchange under way, and what it comes to. */
export interface Sent {
  readonly outgoing: Outgoing
  readonly over: Promise<Outcome>
}

/** A GET of `/`. */
export const get: OutgoingRequest = {
  method: 'GET',
  target: '/',
  headers: ['host', 'a.test'],
  bodyLength: 0,
  upgrade: null,
}

interface How {
  readonly label?: string
  readonly timeouts?: ClientOptions['timeouts']
  readonly onHead?: (outgoing: Outgoing) => void
  /** Instead of keeping the bytes. */
  readonly onData?: (bytes: Buffer, outgoing: Outgoing) => boolean
  readonly onDrain?: (outgoing: Outgoing) => void
}

/** Sends a request and keeps what comes; fails where anything follows the last call. */
export function send(client: Client, request: Partial<OutgoingRequest> = {}, how: How = {}): Sent {
  let status = 0
  let headers: readonly string[] = []
  let length: number | null = null
  let isWhole = false
  let isOver = false
  const bodies: Buffer[] = []
  const informational: number[] = []
  let settle: (outcome: Outcome) => void = () => undefined
  const over = new Promise<Outcome>((resolve) => (settle = resolve))
  const goesOn = (): void => assert.ok(!isOver, 'a call after the last one')
  const end = (failure: Failure | null, upgraded: Outcome['upgraded'] = null): void => {
    goesOn()
    isOver = true
    const body = Buffer.concat(bodies).toString('latin1')
    settle({ status, headers, length, isWhole, body, informational, failure, upgraded })
  }
  const listener: AnswerListener = {
    label: how.label ?? 'test',
    onInformational(status) {
      goesOn()
      informational.push(status)
    },
    onHead(headStatus, fields, said, whole) {
      goesOn()
      assert.equal(status, 0)
      status = headStatus
      headers = listed(fields)
      length = said
      isWhole = whole !== null
      if (whole !== null)
        bodies.push(typeof whole === 'string' ? Buffer.from(whole, 'latin1') : whole)
      how.onHead?.(outgoing)
    },
    onData(bytes) {
      goesOn()
      assert.ok(bytes.length > 0)
      if (how.onData !== undefined) return how.onData(bytes, outgoing)
      bodies.push(bytes)
      return true
    },
    onEnd: () => end(null),
    onUpgrade(fields, socket, first) {
      headers = fields
      end(null, { socket, first })
    },
    onFailure: (failure) => end(failure),
    onDrain() {
      goesOn()
      how.onDrain?.(outgoing)
    },
  }
  const outgoing = client.send({ ...get, ...request }, listener, how.timeouts)
  return { outgoing, over }
}

/** The failure of an exchange, without its reason. */
export async function failureOf(sent: Sent): Promise<Omit<Failure, 'reason'> | null> {
  const { failure } = await sent.over
  if (failure === null) return null
  const { reason, ...rest } = failure
  assert.ok(reason.length > 0)
  return rest
}

/** Waits until the condition holds. */
export async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 10_000
  while (!holds()) {
    assert.ok(Date.now() < end, `in vain: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
