import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { Failure } from '../../../src/gateway/upstream/client.ts'
import { failureOf, onRequests, openClient, openEndpoint, send, until } from './open.ts'

const ok = 'HTTP/1.1 200 OK\r\n'
const sized = `${ok}content-length: 2\r\n\r\nhi`

const failure = (kind: Failure['kind'], more: Partial<Failure> = {}): Omit<Failure, 'reason'> => ({
  kind,
  isUnsent: false,
  isStale: false,
  ...more,
})

/** What an endpoint does with a request, and what comes of the exchange. */
interface Fault {
  readonly name: string
  readonly serve: (socket: Socket) => void
  readonly expected: Omit<Failure, 'reason'>
  /** Status that was told before. */
  readonly status?: number
}

const faults: readonly Fault[] = [
  { name: 'ends at once', serve: (socket) => socket.end(), expected: failure('closed') },
  { name: 'resets at once', serve: (s) => s.resetAndDestroy(), expected: failure('closed') },
  {
    name: 'ends inside the head',
    serve: (socket) => socket.end('HTTP/1.1 200'),
    expected: failure('invalid'),
  },
  {
    name: 'ends after 100',
    serve: (socket) => socket.end('HTTP/1.1 100 C\r\n\r\n'),
    expected: failure('invalid'),
  },
  {
    name: 'ends inside a body with a length',
    serve: (socket) => socket.end(`${ok}content-length: 9\r\n\r\nhi`),
    expected: failure('truncated'),
    status: 200,
  },
  {
    name: 'ends before the body',
    serve: (socket) => socket.end(`${ok}content-length: 9\r\n\r\n`),
    expected: failure('truncated'),
    status: 200,
  },
  {
    name: 'ends before the last chunk',
    serve: (socket) => socket.end(`${ok}transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n`),
    expected: failure('truncated'),
    status: 200,
  },
  {
    name: 'resets inside a body',
    serve: (socket) =>
      socket.write(`${ok}content-length: 9\r\n\r\nhi`, () =>
        setTimeout(() => socket.resetAndDestroy(), 30),
      ),
    expected: failure('truncated'),
    status: 200,
  },
  {
    name: 'resets inside a body that ends with the connection',
    serve: (socket) =>
      socket.write(`${ok}\r\nhi`, () => setTimeout(() => socket.resetAndDestroy(), 30)),
    expected: failure('truncated'),
    status: 200,
  },
  {
    name: 'breaks its chunks after the head',
    serve: (socket) =>
      socket.write(`${ok}transfer-encoding: chunked\r\n\r\n`, () =>
        setTimeout(() => socket.write('nonsense'), 30),
      ),
    expected: failure('invalid'),
    status: 200,
  },
  {
    name: 'informs without end',
    serve(socket) {
      const inform = (): void => {
        if (socket.writable) socket.write('HTTP/1.1 102 P\r\n\r\n', () => setTimeout(inform, 1))
      }
      inform()
    },
    expected: failure('invalid'),
  },
  {
    name: 'switches protocols unasked',
    serve: (socket) =>
      socket.write('HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
    expected: failure('invalid'),
  },
  {
    name: 'says status 000',
    serve: (socket) => socket.write('HTTP/1.1 000 X\r\ncontent-length: 0\r\n\r\n'),
    expected: failure('invalid'),
  },
  {
    name: 'speaks another protocol',
    serve: (socket) => socket.write('220 mail.test ESMTP\r\n'),
    expected: failure('invalid'),
  },
  {
    name: 'never answers',
    serve: () => undefined,
    expected: failure('headers-timeout'),
  },
  {
    name: 'drips its head',
    serve(socket) {
      const drip = (): void => {
        if (socket.writable)
          socket.write('HTTP/1.1 200 OK\r\na: '.charAt(socket.bytesWritten) || 'b')
        if (socket.writable) setTimeout(drip, 10)
      }
      drip()
    },
    expected: failure('headers-timeout'),
  },
  {
    name: 'stalls inside a body',
    serve: (socket) => socket.write(`${ok}content-length: 9\r\n\r\nhi`),
    expected: failure('idle-timeout'),
    status: 200,
  },
  {
    name: 'stalls after the head',
    serve: (socket) => socket.write(`${ok}\r\n`),
    expected: failure('idle-timeout'),
    status: 200,
  },
]

for (const { name, serve, expected, status } of faults) {
  test(`an endpoint that ${name} fails the exchange and loses its connection`, async (t) => {
    const { url, left } = await openEndpoint(t, (socket) => onRequests(socket, () => serve(socket)))
    const client = openClient(t, url, { timeouts: { headersMs: 150, idleMs: 150 } })
    const sent = send(client)
    assert.deepEqual(await failureOf(sent), expected)
    assert.equal((await sent.over).status, status ?? 0)
    assert.deepEqual(client.stats, { connections: 0, idle: 0, waiting: 0, upgraded: 0 })
    await left(0)
  })
}

test('a used connection that ends before an answer may just have been closed', async (t) => {
  for (const end of [(s: Socket) => s.end(), (s: Socket) => s.resetAndDestroy()]) {
    const { url } = await openEndpoint(t, (socket) =>
      onRequests(socket, (_, number) => {
        if (number === 0) socket.write(sized)
        else end(socket)
      }),
    )
    const client = openClient(t, url)
    assert.equal((await send(client).over).body, 'hi')
    const second = send(client)
    assert.deepEqual(await failureOf(second), failure('closed', { isStale: true }))
    assert.equal(second.outgoing.hasSentBody, false)
  }
})

test('a used connection that ends inside an answer is not stale', async (t) => {
  const { url } = await openEndpoint(t, (socket) =>
    onRequests(socket, (_, number) => {
      if (number === 0) socket.write(sized)
      else socket.end('HTTP')
    }),
  )
  const client = openClient(t, url)
  await send(client).over
  assert.deepEqual(await failureOf(send(client)), failure('invalid'))
})

test('nothing listens', async (t) => {
  const client = openClient(t, 'http://127.0.0.1:1')
  const sent = send(client, { method: 'POST', bodyLength: null })
  assert.equal(sent.outgoing.write(Buffer.from('a')), false)
  assert.deepEqual(await failureOf(sent), failure('connect', { isUnsent: true }))
  assert.equal(sent.outgoing.hasSentBody, false)
  assert.equal(sent.outgoing.write(Buffer.from('a')), true)
  sent.outgoing.end()
  sent.outgoing.abort('over')
})

test('no such socket file', async (t) => {
  const client = openClient(t, 'unix:/nowhere/at/all.sock')
  assert.deepEqual(await failureOf(send(client)), failure('connect', { isUnsent: true }))
})

test('a name that is not resolved', async (t) => {
  const client = openClient(t, 'http://does-not-exist.invalid:80')
  assert.deepEqual(await failureOf(send(client)), failure('connect', { isUnsent: true }))
})

/** A listener that never accepts: a stopped process whose backlog is full. */
const blackHole = async (t: TestContext): Promise<number> => {
  const code = `require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 },
    function () { console.log(this.address().port) })`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  child.kill('SIGSTOP')
  const port = Number(String(line))
  const fillers: Socket[] = []
  t.after(() => fillers.forEach((filler) => filler.destroy()))
  let refused = 0
  for (let at = 0; at < 40 && refused < 3; at++) {
    const filler = connect(port, '127.0.0.1')
    filler.on('error', () => undefined)
    fillers.push(filler)
    await new Promise((resolve) => setTimeout(resolve, 20))
    if (filler.connecting) refused += 1
  }
  assert.equal(refused, 3)
  return port
}

test('an endpoint that swallows connections', { skip: process.platform !== 'linux' }, async (t) => {
  const port = await blackHole(t)
  const client = openClient(t, `http://127.0.0.1:${port}`, {
    timeouts: { connectMs: 150 },
    pool: { connections: 1 },
  })
  const both = [send(client), send(client)]
  for (const sent of both) {
    assert.deepEqual(await failureOf(sent), failure('connect', { isUnsent: true }))
  }
})

test('an endpoint that never shakes hands', async (t) => {
  const { url } = await openEndpoint(t, (socket) => void socket.resume())
  const client = openClient(t, url.replace('http', 'https'), { timeouts: { connectMs: 150 } })
  assert.deepEqual(await failureOf(send(client)), failure('tls', { isUnsent: true }))
})

test('a deadline of 0 is none', async (t) => {
  const { url } = await openEndpoint(t, (socket) =>
    onRequests(socket, () => setTimeout(() => socket.write(sized), 300)),
  )
  const none = { connectMs: 0, headersMs: 0, idleMs: 0, totalMs: 0 }
  const client = openClient(t, url, { timeouts: { headersMs: 50 } })
  const [failed, answered] = await Promise.all([
    send(client).over,
    send(client, {}, { timeouts: none }).over,
  ])
  assert.equal(failed.failure!.kind, 'headers-timeout')
  assert.equal(answered.body, 'hi')
})

test('an answer that is not taken has no deadline, and does not pile up', async (t) => {
  const size = 32 * 1024 * 1024
  let written = 0
  const { url } = await openEndpoint(t, (socket) =>
    onRequests(socket, () => {
      socket.write(`${ok}content-length: ${size}\r\n\r\n`)
      const piece = Buffer.alloc(65_536, 'a')
      const pump = (): void => {
        while (written < size) {
          written += piece.length
          if (!socket.write(piece)) return void socket.once('drain', pump)
        }
      }
      pump()
    }),
  )
  const client = openClient(t, url, { timeouts: { idleMs: 100 } })
  let taken = 0
  let isHolding = true
  const sent = send(
    client,
    {},
    {
      onData(bytes) {
        taken += bytes.length
        return !isHolding
      },
    },
  )
  await until(() => taken > 0)
  await new Promise((resolve) => setTimeout(resolve, 400))
  const held = taken
  // One read: what the shared buffer takes.
  assert.ok(held <= 131_072, String(held))
  assert.ok(written < size / 2, String(written))
  isHolding = false
  sent.outgoing.resume()
  const { failure, status } = await sent.over
  assert.equal(failure, null)
  assert.equal(status, 200)
  assert.equal(taken, size)
  assert.deepEqual(client.stats, { connections: 1, idle: 1, waiting: 0, upgraded: 0 })
})

test('an aborted exchange ends its connection, whatever it was about', async (t) => {
  const { url, left } = await openEndpoint(t, (socket) =>
    onRequests(socket, () => socket.write(`${ok}content-length: 9\r\n\r\nhi`)),
  )
  const client = openClient(t, url)
  const opening = send(client)
  opening.outgoing.abort('changed my mind')
  assert.deepEqual(await failureOf(opening), failure('aborted', { isUnsent: true }))
  assert.equal((await opening.over).failure!.reason, 'changed my mind')
  const atHead = send(client, {}, { onHead: (outgoing) => outgoing.abort('at the head') })
  assert.deepEqual(await failureOf(atHead), failure('aborted'))
  const atData = send(
    client,
    {},
    {
      onData(_, outgoing) {
        outgoing.abort('at the data')
        return true
      },
    },
  )
  assert.deepEqual(await failureOf(atData), failure('aborted'))
  assert.equal(client.stats.connections, 0)
  await left(0)
})

test('informational answers reach the listener, 100 does not', async (t) => {
  const { url } = await openEndpoint(t, (socket) =>
    onRequests(socket, () =>
      socket.write(`HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nlink: a\r\n\r\n${sized}`),
    ),
  )
  const client = openClient(t, url)
  const { body, informational } = await send(client).over
  assert.deepEqual(informational, [103])
  assert.equal(body, 'hi')
})
