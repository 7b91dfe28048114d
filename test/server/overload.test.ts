import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { createTurnout, type Turnout, type TurnoutOptions } from '../../src/turnout.ts'
import { begin, bodyOf, exchange, last, more, statusesOf } from '../attack/wire.ts'

/** Waits until something holds, for as long as a test may take. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await wait(5)
}

/** A Turnout whose handler at `/held` answers when the gate opens. */
async function open(
  t: TestContext,
  overload: TurnoutOptions['overload'],
  more: TurnoutOptions = {},
): Promise<{ turnout: Turnout; port: number; entered: string[]; release: () => void }> {
  const turnout = createTurnout({
    logger: false,
    ...more,
    ...(overload !== undefined && { overload }),
  })
  t.after(() => turnout.close(0))
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const entered: string[] = []
  turnout.handle(['GET', 'POST'], '/held', async (c) => {
    entered.push(c.queries.toString())
    await gate
    return c.text('held')
  })
  turnout.get('/free', (c) => c.text('free'))
  turnout.get('/alive', (c) => c.text('alive'))
  const { port } = await turnout.listen({ port: 0 })
  return { turnout, port, entered, release }
}

const inside = (turnout: Turnout): readonly [number, number] => {
  const { inFlight, waiting } = turnout.overload!
  return [inFlight, waiting]
}

test('so many are served, so many wait, and the rest is told when to come again', async (t) => {
  const { turnout, port, entered, release } = await open(t, {
    concurrency: 2,
    waiting: 3,
    waitMs: 1_000,
  })
  const served = [0, 1].map((at) => exchange(port, last(`/held?${at}`)))
  await until(() => entered.length === 2)
  const waited: Promise<string>[] = []
  for (const at of [2, 3, 4]) {
    waited.push(exchange(port, last(`/held?${at}`)))
    await until(() => inside(turnout)[1] === at - 1)
  }
  const answer = await exchange(port, last('/held?5'))
  assert.deepEqual(statusesOf(answer), [503])
  assert.match(answer, /^retry-after: [123]\r$/m)
  assert.match(answer, /^content-type: application\/problem\+json\r$/m)
  assert.equal((JSON.parse(bodyOf(answer)) as { code: string }).code, 'TURNOUT_OVERLOADED')
  assert.deepEqual(inside(turnout), [2, 3])
  release()
  const answers = await Promise.all([...served, ...waited])
  // Two of those that waited are let in; the third may have been cut short, as somebody was turned away.
  assert.deepEqual(answers.slice(0, 2).flatMap(statusesOf), [200, 200])
  assert.equal(entered.length + turnout.overload!.shed, 6)
  assert.ok(!entered.includes('5='))
  await until(() => inside(turnout).join() === '0,0')
})

test('who waits too long is told so', async (t) => {
  const { turnout, port, entered, release } = await open(t, { concurrency: 1, waitMs: 50 })
  const held = exchange(port, last('/held'))
  await until(() => entered.length === 1)
  assert.deepEqual(statusesOf(await exchange(port, last('/free'))), [503])
  assert.deepEqual([turnout.overload!.shed, ...inside(turnout)], [1, 1, 0])
  release()
  assert.deepEqual(statusesOf(await held), [200])
  assert.deepEqual(statusesOf(await exchange(port, last('/free'))), [200])
})

test('a body of 10 MB is not read, and its client is answered all the same', async (t) => {
  const { port, entered, release } = await open(t, { concurrency: 1, waiting: 0 })
  const held = exchange(port, last('/held'))
  await until(() => entered.length === 1)
  const bytes = 10 * 1024 * 1024
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.on('data', (part: Buffer) => {
    received += part.toString('latin1')
  })
  socket.on('error', () => undefined)
  socket.write(`POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`)
  // The head alone is enough.
  await until(() => received.includes('TURNOUT_OVERLOADED'))
  assert.deepEqual(statusesOf(received), [503])
  assert.match(received, /^connection: close\r$/im)
  socket.destroy()

  // A client that sends everything before it reads.
  for (const head of [`Content-Length: ${bytes}`, 'Transfer-Encoding: chunked']) {
    const text = 'x'.repeat(bytes)
    const body = head.startsWith('C') ? text : `${bytes.toString(16)}\r\n${text}\r\n0\r\n\r\n`
    const answer = await exchange(port, `POST /held HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n${body}`)
    assert.deepEqual(statusesOf(answer), [503], head)
  }
  const response = await fetch(`http://127.0.0.1:${port}/held`, {
    method: 'POST',
    body: Buffer.alloc(bytes),
  })
  assert.equal(response.status, 503)
  await response.text()
  assert.equal(entered.length, 1)
  release()
  await held
})

test('nothing behind a body that was not read is taken for a request', async (t) => {
  const { port, entered, release } = await open(t, { concurrency: 1, waiting: 0 })
  const held = exchange(port, last('/held'))
  await until(() => entered.length === 1)
  const hidden = last('/held?hidden')
  const fields = `Content-Length: ${hidden.length}\r\n`
  const received = await exchange(port, more('/held', fields, 'POST') + hidden + last('/held?more'))
  assert.deepEqual(statusesOf(received), [503])
  release()
  await held
  assert.deepEqual(entered, [''])
})

test('without a body the connection stays, and its next request is served', async (t) => {
  const { port, entered, release } = await open(t, { concurrency: 1, waiting: 0 })
  const held = exchange(port, last('/held'))
  await until(() => entered.length === 1)
  const socket = await begin(port, more('/free'), true)
  release()
  await held
  const next = once(socket, 'data')
  socket.write(last('/free'))
  const [bytes] = (await next) as [Buffer]
  assert.deepEqual(statusesOf(bytes.toString()), [200])
})

test('every place is given back', async (t) => {
  const overload = { concurrency: 2, waiting: 4, waitMs: 1_000 }
  const { turnout, port, entered, release } = await open(t, overload, { recovery: true })
  turnout.get('/throws', () => {
    throw new Error('no')
  })
  turnout.get('/rejects', async () => {
    await wait(1)
    throw new Error('no')
  })
  const streams = new AbortController()
  turnout.get('/stream', (c) =>
    c.stream(
      (async function* () {
        yield 'first'
        await wait(60_000, null, { signal: streams.signal }).catch(() => undefined)
      })(),
    ),
  )
  for (let at = 0; at < 5; at += 1)
    for (const path of ['/throws', '/rejects'])
      assert.deepEqual(statusesOf(await exchange(port, last(path))), [500])
  await until(() => inside(turnout).join() === '0,0')

  // Answers that go on for ever keep nobody out.
  const open_ = await Promise.all([0, 1, 2].map(() => begin(port, more('/stream'), true)))
  await until(() => inside(turnout).join() === '0,0')
  assert.deepEqual(statusesOf(await exchange(port, last('/free'))), [200])
  for (const socket of open_) socket.destroy()
  streams.abort()

  // Clients that leave: while they wait, and while they are served.
  const served = await Promise.all([0, 1].map(() => begin(port, more('/held'), false)))
  await until(() => entered.length === 2)
  const waiting = await Promise.all([0, 1, 2, 3].map(() => begin(port, more('/held'), false)))
  await until(() => inside(turnout)[1] === 4)
  for (const socket of waiting) socket.destroy()
  await until(() => inside(turnout)[1] === 0)
  for (const socket of served) socket.destroy()
  release()
  await until(() => inside(turnout).join() === '0,0')
  assert.equal(entered.length, 2)
})

test('a change of the routes does not open the limit', async (t) => {
  const { turnout, port, entered, release } = await open(t, { concurrency: 2, waiting: 0 })
  const held = [0, 1].map(() => exchange(port, last('/held')))
  await until(() => entered.length === 2)
  for (let change = 0; change < 3; change += 1) {
    await turnout.update((draft) => {
      draft.get(`/new-${change}`, (c) => c.text('new'))
    })
    assert.deepEqual(statusesOf(await exchange(port, last(`/new-${change}`))), [503])
  }
  release()
  assert.deepEqual((await Promise.all(held)).flatMap(statusesOf), [200, 200])
  assert.deepEqual(statusesOf(await exchange(port, last('/new-2'))), [200])
})

test('critical paths and the admin API answer all the time', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'turnout-'))
  t.after(() => rm(directory, { recursive: true }))
  const { turnout, port, entered, release } = await open(t, {
    concurrency: 1,
    waiting: 0,
    critical: ['/alive'],
  })
  const admin = await turnout.admin({ port: 0, directory, token: 'a'.repeat(40) })
  const held = exchange(port, last('/held'))
  await until(() => entered.length === 1)
  const answers = await Promise.all([
    exchange(port, last('/alive?a=b')),
    exchange(port, last('/alive')),
    exchange(port, last('/alive/not')),
    exchange(port, last('/free')),
  ])
  assert.deepEqual(answers.flatMap(statusesOf), [200, 200, 503, 503])
  const { status } = await fetch(`${admin.url}/api/status`, {
    headers: { authorization: `Bearer ${'a'.repeat(40)}` },
  })
  assert.equal(status, 200)
  release()
  await held
})

test('a request for another protocol is turned away as any other', async (t) => {
  const { port, entered, release } = await open(t, { concurrency: 1, waiting: 1, waitMs: 20 })
  const held = exchange(port, last('/held'))
  await until(() => entered.length === 1)
  const fields = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  assert.deepEqual(statusesOf(await exchange(port, more('/free', fields + key))), [503])
  release()
  await held
})

test('overload that is false lets everybody in', async (t) => {
  const { turnout, port, entered, release } = await open(t, false)
  const held = Array.from({ length: 50 }, () => exchange(port, last('/held')))
  await until(() => entered.length === 50)
  assert.equal(turnout.overload, null)
  release()
  assert.deepEqual(new Set((await Promise.all(held)).flatMap(statusesOf)), new Set([200]))
})

test('a worker that is asked for more than it can do finds out by itself, and when that is over', async (t) => {
  const { turnout, port } = await open(t, undefined)
  turnout.get('/work', async (c) => {
    const endsAt = performance.now() + 10
    while (performance.now() < endsAt);
    await wait(20)
    return c.text('done')
  })
  const load = { isOver: false }
  const statuses = new Map<number, number>()
  const ask = async (): Promise<void> => {
    while (!load.isOver) {
      const [status = 0] = statusesOf(await exchange(port, last('/work')))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  const clients = Array.from({ length: 40 }, ask)
  await until(() => turnout.overload!.shed > 0)
  assert.equal(turnout.overload!.isHolding, true)
  load.isOver = true
  await Promise.all(clients)
  await until(() => !turnout.overload!.isHolding)
  assert.deepEqual([turnout.overload!.limit, ...inside(turnout)], [null, 0, 0])
  assert.deepEqual([...statuses.keys()].sort(), [200, 503])
  const late = Array.from({ length: 20 }, () => exchange(port, last('/free')))
  assert.deepEqual(new Set((await Promise.all(late)).flatMap(statusesOf)), new Set([200]))
})

test('what overload may be', () => {
  const wrong: readonly unknown[] = [
    true,
    'adaptive',
    { concurrency: 0 },
    { concurrency: 'all' },
    { concurrency: 1.5 },
    { waiting: -1 },
    { waiting: 10_001 },
    { waitMs: 1_001 },
    { critical: 'a' },
    { critical: ['alive'] },
    { other: 1 },
  ]
  for (const overload of wrong)
    assert.throws(
      () => createTurnout({ overload } as TurnoutOptions),
      { code: 'TURNOUT_OPTION_INVALID' },
      JSON.stringify(overload),
    )
})
