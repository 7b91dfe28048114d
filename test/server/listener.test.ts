import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { limitsOf } from '../../src/core/http/limits.ts'
import { Connections } from '../../src/server/connections.ts'
import { createTurnout, type Turnout } from '../../src/turnout.ts'

const open = async (): Promise<{ turnout: Turnout; port: number }> => {
  const turnout = createTurnout({ logger: false })
  turnout.get('/', (c) => c.text('ok'))
  turnout.get('/slow', async (c) => {
    await wait(300)
    return c.text('slow')
  })
  const { port } = await turnout.listen({ port: 0 })
  return { turnout, port }
}

/** A raw client: what it sent is answered in `text`. */
const client = (
  port: number,
): Promise<{ socket: Socket; text: () => string; ended: Promise<void> }> =>
  new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => {
      const ended = new Promise<void>((done) => socket.once('close', () => done()))
      resolve({ socket, text: () => text, ended })
    })
    socket.setEncoding('latin1')
    socket.on('data', (part: string) => (text += part))
    socket.on('error', reject)
  })

const raw = async (port: number, request: string): Promise<string> => {
  const { socket, text, ended } = await client(port)
  socket.write(request)
  await ended
  return text()
}

const fields = (count: number): string =>
  Array.from({ length: count }, (_, at) => `x-${at}: 1\r\n`).join('')

const closing = 'host: x\r\nconnection: close\r\n'

const targets: readonly (readonly [request: string, status: number])[] = [
  [`GET / HTTP/1.1\r\n${closing}\r\n`, 200],
  [`GET http://x/ HTTP/1.1\r\n${closing}\r\n`, 200],
  [`GET http://x HTTP/1.1\r\n${closing}\r\n`, 200],
  [`GET http://x?q=1 HTTP/1.1\r\n${closing}\r\n`, 200],
  [`GET //%2e/./x/../ HTTP/1.1\r\n${closing}\r\n`, 200],
  [`GET /%zz HTTP/1.1\r\n${closing}\r\n`, 400],
  [`GET /a\\b HTTP/1.1\r\n${closing}\r\n`, 400],
  [`GET /%00 HTTP/1.1\r\n${closing}\r\n`, 400],
  [`GET /a%2Fb HTTP/1.1\r\n${closing}\r\n`, 400],
  [`OPTIONS / HTTP/1.1\r\n${closing}\r\n`, 204],
  [`POST / HTTP/1.1\r\n${closing}content-length: 0\r\n\r\n`, 405],
  [`GET /${'x'.repeat(8_191)} HTTP/1.1\r\n${closing}\r\n`, 404],
  [`GET /${'x'.repeat(8_192)} HTTP/1.1\r\n${closing}\r\n`, 414],
  [`GET / HTTP/1.1\r\n${closing}${fields(98)}\r\n`, 200],
  [`GET / HTTP/1.1\r\n${closing}${fields(99)}\r\n`, 431],
  [`GET / HTTP/1.1\r\n${closing}${fields(1_100)}\r\n`, 431],
]

for (const [request, status] of targets) {
  const name = request.slice(0, 40).replace(/\r\n[^]*/, '')
  test(`${name} (${request.length} bytes) is answered ${status}`, async (t) => {
    const { turnout, port } = await open()
    t.after(() => turnout.close(0))
    assert.match(await raw(port, request), new RegExp(`^HTTP/1.1 ${status} `))
  })
}

test('pipelined requests are answered in their order', async (t) => {
  const { turnout, port } = await open()
  t.after(() => turnout.close(0))
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`
  const text = await raw(
    port,
    `${get('/slow')}${get('/')}${get('/nope')}GET / HTTP/1.1\r\n${closing}\r\n`,
  )
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)
  assert.deepEqual(statuses, ['200', '200', '404', '200'])
  assert.ok(text.indexOf('slow') < text.indexOf('ok'))
})

test('a body that nobody reads does not hold up the next request of its connection', async (t) => {
  const { turnout, port } = await open()
  t.after(() => turnout.close(0))
  turnout.post('/', (c) => c.text('unread'))
  const body = 'x'.repeat(100_000)
  const post = `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  const text = await raw(port, `${post}${post}GET / HTTP/1.1\r\n${closing}\r\n`)
  assert.deepEqual(text.match(/unread|ok$/g), ['unread', 'unread', 'ok'])
})

test('a Node app sees the end of a request that has nothing in it', async (t) => {
  const { turnout, port } = await open()
  t.after(() => turnout.close(0))
  const app = (request: IncomingMessage, response: ServerResponse): void => {
    request.on('end', () => response.end('ended'))
    request.resume()
  }
  await turnout.module(app, { name: 'app', prefix: '/app' })
  assert.match(await raw(port, `GET /app HTTP/1.1\r\n${closing}\r\n`), /ended/)
})

test('close lets a request in flight end, tells its client, and closes idle connections', async () => {
  const { turnout, port } = await open()
  const idle = await client(port)
  idle.socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  const busy = await client(port)
  busy.socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n')
  while (!idle.text().includes('ok')) await wait(5)
  assert.equal(await turnout.close(10_000), 0)
  await Promise.all([idle.ended, busy.ended])
  assert.match(busy.text(), /connection: close[^]*slow/i)
})

test('close cuts what does not end by the deadline, and says how many', async () => {
  const turnout = createTurnout({ logger: false })
  turnout.get('/never', () => new Promise<never>(() => undefined))
  const { port } = await turnout.listen({ port: 0 })
  const stuck = await client(port)
  stuck.socket.write('GET /never HTTP/1.1\r\nhost: x\r\n\r\n')
  await wait(50)
  assert.equal(await turnout.close(100), 1)
  await stuck.ended
})

test('connections that are idle too long are closed by the sweep; busy ones are not', async (t) => {
  const limits = limitsOf({ keepAliveMs: 10_000, writeIdleMs: 20_000 })
  const connections = new Connections(limits, 100)
  t.after(() => connections.close())
  const destroyed: string[] = []
  const socketOf = (name: string, writableLength = 0): Socket =>
    ({ once: () => undefined, writableLength, destroy: () => destroyed.push(name) }) as never
  const answer = {} as ServerResponse
  const idle = socketOf('idle')
  const busy = socketOf('busy')
  const flowing = socketOf('flowing', 10)
  let end = (): void => undefined
  for (const socket of [idle, busy, flowing]) connections.add(socket)
  connections.track(idle, answer, undefined)
  connections.track(busy, answer, new Promise<void>((resolve) => (end = resolve)))
  for (let sweep = 0; sweep < 4; sweep += 1) connections.sweep()
  assert.equal(destroyed.length, 0)
  connections.sweep()
  assert.equal(destroyed.join(), 'idle')
  end()
  await wait(1)
  for (let sweep = 0; sweep < 5; sweep += 1) connections.sweep()
  assert.ok(destroyed.includes('busy'))
  assert.ok(!destroyed.includes('flowing'))
})
