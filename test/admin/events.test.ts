import assert from 'node:assert/strict'
import { request, type IncomingMessage } from 'node:http'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { createAdminClient } from '../../src/admin/client.ts'
import { createEventRing } from '../../src/admin/event-ring.ts'
import { open, root, type Opened, target } from './support/open.ts'

/** Reads from `/api/events` until `isDone` says that it was enough. */
const read = (
  { port }: Opened,
  headers: Readonly<Record<string, string>>,
  isDone: (text: string) => boolean,
  onOpen: () => void = () => undefined,
  token = root,
): Promise<string> =>
  new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path: '/api/events',
      headers: { authorization: `Bearer ${token}`, ...headers },
    })
    outgoing.on('error', reject)
    outgoing.on('response', (answer: IncomingMessage) => {
      let text = ''
      assert.equal(answer.statusCode, 200)
      assert.match(answer.headers['content-type'] ?? '', /^text\/event-stream/)
      answer.setEncoding('utf8').on('data', (part: string) => {
        if (text === '') onOpen()
        text += part
        if (!isDone(text)) return
        outgoing.destroy()
        resolve(text)
      })
      answer.on('end', () => resolve(text))
      answer.on('error', () => resolve(text))
    })
    outgoing.end()
  })

const idsOf = (text: string): string[] => [...text.matchAll(/^id: (.+)$/gm)].map(([, id]) => id!)
const namesOf = (text: string): string[] =>
  [...text.matchAll(/^event: (.+)$/gm)].map(([, name]) => name!)

test('a client sees what happens from its first look on, and goes on where it left', async (t) => {
  const opened = await open(t)
  const { emit } = opened
  const first = await read(
    opened,
    {},
    (text) => namesOf(text).length === 2,
    () => {
      emit({ name: 'applied', data: { revision: 1 } })
      emit({ name: 'rejected', data: { reason: 'a\nb' } })
    },
  )
  assert.deepEqual(namesOf(first), ['applied', 'rejected'])
  assert.match(first, /^data: \{"reason":"a\\nb"\}$/m)
  for (let at = 0; at < 3; at += 1) emit({ name: 'retired', data: { at } })
  const second = await read(
    opened,
    { 'last-event-id': idsOf(first).at(-1)! },
    (text) => namesOf(text).length === 3,
  )
  assert.deepEqual(namesOf(second), ['retired', 'retired', 'retired'])
})

test('a change over the API is told to who follows', async (t) => {
  const opened = await open(t)
  const seen = await read(
    opened,
    {},
    (text) => namesOf(text).length === 1,
    () => void opened.send('POST', '/api/routes', { body: { id: 'a', path: '/a', target } }),
  )
  assert.deepEqual(namesOf(seen), ['applied'])
})

for (const [name, id] of [
  ['of another start', '0123456789ab-1'],
  ['that is none', 'nonsense'],
]) {
  test(`a client with an id ${name} is told to look at everything anew`, async (t) => {
    const opened = await open(t)
    opened.emit({ name: 'applied', data: {} })
    const text = await read(opened, { 'last-event-id': id! }, (text) => namesOf(text).length > 0)
    assert.deepEqual(namesOf(text), ['reset'])
  })
}

test('a ring keeps the newest events and knows when it cannot tell what was missed', () => {
  const ring = createEventRing(3)
  const start = ring.newest
  for (let at = 1; at <= 3; at += 1) ring.add({ name: 'e', data: at })
  assert.deepEqual(
    ring.after(start)?.map(({ data }) => data),
    [1, 2, 3],
  )
  const third = ring.newest
  ring.add({ name: 'e', data: 4 })
  assert.equal(ring.after(start), null)
  assert.deepEqual(
    ring.after(third)?.map(({ data }) => data),
    [4],
  )
  assert.deepEqual(ring.after(ring.newest), [])
  assert.equal(ring.after(ring.newest.replace(/\d+$/, '99')), null)
})

test('a heartbeat keeps the connection; a removed token ends it', async (t) => {
  const opened = await open(t, { limits: { heartbeatMs: 20 } })
  const made = await opened.tokens.create(
    { name: 'reader', scopes: ['read'], expiresAt: null },
    Date.now(),
  )
  let isRemoved = false
  const text = await read(
    opened,
    {},
    (text) => {
      if (!isRemoved && text.includes(': still here')) {
        isRemoved = true
        void opened.tokens.remove(made.id)
      }
      return false
    },
    undefined,
    made.token,
  )
  assert.match(text, /^: still here$/m)
})

test('a reader that does not read is cut, and nobody else', async (t) => {
  const opened = await open(t)
  const ended = new Promise<void>((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port: opened.port,
      path: '/api/events',
      headers: { authorization: `Bearer ${root}` },
    })
    outgoing.on('response', (answer) => {
      answer.pause()
      const big = 'x'.repeat(256 * 1024)
      const flood = setInterval(() => opened.emit({ name: 'applied', data: big }), 1)
      answer.socket.on('close', () => {
        clearInterval(flood)
        resolve()
      })
      // It has to be read for its end to be seen; by then it is cut.
      setTimeout(() => answer.resume(), 1_500)
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
  await ended
  assert.equal((await opened.send('GET', '/healthz')).status, 200)
})

test('clients that follow are bounded', async (t) => {
  const opened = await open(t)
  const outgoing = await Promise.all(
    Array.from(
      { length: 100 },
      () =>
        new Promise<ReturnType<typeof request>>((resolve, reject) => {
          const one = request({
            host: '127.0.0.1',
            port: opened.port,
            agent: false,
            path: '/api/events',
            headers: { authorization: `Bearer ${root}` },
          })
          one.on('error', reject)
          one.on('response', (answer) => {
            answer.on('error', () => undefined)
            answer.once('data', () => resolve(one))
          })
          one.end()
        }),
    ),
  )
  const refused = await opened.send('GET', '/api/events')
  assert.equal(refused.status, 503)
  assert.equal(refused.body.code, 'TURNOUT_ADMIN_BUSY')
  for (const one of outgoing) {
    one.on('error', () => undefined)
    one.destroy()
  }
})

test('the client follows events across a broken connection without losing one', async (t) => {
  const opened = await open(t)
  const sockets = new Set<Socket>()
  const between = createServer((socket) => {
    const far = connect(opened.port, '127.0.0.1')
    for (const [one, other] of [
      [socket, far],
      [far, socket],
    ] as const) {
      sockets.add(one)
      one.on('error', () => undefined)
      one.on('close', () => other.destroy())
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve))
  t.after(() => between.close())
  const { port } = between.address() as AddressInfo
  const client = createAdminClient({ url: `http://127.0.0.1:${port}`, token: root })
  const abort = new AbortController()
  const seen: unknown[] = []
  // Nobody knows when the client has connected, so the first event is said until it is heard.
  const first = setInterval(() => opened.emit({ name: 'applied', data: 0 }), 20)
  for await (const { data } of client.follow({ signal: abort.signal })) {
    if (seen.length === 0) {
      clearInterval(first)
      for (const socket of sockets) socket.destroy()
      for (let at = 1; at <= 3; at += 1) opened.emit({ name: 'applied', data: at })
    }
    seen.push(data)
    if (data === 3) abort.abort()
  }
  assert.deepEqual(
    seen.filter((data) => data !== 0),
    [1, 2, 3],
  )
})
