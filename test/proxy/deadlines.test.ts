import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Filter, StreamPolicy } from '../../src/core/route/filter.ts'
import { samples } from '../gateway/filters/samples.ts'
import { askRaw, codeOf, get, talk, type Talk } from './support/client.ts'
import { openProxy, route, upstream, type Proxy } from './support/proxy.ts'
import { ok, openRecording, type Recording } from './support/recording.ts'

const retry = (firstBackoffMs: number): Filter => ({
  ...(samples.retry as Extract<Filter, { kind: 'retry' }>),
  retries: 10,
  statuses: [503],
  firstBackoffMs,
  maxBackoffMs: firstBackoffMs,
  jitter: 0,
  budgetPercent: 1_000,
})

const timeout = (said: Partial<Extract<Filter, { kind: 'timeout' }>>): Filter => ({
  kind: 'timeout',
  connectMs: null,
  headersMs: null,
  idleMs: null,
  totalMs: null,
  ...said,
})

const deadlines = { connectMs: 10, headersMs: 100, idleMs: 100, totalMs: 250 }
const places: readonly (readonly [string, readonly Filter[], object])[] = [
  ['of the route, outside the retry', [timeout(deadlines), retry(1)], {}],
  ['of the route, inside the retry', [retry(1), timeout(deadlines)], {}],
  ['of the upstream', [retry(1)], { timeouts: deadlines }],
]

for (const [name, filters, settings] of places) {
  test(`totalMs is for all attempts together: ${name}`, async (t) => {
    const silent = await openRecording(t, { answer: () => undefined })
    const upstreams = [upstream('u', [silent.url], { outlier: false, ...settings })]
    const proxy = await openProxy(t, [route('/', 'u', { filters })], upstreams)
    const { status, body } = await askRaw(proxy.port, get('/'))
    assert.deepEqual([status, codeOf({ body } as never)], [504, 'TURNOUT_UPSTREAM_TIMEOUT'])
    // Each takes 100 ms or more, so that no fourth can have begun.
    assert.ok(silent.seen.length >= 1 && silent.seen.length <= 3, String(silent.seen.length))
    await proxy.quiet()
  })
}

test('a repeat that would begin after the deadline is not waited for: the answer that is there holds', async (t) => {
  const busy = await openRecording(t, {
    answer: () => 'HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy',
  })
  const filters = [retry(30_000), timeout({ totalMs: 20_000 })]
  const proxy = await openProxy(t, [route('/', busy.url, { filters })])
  const { status, body } = await askRaw(proxy.port, get('/'))
  assert.deepEqual([status, body, busy.seen.length], [503, 'busy', 1])
  await proxy.quiet()
})

test('the upstream of a fallback has its own time', async (t) => {
  const silent = await openRecording(t, { answer: () => undefined })
  const other = await openRecording(t)
  const settings = { outlier: false, timeouts: { connectMs: 100, totalMs: 200 } }
  const filters: readonly Filter[] = [
    retry(1),
    { kind: 'fallback', respond: null, upstream: 'other' },
  ]
  const proxy = await openProxy(
    t,
    [route('/', 'u', { filters })],
    [upstream('u', [silent.url], settings), upstream('other', [other.url], settings)],
  )
  assert.equal((await askRaw(proxy.port, get('/'))).status, 200)
  await proxy.quiet()
})

/** A server that accepts connections and never says anything, so that a handshake never ends. */
async function openMute(t: TestContext): Promise<number> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as { readonly port: number }).port
}

test('connectMs of a route is before that of its upstream', async (t) => {
  const port = await openMute(t)
  const filters = [timeout({ connectMs: 50 })]
  const long = { outlier: false, timeouts: { connectMs: 50_000, totalMs: 0 } }
  const proxy = await openProxy(
    t,
    [route('/', 'u', { filters })],
    [upstream('u', [`https://127.0.0.1:${port}`], long)],
  )
  const { status, body } = await askRaw(proxy.port, get('/'))
  assert.deepEqual([status, codeOf({ body } as never)], [502, 'TURNOUT_UPSTREAM_UNREACHABLE'])
  await proxy.quiet()
})

interface Held {
  readonly proxy: Proxy
  readonly client: Talk
  readonly recording: Recording
  /** The endpoint's side of the exchange, whose answer has no head yet. */
  readonly answer: (bytes: string) => void
  readonly change: () => Promise<void>
  readonly removeEndpoint: () => Promise<void>
}

/** An exchange that waits for its head. */
async function hold(t: TestContext, streams: StreamPolicy): Promise<Held> {
  const sockets: Socket[] = []
  const recording = await openRecording(t, { answer: (_, socket) => void sockets.push(socket) })
  const other = await openRecording(t)
  const proxy = await openProxy(
    t,
    [route('/', 'u', { streams })],
    [upstream('u', [recording.url, other.url])],
  )
  // The other endpoint answers at once.
  let client = talk(proxy.port, get('/'))
  while (sockets.length === 0) {
    await Promise.race([client.until((text) => text !== ''), delay(50)])
    if (sockets.length > 0 || client.received() === '') continue
    client.socket.destroy()
    client = talk(proxy.port, get('/'))
  }
  return {
    proxy,
    client,
    recording,
    answer: (bytes) => void sockets[0]!.write(bytes),
    change: () => proxy.publish([route('/', other.url, { streams })]),
    removeEndpoint: () => proxy.publish([], [upstream('u', [other.url])]),
  }
}

const longest = 3_600_000

for (const onChange of ['drain', 'close'] as const) {
  test(`${onChange}: a short request whose route or endpoint changes meanwhile ends as it would have`, async (t) => {
    for (const how of ['change', 'removeEndpoint'] as const) {
      const held = await hold(t, { onChange, drainMs: longest })
      await held[how]()
      held.answer('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nfir')
      await held.client.until((text) => text.includes('fir'))
      held.answer('st')
      held.answer('!')
      const { status, body, isWhole } = await held.client.answer()
      assert.deepEqual([status, body, isWhole], [200, 'first!', true])
      held.client.socket.destroy()
      await held.proxy.quiet()
    }
  })

  test(`${onChange}: a long poll that waits past the deadline is told why it ends`, async (t) => {
    for (const [how, reason] of [
      ['change', 'its route was changed'],
      ['removeEndpoint', 'its endpoint was removed'],
    ] as const) {
      const held = await hold(t, { onChange, drainMs: 50 })
      await held[how]()
      const answer = await held.client.answer()
      assert.deepEqual([answer.status, codeOf(answer)], [503, 'TURNOUT_EXCHANGE_CUT'])
      assert.ok(answer.body.includes(reason), answer.body)
      await held.proxy.quiet()
    }
  })
}

test('keep: a long poll outlives the change of its route', async (t) => {
  const held = await hold(t, { onChange: 'keep', drainMs: 10 })
  await held.change()
  await delay(100)
  held.answer(ok('late'))
  assert.equal((await held.client.answer()).body, 'late')
  held.client.socket.destroy()
  await held.proxy.quiet()
})

test('close: an event stream that begins after the change of its route begins, and ends', async (t) => {
  const held = await hold(t, { onChange: 'close', drainMs: longest })
  await held.change()
  held.answer('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
  const { status, isWhole } = await held.client.answer()
  assert.deepEqual([status, isWhole], [200, false])
  await held.proxy.quiet()
})

test('drain: the deadline of a change holds for the stream that begins after it', async (t) => {
  const held = await hold(t, { onChange: 'drain', drainMs: 1_500 })
  await held.change()
  held.answer('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
  await held.client.until((text) => text.includes('data: 1'))
  const { status, isWhole } = await held.client.answer()
  assert.deepEqual([status, isWhole], [200, false])
  await held.proxy.quiet()
})

test('an unrelated change ends nothing', async (t) => {
  const held = await hold(t, { onChange: 'close', drainMs: 1 })
  for (let number = 0; number < 20; number += 1)
    await held.proxy.publish([route(`/other-${number}`, held.recording.url)])
  held.answer(ok('late'))
  assert.equal((await held.client.answer()).body, 'late')
  held.client.socket.destroy()
  await held.proxy.quiet()
})
