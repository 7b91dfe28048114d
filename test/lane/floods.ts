import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { createTurnout, type TurnoutOptions } from '../../src/turnout.ts'
import { last, more, statusesOf } from '../attack/wire.ts'
import { listenOn, readAll, type Ground, type Opened } from './grounds.ts'

const chunked = `${more('/body', 'Transfer-Encoding: chunked\r\n', 'POST')}5\r\nhello\r\n0\r\n\r\n`
const large = 1_000_000
const small = 4_000
/** More than the system keeps. */
const huge = 16_000_000

interface Flooded extends Opened {
  /** Requests that were served. */
  readonly served: () => number
  /** Lets the handler of `/held` answer. */
  readonly release: () => void
}

const open = async (
  t: TestContext,
  ground: Ground,
  options: TurnoutOptions = {},
): Promise<Flooded> => {
  const turnout = createTurnout({ logger: false, lane: 'fast', overload: false, ...options })
  t.after(() => turnout.close(0))
  let served = 0
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  turnout.get('/', (c) => {
    served += 1
    return c.text(c.query('n') ?? 'root')
  })
  turnout.get('/soon', async (c) => {
    served += 1
    await wait(0)
    return c.text(c.query('n')!)
  })
  turnout.get('/large', (c) => {
    served += 1
    return c.bytes(new Uint8Array(large))
  })
  turnout.get('/small', (c) => {
    served += 1
    return c.text('s'.repeat(small))
  })
  turnout.get('/huge', (c) => c.bytes(new Uint8Array(huge)))
  turnout.get('/held', async (c) => {
    await gate
    return c.text('held')
  })
  turnout.post('/body', async (c) => c.text(await c.body.text()))
  return { ...(await listenOn(t, ground, turnout)), served: () => served, release }
}

const numbered = (path: string, count: number): string =>
  Array.from({ length: count }, (_, at) => more(`${path}?n=${at}.`)).join('')

/** Many requests behind each other, and clients that do not read what they asked for. */
export function describeFloods(ground: Ground): void {
  describe(`${ground}: many requests behind each other`, () => {
    for (const path of ['/', '/soon']) {
      test(`10,000 to ${path} are answered in their order`, async (t) => {
        const { connect } = await open(t, ground)
        const socket = connect()
        const count = path === '/' ? 9_998 : 2_000
        socket.write(numbered(path, count) + last('/'))
        const received = await readAll(socket)
        const bodies = [...received.matchAll(/\r\n\r\n(\d+)\./g)].map(([, n]) => Number(n))
        assert.deepEqual(
          bodies,
          Array.from({ length: count }, (_, at) => at),
        )
        assert.equal(statusesOf(received).length, count + 1)
      })
    }

    for (const path of ['/', '/soon'])
      test(`everybody who asks for ${path} in one turn is answered, again and again`, async (t) => {
        const { connect } = await open(t, ground)
        const sockets = Array.from({ length: 100 }, connect)
        const ready = ground === 'secure' ? 'secureConnect' : 'connect'
        await Promise.all(sockets.map((socket) => once(socket, ready)))
        for (let round = 0; round < 5; round += 1) {
          const answers = sockets.map((socket, at) => {
            socket.write(more(`${path}?n=${at}.`))
            return once(socket, 'data')
          })
          const texts = (await Promise.all(answers)).map(([bytes]) => String(bytes))
          assert.deepEqual(
            texts.map((text) => text.slice(text.indexOf('\r\n\r\n') + 4)),
            sockets.map((_, at) => `${at}.`),
          )
        }
        for (const socket of sockets) socket.destroy()
      })

    test('who does not read makes only a few of them be served, and the rest when it does', async (t) => {
      const { connect, served } = await open(t, ground)
      const socket = connect()
      socket.pause()
      const count = 100
      socket.write(more('/large').repeat(count) + last('/'))
      await wait(500)
      // What the system keeps for a client is some MB.
      assert.ok(served() < 30, `${served()} large answers for who reads none`)
      socket.resume()
      assert.ok((await readAll(socket)).length > large * count)
    })

    test('small answers are no more for who does not read', async (t) => {
      const { connect, served } = await open(t, ground)
      const socket = connect()
      socket.pause()
      const count = 9_000
      socket.write(more('/small').repeat(count) + last('/'))
      await wait(500)
      assert.ok(served() < count / 4, `${served()} small answers for who reads none`)
      socket.resume()
      assert.ok((await readAll(socket)).length > small * count)
    })

    test('who reads slowly, but does, gets all of a long answer', async (t) => {
      const { connect } = await open(t, ground, { limits: { writeIdleMs: 400 } })
      const socket = connect()
      let received = 0
      socket.on('data', (bytes: Buffer) => {
        received += bytes.length
        // On average some MB in a second.
        socket.pause()
        setTimeout(() => socket.resume(), bytes.length / 8_000)
      })
      socket.on('end', () => socket.end())
      socket.write(last('/huge'))
      await once(socket, 'close')
      assert.ok(received > huge, `${received} bytes of an answer of ${huge}`)
    })

    test('much that waits behind a slow answer is handed over whole', async (t) => {
      const { connect, release } = await open(t, ground)
      const socket = connect()
      const count = 5_000
      socket.write(more('/held') + numbered('/', count) + chunked + last('/'))
      await wait(200)
      release()
      const received = await readAll(socket)
      assert.equal(statusesOf(received).length, count + 3)
      assert.match(received, /hello[^]*root$/)
    })

    test('what is handed over behind answers that were not taken is served when they are', async (t) => {
      const { connect } = await open(t, ground)
      const socket = connect()
      socket.pause()
      socket.write(more('/large').repeat(20) + chunked + last('/'))
      await wait(300)
      socket.resume()
      const received = await readAll(socket)
      assert.equal(statusesOf(received).length, 22)
      assert.match(received, /hello[^]*root$/)
    })

    test('a body behind much that waits comes whole', async (t) => {
      const { connect, release } = await open(t, ground)
      const socket = connect()
      const size = 300_000
      const body = more('/body', `Content-Length: ${size}\r\n`, 'POST') + 'b'.repeat(size)
      socket.write(more('/held') + numbered('/', 1_500) + body + last('/'))
      await wait(200)
      release()
      const received = await readAll(socket)
      assert.equal(statusesOf(received).length, 1_503)
      assert.match(received, /b{300000}HTTP[^]*root$/)
    })

    test('who never reads is cut, and one that sends no end of a head too', async (t) => {
      const limits = { writeIdleMs: 400, headersMs: 400 }
      const { connect } = await open(t, ground, { limits })
      const stuck = connect()
      stuck.pause()
      stuck.write(more('/large').repeat(50))
      const slow = connect()
      const dribble = setInterval(() => slow.write('X: y\r\n'), 50)
      slow.write('GET / HTTP/1.1\r\nHost: a\r\n')
      assert.deepEqual(statusesOf(await readAll(slow)), [408])
      clearInterval(dribble)
      await wait(1_500)
      stuck.resume()
      assert.ok((await readAll(stuck)).length < large * 50)
    })
  })
}
