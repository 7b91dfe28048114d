import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { test, type TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { limitNames, limitTable, limitsOf, type Limits } from '../../src/core/http/limits.ts'
import { parseTrusted } from '../../src/core/http/forwarded.ts'
import { silentLogger } from '../../src/core/logger.ts'
import type { Serve } from '../../src/gateway/gateway.ts'
import { AddressCount } from '../../src/server/address-count.ts'
import { createNodeServe, openListener } from '../../src/server/node-listener.ts'
import { mostConnections } from '../../src/server/open-files.ts'
import { createTurnout } from '../../src/turnout.ts'
import { begin, exchange, last, more, statusesOf } from '../attack/wire.ts'

const open = async (
  t: TestContext,
  limits: Partial<Limits>,
  lane: Lane = 'fast',
): Promise<number> => {
  const turnout = createTurnout({ logger: false, limits, lane })
  t.after(() => turnout.close(0))
  turnout.any('/*rest', (c) => c.text('ok'))
  turnout.post('/body', async (c) => c.text(await c.body.text()))
  turnout.post('/unread', (c) => c.text('unread'))
  turnout.post('/late-body', async (c) => {
    await wait(1_500)
    return c.text(String((await c.body.text()).length))
  })
  turnout.get('/held', async (c) => {
    await wait(10_000, undefined, { ref: false })
    return c.text('held')
  })
  turnout.get('/later', async (c) => {
    await wait(20)
    return c.text('later')
  })
  turnout.get('/large', (c) =>
    c.stream(async function* () {
      for (let at = 0; at < 400; at += 1) yield new Uint8Array(100_000)
    }),
  )
  turnout.get('/whole', (c) => c.bytes(new Uint8Array(40_000_000)))
  turnout.get('/quiet', (c) =>
    c.stream(async function* () {
      yield 'one'
      await wait(1_500)
      yield 'two'
    }),
  )
  return (await turnout.listen({ port: 0 })).port
}

/** An address of this machine that is none of loopback. */
const ownAddress = (): string | undefined =>
  Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())))

/** Everything that comes, read in pieces with a rest in between. */
const readSlowly = async (port: number, bytes: string, restMs: number): Promise<number> => {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => undefined)
  socket.write(bytes)
  let size = 0
  for await (const piece of socket as AsyncIterable<Buffer>) {
    size += piece.length
    await wait(restMs)
  }
  return size
}

/** A body of 60 pieces of that size in 1.5 s at least; ends when the connection does. */
const upload = async (
  port: number,
  path: string,
  framing: 'length' | 'chunked',
  size: number,
): Promise<string> => {
  const pieces = 60
  const isChunked = framing === 'chunked'
  const field = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${size * pieces}`
  const socket = connect({ port, host: '127.0.0.1' })
  let received = ''
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => (received += text))
  socket.on('error', () => undefined)
  socket.write(last(path, `${field}\r\n`, 'POST'))
  const piece = 'a'.repeat(size)
  for (let at = 0; at < pieces && !socket.destroyed; at += 1) {
    await wait(25)
    socket.write(isChunked ? `${size.toString(16)}\r\n${piece}\r\n` : piece)
  }
  if (isChunked && !socket.destroyed) socket.write('0\r\n\r\n')
  await closed(socket)
  return received
}

const lanes = ['fast', 'safe'] as const
type Lane = (typeof lanes)[number]

/** One row for each limit: what is within, and what is beyond it. */
const boundaries: Readonly<Record<keyof Limits, (t: TestContext, lane: Lane) => Promise<void>>> = {
  headersMs: async (t, lane) => {
    const port = await open(t, { headersMs: 500 }, lane)
    const kept = await begin(port, 'GET / HTTP/1.1\r\n', false)
    kept.write('Host: a\r\nConnection: close\r\n\r\n')
    let text = ''
    kept.on('data', (part: Buffer) => (text += part.toString()))
    await closed(kept)
    assert.deepEqual(statusesOf(text), [200])
    assert.deepEqual(statusesOf(await exchange(port, 'GET / HTTP/1.1\r\n')), [408])
    assert.deepEqual(statusesOf(await exchange(port, '')), [408])
  },
  requestMs: async (t, lane) => {
    const port = await open(t, { requestMs: 500 }, lane)
    const head = last('/body', 'Content-Length: 2\r\n', 'POST')
    assert.deepEqual(statusesOf(await exchange(port, `${head}hi`)), [200])
    assert.deepEqual(statusesOf(await exchange(port, `${head}h`)), [408])
  },
  bodyBytesPerSecond: async (t, lane) => {
    const limits = { bodyBytesPerSecond: 1_000, bodyGraceMs: 400 }
    const port = await open(t, limits, lane)
    for (const framing of ['length', 'chunked'] as const) {
      assert.deepEqual(statusesOf(await upload(port, '/body', framing, 400)), [200], framing)
      assert.deepEqual(statusesOf(await upload(port, '/body', framing, 1)), [408], framing)
    }
    // What has been answered is not answered again.
    assert.deepEqual(statusesOf(await upload(port, '/unread', 'length', 1)), [200])
    // Who does not read is to blame, not who sends.
    const late = await exchange(
      port,
      last('/late-body', 'Content-Length: 300000\r\n', 'POST') + 'a'.repeat(300_000),
    )
    assert.deepEqual(statusesOf(late), [200])
    const any = await open(t, { ...limits, bodyBytesPerSecond: 0 }, lane)
    assert.deepEqual(statusesOf(await upload(any, '/body', 'length', 1)), [200])
  },
  bodyGraceMs: async (t, lane) => {
    const port = await open(t, { bodyGraceMs: 60_000 }, lane)
    assert.deepEqual(statusesOf(await upload(port, '/body', 'length', 1)), [200])
  },
  writeIdleMs: async (t, lane) => {
    const port = await open(t, { writeIdleMs: 600 }, lane)
    for (const path of ['/large', '/whole']) {
      const stuck = await begin(port, more(path), false)
      stuck.pause()
      // It hears of the end only when it reads on: what tells is that there is less than all.
      await wait(2_000)
      let size = 0
      stuck.on('data', (part: Buffer) => (size += part.length))
      stuck.resume()
      await closed(stuck)
      assert.ok(size < 40_000_000, `${path}: ${size}`)
      assert.ok((await readSlowly(port, last(path), 2)) > 40_000_000, path)
    }
    assert.match(await exchange(port, last('/quiet')), /one[^]*two/)
  },
  keepAliveMs: async (t, lane) => {
    const port = await open(t, { keepAliveMs: 400 }, lane)
    const socket = await begin(port, more('/'), true)
    const again = new Promise((resolve) => socket.once('data', resolve))
    socket.write(more('/'))
    await again
    await closed(socket)
  },
  requestsPerConnection: async (t, lane) => {
    const port = await open(t, { requestsPerConnection: 3 }, lane)
    const received = await exchange(port, more('/').repeat(3))
    assert.deepEqual(statusesOf(received), [200, 200, 200])
    assert.equal(received.match(/connection: close/gi)?.length, 1)
    assert.deepEqual(statusesOf(await exchange(port, more('/').repeat(4))), [200, 200, 200])
  },
  headerBytes: async (t, lane) => {
    const port = await open(t, {}, lane)
    // Target, names and values; colons and ends of lines do not count.
    const counted = '/HostaConnectioncloseX'
    const room = limitTable.headerBytes.default - counted.length
    const fill = (length: number): string => last('/', `X: ${'a'.repeat(length)}\r\n`)
    assert.deepEqual(statusesOf(await exchange(port, fill(room - 1))), [200])
    assert.deepEqual(statusesOf(await exchange(port, fill(room + 1))), [431])
  },
  headerFields: async (t, lane) => {
    const port = await open(t, { headerFields: 10 }, lane)
    assert.deepEqual(statusesOf(await exchange(port, last('/', 'A: b\r\n'.repeat(8)))), [200])
    assert.deepEqual(statusesOf(await exchange(port, last('/', 'A: b\r\n'.repeat(9)))), [431])
  },
  targetLength: async (t, lane) => {
    const port = await open(t, { targetLength: 50 }, lane)
    assert.deepEqual(statusesOf(await exchange(port, last(`/${'a'.repeat(49)}`))), [200])
    assert.deepEqual(statusesOf(await exchange(port, last(`/${'a'.repeat(50)}`))), [414])
  },
  connections: async (t, lane) => {
    const port = await open(t, { connections: 2 }, lane)
    const sockets = [
      await begin(port, more('/held'), false),
      await begin(port, more('/held'), false),
    ]
    await wait(50)
    assert.equal(await exchange(port, more('/')), '')
    sockets[0]!.destroy()
    await wait(50)
    assert.deepEqual(statusesOf(await exchange(port, last('/'))), [200])
    sockets[1]!.destroy()
    assert.ok(mostConnections(Number.MAX_SAFE_INTEGER) < Number.MAX_SAFE_INTEGER)
  },
  connectionsPerAddress: async (t, lane) => {
    const count = new AddressCount(2, parseTrusted(['10.0.0.0/8']))
    for (const [address, sameOne] of [
      ['192.0.2.1', '::ffff:192.0.2.1'],
      ['2001:db8::1', '2001:db8::ffff:1'],
    ] as const) {
      const release = count.acquire(address)
      assert.ok(count.acquire(sameOne))
      assert.equal(count.acquire(address), null)
      release?.()
      assert.ok(count.acquire(address))
      assert.equal(count.acquire(sameOne), null)
    }
    for (const free of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '10.1.2.3', undefined]) {
      for (let at = 0; at < 5; at += 1) assert.ok(count.acquire(free))
    }
    assert.ok(count.acquire('192.0.2.2'))
    const host = ownAddress()
    if (host === undefined) return t.diagnostic('this machine has no address of its own')
    const turnout = createTurnout({ logger: false, lane, limits: { connectionsPerAddress: 2 } })
    t.after(() => turnout.close(0))
    turnout.get('/', (c) => c.text('ok'))
    const { port } = await turnout.listen({ host: '0.0.0.0', port: 0 })
    const ask = async (): Promise<Socket> => {
      const socket = connect({ port, host }).on('error', () => undefined)
      socket.write(more('/'))
      await new Promise((resolve) => socket.once('data', resolve).once('close', resolve))
      return socket
    }
    const [first] = [await ask(), await ask()]
    const third = await ask()
    assert.deepEqual([first.closed, third.closed], [false, true])
    first.destroy()
    await wait(50)
    assert.equal((await ask()).closed, false)
  },
  pipelining: async (t, lane) => {
    const port = await open(t, { pipelining: 4 }, lane)
    const get = more('/later')
    if (lane === 'fast') {
      // What is behind the one that is under way waits, however much it is.
      const many = await exchange(port, get.repeat(40) + last('/later'))
      assert.deepEqual(statusesOf(many), Array(41).fill(200))
      return
    }
    const within = await exchange(port, get.repeat(3) + last('/later'))
    assert.deepEqual(statusesOf(within), [200, 200, 200, 200])
    const beyond = await exchange(port, get.repeat(4) + last('/later'))
    assert.deepEqual(statusesOf(beyond), [200, 200, 200, 200, 429])
  },
}

for (const lane of lanes) {
  for (const name of limitNames) {
    test(`${lane} lane, ${name}: what is within passes, what is beyond has its outcome`, (t) =>
      boundaries[name](t, lane))
  }
}

test('docs/reference/limits.md shows every limit as the table has it', () => {
  const page = readFileSync(new URL('../../../docs/reference/limits.md', import.meta.url), 'utf8')
  const rows = page.split('\n').map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
  for (const name of limitNames) {
    const { default: usual, least, most, means, beyond } = limitTable[name]
    const row = rows.find((cells) => cells[1] === `\`${name}\``)
    assert.deepEqual(row?.slice(2, 6), [`${usual}`, `${least} to ${most}`, means, beyond])
  }
})

test('a limit out of its range is refused', () => {
  for (const limits of [{ headersMs: 1 }, { pipelining: 0 }, { headerBytes: 1.5 }, { other: 1 }]) {
    assert.throws(() => createTurnout({ limits }), { code: 'TURNOUT_OPTION_INVALID' })
  }
  assert.throws(() => createTurnout({ trustedProxies: ['10.0.0.0/99'] }), {
    code: 'TURNOUT_OPTION_INVALID',
  })
})

test('behind a trusted proxy, the client is whom it names; behind none, the connection', async (t) => {
  for (const [trustedProxies, client] of [
    [['127.0.0.0/8'], '192.0.2.1'],
    [[], '127.0.0.1'],
  ] as const) {
    const seen: (string | undefined)[] = []
    const serve: Serve = (transport) => {
      seen.push(transport.clientAddress())
      transport.send(200, [], '')
    }
    const rules = {
      limits: limitsOf(),
      underscores: 'drop',
      trusted: parseTrusted(trustedProxies),
    } as const
    const listener = await openListener(
      createNodeServe(serve, 0, rules),
      { host: '127.0.0.1', port: 0 },
      rules,
      silentLogger,
    )
    t.after(() => listener.close(0))
    await exchange(listener.port, last('/', 'X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\n'))
    assert.deepEqual(seen, [client])
  }
})

for (const lane of lanes)
  test(`${lane} lane, nobody is refused while idle connections sit there: those idle for longest are closed first`, async (t) => {
    // A sweep every 100 ms tells who has been idle for longer.
    const port = await open(t, { connections: 10, writeIdleMs: 400 }, lane)
    const busy = await begin(port, more('/held'), false)
    const silent = await begin(port, '', false)
    const idle: Socket[] = []
    for (let at = 0; at < 6; at += 1) {
      idle.push(await begin(port, more('/'), true))
      if (at % 2 === 1) await wait(250)
    }
    const isOpen = (socket: Socket): boolean => !socket.destroyed
    assert.equal(idle.every(isOpen), true)
    const ninth = await begin(port, more('/'), true)
    await Promise.all([closed(idle[0]!), closed(idle[1]!)])
    assert.deepEqual(idle.map(isOpen), [false, false, true, true, true, true])
    assert.ok([busy, silent, ninth].every(isOpen))
    // Any number of new clients comes through, as long as there are idle ones.
    for (let at = 0; at < 20; at += 1) (await begin(port, more('/'), true)).resume()
    const answered = new Promise<string>((resolve) =>
      silent.once('data', (bytes: Buffer) => resolve(bytes.toString())),
    )
    silent.write(more('/'))
    assert.deepEqual(statusesOf(await answered), [200])
    assert.ok(isOpen(busy))
    busy.destroy()
  })

for (const lane of lanes)
  test(`${lane} lane, room is not made where an answer has not left yet`, async (t) => {
    const port = await open(t, { connections: 5 }, lane)
    const idle: Socket[] = []
    for (let at = 0; at < 4; at += 1) idle.push(await begin(port, more('/'), true))
    const [first] = idle
    const answered = new Promise<string>((resolve) => {
      first!.once('data', (bytes: Buffer) => resolve(bytes.toString()))
      first!.once('close', () => resolve(''))
    })
    // From a timer: the request, and then the connection that there must be room for, are met in one turn.
    await wait(1)
    first!.write(more('/'))
    const fifth = connect(port, '127.0.0.1')
    assert.deepEqual(statusesOf(await answered), [200])
    fifth.destroy()
  })

for (const lane of lanes)
  test(`${lane} lane, a listener of one connection gives it to who comes next, when it is idle`, async (t) => {
    const port = await open(t, { connections: 1 }, lane)
    const idle = await begin(port, more('/'), true)
    assert.equal(await exchange(port, more('/')), '')
    await closed(idle)
    assert.deepEqual(statusesOf(await exchange(port, last('/'))), [200])
  })
