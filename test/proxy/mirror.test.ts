import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Filter } from '../../src/core/route/filter.ts'
import { askRaw, get, talk } from './support/client.ts'
import { openProxy, route, upstream, type Proxy } from './support/proxy.ts'
import { openRecording, valuesOf, type Recording, type Seen } from './support/recording.ts'

const mirror = (maxBodyBytes: number, name = 'copy'): Filter => ({
  kind: 'mirror',
  upstream: name,
  percent: 100,
  maxBodyBytes,
})

interface Mirrored {
  readonly proxy: Proxy
  readonly main: Recording
  readonly copy: Recording
}

async function open(t: TestContext, filters: readonly Filter[]): Promise<Mirrored> {
  const main = await openRecording(t)
  const copy = await openRecording(t)
  // Whoever waits for a connection waits as long as this machine needs.
  const patient = { pool: { queueTimeoutMs: 60_000 } }
  const upstreams = [upstream('main', [main.url], patient), upstream('copy', [copy.url])]
  const proxy = await openProxy(t, [route('/*rest', 'main', { filters })], upstreams)
  return { proxy, main, copy }
}

/** The next copies, which nobody waits for otherwise. */
async function copied(copy: Recording, count: number): Promise<readonly Seen[]> {
  for (let left = 500; left > 0 && copy.seen.length < count; left -= 1) await delay(10)
  return copy.seen
}

const post = (path: string, fields: string): string => get(path, fields, 'POST')
const chunked = 'Transfer-Encoding: chunked\r\n'

test('a copy has the body, its length and a mark that only the copy has', async (t) => {
  const { proxy, main, copy } = await open(t, [mirror(8)])
  const forged = 'Turnout-Mirror: forged\r\n'
  const rows = [
    [post('/length', `${forged}Content-Length: 8\r\n`), '12345678', '12345678'],
    [post('/chunked', chunked), '4\r\n1234\r\n4\r\n5678\r\n0\r\n\r\n', '12345678'],
    [post('/empty', chunked), '0\r\n\r\n', ''],
    [get('/none', forged), '', ''],
  ] as const
  for (const [at, [head, sent, body]] of rows.entries()) {
    assert.equal((await askRaw(proxy.port, head + sent)).status, 200)
    const seen = (await copied(copy, at + 1))[at]!
    const original = main.seen[at]!
    assert.equal(`${seen.method} ${seen.target}`, `${original.method} ${original.target}`)
    assert.equal(seen.body.toString(), body)
    assert.notEqual(seen.framing, 'chunked')
    assert.deepEqual(valuesOf(seen, 'turnout-mirror'), ['true'])
    assert.deepEqual(valuesOf(original, 'turnout-mirror'), [])
  }
  assert.deepEqual([...main.faults, ...copy.faults], [])
  await proxy.quiet()
})

test('nothing of a copy is sent before the body is whole', async (t) => {
  const { proxy, main, copy } = await open(t, [mirror(8)])
  const arrived = { size: 0 }
  Object.assign(main.script, { onBody: (bytes: Buffer) => (arrived.size += bytes.length) })
  const client = talk(proxy.port, `${post('/', 'Content-Length: 8\r\n')}1234`)
  while (arrived.size < 4) await delay(5)
  await delay(50)
  assert.equal(copy.count, 0)
  client.send('5678')
  assert.equal((await client.answer('POST')).status, 200)
  assert.equal((await copied(copy, 1))[0]!.body.toString(), '12345678')
  client.socket.destroy()
  await proxy.quiet()
})

test('a longer body arrives, is not copied, and is told once', async (t) => {
  const { proxy, main, copy } = await open(t, [mirror(8)])
  for (let round = 0; round < 2; round += 1) {
    const length = `${post('/length', 'Content-Length: 9\r\n')}123456789`
    const pieces = `${post('/chunked', chunked)}8\r\n12345678\r\n1\r\n9\r\n0\r\n\r\n`
    for (const bytes of [length, pieces])
      assert.equal((await askRaw(proxy.port, bytes)).status, 200)
  }
  assert.deepEqual(
    main.seen.map(({ body }) => body.toString()),
    Array.from({ length: 4 }, () => '123456789'),
  )
  await askRaw(proxy.port, get('/last'))
  assert.deepEqual(
    (await copied(copy, 1)).map(({ target }) => target),
    ['/last'],
  )
  assert.equal(proxy.logged.filter((line) => line.includes('not mirrored')).length, 1)
  await proxy.quiet()
})

test('a body that breaks off, or that the target does not wait for, is not copied', async (t) => {
  const { proxy, main, copy } = await open(t, [mirror(8)])
  const client = talk(proxy.port, `${post('/broken', 'Content-Length: 8\r\n')}1234`)
  await delay(50)
  client.socket.destroy()
  Object.assign(main.script, {
    onHead: () => 'HTTP/1.1 413 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  })
  const early = talk(proxy.port, `${post('/early', 'Content-Length: 8\r\n')}1234`)
  assert.equal((await early.answer('POST')).status, 413)
  early.socket.destroy()
  await proxy.quiet()
  Object.assign(main.script, { onHead: undefined })
  await askRaw(proxy.port, get('/last'))
  assert.deepEqual(
    (await copied(copy, 1)).map(({ target }) => target),
    ['/last'],
  )
  await proxy.quiet()
})

test('bodies that are still coming take places of copies, and give them back', async (t) => {
  const { proxy, copy } = await open(t, [mirror(8)])
  const clients = Array.from({ length: 256 }, () =>
    talk(proxy.port, `${post('/', 'Content-Length: 8\r\n')}1`),
  )
  const active = (): number => proxy.live('main').endpoints[0]!.active
  while (active() < 256) await delay(5)
  // What has no place is served all the same; 128 connections are not enough for this one either.
  for (const { socket } of clients) socket.destroy()
  await proxy.quiet()
  await askRaw(proxy.port, get('/last'))
  assert.deepEqual(
    (await copied(copy, 1)).map(({ target }) => target),
    ['/last'],
  )
  await proxy.quiet()
})

test('a mirror that is gone, or never reads, costs its client nothing', async (t) => {
  const { proxy, copy } = await open(t, [mirror(1_000_000)])
  Object.assign(copy.script, {
    onHead: (_: unknown, socket: Socket) => void socket.pause(),
  })
  const body = 'a'.repeat(1_000_000)
  const bytes = `${post('/', `Content-Length: ${body.length}\r\n`)}${body}`
  assert.equal((await askRaw(proxy.port, bytes)).status, 200)
  for (let left = 500; left > 0 && copy.open.size === 0; left -= 1) await delay(10)
  for (const socket of copy.open) socket.destroy()
  Object.assign(copy.script, {
    onHead: (_: unknown, socket: Socket) => void socket.destroy(),
  })
  assert.equal((await askRaw(proxy.port, bytes)).status, 200)
  await proxy.quiet()
})

test('two mirrors of a route both get the body', async (t) => {
  const { proxy, copy } = await open(t, [mirror(8), mirror(4), mirror(8)])
  const bytes = `${post('/', chunked)}8\r\n12345678\r\n0\r\n\r\n`
  assert.equal((await askRaw(proxy.port, bytes)).status, 200)
  assert.deepEqual(
    (await copied(copy, 2)).map(({ body }) => body.toString()),
    ['12345678', '12345678'],
  )
  await proxy.quiet()
})
