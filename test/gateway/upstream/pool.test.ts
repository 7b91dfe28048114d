import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { TurnoutError } from '../../../src/core/errors.ts'
import { createClient, parseOrigin } from '../../../src/gateway/upstream/http-client.ts'
import { defaultSettings } from '../../../src/core/route/upstream.ts'
import { failureOf, get, onRequests, openClient, openEndpoint, send, until } from './open.ts'

const sized = (body: string): string =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`

test('connections are used again, last in, first out', async (t) => {
  const { url } = await openEndpoint(t, (socket, number) =>
    onRequests(socket, () => socket.write(sized(`connection ${number}`))),
  )
  const client = openClient(t, url)
  const three = [send(client), send(client), send(client)]
  assert.deepEqual(client.stats, { connections: 3, idle: 0, waiting: 0, upgraded: 0 })
  const ended: string[] = []
  for (const { over } of three) void over.then(({ body }) => ended.push(body))
  await Promise.all(three.map(({ over }) => over))
  assert.deepEqual(client.stats, { connections: 3, idle: 3, waiting: 0, upgraded: 0 })
  for (let time = 0; time < 5; time++) {
    const { body, isWhole, length } = await send(client).over
    assert.equal(body, ended.at(-1))
    assert.ok(isWhole)
    assert.equal(length, body.length)
  }
})

test('a connection on which anything unexpected came is not used again', async (t) => {
  const answers: readonly string[] = [
    `${sized('a')}X`,
    `${sized('a')}${sized('b')}`,
    'HTTP/1.1 204 N\r\ncontent-length: 1\r\n\r\nX',
    'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
    'HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n0\r\n\r\n',
  ]
  const { url, sockets, left } = await openEndpoint(t, (socket, number) =>
    onRequests(socket, () => socket.write(answers[number]!, 'latin1')),
  )
  const client = openClient(t, url)
  for (const _ of answers) {
    const { failure, status } = await send(client).over
    assert.equal(failure, null)
    assert.ok(status > 0)
    assert.equal(client.stats.connections, 0)
  }
  assert.equal(sockets.length, answers.length)
  await left(0)
})

test('bytes and an end on an idle connection close it', async (t) => {
  const { url, sockets, left } = await openEndpoint(t, (socket) =>
    onRequests(socket, () => socket.write(sized('a'))),
  )
  const client = openClient(t, url)
  await send(client).over
  sockets[0]!.write(sized('evil'))
  await until(() => client.stats.connections === 0)
  assert.equal((await send(client).over).body, 'a')
  sockets[1]!.end()
  await until(() => client.stats.connections === 0)
  await left(0)
})

for (const [what, wrong] of [
  ['bytes', (socket: Socket) => socket.write(sized('evil'))],
  ['an end', (socket: Socket) => socket.end()],
] as const)
  test(`${what} that came before a request was written are not its answer, and it was not sent`, async (t) => {
    const heads: string[] = []
    const { url, sockets, left } = await openEndpoint(t, (socket) =>
      onRequests(socket, (head) => {
        heads.push(head)
        socket.write(sized('a'))
      }),
    )
    const client = openClient(t, url)
    await send(client).over
    // From a timer: what is given to the connection is written after the next reads, and these find it.
    await wait(1)
    wrong(sockets[0]!)
    const sent = send(client, { method: 'POST' })
    assert.equal(client.stats.connections, 1)
    assert.deepEqual(await failureOf(sent), { kind: 'closed', isUnsent: true, isStale: true })
    assert.equal(client.stats.connections, 0)
    assert.equal(heads.length, 1)
    assert.equal((await send(client).over).body, 'a')
    await left(1)
  })

test('all that are sent in one turn are answered, again and again', async (t) => {
  const { url } = await openEndpoint(t, (socket) =>
    onRequests(socket, (head) => socket.write(sized(head.split(' ')[1]!))),
  )
  const client = openClient(t, url, { pool: { connections: 100 } })
  for (let round = 0; round < 5; round += 1) {
    const targets = Array.from({ length: 100 }, (_, at) => `/${round}/${at}`)
    const sent = targets.map((target) => send(client, { target }).over)
    assert.deepEqual(
      (await Promise.all(sent)).map(({ body }) => body),
      targets,
    )
  }
})

test('a connection serves so many requests, and says so with the last', async (t) => {
  const heads: string[] = []
  const { url, sockets, left } = await openEndpoint(t, (socket) =>
    onRequests(socket, (head) => {
      heads.push(head)
      socket.write(sized('a'))
    }),
  )
  const client = openClient(t, url, { pool: { requestsPerConnection: 2 } })
  for (let time = 0; time < 4; time++) assert.equal((await send(client).over).body, 'a')
  assert.equal(sockets.length, 2)
  assert.deepEqual(
    heads.map((head) => head.includes('connection: close')),
    [false, true, false, true],
  )
  await left(0)
})

test('idle connections end after their time, and old ones', async (t) => {
  for (const pool of [{ idleTimeoutMs: 60 }, { maxLifetimeMs: 60 }]) {
    const { url, sockets, left } = await openEndpoint(t, (socket) =>
      onRequests(socket, () => socket.write(sized('a'))),
    )
    const client = openClient(t, url, { pool })
    await send(client).over
    await until(() => client.stats.connections === 0)
    await left(0)
    await send(client).over
    assert.equal(sockets.length, 2)
  }
})

test('an exchange is not cut because its connection got old', async (t) => {
  const { url, left } = await openEndpoint(t, (socket) =>
    onRequests(socket, () => setTimeout(() => socket.write(sized('late')), 200)),
  )
  const client = openClient(t, url, { pool: { maxLifetimeMs: 50, idleTimeoutMs: 50 } })
  assert.equal((await send(client).over).body, 'late')
  assert.equal(client.stats.connections, 0)
  await left(0)
})

test('as many wait as may, in order, the others are told at once', async (t) => {
  const asked: string[] = []
  const { url, sockets } = await openEndpoint(t, (socket) =>
    onRequests(socket, (head) => {
      asked.push(head.split(' ')[1]!)
      if (head.startsWith('GET /go')) socket.write(sized('a'))
    }),
  )
  const client = openClient(t, url, { pool: { connections: 1, queue: 3 } })
  const first = send(client, { target: '/first' })
  const waiting = ['/go/1', '/go/2', '/go/3'].map((target) => send(client, { target }))
  const refused = send(client)
  assert.deepEqual(client.stats, { connections: 1, idle: 0, waiting: 3, upgraded: 0 })
  assert.deepEqual(await failureOf(refused), { kind: 'busy', isUnsent: true, isStale: false })
  waiting[1]!.outgoing.abort('enough')
  waiting[1]!.outgoing.abort('enough')
  assert.deepEqual(await failureOf(waiting[1]!), {
    kind: 'aborted',
    isUnsent: true,
    isStale: false,
  })
  await until(() => asked.length === 1)
  sockets[0]!.write(sized('a'))
  await Promise.all([first.over, waiting[0]!.over, waiting[2]!.over])
  assert.deepEqual(asked, ['/first', '/go/1', '/go/3'])
  assert.equal(sockets.length, 1)
})

test('one that waits too long is told', async (t) => {
  const { url } = await openEndpoint(t, (socket) => onRequests(socket, () => undefined))
  const client = openClient(t, url, { pool: { connections: 1, queueTimeoutMs: 60 } })
  const first = send(client)
  assert.deepEqual(await failureOf(send(client)), { kind: 'busy', isUnsent: true, isStale: false })
  first.outgoing.abort('enough')
  assert.equal((await failureOf(first))!.kind, 'aborted')
})

test('whose client stalls gives its connection to one that waits, and whole requests go first', async (t) => {
  const { url } = await openEndpoint(t, (socket) =>
    onRequests(socket, (head) => {
      if (head.startsWith('GET /large'))
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n${'x'.repeat(90_000)}`)
      else if (head.startsWith('GET')) socket.write(sized('a'))
    }),
  )
  const client = openClient(t, url, { pool: { connections: 2, queueTimeoutMs: 400 } })
  const upload = { method: 'POST', bodyLength: 9 }
  const sending = send(client, upload)
  const reading = send(client, { target: '/large' }, { onData: () => false })
  await new Promise((resolve) => setTimeout(resolve, 300))
  // Nobody waits: both keep theirs.
  assert.deepEqual(client.stats, { connections: 2, idle: 0, waiting: 0, upgraded: 0 })
  const behind = [send(client, upload), send(client, upload)]
  const whole = send(client)
  assert.equal((await whole.over).body, 'a')
  for (const one of [sending, reading])
    assert.deepEqual(await failureOf(one), {
      kind: 'stalled',
      isUnsent: false,
      isStale: false,
    })
  for (const { outgoing, over } of behind) {
    outgoing.abort('enough')
    await over
  }
})

test('one that waits for its endpoint keeps its connection, whoever waits', async (t) => {
  const { url } = await openEndpoint(t, (socket) => onRequests(socket, () => undefined))
  const client = openClient(t, url, { pool: { connections: 1, queueTimeoutMs: 200 } })
  const first = send(client)
  for (let time = 0; time < 2; time += 1)
    assert.equal((await failureOf(send(client)))!.kind, 'busy')
  assert.equal(client.stats.connections, 1)
  first.outgoing.abort('enough')
  assert.equal((await failureOf(first))!.kind, 'aborted')
})

test('one that waits gets a new connection when another one ends', async (t) => {
  const { url, sockets } = await openEndpoint(t, (socket, number) =>
    onRequests(socket, () => {
      if (number === 0) socket.destroy()
      else socket.write(sized('a'))
    }),
  )
  const client = openClient(t, url, { pool: { connections: 1 } })
  const first = send(client)
  const second = send(client)
  assert.equal((await failureOf(first))!.kind, 'closed')
  assert.equal((await second.over).body, 'a')
  assert.equal(sockets.length, 2)
})

test('a connection that is held for long is reported once for each hold', async (t) => {
  const { url, sockets } = await openEndpoint(t, (socket) => onRequests(socket, () => undefined))
  const leaks: string[] = []
  const client = openClient(t, url, {
    pool: { leakDetectionThresholdMs: 60 },
    onLeak(label, heldMs) {
      assert.ok(heldMs >= 60)
      leaks.push(label)
    },
  })
  for (const label of ['route a', 'route b']) {
    const held = send(client, {}, { label })
    await until(() => leaks.includes(label))
    await new Promise((resolve) => setTimeout(resolve, 200))
    sockets[0]!.write(sized('a'))
    await held.over
  }
  assert.deepEqual(leaks, ['route a', 'route b'])
})

test('a client that is closed ends what it has begun and takes nothing new', async (t) => {
  const { url, sockets, left } = await openEndpoint(t, (socket) =>
    onRequests(socket, () => undefined),
  )
  const client = openClient(t, url, { pool: { connections: 1 } })
  const first = send(client)
  const second = send(client)
  const told: string[] = []
  const closed = new Promise<void>((resolve) =>
    client.close(() => {
      told.push('closed')
      resolve()
    }),
  )
  void second.over.then(() => told.push('second'))
  assert.deepEqual(await failureOf(send(client)), {
    kind: 'connect',
    isUnsent: true,
    isStale: false,
  })
  for (const { over } of [first, second]) {
    await until(() => sockets.length === 1)
    sockets[0]!.write(sized('a'))
    assert.equal((await over).body, 'a')
  }
  await closed
  assert.deepEqual(told, ['second', 'closed'])
  await left(0)
})

test('a client that is destroyed ends everything', async (t) => {
  const { url, sockets, left } = await openEndpoint(t, (socket) =>
    onRequests(socket, (head) => void (head.startsWith('GET /a') && socket.write(sized('a')))),
  )
  const client = openClient(t, url, { pool: { connections: 2 } })
  await send(client, { target: '/a' }).over
  const all = [send(client), send(client), send(client)]
  await until(() => sockets.length === 2)
  client.destroy()
  assert.deepEqual(client.stats, { connections: 0, idle: 0, waiting: 0, upgraded: 0 })
  for (const sent of all) assert.equal((await failureOf(sent))!.kind, 'aborted')
  await left(0)
})

test('origins are read, or refused', () => {
  const table: readonly [string, unknown][] = [
    ['http://a.test:81', { protocol: 'http:', host: 'a.test', port: 81, path: null }],
    ['http://A.test', { protocol: 'http:', host: 'a.test', port: 80, path: null }],
    ['https://a.test/', { protocol: 'https:', host: 'a.test', port: 443, path: null }],
    ['http://[::1]:81', { protocol: 'http:', host: '::1', port: 81, path: null }],
    ['http://0x7f000001:81', { protocol: 'http:', host: '127.0.0.1', port: 81, path: null }],
    ['unix:/run/a b.sock', { protocol: 'http:', host: null, port: 0, path: '/run/a b.sock' }],
    ...[
      'a.test:80',
      'ftp://a.test',
      'http://a.test/path',
      'http://a.test?query',
      'http://a.test#part',
      'http://user@a.test',
      'http://a.test:0',
      'http://',
      'unix:relative',
      'unix:',
      'unix:/a\0b',
      '',
    ].map((url): [string, unknown] => [url, null]),
  ]
  for (const [url, origin] of table) {
    if (origin === null) {
      assert.throws(
        () => parseOrigin(url),
        (error) => error instanceof TurnoutError && error.code === 'TURNOUT_ORIGIN_INVALID',
        url,
      )
    } else assert.deepEqual(parseOrigin(url), origin)
  }
})

test('a client opens nothing before the first exchange', () => {
  const { pool, timeouts, tls } = defaultSettings
  const client = createClient(parseOrigin('http://127.0.0.1:1'), {
    pool,
    timeouts,
    tls,
    pem: {},
    refuseAddress: () => null,
    onLeak: () => undefined,
  })
  assert.deepEqual(client.stats, { connections: 0, idle: 0, waiting: 0, upgraded: 0 })
  assert.throws(() => client.send({ ...get, target: 'a' }, {} as never), /TurnoutError|target/)
  assert.deepEqual(client.stats, { connections: 0, idle: 0, waiting: 0, upgraded: 0 })
})
