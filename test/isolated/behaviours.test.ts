import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { test } from 'node:test'
import { apps } from '../foreign/apps.ts'
import { applied } from '../hot/support/embedded.ts'
import { save } from '../hot/support/served.ts'
import { open, until, type Answer, type Asked } from './support.ts'

const moduleText = `
import { createHash } from 'node:crypto'
const left = []
export default {
  name: 'own',
  version: '1.2.3',
  prefix: '/own',
  state: { create: () => ({ seen: 0 }) },
  register(routes, { state, log }) {
    routes.get('/seen', (c) => c.json({ seen: ++state.seen }))
    routes.get('/params/:id/*rest', (c) => c.json({
      params: c.params, id: c.param('id'), rest: c.param('rest'), none: c.param('none') ?? null,
      path: c.path, pattern: c.pattern, method: c.method, query: c.query('q') ?? null,
      queries: [...c.queries], revision: c.revision, mirrored: c.mirrored,
    }))
    routes.any('/request', (c) => c.json({
      url: c.request.url, method: c.request.method, headers: [...c.request.headers].sort(),
      raw: c.exchange.transport.headers().map((one) => one === 'Host' ? 'host' : one).sort(),
      client: c.exchange.transport.clientAddress(), remote: c.exchange.transport.remoteAddress(),
      forged: c.header('turnout-exchange') ?? null,
    }))
    routes.post('/hash', async (c) => {
      const bytes = await c.body.bytes()
      return c.json({ length: bytes.length, hash: createHash('sha256').update(bytes).digest('hex') })
    })
    routes.post('/stream-hash', async (c) => {
      const hash = createHash('sha256')
      for await (const part of c.body.stream() ?? []) hash.update(part)
      return c.text(hash.digest('hex'))
    })
    routes.post('/json', async (c) => c.json({ got: await c.body.json() }))
    routes.get('/large', (c) => c.bytes(new Uint8Array(1_500_000).fill(97)))
    routes.get('/parts', (c) => c.setHeader('x-a', '1').stream(async function* () {
      for (let at = 0; at < 20; at += 1) { yield 'part ' + at + '\\n'; await new Promise((go) => setTimeout(go, 1)) }
    }))
    routes.get('/parts-fail', (c) => c.stream(async function* () {
      yield 'first'
      await new Promise((go) => setTimeout(go, 20))
      throw new Error('in the middle')
    }))
    routes.get('/events', (c) => c.setHeader('content-type', 'text/event-stream').stream(async function* () {
      for (const at of [1, 2, 3]) yield 'data: ' + at + '\\n\\n'
    }))
    routes.get('/response', () => new Response('web', { status: 201, headers: [['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['x-web', 'yes']] }))
    routes.get('/response-stream', () => new Response(new ReadableStream({
      async start(controller) {
        for (const part of ['a', 'b', 'c']) { controller.enqueue(new TextEncoder().encode(part)); await new Promise((go) => setTimeout(go, 5)) }
        controller.close()
      },
    })))
    routes.get('/redirect', (c) => c.redirect('/else where?x=é', 307))
    routes.get('/none', (c) => c.status(204).bytes(null))
    routes.get('/not-modified', (c) => c.setHeader('etag', '"1"').bytes(null, 304))
    routes.get('/html', (c) => c.html('<b>é</b>'))
    routes.get('/cookies', (c) => c.setHeader('set-cookie', 'a=1').setHeader('set-cookie', 'b=2').text('ok'))
    routes.get('/throws', () => { throw new Error('mine') })
    routes.get('/throws-late', async () => { await null; throw 'a string' })
    routes.get('/wrong', () => 'no answer')
    routes.get('/status', (c) => c.json({}, 418))
    routes.get('/left', (c) => c.json({ left: left.splice(0) }))
    routes.get('/waits', async (c) => {
      await new Promise((go) => c.signal.addEventListener('abort', go))
      left.push('gone')
      return c.text('late')
    })
    const group = routes.group('/group', async (c, next) => {
      c.set('who', c.header('x-who') ?? 'nobody')
      const reply = await next()
      return reply.setHeader('x-group', 'yes')
    })
    group.get('/:name', (c) => c.text(c.get('who') + ' ' + c.param('name')))
    group.get('/denied', (c) => c.text('denied', 403))
    routes.handle(['PURGE', 'REPORT'], '/other', (c) => c.text(c.method))
    routes.put('/twice', async (c) => { await c.body.text(); await c.request.text(); return c.text('no') })
  },
}
`
const megabyte = randomBytes(1_000_000)
const pieces = Array.from({ length: 10 }, () => randomBytes(30_000))

const table: Readonly<Record<string, readonly [path: string, asked?: Asked]>> = {
  'params, decoded, and a query': ['/own/params/a%20b%C3%A9/x/y%2Bz?q=1&q=2&e=%C3%A9'],
  'a path that is not canonical': ['/own/./params//../params/7/x'],
  'a param of other letters': ['/own/params/%E6%97%A5%E6%9C%AC/%F0%9F%9A%86'],
  'fields as the client sent them': [
    '/own/request?a=b',
    { headers: { 'X-Mixed': 'v', 'x-under_score': '1', te: 'trailers', cookie: ['a=1', 'b=2'] } },
  ],
  'a field that names others as its connection’s': [
    '/own/request',
    { headers: { connection: 'keep-alive, x-a', 'x-a': '1' } },
  ],
  'addresses of trusted proxies': ['/own/request', { headers: { 'x-forwarded-for': '9.8.7.6' } }],
  'a body of a megabyte': ['/own/hash', { method: 'POST', body: megabyte }],
  'a body in pieces': ['/own/hash', { method: 'POST', body: pieces }],
  'a body read as a stream': ['/own/stream-hash', { method: 'POST', body: pieces }],
  'a body that is too large': ['/own/hash', { method: 'POST', body: Buffer.alloc(2_000_000) }],
  'no body where one may be': ['/own/hash', { method: 'POST' }],
  JSON: ['/own/json', { method: 'POST', body: '{"a":[1,"é"]}' }],
  'JSON that is none': ['/own/json', { method: 'POST', body: '{"a":' }],
  'a body that is read twice': ['/own/twice', { method: 'PUT', body: 'x' }],
  'a large answer': ['/own/large'],
  'an answer in parts': ['/own/parts'],
  'an answer that fails in the middle': ['/own/parts-fail'],
  'server-sent events': ['/own/events'],
  'a web Response': ['/own/response'],
  'a web Response in parts': ['/own/response-stream'],
  'a redirect': ['/own/redirect'],
  'no content': ['/own/none'],
  'not modified': ['/own/not-modified'],
  'HTML with letters of other alphabets': ['/own/html'],
  cookies: ['/own/cookies'],
  'a throw': ['/own/throws'],
  'a late throw of no error': ['/own/throws-late'],
  'an answer that is none': ['/own/wrong'],
  'a status': ['/own/status'],
  'a group and its middleware': ['/own/group/x', { headers: { 'x-who': 'me' } }],
  'a group and its status': ['/own/group/denied'],
  'an upgrade that it does not know': [
    '/own/request',
    {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-version': '13',
      },
    },
  ],
  'a body that waits for a word': [
    '/own/hash',
    { method: 'POST', body: 'late', headers: { expect: '100-continue' } },
  ],
  'methods by name': ['/own/other', { method: 'PURGE' }],
  'a method that is not there': ['/own/other', { method: 'DELETE' }],
  HEAD: ['/own/html', { method: 'HEAD' }],
  'HEAD of parts': ['/own/parts', { method: 'HEAD' }],
  OPTIONS: ['/own/html', { method: 'OPTIONS' }],
  'a place that is not there': ['/own/nowhere'],
}

/**
 * What a client sees of an answer, but for the clock, the port and, where the whole body is here to be looked at, how it
 * was framed.
 */
const seen = ({ status, headers, body, isCut }: Answer, port: number): unknown => {
  const { date: _, 'content-length': length, 'transfer-encoding': coding, ...other } = headers
  const rest = { ...other, ...(body.length === 0 && { length, coding }) }
  const text = body.length > 5_000 ? createHash('sha256').update(body).digest('hex') : String(body)
  return { status, isCut, headers: rest, text: text.replaceAll(String(port), 'PORT') }
}

const options = { trustedProxies: ['127.0.0.1', '::1'] }
const isolated = (...names: readonly string[]) => ({
  ...options,
  modules: Object.fromEntries(names.map((name) => [name, { isolation: 'isolated' as const }])),
})

test('the same file answers the same, inline and isolated', async (t) => {
  const files = { 'own.js': moduleText }
  const inside = await open(t, files, options)
  const outside = await open(t, files, isolated('own'))
  for (const [name, [path, asked]] of Object.entries(table)) {
    await t.test(name, async () => {
      const [expected, got] = [await inside.ask(path, asked), await outside.ask(path, asked)]
      assert.deepEqual(seen(got, outside.port), seen(expected, inside.port))
    })
  }
  await t.test('state is kept from request to request', async () => {
    assert.equal(await outside.text('/own/seen'), '{"seen":1}')
    assert.equal(await outside.text('/own/seen'), '{"seen":2}')
  })
  await t.test('a host of web requests gets the same', async () => {
    const told = async ({ turnout }: typeof inside): Promise<unknown> => {
      const asked = { method: 'POST', body: '{"a":[1]}', headers: { 'x-a': '1' } }
      const [json, request] = await Promise.all(
        ['json', 'request'].map((path) =>
          turnout.fetch(new Request(`https://example.test/own/${path}?q=1`, asked)),
        ),
      )
      const { url, headers, client } = (await request!.json()) as Record<string, unknown>
      // A web request names no host and no framing; on a socket both are there.
      const own = (headers as string[][]).filter(
        ([name]) => name !== 'host' && name !== 'transfer-encoding',
      )
      return [json!.status, await json!.text(), request!.status, url, own, client]
    }
    assert.deepEqual(await told(outside), await told(inside))
  })
  await t.test('what a client says of the envelope goes nowhere', async () => {
    const forged = '["secret",0,1,0,"1.2.3.4",{},null,[]]'
    const { status, text } = await outside.ask('/own/request', {
      headers: { 'Turnout-Exchange': [forged, forged] },
    })
    const { forged: got, remote } = JSON.parse(text) as { forged: unknown; remote: string }
    assert.deepEqual({ status, got, remote }, { status: 200, got: null, remote: '127.0.0.1' })
  })
  await t.test('errors are logged with their place', () => {
    const places = (lines: typeof inside.lines): unknown[] =>
      lines
        .filter(({ message }) => message === 'a handler failed')
        .map(({ fields }) => [fields['route_id'], fields['error'], fields['method']])
    assert.deepEqual(
      // The worker tells of the answer that was cut once more.
      places(outside.lines).filter((one) => !String(one).includes('ended in the middle')),
      places(inside.lines),
    )
  })
})

test('a client that leaves ends the signal there, too', async (t) => {
  for (const settings of [options, isolated('own')]) {
    const { port, text } = await open(t, { 'own.js': moduleText }, settings)
    const left = request({ port, path: '/own/waits', agent: false })
    left.on('error', () => undefined)
    left.end()
    await new Promise((go) => setTimeout(go, 100))
    left.destroy()
    const gone = '{"left":["gone"]}'
    let told = ''
    await until(() => {
      void text('/own/left').then((now) => (told = now === gone ? now : told))
      return told === gone
    })
  }
})

const post = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } }
const places: readonly (readonly [path: string, asked?: Asked])[] = [
  ['/'],
  ['/users/a%20b?q=1'],
  ['/echo', post],
  ['/stream'],
  ['/nope'],
  ['/fails'],
]

for (const [name, app] of Object.entries(apps)) {
  test(`${name}: an app answers the same, inline and isolated`, async (t) => {
    const file = `${name}.js`
    const inside = await open(t, { [file]: app('1') }, options)
    const outside = await open(t, { [file]: app('1') }, isolated(name))
    for (const [path, asked] of places) {
      const [expected, got] = [await inside.ask(path, asked), await outside.ask(path, asked)]
      assert.deepEqual(seen(got, outside.port), seen(expected, inside.port), path)
    }
    // One is enough: how a version is replaced is no business of the app.
    if (name !== 'hono') return
    const from = outside.told.length
    save(outside.folder, file, app('2'))
    await outside.event(applied(name), from)
    assert.equal(await outside.text('/version'), '2')
  })
}
