import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { defineModule, type RouteModule } from '../../src/modules/define.ts'
import { createTurnout, type Turnout } from '../../src/turnout.ts'
import { last, more, statusesOf } from '../attack/wire.ts'
import { held, listenOn, readAll, reset, type Ground, type Opened } from './grounds.ts'

/** Handlers that wait for their clients in every way a handler can. */
const waiting = (version: string): RouteModule =>
  defineModule({
    name: 'waiting',
    version,
    register(routes) {
      const left = (signal: AbortSignal): Promise<void> =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
      routes.any('/version', (c) => c.text(version))
      routes.get('/answers', async (c) => {
        await left(c.signal)
        return c.text('too late')
      })
      routes.get('/throws', async (c) => {
        await left(c.signal)
        throw new Error('left')
      })
      routes.post('/reads', async (c) => c.text(await c.body.text()))
      routes.post('/streams', async (c) => {
        let size = 0
        for await (const piece of c.body.stream()!) size += piece.length
        return c.text(String(size))
      })
      routes.post('/holds', async (c) => {
        await left(c.signal)
        return c.text('too late')
      })
      routes.get('/later', async (c) => {
        await wait(300)
        return c.text('later')
      })
      routes.get('/endless', (c) =>
        c.stream(async function* () {
          for (;;) yield 'x'.repeat(65_536)
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
      routes.get('/large', (c) => c.bytes(new Uint8Array(20_000_000)))
      routes.get(
        '/web',
        () =>
          new Response(
            new ReadableStream({ pull: (queue) => queue.enqueue(new Uint8Array(65_536)) }),
          ),
      )
    },
  })

const length = (size: number): string => `Content-Length: ${size}\r\n`
const chunks = 'Transfer-Encoding: chunked\r\n'

/** What was sent, and whether something comes for it before the client leaves. */
const states: readonly (readonly [what: string, bytes: string, isAnswered: boolean])[] = [
  ['before a byte', '', false],
  ['in its first line', 'GET /ver', false],
  ['in its head', 'GET /version HTTP/1.1\r\nHost: a\r\nX: y', false],
  ['behind its head', more('/reads', length(10), 'POST'), false],
  ['in its body', `${more('/reads', length(10), 'POST')}abc`, false],
  ['in a body that is streamed', `${more('/streams', length(1_000_000), 'POST')}abc`, false],
  ['in a body that waits', `${more('/holds', length(10), 'POST')}abc`, false],
  [
    'in a body that waits, with much of it',
    more('/holds', length(900_000), 'POST') + 'a'.repeat(300_000),
    false,
  ],
  ['in a body that nobody reads', `${more('/version', length(10), 'POST')}abc`, true],
  ['while its handler waits', more('/answers'), false],
  ['before an error', more('/throws'), false],
  ['in an endless stream', more('/endless'), true],
  ['in a stream that waits', more('/quiet'), true],
  ['in a stream that never goes on', more('/stuck'), true],
  ['in a large answer', more('/large'), true],
  ['in a web stream', more('/web'), true],
  ['with many behind it', more('/answers') + more('/version').repeat(500), false],
  // While so much waits unread that no more is read, nobody sees it leave before its handler has ended, or is late.
  ['with more behind it than is kept', more('/later') + more('/version').repeat(5_000), false],
  ['with a stream behind it', more('/answers') + more('/endless'), false],
  ['with half a request behind it', `${more('/answers')}GET /ver`, false],
  ['between two requests', more('/version'), true],
  ['handed over, in its body', `${more('/reads', chunks, 'POST')}5\r\nab`, false],
  ['handed over, while its handler waits', more('/answers', 'Upgrade: x\r\n'), false],
  [
    'handed over behind one that is served',
    `${more('/version')}${more('/reads', chunks, 'POST')}5\r\nab`,
    true,
  ],
  ['handed over, in a stream', more('/quiet', 'Upgrade: x\r\n'), true],
  ['handed over, between two requests', more('/version', 'Upgrade: x\r\n'), true],
]

const leave: Readonly<Record<string, (socket: Socket) => void>> = {
  'it is destroyed': (socket) => void socket.destroy(),
  'it is reset': reset,
  'it sends no more': (socket) => void socket.end(),
}

const until = async (isSo: () => boolean, what: () => string): Promise<void> => {
  const deadline = Date.now() + 6_000
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`it is still so: ${what()}`)
    await wait(5)
  }
}

const open = async (
  t: TestContext,
  ground: Ground,
): Promise<Opened & { readonly turnout: Turnout }> => {
  const turnout = createTurnout({
    logger: false,
    lane: 'fast',
    overload: false,
    limits: { requestMs: 1_000 },
  })
  t.after(() => turnout.close(0))
  await turnout.module(waiting('1.0.0'))
  return { ...(await listenOn(t, ground, turnout)), turnout }
}

/** Leaves a connection in every way, in every state that it can be in: nothing is left of it. */
export function describeStates(ground: Ground): void {
  describe(`${ground}: a client that leaves leaves nothing`, () => {
    for (const [how, go] of Object.entries(leave)) {
      test(how, { timeout: 120_000 }, async (t) => {
        const { connect, turnout } = await open(t, ground)
        const served = (): Promise<string> => {
          const socket = connect()
          socket.write(last('/version'))
          return readAll(socket)
        }
        await served()
        await until(
          () => !held().some((name) => name !== 'Timeout'),
          () => held().join(),
        )
        const before = held().length
        for (const [at, [what, bytes, isAnswered]] of states.entries()) {
          await t.test(what, async () => {
            const socket = connect()
            const answered = new Promise((resolve) => socket.once('data', resolve))
            await new Promise<void>((resolve) =>
              socket.write(bytes === '' ? '' : bytes, 'latin1', () => resolve()),
            )
            if (isAnswered) await answered
            // The server has read it all when a later connection has been served.
            assert.deepEqual(statusesOf(await served()), [200])
            if (how === 'it sends no more') void readAll(socket)
            go(socket)
            await turnout.module(waiting(`1.0.${at + 1}`))
            await until(
              () => turnout.draining.length === 0,
              () => JSON.stringify(turnout.draining),
            )
            await until(
              () => held().length <= before,
              () => held().join(),
            )
          })
        }
      })
    }
  })
}
