import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createAdminClient } from '../../src/admin/client.ts'
import { createTurnout } from '../../src/turnout.ts'
import { askRaw, fieldOf, get, talk } from './support/client.ts'
import { openProxy, route, upstream } from './support/proxy.ts'
import { ok, openRecording, valuesOf } from './support/recording.ts'

const methods = 'GET HEAD POST PUT PATCH DELETE OPTIONS PROPFIND QUERY REPORT LINK'.split(' ')

const seed = (uri: string): object => ({
  id: 'seed',
  uri,
  predicates: [{ name: 'Path', args: { _gen: '/api/test' } }],
})

test('a definition is proxied with the answer to its POST, moved with that to its PUT, gone with that to its DELETE', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'turnout-proxy-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const first = await openRecording(t, { answer: () => ok('first') })
  const second = await openRecording(t, { answer: () => ok('second') })
  const turnout = createTurnout({ logger: false })
  t.after(() => turnout.close(1_000))
  turnout.get('/other', (c) => c.text('other'))
  const { url, firstToken } = await turnout.admin({ port: 0, directory })
  const client = createAdminClient({ url, token: firstToken.token })
  const { port } = await turnout.listen({ port: 0 })
  const asked = async (): Promise<string> => {
    const { status, body } = await askRaw(port, get('/api/test'))
    return status === 200 ? body : String(status)
  }
  assert.equal(await asked(), '404')
  const posted = await client.createRoute({ body: seed(first.url) as never })
  assert.equal(posted.ok && posted.status, 201, JSON.stringify(posted))
  assert.equal(await asked(), 'first')

  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  t.after(() => agent.destroy())
  const load = { isOver: false, count: 0, failures: [] as string[] }
  const ask = (): Promise<void> =>
    new Promise((resolve) => {
      const fail = (error: Error): void => {
        load.failures.push(error.message)
        resolve()
      }
      const outgoing = httpRequest({ port, path: '/api/test', agent }, (answer) => {
        let text = ''
        answer.on('data', (bytes: Buffer) => (text += bytes.toString()))
        answer.on('error', fail)
        answer.on('end', () => {
          load.count += 1
          if (!['first', 'second'].includes(text)) load.failures.push(text)
          resolve()
        })
      })
      outgoing.on('error', fail)
      outgoing.end()
    })
  const workers = Array.from({ length: 8 }, async () => {
    while (!load.isOver) await ask()
  })
  for (let number = 0; number < 40; number += 1) {
    const [uri, text] = number % 2 === 0 ? [second.url, 'second'] : [first.url, 'first']
    const put = await client.putRoute({
      params: { id: 'seed' },
      body: seed(uri) as never,
      query: { force: true },
    })
    assert.equal(put.ok && put.status, 200, JSON.stringify(put))
    assert.equal(await asked(), text)
  }
  load.isOver = true
  await Promise.all(workers)
  assert.deepEqual(load.failures, [])
  assert.ok(load.count > 40)
  const deleted = await client.deleteRoute({
    params: { id: 'seed' },
    query: { force: true },
  })
  assert.equal(deleted.ok && deleted.status, 204, JSON.stringify(deleted))
  assert.equal(await asked(), '404')
  for (let left = 100; left > 0 && first.open.size + second.open.size > 0; left -= 1)
    await delay(20)
  // Connections to what no route names any more are given up.
  assert.equal(first.open.size + second.open.size, 0)
  assert.deepEqual([...first.faults, ...second.faults], [])
})

test('every method with every kind of body arrives as it was sent, on few connections', async (t) => {
  const recording = await openRecording(t)
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const body = 'a body with \r\n\r\n and GET / HTTP/1.1\r\n\r\n in it'
  const chunks = `5\r\n${body.slice(0, 5)}\r\n${(body.length - 5).toString(16)}\r\n${body.slice(5)}\r\n0\r\n\r\n`
  const kinds = [
    ['none', '', ''],
    ['length', `Content-Length: ${body.length}\r\n`, body],
    ['chunked', 'Transfer-Encoding: chunked\r\n', chunks],
  ] as const
  const client = talk(proxy.port)
  for (const method of methods) {
    for (const [kind, fields, bytes] of kinds) {
      client.send(get(`/a/${kind}?b=c`, fields, method) + bytes)
      assert.equal((await client.answer(method)).status, 200)
      const seen = recording.seen.at(-1)!
      const isSaid = kind === 'none' && ['POST', 'PUT', 'PATCH'].includes(method)
      assert.equal(`${seen.method} ${seen.target}`, `${method} /a/${kind}?b=c`)
      assert.equal(seen.framing, isSaid ? 'length' : kind, method)
      assert.equal(seen.body.toString('latin1'), kind === 'none' ? '' : body)
    }
  }
  client.socket.destroy()
  assert.equal(recording.seen.length, 33)
  assert.deepEqual(recording.faults, [])
  await proxy.quiet()
})

const megabyte = Buffer.alloc(1_048_576)
for (let at = 0; at < megabyte.length; at += 1) megabyte[at] = (at * 31) % 251

test('a megabyte up and down is the same megabyte, in either framing', async (t) => {
  const recording = await openRecording(t, {
    answer: ({ target, body }) =>
      target === '/length'
        ? Buffer.concat([
            Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`),
            body,
          ])
        : Buffer.concat([
            Buffer.from(
              `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`,
            ),
            body,
            Buffer.from('\r\n0\r\n\r\n'),
          ]),
  })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  for (const path of ['/length', '/chunked']) {
    const echoed = await new Promise<Buffer>((resolve, reject) => {
      const outgoing = httpRequest({ port: proxy.port, path, method: 'POST' }, (answer) => {
        const pieces: Buffer[] = []
        answer.on('data', (bytes: Buffer) => pieces.push(bytes))
        answer.on('end', () => resolve(Buffer.concat(pieces)))
        answer.on('error', reject)
      })
      outgoing.on('error', reject)
      if (path === '/length') outgoing.setHeader('content-length', megabyte.length)
      outgoing.end(megabyte)
    })
    assert.ok(echoed.equals(megabyte), path)
    assert.ok(recording.seen.at(-1)!.body.equals(megabyte), path)
  }
  await proxy.quiet()
})

test('events flow at once, and the stream stays open', async (t) => {
  const recording = await openRecording(t, {
    answer: (_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n')
      source.send = (text) => void socket.write(text)
    },
  })
  const source = { send: (text: string): void => void text }
  const timeouts = { totalMs: 100 }
  const proxy = await openProxy(
    t,
    [route('/*rest', 'one')],
    [upstream('one', [recording.url], { timeouts })],
  )
  const client = talk(proxy.port, get('/'))
  // The head comes before any event does.
  await client.until((received) => received.includes('\r\n\r\n'))
  for (let number = 0; number < 8; number += 1) {
    source.send(`data: ${number}\n\n`)
    await client.until((received) => received.includes(`data: ${number}\n\n`))
    await delay(25)
  }
  assert.ok(client.received().includes('data: 7'))
  assert.equal(client.socket.destroyed, false)
  client.socket.destroy()
  await proxy.quiet()
})

test('early hints reach the client before the answer', async (t) => {
  const recording = await openRecording(t, {
    answer: (_, socket) => {
      socket.write(
        'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload, </b.js>; rel=x\r\n\r\n',
      )
      answerNow.run = () => void socket.write(ok('late'))
    },
  })
  const answerNow = { run: (): void => undefined }
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const client = talk(proxy.port, get('/'))
  await client.until((received) => received.includes('\r\n\r\n'))
  assert.match(
    client.received(),
    /^HTTP\/1\.1 103 [^]*Link: <\/a\.css>; rel=preload, <\/b\.js>; rel=x\r\n/,
  )
  answerNow.run()
  const answer = await client.answer()
  assert.deepEqual([answer.informational, answer.body], [[103], 'late'])
  client.socket.destroy()
})

/** Bytes of one pipe: what systems and streams keep on the way. */
const kept = 24_000_000
const large = 200_000_000

test('an upload goes at the pace of the upstream: the rest of it stays with its client', async (t) => {
  const recording = await openRecording(t, { onHead: (_, socket) => void socket.pause() })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const client = talk(proxy.port, get('/', `Content-Length: ${large}\r\n`, 'POST'))
  const piece = Buffer.alloc(1_000_000)
  let sent = 0
  const write = (): void => {
    while (sent < large) {
      sent += piece.length
      if (!client.socket.write(piece)) return
    }
  }
  client.socket.on('drain', write)
  write()
  let before = -1
  while (before !== sent) {
    before = sent
    await delay(200)
  }
  assert.ok(sent < kept, `${sent} bytes were taken`)
  client.socket.destroy()
  for (const socket of recording.open) socket.resume()
  await proxy.quiet()
})

test('a download goes at the pace of its client: the rest of it stays with the upstream', async (t) => {
  let sent = 0
  const recording = await openRecording(t, {
    answer: (_, socket) => {
      const piece = Buffer.alloc(1_000_000)
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${large}\r\n\r\n`)
      const write = (): void => {
        while (sent < large) {
          sent += piece.length
          if (!socket.write(piece)) return
        }
      }
      socket.on('drain', write)
      write()
    },
  })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const client = talk(proxy.port, get('/'))
  await client.until((received) => received !== '')
  client.socket.pause()
  let before = -1
  while (before !== sent) {
    before = sent
    await delay(200)
  }
  assert.ok(sent < kept, `${sent} bytes were taken`)
  client.socket.destroy()
  await proxy.quiet()
  assert.equal(recording.open.size, 0)
})

test('a client that leaves takes its exchange with the upstream along', async (t) => {
  const recording = await openRecording(t, {
    answer: ({ target }, socket) => {
      if (target === '/download')
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome of it')
    },
  })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const leave: readonly (readonly [string, string])[] = [
    ['before an answer', get('/silent')],
    ['in the middle of an answer', get('/download')],
    ['in the middle of its body', `${get('/upload', 'Content-Length: 1000\r\n', 'POST')}some`],
    [
      'in the middle of a chunk',
      `${get('/upload', 'Transfer-Encoding: chunked\r\n', 'POST')}9\r\nsome`,
    ],
  ]
  for (const [when, bytes] of leave) {
    const client = talk(proxy.port, bytes)
    for (let left = 200; left > 0 && recording.open.size === 0; left -= 1) await delay(5)
    if (when.endsWith('answer') && when.startsWith('in'))
      await client.until((received) => received.endsWith('some of it'))
    else await delay(30)
    const gone = Promise.all([...recording.open].map((s) => new Promise((r) => s.once('close', r))))
    const startedAt = performance.now()
    client.socket.destroy()
    await gone
    t.diagnostic(`${when}: ${Math.round(performance.now() - startedAt)} ms`)
    await proxy.quiet()
  }
  assert.deepEqual(
    proxy.errors.filter((error) => !error.includes('CLIENT_LEFT')),
    [],
  )
})

test('an answer before the body was sent is told, and the connection goes on', async (t) => {
  const recording = await openRecording(t, {
    onHead: ({ target }) =>
      target === '/early' ? 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno' : undefined,
    answer: ({ target }) => (target === '/early' ? undefined : ok('next')),
  })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const client = talk(proxy.port, get('/early', 'Content-Length: 4\r\n', 'POST'))
  const answer = await client.answer()
  assert.equal(`${answer.status} ${answer.body}`, '403 no')
  client.send(`body${get('/next')}`)
  assert.equal((await client.answer()).body, 'next')
  client.socket.destroy()
  await proxy.quiet()
})

test('filters change path, fields and host; what they leave is what the upstream sees', async (t) => {
  const recording = await openRecording(t, {
    answer: () => 'HTTP/1.1 200 OK\r\nX-Old: 1\r\nServer: s\r\nContent-Length: 2\r\n\r\nok',
  })
  const proxy = await openProxy(t, [
    route('/api/:id/*rest', recording.url, {
      filters: [
        { kind: 'strip-prefix', parts: 1 },
        { kind: 'add-prefix', prefix: '/v2' },
        { kind: 'preserve-host' },
        { kind: 'set-request-header', name: 'X-Id', value: 'id={id}' },
        { kind: 'remove-request-header', name: 'Cookie' },
        { kind: 'set-response-header', name: 'X-Old', value: '2' },
        { kind: 'remove-response-header', name: 'server' },
      ],
    }),
  ])
  const answer = await askRaw(
    proxy.port,
    get('/api/7/b%0d%0aX/c?d=%0a', 'Cookie: a=b\r\nX-Id: 9\r\n'),
  )
  const [seen] = recording.seen
  assert.equal(seen!.target, '/v2/7/b%0D%0AX/c?d=%0a')
  assert.deepEqual(valuesOf(seen!, 'host'), ['test'])
  assert.deepEqual(valuesOf(seen!, 'x-id'), ['id=7'])
  assert.deepEqual(valuesOf(seen!, 'cookie'), [])
  assert.equal(fieldOf(answer, 'x-old'), '2')
  assert.equal(fieldOf(answer, 'server'), undefined)
})
