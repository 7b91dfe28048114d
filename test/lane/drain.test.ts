import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { createTurnout, type Turnout } from '../../src/turnout.ts'
import { begin, bodyOf, more, statusesOf } from '../attack/wire.ts'
import { readAll } from './grounds.ts'

const open = async (
  t: TestContext,
  lane: 'fast' | 'safe',
): Promise<{ readonly turnout: Turnout; readonly port: number }> => {
  const turnout = createTurnout({ logger: false, lane })
  t.after(() => turnout.close(0))
  turnout.get('/', (c) => c.text('root'))
  turnout.get('/later', async (c) => {
    await wait(100)
    return c.text('later')
  })
  turnout.post('/body', async (c) => c.text(await c.body.text()))
  return { turnout, port: (await turnout.listen({ port: 0 })).port }
}

/** Asks again and again on one connection, until an answer says that it is the last; gives what went wrong. */
const asker = async (port: number, told: { answers: number }): Promise<string | null> => {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.setEncoding('latin1').on('error', () => undefined)
  for (;;) {
    let received = ''
    const isAnswered = await new Promise<boolean>((resolve) => {
      socket.once('close', () => resolve(false))
      socket.removeAllListeners('data').on('data', (text: string) => {
        received += text
        if (received.endsWith('root')) resolve(true)
      })
      socket.write(more('/'))
    })
    socket.removeAllListeners('close')
    if (!isAnswered) return `no answer: ${JSON.stringify(received)}`
    told.answers += 1
    if (/connection: close/i.test(received)) return null
  }
}

for (const lane of ['fast', 'safe'] as const) {
  describe(`${lane} lane: a listener that closes`, () => {
    test('answers what was served in the turn in which it closes', async (t) => {
      const { turnout, port } = await open(t, lane)
      let closed: Promise<unknown> = Promise.resolve()
      turnout.get('/close', (c) => {
        process.nextTick(() => {
          closed = turnout.close(5_000)
        })
        return c.text('closing')
      })
      const socket = await begin(port, more('/close'), false)
      const received = await readAll(socket)
      await closed
      assert.deepEqual(statusesOf(received), [200])
    })

    test('answers what waits behind each other, the last one with the word', async (t) => {
      const { turnout, port } = await open(t, lane)
      const socket = await begin(port, more('/later') + more('/') + more('/later'), false)
      const received = readAll(socket)
      await wait(30)
      await turnout.close(5_000)
      assert.deepEqual(statusesOf(await received), [200, 200, 200])
      assert.equal((await received).match(/connection: close/gi)?.length, 1)
    })

    for (const [what, first, rest] of [
      ['head', 'GET / HTTP/1.1\r\nHo', 'st: a\r\n\r\n'],
      ['body', more('/body', 'Content-Length: 4\r\n', 'POST').concat('ro'), 'ot'],
    ] as const)
      test(`waits for the rest of a ${what}`, async (t) => {
        const { turnout, port } = await open(t, lane)
        const socket = await begin(port, more('/'), true)
        const received = readAll(socket)
        socket.write(first)
        await wait(30)
        const closed = turnout.close(5_000)
        await wait(500)
        socket.write(rest)
        assert.equal(bodyOf(await received), 'root')
        assert.match(await received, /connection: close/i)
        await closed
      })

    test('leaves no request of those who go on asking without an answer', async (t) => {
      const { turnout, port } = await open(t, lane)
      const told = { answers: 0 }
      const askers = Array.from({ length: 30 }, () => asker(port, told))
      await wait(200)
      const before = told.answers
      await turnout.close(5_000)
      assert.deepEqual(await Promise.all(askers), Array(30).fill(null))
      assert.ok(before > 100, `${before} answers before it`)
    })

    test('closes who is silent, and cuts who is not done in time', async (t) => {
      const { turnout, port } = await open(t, lane)
      const idle = readAll(await begin(port, more('/'), true))
      const stuck = readAll(
        await begin(port, more('/body', 'Content-Length: 9\r\n', 'POST'), false),
      )
      await wait(30)
      await turnout.close(700)
      assert.equal(await idle, '')
      assert.equal(await stuck, '')
      await assert.rejects(
        new Promise((_, reject) => connect({ port, host: '127.0.0.1' }).on('error', reject)),
      )
    })
  })
}

test(
  'neither a listener nor the admin API waits for connections that bring nothing',
  { timeout: 15_000 },
  async (t) => {
    const { turnout, port } = await open(t, 'fast')
    const directory = mkdtempSync(join(tmpdir(), 'turnout-drain-'))
    t.after(() => rmSync(directory, { recursive: true }))
    const admin = await turnout.admin({ port: 0, directory })
    const sockets = [port, admin.port].map((to) => connect({ port: to, host: '127.0.0.1' }))
    const closed = sockets.map((socket) => once(socket, 'close'))
    for (const socket of sockets) socket.resume().on('error', () => undefined)
    await wait(1_200)
    await turnout.close(60_000)
    await Promise.all(closed)
  },
)
