import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { StreamPolicy } from '../../src/core/route/filter.ts'
import { askRaw, codeOf, fieldOf, get, talk, type Talk } from './support/client.ts'
import { openProxy, route, upstream, type Proxy } from './support/proxy.ts'
import { ok, openRecording, valuesOf, type Recording, type Script } from './support/recording.ts'

const key = 'dGhlIHNhbXBsZSBub25jZQ=='
const acceptFor = (value: string): string =>
  createHash('sha1').update(`${value}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')

const wish = (path = '/socket'): string =>
  get(
    path,
    `Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n`,
  )

const accepted = (accept: string): string =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nX-Kept: 1\r\n\r\n`

/** Agrees, and sends back whatever comes. */
const echo: Script = (seen, socket) => {
  socket.removeAllListeners('data')
  socket.on('data', (bytes: Buffer) => socket.write(bytes))
  return accepted(acceptFor(valuesOf(seen, 'sec-websocket-key')[0]!))
}

const events = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n'

/** Sends one event, and further ones as long as it is asked. */
const streams: { [name: string]: Script } = {
  '/socket': echo,
  '/events': (_, socket) => {
    socket.write(`${events}data: 0\n\n`)
  },
}

const openEcho = (t: TestContext): Promise<Recording> =>
  openRecording(t, {
    answer: (seen, socket) => (streams[seen.target] ?? (() => ok('plain')))(seen, socket),
  })

const joined = async (port: number, path = '/socket'): Promise<Talk> => {
  const client = talk(port, wish(path))
  const answer = await client.answer()
  assert.equal(answer.status, 101, JSON.stringify(answer))
  return client
}

/** What is sent comes back. */
const echoes = async (client: Talk, text: string): Promise<void> => {
  client.send(text)
  await client.until((received) => received.endsWith(text))
  assert.ok(client.received().endsWith(text), `${text} did not come back`)
}

test('a WebSocket is joined after a 101, both ways, with the fields of the upstream', async (t) => {
  const recording = await openEcho(t)
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const client = talk(proxy.port, wish())
  const answer = await client.answer()
  assert.equal(answer.status, 101)
  const ends = ['connection', 'upgrade', 'sec-websocket-accept', 'x-kept']
  for (const name of ends)
    assert.equal(answer.fields.filter(([one]) => one === name).length, 1, name)
  assert.equal(fieldOf(answer, 'sec-websocket-accept'), acceptFor(key))
  await echoes(client, 'hello')
  await echoes(client, 'x'.repeat(200_000))
  const [seen] = recording.seen
  assert.deepEqual(valuesOf(seen!, 'upgrade'), ['websocket'])
  assert.deepEqual(valuesOf(seen!, 'connection'), ['upgrade'])
  assert.deepEqual(valuesOf(seen!, 'x-forwarded-for'), ['127.0.0.1'])
  assert.equal(proxy.upstreams.streams.size, 1)
  client.socket.end()
  await client.closed
  await proxy.quiet()
})

test('what the client sends behind its wish waits for the 101', async (t) => {
  let behind = ''
  const recording = await openRecording(t, {
    answer: (seen, socket) => {
      socket.removeAllListeners('data')
      socket.on('data', (bytes: Buffer) => {
        behind += bytes.toString('latin1')
        socket.write(bytes)
      })
      setTimeout(() => {
        assert.equal(behind, '')
        socket.write(accepted(acceptFor(valuesOf(seen, 'sec-websocket-key')[0]!)))
      }, 50)
    },
  })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const client = talk(proxy.port, `${wish()}early`)
  assert.equal((await client.answer()).status, 101)
  await client.until((received) => received.endsWith('early'))
  await echoes(client, ' late')
  assert.equal(behind, 'early late')
  client.socket.destroy()
  await proxy.quiet()
})

const refused: readonly (readonly [name: string, bytes: string, told: string])[] = [
  ['a wrong accept', accepted('AAAAAAAAAAAAAAAAAAAAAAAAAAA='), '502 TURNOUT_UPSTREAM_INVALID'],
  [
    'no accept',
    'HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n',
    '502 TURNOUT_UPSTREAM_INVALID',
  ],
  [
    'another protocol',
    'HTTP/1.1 101 S\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\n',
    '502 TURNOUT_UPSTREAM_INVALID',
  ],
  ['no protocol', 'HTTP/1.1 101 S\r\nConnection: upgrade\r\n\r\n', '502 TURNOUT_UPSTREAM_INVALID'],
  [
    'a 101 with a length',
    accepted(acceptFor(key)).replace('X-Kept: 1', 'Content-Length: 2'),
    '502 TURNOUT_UPSTREAM_INVALID',
  ],
  [
    'a 426',
    'HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 8\r\nContent-Length: 2\r\n\r\nno',
    '426 no',
  ],
  ['a 200', ok('plain'), '200 plain'],
  ['a 403 until the end', 'HTTP/1.1 403 Forbidden\r\n\r\nno', '403 no'],
]

for (const [name, bytes, told] of refused) {
  test(`a wish that is answered with ${name} is told and its connection closed`, async (t) => {
    let behind = ''
    const recording = await openRecording(t, {
      answer: (_, socket) => {
        socket.removeAllListeners('data')
        socket.on('data', (more: Buffer) => (behind += more.toString()))
        socket.write(bytes)
        if (name.endsWith('end')) socket.end()
      },
    })
    const proxy = await openProxy(t, [route('/*rest', recording.url)])
    const client = talk(proxy.port, `${wish()}GET /evil HTTP/1.1\r\nHost: a\r\n\r\n`)
    const answer = await client.answer()
    const code = answer.body.includes('"code"') ? codeOf(answer) : answer.body
    assert.equal(`${answer.status} ${code}`, told)
    assert.equal(fieldOf(answer, 'connection'), 'close')
    assert.equal(await client.closed, 'ended')
    assert.equal(behind, '')
    assert.equal(recording.seen.length, 1)
    await proxy.quiet()
  })
}

test('a client that offers h2c on a request with a body is served as if it did not', async (t) => {
  const recording = await openRecording(t, { answer: ({ body }) => ok(`got ${body.toString()}`) })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const offer =
    'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n'
  const client = talk(
    proxy.port,
    `${get('/', `${offer}Content-Length: 3\r\n`, 'POST')}abc${get('/second')}`,
  )
  assert.equal((await client.answer()).body, 'got abc')
  assert.equal((await client.answer()).body, 'got ')
  client.send(get('/third', offer))
  assert.equal((await client.answer()).body, 'got ')
  const names = recording.seen.flatMap(({ fields }) => fields.map(([name]) => name))
  assert.ok(!names.some((name) => ['upgrade', 'http2-settings', 'connection'].includes(name)))
  client.socket.destroy()
  await proxy.quiet()
})

test('a wish on a route that answers by itself gets that answer, however large', async (t) => {
  const body = 'x'.repeat(3_000_000)
  const recording = await openRecording(t, {
    answer: () => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  })
  const proxy = await openProxy(t, [
    route('/text', { kind: 'respond', status: 200, headers: {}, body: 'text' }),
    route('/large', recording.url),
  ])
  const text = await askRaw(proxy.port, wish('/text'))
  assert.equal(`${text.status} ${text.body}`, '200 text')
  assert.equal((await askRaw(proxy.port, wish('/none'))).status, 404)
  const large = talk(proxy.port, wish('/large'))
  large.socket.pause()
  await delay(100)
  large.socket.resume()
  await large.closed
  assert.equal(large.received().length - large.received().indexOf('\r\n\r\n') - 4, body.length)
  await proxy.quiet()
})

test('everything that was sent before an end arrives, at whatever pace it is read', async (t) => {
  const size = 4_000_000
  const recording = await openRecording(t, {
    answer: (seen, socket) => {
      socket.write(accepted(acceptFor(valuesOf(seen, 'sec-websocket-key')[0]!)))
      socket.end(Buffer.alloc(size, 'x'))
    },
  })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const client = talk(proxy.port, wish())
  client.socket.pause()
  await delay(200)
  client.socket.resume()
  assert.equal(await client.closed, 'ended')
  assert.equal(client.received().length - client.received().indexOf('\r\n\r\n') - 4, size)
  await proxy.quiet()
})

test('a side that breaks takes the other one with it', async (t) => {
  const sockets: Socket[] = []
  const recording = await openRecording(t, {
    answer: (seen, socket) => {
      sockets.push(socket)
      return echo(seen, socket)
    },
  })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const left = await joined(proxy.port)
  left.socket.resetAndDestroy()
  await new Promise((resolve) => sockets[0]!.once('close', resolve))
  const right = await joined(proxy.port)
  sockets[1]!.resetAndDestroy()
  await right.closed
  await proxy.quiet()
})

test('a WebSocket and a stream of events live through 1,000 changes of other routes', async (t) => {
  const sources: Socket[] = []
  const recording = await openRecording(t, {
    answer: (seen, socket) => {
      if (seen.target === '/events') sources.push(socket)
      return streams[seen.target]!(seen, socket)
    },
  })
  const proxy = await openProxy(
    t,
    [route('/socket', 'one'), route('/events', recording.url)],
    [upstream('one', [recording.url])],
  )
  const socket = await joined(proxy.port)
  const source = talk(proxy.port, get('/events'))
  await source.until((received) => received.includes('data: 0'))
  for (let number = 1; number <= 1_000; number += 1) {
    const at = `/other/${number % 10}`
    const text = { kind: 'respond', status: 200, headers: {}, body: String(number) } as const
    const target = number % 3 === 0 ? text : recording.url
    const others = number % 7 === 0 ? [upstream('two', [`http://127.0.0.1:${number}`])] : []
    await proxy.publish([route(at, target)], others)
    if (number % 100 !== 0) continue
    await echoes(socket, `change ${number}`)
    sources[0]!.write(`data: ${number}\n\n`)
    await source.until((received) => received.includes(`data: ${number}\n`))
  }
  assert.ok(source.received().includes('data: 1000\n'))
  socket.socket.destroy()
  source.socket.destroy()
  await proxy.quiet()
})

const policies: readonly (readonly [StreamPolicy, 'lives' | 'ends'])[] = [
  [{ onChange: 'keep', drainMs: 0 }, 'lives'],
  [{ onChange: 'drain', drainMs: 60_000 }, 'lives'],
  [{ onChange: 'drain', drainMs: 150 }, 'ends'],
  [{ onChange: 'close', drainMs: 60_000 }, 'ends'],
]
const changes: {
  [name: string]: (proxy: Proxy, recording: Recording, policy: StreamPolicy) => Promise<void>
} = {
  'its route is changed': async (proxy, recording, streams) => {
    const filters = [{ kind: 'set-request-header', name: 'x-a', value: '1' }] as const
    await proxy.publish(['/socket', '/events'].map((at) => route(at, 'one', { streams, filters })))
    void recording
  },
  'its route is removed': (proxy) => proxy.publish([], [], ['/socket', '/events']),
  'its endpoint is removed': (proxy, recording) =>
    proxy.publish([], [upstream('one', [`http://localhost:${recording.port}`])]),
}

for (const [what, make] of Object.entries(changes)) {
  test(`${what}: what is open goes by the policy of its route`, async (t) => {
    for (const [policy, outcome] of policies) {
      const recording = await openEcho(t)
      const proxy = await openProxy(
        t,
        ['/socket', '/events'].map((at) => route(at, 'one', { streams: policy })),
        [upstream('one', [recording.url])],
      )
      const socket = await joined(proxy.port)
      const source = talk(proxy.port, get('/events'))
      await source.until((received) => received.includes('data: 0'))
      await make(proxy, recording, policy)
      if (outcome === 'lives') {
        await echoes(socket, 'still there')
        assert.equal(source.socket.destroyed, false)
        assert.equal(recording.open.size, 2)
        socket.socket.destroy()
        source.socket.destroy()
      } else {
        await Promise.all([socket.closed, source.closed])
        // Cut, so that nobody takes it for its own end.
        assert.doesNotMatch(source.received(), /\r\n0\r\n\r\n$/)
      }
      await proxy.quiet()
      for (let left = 100; left > 0 && recording.open.size > 0; left -= 1) await delay(10)
      if (what !== 'its route is changed' || outcome === 'ends')
        assert.equal(recording.open.size, 0, `${JSON.stringify(policy)} leaves connections`)
    }
  })
}

test('a request that is under way when its endpoint is removed is answered by it', async (t) => {
  let answer = (): void => undefined
  const recording = await openRecording(t, {
    answer: (_, socket) => {
      answer = () => void socket.write(ok('the old one'))
    },
  })
  const other = await openRecording(t, { answer: () => ok('the new one') })
  const proxy = await openProxy(t, [route('/*rest', 'one')], [upstream('one', [recording.url])])
  const slow = askRaw(proxy.port, get('/'))
  while (recording.seen.length === 0) await delay(5)
  await proxy.publish([], [upstream('one', [other.url])])
  assert.equal((await askRaw(proxy.port, get('/'))).body, 'the new one')
  answer()
  assert.equal((await slow).body, 'the old one')
  await proxy.quiet()
  for (let left = 100; left > 0 && recording.open.size > 0; left -= 1) await delay(10)
  assert.equal(recording.open.size, 0)
})
