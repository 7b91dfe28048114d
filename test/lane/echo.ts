import { setTimeout as wait } from 'node:timers/promises'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { createTurnout, type Turnout, type TurnoutOptions } from '../../src/turnout.ts'

/** Names that are asked for one by one: those that are joined, those that are not, and what is no field. */
const asked = [
  'host',
  'cookie',
  'set-cookie',
  'user-agent',
  'referer',
  'content-length',
  'content-type',
  'etag',
  'age',
  'x-a',
  'accept',
  'authorization',
  'connection',
  'from',
  'server',
  'constructor',
  '__proto__',
  'x',
  'a',
]

/** Handlers that answer in every way there is, and say what they see of their requests. */
export function addEchoes(turnout: Turnout): void {
  turnout.any('/echo', (c) => {
    const { transport } = c.exchange
    return c.json([
      transport.method,
      transport.target,
      transport.origin(),
      transport.clientAddress(),
      transport.bodyLength(),
      transport.headers(),
    ])
  })
  turnout.any('/echo/*rest', (c) => c.text(`${c.path} ${c.param('rest')} ${c.queries.toString()}`))
  turnout.any('/field', (c) => c.json(asked.map((name) => c.header(name) ?? null)))
  turnout.any('/cookies', (c) => {
    c.setHeader('Set-Cookie', 'a=1').setHeader('set-cookie', 'b=2').setHeader('X-Empty', '')
    return c.text(c.header('Cookie') ?? 'none')
  })
  turnout.any('/body', async (c) => c.bytes(await c.body.bytes()))
  turnout.any('/web-body', async (c) => {
    const stream = c.body.stream()
    if (stream === null) return c.text('none', 404)
    const pieces: Uint8Array[] = []
    for await (const piece of stream) pieces.push(piece)
    return c.bytes(Buffer.concat(pieces))
  })
  turnout.any('/unread', (c) => c.text('unread'))
  turnout.any('/bytes', (c) => c.bytes(new Uint8Array([0, 13, 10, 255]), 201))
  turnout.any('/none', (c) => c.setHeader('content-length', '5').text('gone', 204))
  turnout.any('/unchanged', (c) => c.setHeader('ETag', '"a"').text('same', 304))
  turnout.any('/large', (c) => c.bytes(new Uint8Array(40_000)))
  turnout.any('/stream', (c) =>
    c.stream(async function* () {
      yield 'one'
      await wait(1)
      yield new Uint8Array([1, 2])
      yield ''
      yield 'ü'
    }),
  )
  turnout.any('/sized', (c) =>
    c.setHeader('Content-Length', '6').stream(async function* () {
      yield 'one'
      yield 'two'
    }),
  )
  turnout.any('/web', () => new Response('web', { status: 202, headers: { 'x-web': 'yes' } }))
  turnout.any('/throws', () => {
    throw new Error('thrown')
  })
  turnout.any('/late-throw', (c) =>
    c.stream(async function* () {
      yield 'begun'
      await wait(1)
      throw new Error('thrown late')
    }),
  )
  turnout.any('/later', async (c) => {
    await wait(2)
    return c.text('later')
  })
  turnout.any('/', (c) => c.text('root'))
  turnout.any('/end', (c) => c.text('end'))
}

export type Ports = Readonly<Record<'fast' | 'safe', number>>

/** The same routes on a listener of each lane. */
export async function openBoth(
  test: Pick<TestContext, 'after'>,
  add: (turnout: Turnout) => void,
  options: TurnoutOptions = {},
): Promise<Ports> {
  const open = async (lane: 'fast' | 'safe'): Promise<number> => {
    const turnout = createTurnout({ logger: false, ...options, lane })
    test.after(async () => void (await turnout.close(0)))
    add(turnout)
    return (await turnout.listen({ port: 0 })).port
  }
  return { fast: await open('fast'), safe: await open('safe') }
}

/** Sends pieces, each in a packet of its own, and gives all that came until the connection was closed. */
export function send(port: number, pieces: readonly Buffer[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let received = ''
    socket.on('data', (bytes: Buffer) => (received += bytes.toString('latin1')))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(received))
    const next = (at: number): void => {
      const piece = pieces[at]
      if (piece === undefined || socket.destroyed) return
      socket.write(piece, () => setImmediate(() => next(at + 1)))
    }
    next(0)
  })
}
