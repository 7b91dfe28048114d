import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { failureOf, onRequests, openClient, openEndpoint, send, until } from './open.ts'

const agreed =
  'HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: abc\r\n\r\n'
const websocket = {
  headers: ['host', 'a.test', 'sec-websocket-key', 'k'],
  upgrade: 'websocket',
}

test('after a 101 the connection belongs to the listener', async (t) => {
  const size = 4 * 1024 * 1024
  const heads: string[] = []
  const { url, left } = await openEndpoint(t, (socket) => {
    let isAnswered = false
    socket.on('data', (bytes: Buffer) => {
      if (isAnswered) {
        socket.write(bytes)
        return
      }
      isAnswered = true
      heads.push(bytes.toString('latin1'))
      socket.write(`${agreed}first`)
    })
  })
  const client = openClient(t, url, { timeouts: { idleMs: 50, headersMs: 50 } })
  const { over } = send(client, websocket)
  const { failure, headers, upgraded } = await over
  assert.equal(failure, null)
  assert.deepEqual(heads, [
    'GET / HTTP/1.1\r\nhost: a.test\r\nsec-websocket-key: k\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
  ])
  assert.deepEqual(headers, [
    'connection',
    'Upgrade',
    'upgrade',
    'websocket',
    'sec-websocket-accept',
    'abc',
  ])
  assert.deepEqual(client.stats, { connections: 0, idle: 0, waiting: 0, upgraded: 1 })
  const { first, socket } = upgraded!
  assert.equal(first.toString(), 'first')
  // No deadline of the client holds for it.
  await new Promise((resolve) => setTimeout(resolve, 300))
  const echoed: Buffer[] = []
  const sent = Buffer.alloc(size)
  for (let at = 0; at < size; at += 4) sent.writeUInt32BE(at, at)
  socket.write(sent)
  // Nobody listens yet: nothing may be lost.
  await new Promise((resolve) => setTimeout(resolve, 100))
  socket.on('data', (bytes: Buffer) => echoed.push(bytes))
  await until(() => echoed.reduce((sum, { length }) => sum + length, 0) >= size)
  assert.ok(Buffer.concat(echoed).equals(sent))
  const closed = once(socket, 'close')
  socket.end()
  await closed
  await left(0)
})

test('the end and a reset of an upgraded connection are the listener’s', async (t) => {
  const { url, sockets } = await openEndpoint(t, (socket) =>
    onRequests(socket, () => socket.write(agreed)),
  )
  const client = openClient(t, url)
  const one = (await send(client, websocket).over).upgraded!.socket
  const ended = once(one, 'end')
  one.resume()
  sockets[0]!.end()
  await ended
  const two = (await send(client, websocket).over).upgraded!.socket
  const closed = once(two, 'close')
  two.resume()
  sockets[1]!.resetAndDestroy()
  await closed.catch(() => undefined)
})

test('a connection that was used, and paused, before may be upgraded', async (t) => {
  const body = 'x'.repeat(200_000)
  const { url } = await openEndpoint(t, (socket) =>
    onRequests(socket, (head) => {
      if (head.includes('upgrade')) {
        socket.write(agreed)
        setTimeout(() => socket.write('second'), 50)
      } else socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    }),
  )
  const client = openClient(t, url)
  await send(
    client,
    {},
    {
      onData(_, outgoing) {
        setTimeout(() => outgoing.resume(), 1)
        return false
      },
    },
  ).over
  assert.equal(client.stats.idle, 1)
  const { first, socket } = (await send(client, websocket).over).upgraded!
  await new Promise((resolve) => setTimeout(resolve, 150))
  let text = first.toString()
  socket.on('data', (bytes: Buffer) => (text += bytes.toString()))
  await until(() => text === 'second')
  socket.destroy()
})

test('an upgrade that is refused is an answer, and its connection is closed', async (t) => {
  const { url, left } = await openEndpoint(t, (socket) =>
    onRequests(socket, () => socket.write('HTTP/1.1 426 U\r\ncontent-length: 2\r\n\r\nno')),
  )
  const client = openClient(t, url)
  const { body, failure, status, upgraded } = await send(client, websocket).over
  assert.deepEqual(
    { body, failure, status, upgraded },
    {
      body: 'no',
      failure: null,
      status: 426,
      upgraded: null,
    },
  )
  assert.equal(client.stats.connections, 0)
  await left(0)
})

test('a 101 of something else is invalid', async (t) => {
  const answers: readonly [string, string | null][] = [
    [agreed, null],
    [agreed, 'h2c'],
    [agreed.replace('Connection: Upgrade\r\n', ''), 'websocket'],
    [agreed.replace('Upgrade: websocket\r\n', ''), 'websocket'],
    [agreed.replace('websocket', 'websocket2'), 'websocket'],
    [agreed.replace('\r\n\r\n', '\r\ncontent-length: 0\r\n\r\n'), 'websocket'],
  ]
  for (const [raw, upgrade] of answers) {
    const { url, left } = await openEndpoint(t, (socket) =>
      onRequests(socket, () => socket.write(raw)),
    )
    const client = openClient(t, url)
    assert.deepEqual(await failureOf(send(client, { upgrade })), {
      kind: 'invalid',
      isUnsent: false,
      isStale: false,
    })
    await left(0)
  }
})
