import assert from 'node:assert/strict'
import { createServer, METHODS } from 'node:http'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { TurnoutError } from '../../../src/core/errors.ts'
import type { OutgoingRequest } from '../../../src/gateway/upstream/client.ts'
import { requestHead } from '../../../src/gateway/upstream/request-head.ts'
import { failureOf, get, openClient, openEndpoint, send, until, type Sent } from './open.ts'

const methods = 'GET HEAD POST PUT PATCH DELETE OPTIONS TRACE PROPFIND QUERY REPORT'.split(' ')
const sized = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'
const smuggled = 'GET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n'

test('every method is sent with one framing, and nothing else', async (t) => {
  let text = ''
  let awaited = ''
  const { url, sockets } = await openEndpoint(t, (socket) =>
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      if (text.length >= awaited.length) {
        const isHead = awaited.startsWith('HEAD')
        socket.write(isHead ? sized.slice(0, -2) : sized)
      }
    }),
  )
  const client = openClient(t, url, { pool: { connections: 1 } })
  const headers = ['host', 'a.test', 'x-a', 'b \xe4', 'x-a', '']
  for (const method of methods) {
    const head = `${method} /a?b=%0d HTTP/1.1\r\nhost: a.test\r\nx-a: b \xe4\r\nx-a: \r\n`
    const expectsBody = ['POST', 'PUT', 'PATCH'].includes(method)
    const table: readonly [number | null, string][] = [
      [0, `${head}${expectsBody ? 'content-length: 0\r\n' : ''}\r\n`],
      [smuggled.length, `${head}content-length: ${smuggled.length}\r\n\r\n${smuggled}`],
      [
        null,
        `${head}transfer-encoding: chunked\r\n\r\n${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
      ],
    ]
    for (const [bodyLength, raw] of table) {
      text = ''
      awaited = raw
      const request = { method, target: '/a?b=%0d', headers, bodyLength }
      const { outgoing, over } = send(client, request)
      if (bodyLength !== 0) {
        outgoing.write(Buffer.from(smuggled))
        assert.equal(outgoing.write(new Uint8Array(0)), outgoing.write(new Uint8Array(0)))
        outgoing.end()
      }
      const { failure, status } = await over
      assert.equal(failure, null, raw)
      assert.equal(status, 200)
      assert.equal(text, raw)
    }
  }
  assert.equal(sockets.length, 1)
})

test('another parser reads as many requests as were sent', async (t) => {
  const seen: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('latin1')
    request.on('data', (part: string) => (body += part))
    request.on('end', () => {
      seen.push(`${request.method} ${request.url} ${body}`)
      response.end('hi')
    })
  })
  const { url } = await openEndpoint(t, () => undefined, server)
  const client = openClient(t, url, { pool: { connections: 1 } })
  const expected: string[] = []
  for (const method of methods.filter((method) => METHODS.includes(method))) {
    for (const bodyLength of [0, smuggled.length, null]) {
      const { outgoing, over } = send(client, { method, bodyLength })
      if (bodyLength !== 0) {
        for (const byte of Buffer.from(smuggled)) outgoing.write(Buffer.of(byte))
        outgoing.end()
      }
      assert.equal((await over).status, 200)
      expected.push(`${method} / ${bodyLength === 0 ? '' : smuggled}`)
    }
  }
  assert.deepEqual(seen, expected)
})

test('a small body that is there leaves with its head', async (t) => {
  const reads: string[] = []
  const { url } = await openEndpoint(t, (socket) =>
    socket.on('data', (bytes: Buffer) => {
      reads.push(bytes.toString('latin1'))
      if (reads.at(-1)!.endsWith('body')) socket.write(sized)
    }),
  )
  const client = openClient(t, url)
  for (let time = 0; time < 3; time++) {
    const { outgoing, over } = send(client, { method: 'PUT', bodyLength: 4 })
    outgoing.write(Buffer.from('body'))
    outgoing.end()
    await over
  }
  const raw = 'PUT / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 4\r\n\r\nbody'
  assert.deepEqual(reads, [raw, raw, raw])
})

test('a head does not wait for its body', async (t) => {
  let text = ''
  const { url } = await openEndpoint(t, (socket) =>
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      if (text.endsWith('a\r\n0\r\n\r\n')) socket.write(sized)
    }),
  )
  const client = openClient(t, url)
  for (let time = 0; time < 2; time++) {
    text = ''
    const { outgoing, over } = send(client, { bodyLength: null })
    await until(() => text.endsWith('\r\n\r\n'))
    outgoing.write(Buffer.from('a'))
    outgoing.end()
    assert.equal((await over).body, 'hi')
  }
})

test('bytes that were written may be used again at once', async (t) => {
  const size = 8 * 1024 * 1024
  let received = 0
  let isSame = true
  const { url } = await openEndpoint(t, (socket) => {
    let head = ''
    socket.on('data', (bytes: Buffer) => {
      let body = bytes
      if (!head.includes('\r\n\r\n')) {
        const before = head.length
        head += bytes.toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        body = end < 0 ? Buffer.alloc(0) : bytes.subarray(end + 4 - before)
      }
      isSame &&= body.every((byte) => byte === 97)
      received += body.length
      if (received === size) socket.write(sized)
    })
  })
  const client = openClient(t, url)
  const piece = Buffer.alloc(262_144)
  const { outgoing, over } = send(client, { method: 'PUT', bodyLength: size })
  // Not waiting for `onDrain` is rude, and shows that nothing of the piece is kept.
  for (let sent = 0; sent < size; sent += piece.length) {
    piece.fill('a')
    outgoing.write(piece)
    piece.fill('b')
  }
  assert.equal((await over).body, 'hi')
  assert.ok(isSame)
})

/** Writes `size` bytes, as fast as it may. Gives the exchange and how many were given. */
const upload = (
  client: Parameters<typeof send>[0],
  size: number,
  timeouts?: { idleMs: number },
): Sent & { readonly given: () => number } => {
  const piece = Buffer.alloc(65_536, 'a')
  let given = 0
  let pump = (): void => undefined
  const sent = send(
    client,
    { method: 'POST', bodyLength: size },
    {
      onDrain: () => pump(),
      ...(timeouts && {
        timeouts: { connectMs: 1_000, headersMs: 1_000, totalMs: 0, ...timeouts },
      }),
    },
  )
  pump = () => {
    while (given < size) {
      given += piece.length
      if (!sent.outgoing.write(piece)) return
    }
    sent.outgoing.end()
  }
  pump()
  return { ...sent, given: () => given }
}

test('an upload waits for a slow endpoint', async (t) => {
  const size = 64 * 1024 * 1024
  let received = 0
  const { url } = await openEndpoint(t, (socket) =>
    socket.on('data', (bytes: Buffer) => {
      received += bytes.length
      if (received >= size) socket.write(sized)
      socket.pause()
      setTimeout(() => socket.resume(), 1)
    }),
  )
  const client = openClient(t, url)
  let ahead = 0
  const { over, given } = upload(client, size)
  const watch = setInterval(() => (ahead = Math.max(ahead, given() - received)), 5)
  t.after(() => clearInterval(watch))
  const { body, failure } = await over
  assert.equal(failure, null)
  assert.equal(body, 'hi')
  assert.ok(received > size)
  // The system's buffers and a piece: not the body.
  assert.ok(ahead < size / 3, `${ahead} bytes ahead`)
})

test('an upload that the endpoint does not take has a deadline', async (t) => {
  const { url, sockets, left } = await openEndpoint(t, (socket) => void socket.pause())
  const client = openClient(t, url)
  const sent = upload(client, 256 * 1024 * 1024, { idleMs: 150 })
  assert.deepEqual(await failureOf(sent), {
    kind: 'idle-timeout',
    isUnsent: false,
    isStale: false,
  })
  assert.ok(sent.outgoing.hasSentBody)
  assert.ok(sent.given() < 128 * 1024 * 1024)
  sockets[0]!.resume()
  await left(0)
})

test('so has a head, and none for an answer before all of it is taken', async (t) => {
  const { url, sockets, left } = await openEndpoint(t, (socket) => void socket.pause())
  const client = openClient(t, url, { timeouts: { headersMs: 100, idleMs: 400 } })
  const headers = ['host', 'a.test', 'x-long', 'y'.repeat(16 * 1024 * 1024)]
  const sent = send(client, { headers })
  assert.equal((await failureOf(sent))?.kind, 'idle-timeout')
  sockets[0]!.resume()
  await left(0)
})

test('a client that is slow to send is not the endpoint’s fault', async (t) => {
  const { url } = await openEndpoint(t, (socket) =>
    socket.on('data', (bytes: Buffer) => {
      if (bytes.toString('latin1').endsWith('last')) socket.write(sized)
    }),
  )
  const client = openClient(t, url, { timeouts: { headersMs: 50, idleMs: 50 } })
  const { outgoing, over } = send(client, { method: 'POST', bodyLength: 8 })
  outgoing.write(Buffer.from('1234'))
  await new Promise((resolve) => setTimeout(resolve, 300))
  outgoing.write(Buffer.from('last'))
  assert.equal((await over).body, 'hi')
})

test('an answer before the end of the request is handed over, and the connection is not used again', async (t) => {
  const { url, sockets, left } = await openEndpoint(t, (socket) =>
    socket.on('data', (bytes: Buffer) => {
      if (bytes.toString('latin1').startsWith('POST')) {
        socket.write('HTTP/1.1 413 L\r\ncontent-length: 2\r\n\r\nno')
      }
    }),
  )
  const client = openClient(t, url)
  for (const bodyLength of [null, 100]) {
    const { outgoing, over } = send(client, { method: 'POST', bodyLength })
    outgoing.write(Buffer.from('abc'))
    const { body, failure, status } = await over
    assert.deepEqual({ body, failure, status }, { body: 'no', failure: null, status: 413 })
    assert.equal(client.stats.connections, 0)
    assert.equal(outgoing.write(Buffer.from('abc')), true)
    outgoing.end()
    outgoing.resume()
    outgoing.abort('over')
  }
  assert.equal(sockets.length, 2)
  await left(0)
})

test('both directions may flow at once', async (t) => {
  const { url } = await openEndpoint(t, (socket) => {
    let isBegun = false
    socket.on('data', (bytes: Buffer) => {
      if (!isBegun) socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
      else {
        // Chunks of the request are good chunks of an answer.
        socket.write(bytes)
      }
      isBegun = true
    })
  })
  const client = openClient(t, url)
  let echoed = ''
  const { outgoing, over } = send(
    client,
    { method: 'POST', bodyLength: null },
    {
      onData(bytes) {
        echoed += bytes.toString('latin1')
        return true
      },
    },
  )
  await until(() => client.stats.connections === 1)
  await new Promise((resolve) => setTimeout(resolve, 30))
  for (const word of ['one', 'two', 'three']) {
    outgoing.write(Buffer.from(word))
    await until(() => echoed.endsWith(word))
  }
  outgoing.end()
  assert.equal((await over).failure, null)
  assert.equal(echoed, 'onetwothree')
  assert.deepEqual(client.stats, { connections: 1, idle: 1, waiting: 0, upgraded: 0 })
})

test('a body that is not as long as was said never leaves as a whole one', async (t) => {
  let text = ''
  const { url, left } = await openEndpoint(t, (socket: Socket) =>
    socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1'))),
  )
  const client = openClient(t, url)
  const wrong: readonly ((sent: Sent) => void)[] = [
    ({ outgoing }) => outgoing.end(),
    ({ outgoing }) => outgoing.write(Buffer.from('12345')),
    ({ outgoing }) => {
      outgoing.write(Buffer.from('12'))
      outgoing.write(Buffer.from('345'))
    },
    ({ outgoing }) => {
      outgoing.write(Buffer.from('1234'))
      outgoing.write(Buffer.from('5'))
    },
  ]
  for (const go of wrong) {
    const sent = send(client, { method: 'POST', bodyLength: 4 })
    go(sent)
    assert.equal((await failureOf(sent))!.kind, 'aborted')
  }
  const bodyless = send(client)
  bodyless.outgoing.write(Buffer.from('a'))
  assert.equal((await failureOf(bodyless))!.kind, 'aborted')
  await left(0)
  assert.ok(!text.includes('5'))
})

test('requests that could be read as two are refused', () => {
  const table: readonly [string, Partial<OutgoingRequest>][] = [
    ['no method', { method: '' }],
    ['a method of two words', { method: 'GET /' }],
    ['a method with CRLF', { method: 'GET\r\nX' }],
    ['CONNECT', { method: 'CONNECT' }],
    ['no target', { target: '' }],
    ['an absolute target', { target: 'http://a.test/' }],
    ['a target with a space', { target: '/a b' }],
    ['a target with CRLF', { target: '/a\r\nx: y' }],
    ['a target with LF', { target: '/a\n' }],
    ['a target with NUL', { target: '/a\0' }],
    ['a target beyond ASCII', { target: '/\u010d\u010a' }],
    ['a target of obs-text', { target: '/\xe4' }],
    ['no host', { headers: [] }],
    ['two hosts', { headers: ['host', 'a', 'Host', 'b'] }],
    ['no value', { headers: ['host', 'a', 'b'] }],
    ['an empty name', { headers: ['host', 'a', '', 'b'] }],
    ['a name with a space', { headers: ['host', 'a', 'b ', 'c'] }],
    ['a name with a colon', { headers: ['host', 'a', 'b:', 'c'] }],
    ['a name with CRLF', { headers: ['host', 'a', 'b\r\nc', 'd'] }],
    ['a name beyond ASCII', { headers: ['host', 'a', '\u0143ame', 'd'] }],
    ['a value with CRLF', { headers: ['host', 'a', 'b', 'c\r\nd: e'] }],
    ['a value with CR', { headers: ['host', 'a', 'b', 'c\rd'] }],
    ['a value with NUL', { headers: ['host', 'a', 'b', 'c\0d'] }],
    ['a value with DEL', { headers: ['host', 'a', 'b', '\x7f'] }],
    ['a value that becomes CRLF in Latin-1', { headers: ['host', 'a', 'b', '\u010d\u010a'] }],
    ...'Connection Content-Length Expect HTTP2-Settings Keep-Alive Proxy-Connection TE Trailer Transfer-Encoding Upgrade'
      .split(' ')
      .map((name): [string, Partial<OutgoingRequest>] => [
        name,
        { headers: ['host', 'a', name, '1'] },
      ]),
    ['a negative length', { bodyLength: -1 }],
    ['half a byte', { bodyLength: 0.5 }],
    ['no number', { bodyLength: Number.NaN }],
    ['an endless length', { bodyLength: Number.POSITIVE_INFINITY }],
    ['an upgrade with CRLF', { upgrade: 'websocket\r\nx: y' }],
    ['an empty upgrade', { upgrade: '' }],
  ]
  for (const [name, request] of table) {
    assert.throws(
      () => requestHead({ ...get, ...request }),
      (error) => error instanceof TurnoutError && error.code === 'TURNOUT_REQUEST_UNSENDABLE',
      name,
    )
  }
})

test('whatever is asked for, a head has one line for each field and one framing, or is refused', () => {
  const text = fc.string({ unit: 'binary', maxLength: 12 })
  fc.assert(
    fc.property(
      fc.constantFrom(...methods),
      fc.oneof(
        text,
        text.map((rest) => `/${encodeURIComponent(rest)}`),
      ),
      fc.array(fc.tuple(fc.oneof(text, fc.constantFrom('x-a', 'te', 'cookie')), text)),
      fc.constantFrom(0, 1, null),
      (method, target, fields, bodyLength) => {
        const headers = ['host', 'a', ...fields.flat()]
        const request = { method, target, headers, bodyLength, upgrade: null }
        let head = ''
        try {
          head = `${requestHead(request)}\r\n`
        } catch (error) {
          assert.ok(error instanceof TurnoutError)
          return
        }
        assert.equal(Buffer.from(head, 'latin1').toString('latin1'), head)
        const lines = head.split('\r\n')
        assert.ok(!head.replaceAll('\r\n', '').match(/[\r\n\0]/))
        assert.deepEqual(lines.slice(-2), ['', ''])
        assert.equal(lines[0], `${method} ${target} HTTP/1.1`)
        const framings = lines.filter((line) =>
          /^(?:content-length|transfer-encoding):/i.test(line),
        )
        const isExpected = bodyLength !== 0 || /^P(?:OST|UT|ATCH)$/.test(method)
        assert.equal(framings.length, isExpected ? 1 : 0)
        assert.equal(lines.length - 3 - framings.length, headers.length / 2)
      },
    ),
    { numRuns: 2_000 },
  )
})
