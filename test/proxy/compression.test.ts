import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { brotliDecompressSync, createGunzip, gunzipSync } from 'node:zlib'
import { filtersOf } from './support/access.ts'
import { openProxy, route, type Proxy } from './support/proxy.ts'

const text = 'the same words again and again, '.repeat(400)

async function openBehind(
  t: TestContext,
  listener: RequestListener,
  settings: object = {},
): Promise<Proxy> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const filters = filtersOf({ kind: 'compress', ...settings })
  return openProxy(t, [route('/*rest', url, { filters })])
}

interface Got {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

async function ask(
  { port }: Proxy,
  headers: Readonly<Record<string, string>>,
  method = 'GET',
  path = '/',
): Promise<Got> {
  const outgoing = request({ port, headers, method, path, agent: false }).end()
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  const pieces: Buffer[] = []
  for await (const piece of answer) pieces.push(piece as Buffer)
  return { status: answer.statusCode!, headers: answer.headers, body: Buffer.concat(pieces) }
}

const plain = ({ headers, body }: Got): string => {
  const encoding = headers['content-encoding']
  if (encoding === 'gzip') return gunzipSync(body).toString()
  return (encoding === 'br' ? brotliDecompressSync(body) : body).toString()
}

test('an answer is compressed for who likes it, and says so', async (t) => {
  const proxy = await openBehind(t, ({ url }, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.setHeader('etag', '"a"')
    response.setHeader('accept-ranges', 'bytes')
    response.setHeader('content-digest', 'sha-256=:AA==:')
    response.setHeader('vary', 'Accept')
    if (url === '/length') response.setHeader('content-length', text.length)
    else response.flushHeaders()
    response.end(text)
  })
  for (const path of ['/length', '/chunked'])
    for (const encoding of ['gzip', 'br']) {
      const got = await ask(proxy, { 'accept-encoding': encoding }, 'GET', path)
      assert.equal(plain(got), text)
      assert.ok(got.body.length < text.length / 4)
      const { headers } = got
      assert.equal(headers['content-encoding'], encoding)
      assert.equal(headers.vary, 'Accept, Accept-Encoding')
      assert.equal(headers.etag, 'W/"a"')
      assert.equal(headers['accept-ranges'], undefined)
      assert.equal(headers['content-digest'], undefined)
      const length = headers['content-length']
      assert.ok(length === undefined || Number(length) === got.body.length)
    }
  const as = await ask(proxy, {})
  assert.deepEqual(
    [as.body.toString(), as.headers.vary, as.headers.etag, as.headers['content-encoding']],
    [text, 'Accept, Accept-Encoding', '"a"', undefined],
  )
  const head = await ask(proxy, { 'accept-encoding': 'gzip' }, 'HEAD', '/length')
  assert.deepEqual([head.body.length, head.headers['content-encoding']], [0, undefined])
  assert.equal(head.headers.vary, 'Accept, Accept-Encoding')
  await proxy.quiet()
})

/** Answers that are left as they are; `vary`: whether another client might get it compressed. */
const left: Readonly<Record<string, readonly [number, Record<string, string>, boolean]>> = {
  '/image': [200, { 'content-type': 'image/png' }, false],
  '/untyped': [200, {}, false],
  '/gzip': [200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' }, false],
  '/odd': [200, { 'content-type': 'text/plain', 'content-encoding': 'identity, br' }, false],
  '/part': [206, { 'content-type': 'text/plain', 'content-range': 'bytes 0-9/99' }, false],
  '/fixed': [200, { 'content-type': 'text/plain', 'cache-control': 'public, No-Transform' }, false],
  '/events': [200, { 'content-type': 'text/event-stream' }, false],
  '/unmodified': [304, { etag: '"a"' }, true],
  '/empty': [204, {}, false],
}

test('what is compressed already, a part, of another type or not to be changed, is left alone', async (t) => {
  const proxy = await openBehind(t, ({ url }, response) => {
    const [status, fields] = left[url!]!
    response.writeHead(status, fields).end(status === 304 || status === 204 ? undefined : text)
  })
  for (const [path, [status, fields, hasVary]] of Object.entries(left)) {
    const got = await ask(proxy, { 'accept-encoding': 'gzip, br' }, 'GET', path)
    assert.equal(got.status, status)
    assert.equal(got.headers['content-encoding'], fields['content-encoding'], path)
    assert.equal(got.headers.vary, hasVary ? 'Accept-Encoding' : undefined, path)
    if (status === 304) assert.equal(got.headers.etag, 'W/"a"')
    else if (status !== 204) assert.equal(got.body.toString(), text, path)
  }
})

test('short answers are not worth it', async (t) => {
  const proxy = await openBehind(
    t,
    ({ url }, response) => {
      const body = 'a'.repeat(Number(url!.slice(1)))
      response.setHeader('content-type', 'text/plain')
      response.setHeader('content-length', body.length)
      response.end(body)
    },
    { minBytes: 100 },
  )
  for (const [size, encoding] of [
    [99, undefined],
    [100, 'gzip'],
    [0, undefined],
  ] as const) {
    const got = await ask(proxy, { 'accept-encoding': 'gzip' }, 'GET', `/${size}`)
    assert.equal(got.headers['content-encoding'], encoding)
    assert.equal(plain(got), 'a'.repeat(size))
  }
})

test('of an event stream each event comes at once, where it is asked for', async (t) => {
  let next = (): void => undefined
  const proxy = await openBehind(
    t,
    (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      let at = 0
      next = () => void response.write(`data: ${(at += 1)}\n\n`)
      next()
    },
    { eventStreams: true },
  )
  const outgoing = request({
    port: proxy.port,
    headers: { 'accept-encoding': 'gzip' },
    agent: false,
  })
  const [answer] = (await once(outgoing.end(), 'response')) as [IncomingMessage]
  assert.equal(answer.headers['content-encoding'], 'gzip')
  const events = answer.pipe(createGunzip())
  // Each is asked for only when the one before it has come.
  for (let at = 1; at <= 3; at += 1) {
    const [event] = (await once(events, 'data')) as [Buffer]
    assert.equal(event.toString(), `data: ${at}\n\n`)
    next()
  }
  outgoing.destroy()
  await proxy.quiet()
})

test('a client that takes nothing stops the upstream', async (t) => {
  let sent = 0
  let isStopped = false
  const piece = Buffer.alloc(65_536)
  // What does not compress comes out as long as it went in.
  for (let at = 0; at < piece.length; at += 1) piece[at] = (Math.random() * 256) | 0
  const proxy = await openBehind(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    const write = (): void => {
      while (sent < 256 * 1024 * 1024) {
        sent += piece.length
        if (response.write(piece)) continue
        isStopped = true
        response.once('drain', write)
        return
      }
      response.end()
    }
    write()
  })
  const outgoing = request({
    port: proxy.port,
    headers: { 'accept-encoding': 'gzip' },
    agent: false,
  })
  const [answer] = (await once(outgoing.end(), 'response')) as [IncomingMessage]
  answer.pause()
  // It goes on until all that lies between is full, and then no more.
  let before = -1
  while (before !== sent) {
    before = sent
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  assert.ok(isStopped)
  assert.ok(sent < 64 * 1024 * 1024, `${sent} bytes lie between`)
  outgoing.destroy()
  await proxy.quiet()
})

test('a long answer comes whole at the pace of its client', async (t) => {
  const long = Buffer.from(Array.from({ length: 200_000 }, (_, at) => `line ${at}\n`).join(''))
  const proxy = await openBehind(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': long.length })
    response.end(long)
  })
  for (const encoding of ['gzip', 'br']) {
    const got = await ask(proxy, { 'accept-encoding': encoding })
    assert.equal(got.headers['content-encoding'], encoding)
    assert.equal(plain(got), long.toString())
  }
  await proxy.quiet()
})

test('an answer that breaks off is seen to break off', async (t) => {
  const proxy = await openBehind(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': text.length * 2 })
    response.write(text, () => response.destroy())
  })
  await assert.rejects(ask(proxy, { 'accept-encoding': 'gzip' }), /aborted|ECONNRESET/)
  await proxy.quiet()
})
