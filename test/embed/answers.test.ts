import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import {
  TurnoutError,
  type Logger,
  type NodeApp,
  type Reply,
  type RouteHandler,
} from '../../src/index.ts'
import { codeOf, serve } from './open.ts'

const fails = (handler: (c: never) => unknown): RouteHandler => handler as unknown as RouteHandler

/** A whole response as it came over the wire. */
const raw = async (url: string, head: string): Promise<string> => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(head)
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  await once(socket, 'close')
  return text
}

test('replies of the context carry their status, type and headers', async (t) => {
  const { turnout, url } = await serve(t)
  turnout
    .get('/json', (c) => c.json({ a: 1 }))
    .get('/text', (c) => c.status(201).text('made'))
    .get('/html', (c) => c.html('<p>', 202))
    .get('/bytes', (c) => c.setHeader('content-type', 'image/png').bytes(new Uint8Array([1, 2])))
    .get('/redirect', (c) => c.redirect('/json', 308))
    .get('/web', () => new Response('web', { status: 203, headers: { 'x-a': 'b' } }))
    .get('/web-json', () => Response.json([1]))
    .get('/cookies', (c) =>
      c
        .setHeader('set-cookie', 'a=1')
        .setHeader('Set-Cookie', 'b=2')
        .setHeader('x', '1')
        .setHeader('X', '2')
        .text(''),
    )
    .get('/web-cookies', () => {
      const headers = new Headers([
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ])
      return new Response('', { headers })
    })
  const get = async (path: string): Promise<Response> => fetch(url + path, { redirect: 'manual' })
  const table: readonly [string, number, string | null, string][] = [
    ['/json', 200, 'application/json', '{"a":1}'],
    ['/text', 201, 'text/plain; charset=utf-8', 'made'],
    ['/html', 202, 'text/html; charset=utf-8', '<p>'],
    ['/bytes', 200, 'image/png', '\u0001\u0002'],
    ['/redirect', 308, null, ''],
    ['/web', 203, 'text/plain;charset=UTF-8', 'web'],
    ['/web-json', 200, 'application/json', '[1]'],
  ]
  for (const [path, status, type, text] of table) {
    const response = await get(path)
    assert.deepEqual(
      [response.status, response.headers.get('content-type'), await response.text()],
      [status, type, text],
      path,
    )
  }
  assert.equal((await get('/redirect')).headers.get('location'), '/json')
  assert.equal((await get('/web')).headers.get('x-a'), 'b')
  const cookies = (await get('/cookies')).headers
  assert.deepEqual([cookies.getSetCookie(), cookies.get('x')], [['a=1', 'b=2'], '2'])
  assert.deepEqual((await get('/web-cookies')).headers.getSetCookie(), ['a=1', 'b=2'])
})

test('HEAD has the head of GET and no body; 204 and 304 have none', async (t) => {
  const { turnout, url } = await serve(t)
  turnout
    .get('/text', (c) => c.text('five!'))
    .get('/empty', (c) => c.text('dropped', 204))
    .get('/same', (c) => c.setHeader('etag', '"1"').text('dropped', 304))
    .get('/stream', (c) =>
      c.stream(async function* () {
        yield 'part'
      }),
    )
  const head = (method: string, path: string): string =>
    `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
  const text = await raw(url, head('HEAD', '/text'))
  assert.match(text, /content-length: 5\r\n/i)
  assert.match(text, /\r\n\r\n$/)
  for (const [path, status] of [
    ['/empty', 204],
    ['/same', 304],
  ] as const) {
    const answer = await raw(url, head('GET', path))
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status}`))
    assert.match(answer, /\r\n\r\n$/)
    assert.doesNotMatch(answer, /content-length|transfer-encoding/i)
  }
  assert.match(await raw(url, head('HEAD', '/stream')), /\r\n\r\n$/)
})

test('misses: 404, 405 with Allow, automatic OPTIONS, 400 for a bad path', async (t) => {
  const { turnout, url } = await serve(t)
  turnout.get('/users/:id', (c) => c.text('x')).delete('/users/:id', (c) => c.text('x'))
  const ask = async (method: string, path: string): Promise<[number, string | null, string]> => {
    const response = await fetch(url + path, { method })
    const text = await response.text()
    return [response.status, response.headers.get('allow'), text === '' ? '' : codeOf(text)]
  }
  const allow = 'DELETE, GET, HEAD, OPTIONS'
  assert.deepEqual(await ask('GET', '/nope'), [404, null, 'TURNOUT_ROUTE_NOT_FOUND'])
  assert.deepEqual(await ask('POST', '/users/7'), [405, allow, 'TURNOUT_METHOD_NOT_ALLOWED'])
  assert.deepEqual(await ask('OPTIONS', '/users/7'), [204, allow, ''])
  assert.deepEqual(await ask('OPTIONS', '/nope'), [404, null, 'TURNOUT_ROUTE_NOT_FOUND'])
  for (const path of ['/users/%2F', '/users/%', '/users/%zz', '/users/%00', '/users/%5C']) {
    assert.deepEqual(await ask('GET', path), [400, null, 'TURNOUT_PATH_INVALID'], path)
  }
})

const slashes: readonly ['strict' | 'redirect' | 'ignore', string, number, string][] = [
  ['strict', '/a/?q=1', 404, ''],
  ['redirect', '/a/?q=1', 308, '/a?q=1'],
  ['redirect', '/b', 308, '/b/'],
  ['ignore', '/a/?q=1', 200, ''],
  ['ignore', '/b', 200, ''],
]
for (const [trailingSlash, path, status, location] of slashes) {
  test(`trailing slash: ${trailingSlash} answers ${path} with ${status}`, async (t) => {
    const { turnout, url } = await serve(t, { trailingSlash })
    turnout.get('/a', (c) => c.text('a')).get('/b/', (c) => c.text('b'))
    const response = await fetch(url + path, { redirect: 'manual' })
    assert.deepEqual([response.status, response.headers.get('location') ?? ''], [status, location])
  })
}

const wrongAnswers: readonly [string, RouteHandler][] = [
  ['nothing', fails(() => undefined)],
  ['a plain object', fails(() => ({ a: 1 }))],
  ['a promise of nothing', fails(async () => undefined)],
  ['a header value with a newline', (c) => c.setHeader('x', 'a\r\nb: c').text('x')],
  ['a header name that is none', (c) => c.setHeader('a b', 'c').text('x')],
  ['a status out of range', (c) => c.status(99).text('x')],
  ['a status out of range on the reply', (c) => c.text('x', 1000)],
  ['a status that is no number', (c) => c.text('x', Number.NaN)],
  ['an informational status', (c) => c.text('x', 101)],
  ['a value without a JSON form', (c) => c.json(undefined)],
  [
    'a value with a cycle',
    (c) => {
      const value: Record<string, unknown> = {}
      value['self'] = value
      return c.json(value)
    },
  ],
  ['a body that is no text', fails((c: { text(value: unknown): unknown }) => c.text({}))],
  [
    'a throw',
    () => {
      throw new Error('secret')
    },
  ],
  ['a rejection', () => Promise.reject(new Error('secret'))],
  [
    'a throw of nothing',
    () => {
      throw undefined
    },
  ],
]
for (const [what, handler] of wrongAnswers) {
  test(`a handler that ends with ${what} is answered 500, and the process lives`, async (t) => {
    const { turnout, url } = await serve(t)
    turnout.get('/wrong', handler).get('/right', (c) => c.text('right'))
    turnout.get('/behind', (_, next) => next(), handler)
    for (const path of ['/wrong', '/behind']) {
      const response = await fetch(url + path)
      const text = await response.text()
      assert.deepEqual([response.status, codeOf(text)], [500, 'TURNOUT_HANDLER_FAILED'])
      assert.doesNotMatch(text, /secret/)
    }
    assert.equal(await (await fetch(`${url}/right`)).text(), 'right')
  })
}

test('middleware: answers, changes the answer, calls next once', async (t) => {
  const { turnout, url } = await serve(t)
  const after: string[] = []
  turnout
    .get(
      '/early',
      (c) => c.text('early', 401),
      (c) => c.text('unseen'),
    )
    .get(
      '/changed',
      async (_, next) => {
        const reply = await next()
        after.push(reply.body as string)
        return reply.setHeader('x-a', '1')
      },
      (c) => c.text('inner'),
    )
    .get(
      '/twice',
      async (_, next) => {
        await next()
        await next()
      },
      (c) => c.text('x'),
    )
    .get(
      '/caught',
      async (c, next) => {
        try {
          return await next()
        } catch (error) {
          return c.text((error as Error).message, 503)
        }
      },
      () => {
        throw new Error('mine')
      },
    )
    .get(
      '/silent',
      () => undefined,
      (c) => c.text('x'),
    )
  const early = await fetch(`${url}/early`)
  assert.deepEqual([early.status, await early.text()], [401, 'early'])
  const changed = await fetch(`${url}/changed`)
  assert.deepEqual([changed.headers.get('x-a'), await changed.text()], ['1', 'inner'])
  assert.deepEqual(after, ['inner'])
  assert.equal((await fetch(`${url}/twice`)).status, 500)
  const caught = await fetch(`${url}/caught`)
  assert.deepEqual([caught.status, await caught.text()], [503, 'mine'])
  assert.equal((await fetch(`${url}/silent`)).status, 500)
})

test('an error of the table below 500 is told to the client', async (t) => {
  const { turnout, url } = await serve(t)
  turnout.get('/gone', () => {
    throw new TurnoutError('TURNOUT_REVISION_UNKNOWN', { revision: 7 })
  })
  const response = await fetch(`${url}/gone`)
  assert.deepEqual(
    [response.status, codeOf(await response.text())],
    [404, 'TURNOUT_REVISION_UNKNOWN'],
  )
})

test('bodies: text, JSON, bytes, stream, web request; bad JSON 400, too large 413', async (t) => {
  const { turnout, url } = await serve(t, { bodyLimit: 16 })
  turnout
    .post('/text', async (c) => c.text(await c.body.text()))
    .post('/json', async (c) => c.json(await c.body.json()))
    .post('/twice', async (c) => c.text((await c.body.text()) + (await c.body.text())))
    .post('/bytes', async (c) => c.text(String((await c.body.bytes()).byteLength)))
    .post('/stream', async (c) => {
      let size = 0
      for await (const chunk of c.body.stream() ?? []) size += chunk.byteLength
      return c.text(String(size))
    })
    .post('/web', async (c) => c.json(await c.request.json()))
    .post('/web-size', async (c) => c.text(String((await c.request.text()).length)))
  const post = async (path: string, body: string | ReadableStream | null): Promise<string> => {
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit
    const response = await fetch(url + path, init)
    const text = await response.text()
    return response.ok ? text : `${response.status} ${codeOf(text)}`
  }
  const long = 'x'.repeat(100)
  const chunked = (): ReadableStream =>
    new ReadableStream({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode(long))
        controller.close()
      },
    })
  const table: readonly [string, string | ReadableStream | null, string][] = [
    ['/text', 'hello', 'hello'],
    ['/text', null, ''],
    ['/json', '{"a":[1]}', '{"a":[1]}'],
    ['/json', '{', '400 TURNOUT_BODY_INVALID'],
    ['/json', '', '400 TURNOUT_BODY_INVALID'],
    ['/twice', 'ab', 'abab'],
    ['/bytes', 'äö', '4'],
    ['/text', long, '413 TURNOUT_BODY_TOO_LARGE'],
    ['/text', chunked(), '413 TURNOUT_BODY_TOO_LARGE'],
    ['/stream', chunked(), '100'],
    ['/stream', null, '0'],
    ['/web', '[1]', '[1]'],
    ['/web-size', long, '100'],
  ]
  for (const [path, body, expected] of table) assert.equal(await post(path, body), expected, path)
})

test('the request as the handler sees it', async (t) => {
  const { turnout, url } = await serve(t)
  turnout.get('/a/:id/*rest', (c) =>
    c.json({
      id: c.param('id'),
      rest: c.param('rest'),
      none: c.param('none') ?? null,
      q: c.query('q'),
      all: c.queries.getAll('q'),
      header: c.header('X-Mine'),
      path: c.path,
      pattern: c.pattern,
      method: c.method,
      revision: c.revision,
      url: new URL(c.request.url).pathname,
    }),
  )
  const response = await fetch(`${url}/a/%C3%A4%20b/c/d?q=1&q=%32`, {
    headers: { 'x-mine': 'yes' },
  })
  assert.deepEqual(await response.json(), {
    id: 'ä b',
    rest: 'c/d',
    none: null,
    q: '1',
    all: ['1', '2'],
    header: 'yes',
    path: '/a/%C3%A4%20b/c/d',
    pattern: '/a/:id/*rest',
    method: 'GET',
    revision: 1,
    url: '/a/%C3%A4%20b/c/d',
  })
})

test('a stream goes at the pace of its client', async (t) => {
  const { turnout, url } = await serve(t)
  const chunk = Buffer.alloc(256 * 1024, 'x')
  let made = 0
  turnout.get('/big', (c) =>
    c.stream(async function* () {
      for (; made < 400; made += 1) yield chunk
    }),
  )
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  socket.pause()
  // The source has stopped when the count stands still: the client reads nothing.
  for (let before = -1; before !== made || before === 0;) {
    before = made
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.ok(made < 200, `${made} chunks of 256 KiB were made for a client that does not read`)
  let size = 0
  socket.on('data', (part: Buffer) => (size += part.length))
  socket.resume()
  await once(socket, 'close')
  assert.equal(made, 400)
  assert.ok(size > 400 * chunk.length)
})

const leave = async (
  t: TestContext,
  answer: (ended: () => void) => RouteHandler,
): Promise<void> => {
  const { turnout, url } = await serve(t)
  const ended = new Promise<void>((resolve) => {
    turnout.get('/endless', answer(resolve))
  })
  const controller = new AbortController()
  const response = await fetch(`${url}/endless`, { signal: controller.signal })
  await response.body!.getReader().read()
  controller.abort()
  await ended
}

test('a client that leaves ends the stream: the signal fires', (t) =>
  leave(t, (ended) => (c) => {
    c.signal.addEventListener('abort', ended)
    return c.stream(async function* () {
      yield 'first'
      await new Promise(() => undefined)
    })
  }))

test('a client that leaves ends the stream: the generator is closed', (t) =>
  leave(
    t,
    (ended) => (c) =>
      c.stream(async function* () {
        try {
          for (;;) {
            yield 'tick\n'
            await new Promise((resolve) => setTimeout(resolve, 10))
          }
        } finally {
          ended()
        }
      }),
  ))

test('a client that leaves ends the body of a web Response', (t) =>
  leave(
    t,
    (ended) => () =>
      new Response(
        new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve, 10))
            controller.enqueue(new TextEncoder().encode('tick\n'))
          },
          cancel: ended,
        }),
      ),
  ))

test('a stream that fails after its head cuts the connection', async (t) => {
  const { turnout, url } = await serve(t)
  turnout.get('/broken', (c) =>
    c.stream(async function* () {
      yield 'first'
      throw new Error('mine')
    }),
  )
  await assert.rejects(async () => (await fetch(`${url}/broken`)).text())
})

test('the logger: one line a request, errors with their route', async (t) => {
  const lines: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[] = []
  const at =
    (level: string): Logger['info'] =>
    (message, fields = {}) =>
      void lines.push({ level, message, fields })
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  }
  const { turnout, url } = await serve(t, { logger })
  turnout.get('/fails/:id', () => {
    throw new Error('mine')
  })
  await fetch(`${url}/fails/7`)
  const failure = lines.find(({ level }) => level === 'error')
  assert.equal(failure?.fields['route_id'], 'GET /fails/:id')
  const request = lines.find(({ message }) => message === 'request')?.fields
  assert.deepEqual(
    [request?.['method'], request?.['path'], request?.['status'], request?.['revision']],
    ['GET', '/fails/7', 500, 1],
  )
  const app: NodeApp = (_request, response) => void response.writeHead(418).end('teapot')
  await turnout.module(app, { name: 'app' })
  await (await fetch(`${url}/pot`)).text()
  const pot = lines.find(({ fields }) => fields['path'] === '/pot')
  assert.equal(pot?.fields['status'], 418)
})

test('with recovery off an error goes to the host: it cuts the connection, or rejects', async (t) => {
  const { turnout, url } = await serve(t, { recovery: false })
  turnout
    .get('/fails', () => {
      throw new Error('mine')
    })
    .get('/rejects', () => Promise.reject(new Error('late')))
    .get('/right', (c): Reply => c.text('right'))
  await assert.rejects(fetch(`${url}/fails`))
  await assert.rejects(fetch(`${url}/rejects`))
  await assert.rejects(turnout.fetch(new Request('http://test/fails')), /mine/)
  await assert.rejects(turnout.fetch(new Request('http://test/rejects')), /late/)
  assert.equal(await (await fetch(`${url}/right`)).text(), 'right')
})
