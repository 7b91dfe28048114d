import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineModule, type RouteModule } from '../../src/modules/define.ts'
import { attack, begin, bodyOf, exchange, last, more, statusesOf } from './wire.ts'

interface Told {
  disposed: string[]
  signals: number
  ended: number
}

/** Handlers that wait for their clients to leave, in every way a handler can. */
const waiting = (version: string, told: Told): RouteModule =>
  defineModule({
    name: 'waiting',
    version,
    register(routes, { onDispose }) {
      onDispose(() => void told.disposed.push(version))
      const left = (signal: AbortSignal): Promise<void> =>
        new Promise((resolve) =>
          signal.addEventListener('abort', () => {
            told.signals += 1
            resolve()
          }),
        )
      routes.get('/version', (c) => c.text(version))
      routes.get('/answers', async (c) => {
        await left(c.signal)
        return c.text('too late')
      })
      routes.get('/throws', async (c) => {
        await left(c.signal)
        throw new Error('left')
      })
      routes.post('/reads', async (c) => c.text(await c.body.text()))
      routes.get('/endless', (c) =>
        c.stream(async function* () {
          try {
            for (;;) yield 'x'.repeat(65_536)
          } finally {
            told.ended += 1
          }
        }),
      )
      routes.get('/quiet', (c) =>
        c.stream(async function* (signal) {
          yield 'one'
          await left(signal)
        }),
      )
      routes.get('/stuck', (c) =>
        c.stream(async function* () {
          yield 'one'
          await new Promise(() => undefined)
        }),
      )
      routes.get('/large', (c) => c.bytes(new Uint8Array(50_000_000)))
      routes.get(
        '/web',
        () =>
          new Response(
            new ReadableStream({ pull: (queue) => queue.enqueue(new Uint8Array(65_536)) }),
          ),
      )
    },
  })

const post = (fields: string): string => more('/reads', fields, 'POST')

describe('a client that leaves keeps no version', () => {
  const rows: [string, string, boolean][] = [
    ['in the middle of its head', 'GET /ver', false],
    ['in the middle of its body', `${post('Content-Length: 10\r\n')}abc`, false],
    ['in the middle of a chunk', `${post('Transfer-Encoding: chunked\r\n')}3\r\nab`, false],
    ['before the answer', more('/answers'), false],
    ['before an error', more('/throws'), false],
    ['during an endless stream', more('/endless'), true],
    ['during a stream that waits', more('/quiet'), true],
    ['during a stream that never goes on', more('/stuck'), true],
    ['during a large answer', more('/large'), true],
    ['during a web stream', more('/web'), true],
    ['with a stream behind a slow answer', more('/answers') + more('/endless'), false],
    ['with many behind it', more('/answers') + more('/quiet').repeat(14), false],
    ['with its answer', more('/version'), true],
  ]
  for (const [name, bytes, isAnswered] of rows) {
    test(name, { timeout: 20_000 }, async (t) => {
      const told: Told = { disposed: [], signals: 0, ended: 0 }
      const { port, turnout } = await attack(t, async (one) => {
        await one.module(waiting('1.0.0', told))
      })
      const socket = await begin(port, bytes, isAnswered)
      // The server has read it all when a later connection has been served.
      await exchange(port, last('/version'))
      socket.destroy()
      const retired = new Promise<void>((resolve) => turnout.on('retired', () => resolve()))
      // What was listed on trial before it served has been disposed of already.
      told.disposed = []
      await turnout.module(waiting('2.0.0', told))
      await retired
      assert.ok(told.disposed.includes('1.0.0'))
      assert.deepEqual(turnout.draining, [])
    })
  }
})

test('who is cut at the drain deadline reads 503, also where the handler throws for it', async (t) => {
  const told: Told = { disposed: [], signals: 0, ended: 0 }
  const { port, turnout } = await attack(
    t,
    async (one) => {
      await one.module(waiting('1.0.0', told))
    },
    { drainMs: 50 },
  )
  const answers = [exchange(port, more('/throws')), exchange(port, more('/answers'))]
  while ((turnout.draining[0]?.exchanges ?? 0) < 2) {
    await exchange(port, last('/version'))
    await turnout.module(waiting('2.0.0', told))
  }
  for (const received of await Promise.all(answers)) {
    assert.deepEqual(statusesOf(received), [503])
    assert.match(bodyOf(received), /TURNOUT_EXCHANGE_CUT/)
  }
})

test('a reader that has stopped makes an endless stream wait, not grow', async (t) => {
  let yielded = 0
  const { port } = await attack(
    t,
    (turnout) =>
      void turnout.get('/', (c) =>
        c.stream(async function* () {
          for (;;) {
            yielded += 65_536
            yield 'x'.repeat(65_536)
          }
        }),
      ),
  )
  const socket = await begin(port, more('/'), true)
  socket.pause()
  let before = -1
  while (yielded !== before) {
    before = yielded
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.ok(yielded < 64 * 1024 * 1024, `${yielded} bytes for a reader that reads nothing`)
  socket.destroy()
})
