import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Context } from '../../../src/modules/context.ts'
import type { RouteModule } from '../../../src/modules/define.ts'
import { quantile } from '../../../src/core/rollout/quantile.ts'
import type { Route } from '../../../src/core/route/route.ts'
import { askRaw, get, talk } from '../../proxy/support/client.ts'
import { openProxy, route, upstream } from '../../proxy/support/proxy.ts'
import { openRecording } from '../../proxy/support/recording.ts'
import { codeOf, figuresOf, publishModules, standing, until } from './support.ts'

/** Ends when its client leaves, with the error of the signal. */
const waits = (c: Context): Promise<never> =>
  new Promise((_, reject) => {
    waiting.count += 1
    c.signal.addEventListener('abort', () => reject(new Error('aborted')))
  })

const waiting = { count: 0 }

async function* pieces(count: number, error?: Error): AsyncGenerator<string> {
  for (let at = 0; at < count; at += 1) yield 'piece'
  if (error !== undefined) throw error
}

async function* events(signal: AbortSignal): AsyncGenerator<string> {
  yield 'data: 1\n\n'
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
}

const module: RouteModule<never> = {
  register(routes) {
    routes.get('/ok', (c) => c.text('ok'))
    routes.get('/made', async (c) => c.text('made', 201))
    routes.get('/moved', (c) => c.redirect('/ok'))
    routes.get('/none', (c) => c.text('none', 404))
    routes.get('/busy', (c) => c.text('busy', 503))
    routes.get('/throws', () => {
      throw new Error('mine')
    })
    routes.post('/json', async (c) => c.json(await c.body.json()))
    routes.get('/stream', (c) => c.stream(pieces(3)))
    routes.get('/breaks', (c) => c.stream(pieces(3, new Error('mine'))))
    routes.get('/waits', waits)
    routes.get('/events', (c) => {
      c.setHeader('content-type', 'text/event-stream')
      return c.stream(events)
    })
  },
}

const badJson = `${get('/json', 'Content-Length: 1\r\n', 'POST')}{`

test('what a module answers counts for its version, once, at its end', async (t) => {
  const proxy = await openProxy(t, [])
  await publishModules(proxy, { shop: module })
  const rows = [
    ['an answer at once', get('/ok'), '1 0 0'],
    ['an answer later', get('/made'), '1 0 0'],
    ['a redirect', get('/moved'), '1 0 0'],
    ['a client error of the handler', get('/none'), '1 0 1'],
    ['a client error of ours', badJson, '1 0 1'],
    ['an error of the handler', get('/busy'), '1 1 0'],
    ['a throw', get('/throws'), '1 1 0'],
    ['a stream', get('/stream'), '1 0 0'],
    ['a stream that breaks', get('/breaks'), '1 1 0'],
    ['no route', get('/nowhere'), '0 0 0'],
    ['another method', get('/ok', '', 'PUT'), '0 0 0'],
  ] as const
  for (const [name, bytes, expected] of rows) {
    await publishModules(proxy, { shop: { ...module } })
    await askRaw(proxy.port, bytes)
    await proxy.quiet()
    assert.equal(figuresOf(proxy, codeOf(proxy, 'shop')), expected, name)
  }
})

test('a client that leaves says nothing of a version', async (t) => {
  const proxy = await openProxy(t, [])
  await publishModules(proxy, { shop: module })
  const before = waiting.count
  const client = talk(proxy.port, get('/waits'))
  await until('it is inside', () => waiting.count > before)
  client.socket.destroy()
  await proxy.quiet()
  assert.equal(figuresOf(proxy, codeOf(proxy, 'shop')), '0 0 0')
})

test('a client that leaves while an upstream works says nothing of its route', async (t) => {
  const recording = await openRecording(t, { answer: () => undefined })
  const proxy = await openProxy(t, [route('/a', recording.url)])
  const client = talk(proxy.port, get('/a'))
  await until('it is there', () => recording.seen.length === 1)
  client.socket.destroy()
  await proxy.quiet()
  assert.equal(figuresOf(proxy, standing(proxy, '/a')), '0 0 0')
})

test('an event stream counts with its head, and not again when its client leaves', async (t) => {
  const proxy = await openProxy(t, [])
  await publishModules(proxy, { shop: module })
  const client = talk(proxy.port, get('/events'))
  await client.until((received) => received.includes('data: 1'))
  assert.equal(figuresOf(proxy, codeOf(proxy, 'shop')), '1 0 0')
  client.socket.destroy()
  await proxy.quiet()
  assert.equal(figuresOf(proxy, codeOf(proxy, 'shop')), '1 0 0')
})

test('what a drain cuts counts for nobody; what was replaced can still be read', async (t) => {
  const proxy = await openProxy(t, [])
  await publishModules(proxy, { shop: module })
  const first = codeOf(proxy, 'shop')
  for (let round = 0; round < 3; round += 1) await askRaw(proxy.port, get('/ok'))
  const client = talk(proxy.port, get('/waits'))
  const inside = (): number => proxy.worker.draining()[0]?.exchanges ?? 0
  await askRaw(proxy.port, get('/busy'))
  await publishModules(proxy, { shop: { ...module } })
  assert.equal(inside(), 1)
  assert.equal((await client.answer()).status, 503)
  client.socket.destroy()
  await askRaw(proxy.port, get('/ok'))
  await proxy.quiet()
  await until('it was disposed of', () => proxy.worker.draining().length === 0)
  assert.equal(figuresOf(proxy, first), '4 1 0')
  assert.equal(figuresOf(proxy, codeOf(proxy, 'shop')), '1 0 0')
})

test('what data answers counts for its route', async (t) => {
  const recording = await openRecording(t, {
    answer: ({ target }) =>
      target === '/cut'
        ? 'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nshort'
        : `HTTP/1.1 ${target.slice(1)} Any\r\nContent-Length: 0\r\n\r\n`,
    onHead: ({ target }, socket) => {
      if (target === '/cut') setTimeout(() => socket.destroy(), 20)
    },
  })
  const respond = (status: number): Route['target'] => ({
    kind: 'respond',
    status,
    headers: {},
    body: '',
  })
  const closed = 'http://127.0.0.1:1'
  const proxy = await openProxy(
    t,
    [
      route('/respond', respond(200)),
      route('/refuse', respond(503)),
      route('/200', 'main'),
      route('/404', 'main'),
      route('/500', 'main'),
      route('/cut', 'main'),
      route('/closed', closed),
      route('/closure', { kind: 'closure', run: (): never => assert.fail('mine') }),
    ],
    [upstream('main', [recording.url])],
  )
  const rows = [
    ['/respond', '1 0 0'],
    ['/refuse', '1 1 0'],
    ['/200', '1 0 0'],
    ['/404', '1 0 1'],
    ['/500', '1 1 0'],
    ['/cut', '1 1 0'],
    ['/closed', '1 1 0'],
    ['/closure', '1 1 0'],
  ] as const
  for (const [path, expected] of rows) {
    await askRaw(proxy.port, get(path))
    await proxy.quiet()
    assert.equal(figuresOf(proxy, standing(proxy, path)), expected, path)
  }
})

test('a WebSocket counts when it opens', async (t) => {
  const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
  const recording = await openRecording(t, {
    answer: () =>
      `HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  })
  const proxy = await openProxy(t, [route('/socket', recording.url)])
  const fields =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  const client = talk(proxy.port, get('/socket', fields))
  await client.until((received) => received.includes('101'))
  assert.equal(figuresOf(proxy, standing(proxy, '/socket')), '1 0 0')
  client.socket.destroy()
  await proxy.quiet()
  assert.equal(figuresOf(proxy, standing(proxy, '/socket')), '1 0 0')
})

test('a route is one through the revisions that leave its target and filters alone', async (t) => {
  const answer = (body: string): Route['target'] => ({
    kind: 'respond',
    status: 200,
    headers: {},
    body,
  })
  const proxy = await openProxy(t, [route('/a', answer('one'))])
  const steps: readonly [name: string, next: Partial<Route>, before: string][] = [
    ['as it was', {}, '0 0 0'],
    ['a label', { metadata: { team: 'shop' } }, '1 0 0'],
    ['a weight', { selection: { ...weighted, weight: { group: 'g', weight: 5 } } }, '2 0 0'],
    ['another weight', { selection: { ...weighted, weight: { group: 'g', weight: 9 } } }, '3 0 0'],
    ['another target', { target: answer('two') }, '0 0 0'],
    ['the target before', { target: answer('one') }, '4 0 0'],
    ['a filter', { filters: [{ kind: 'preserve-host' }] }, '0 0 0'],
  ]
  const first = standing(proxy, '/a')
  for (const [name, next, before] of steps) {
    await proxy.publish([{ ...route('/a', answer('one')), ...next }])
    assert.equal(figuresOf(proxy, standing(proxy, '/a')), before, name)
    await askRaw(proxy.port, get('/a'))
    await proxy.quiet()
  }
  assert.equal(figuresOf(proxy, first), '5 0 0')
  await proxy.publish([], [], ['/a'])
  assert.equal(figuresOf(proxy, first), '5 0 0')
})

const weighted = {
  predicates: [],
  version: null,
  isBaseline: false,
  labels: {},
  weight: null,
  order: 0,
} as const

test('a duration is that until the answer left, or the head of one that streams', async (t) => {
  const waitMs = 60
  const later = <Value>(value: Value): Promise<Value> =>
    new Promise((resolve) => setTimeout(() => resolve(value), waitMs))
  async function* slowly(): AsyncGenerator<string> {
    yield 'first'
    yield later('last')
  }
  const proxy = await openProxy(t, [])
  const rows = [
    ['whole', (c: Context) => later(c.text('late')), true],
    ['streamed', (c: Context) => c.stream(slowly()), false],
  ] as const
  for (const [name, handler, isLong] of rows) {
    await publishModules(proxy, { shop: { register: (routes) => void routes.get('/a', handler) } })
    await askRaw(proxy.port, get('/a'))
    await proxy.quiet()
    const query = { of: codeOf(proxy, 'shop'), spanMs: 60_000 }
    const figures = proxy.worker.figures([query])[0]!
    // What waits takes no less than it waits; what does not has its head out before the wait is over.
    assert.equal(quantile(figures, 0.5)! > waitMs * 0.9, isLong, name)
  }
})
