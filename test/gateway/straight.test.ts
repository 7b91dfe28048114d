import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import { isStraight, StraightWriter } from '../../src/gateway/straight.ts'
import { canReadShared } from '../../src/server/lane/shared-read.ts'
import { Random } from '../lane/random.ts'
import { seeds } from '../lane/seeds.ts'

interface Pair {
  readonly writing: Socket
  readonly reading: Socket
}

const open = async (t: TestContext): Promise<Pair> => {
  await canReadShared()
  assert.ok(isStraight(), 'this Node lets nobody write past its streams')
  const server = createServer({ allowHalfOpen: true }).listen({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const reading = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const [writing] = (await once(server, 'connection')) as [Socket]
  for (const socket of [reading, writing]) socket.on('error', () => undefined)
  t.after(() => {
    reading.destroy()
    writing.destroy()
    server.close()
  })
  return { reading, writing }
}

/** More than the system keeps for a client that reads nothing. */
const huge = Buffer.alloc(24_000_000, 'h')

for (const seed of seeds)
  test(`texts and bytes come in the order in which they were written, seed ${seed}`, async (t) => {
    const { reading, writing } = await open(t)
    const random = new Random(seed)
    const straight = new StraightWriter(writing, () => undefined)
    const wanted: string[] = []
    const received: string[] = []
    reading.on('data', (bytes: Buffer) => received.push(bytes.toString('latin1')))
    const counts = { straight: 0, streamed: 0, waited: 0, owed: 0, told: 0 }
    const write = (size: number): void => {
      const text = random
        .text('abcdefgh\u00e9\r\n', 20)
        .repeat(Math.ceil(size / 20))
        .slice(0, size)
      wanted.push(text)
      const data = random.isIn(0.5) ? text : Buffer.from(text, 'latin1')
      counts.owed += 1
      const told = (): void => void (counts.told += 1)
      if (straight.write(data, told)) counts.straight += 1
      else {
        counts.streamed += 1
        if (typeof data === 'string') writing.write(data, 'latin1', told)
        else writing.write(data, told)
      }
      if (straight.waiting > 0) counts.waited += 1
    }
    reading.pause()
    write(huge.length)
    let corked = 0
    for (let step = 0; step < 400; step++) {
      const what = random.below(10)
      if (what < 5) write(1 + random.below(2_000))
      else if (what === 5) write(1 + random.below(4_000_000))
      else if (what === 6) reading.pause()
      else if (what === 7) reading.resume()
      else if (what === 8) await turn()
      else if (corked === 0) {
        writing.cork()
        corked = 1
      } else {
        writing.uncork()
        corked = 0
      }
      if (step % 40 === 39) {
        if (corked === 1) writing.uncork()
        corked = 0
        reading.resume()
        while (straight.waiting + writing.writableLength > 0) await turn()
      }
    }
    writing.end()
    await once(reading, 'end')
    const all = wanted.join('')
    assert.equal(received.join('') === all, true, 'what came is not what was written')
    assert.equal(straight.waiting, 0)
    assert.equal(writing.bytesWritten, all.length)
    assert.equal(counts.told, counts.owed)
    for (const kind of ['straight', 'streamed', 'waited'] as const)
      assert.ok(counts[kind] > 0, `no write was ${kind}`)
  })

test('what the system has not taken waits, and is said when it is out', async (t) => {
  const { reading, writing } = await open(t)
  const told: string[] = []
  const straight = new StraightWriter(writing, () => told.push('taken'))
  assert.ok(straight.write('first', () => told.push('first')))
  assert.deepEqual(told, ['first'])
  assert.ok(straight.write(huge, () => told.push('huge')))
  assert.equal(straight.waiting, huge.length)
  assert.equal(writing.bytesWritten, huge.length + 5)
  assert.ok(!straight.write('behind'), 'the stream goes on behind it')
  reading.resume()
  while (straight.waiting > 0) await turn()
  assert.deepEqual(told, ['first', 'huge', 'taken'])
})

test('an end that is said behind what waits comes behind it', async (t) => {
  const { reading, writing } = await open(t)
  const straight = new StraightWriter(writing, () => undefined)
  assert.ok(straight.write(huge))
  writing.destroySoon()
  await turn()
  let length = 0
  reading.on('data', (bytes: Buffer) => (length += bytes.length))
  await once(reading, 'end')
  assert.equal(length, huge.length)
})

for (const [name, leave] of [
  ['who resets the connection', (_: Socket, reading: Socket) => reading.resetAndDestroy()],
  ['who destroys its own end', (writing: Socket) => writing.destroy()],
] as const)
  test(`${name} is told of what waits, once`, async (t) => {
    const { reading, writing } = await open(t)
    const told: (Error | null | undefined)[] = []
    let taken = 0
    const straight = new StraightWriter(writing, () => (taken += 1))
    straight.write(huge, (error) => told.push(error))
    const closed = new Promise((resolve) => writing.once('close', resolve))
    leave(writing, reading)
    await closed
    while (straight.waiting > 0) await turn()
    assert.equal(told.length, 1)
    assert.match((told[0] as NodeJS.ErrnoException).code ?? '', /^(ECANCELED|ECONNRESET|EPIPE)$/)
    assert.equal(taken, 0)
    straight.write('late', (error) => told.push(error))
    assert.ok(told[1] instanceof Error, 'a closed connection takes nothing')
  })

test('a socket of TLS is written through its stream', async (t) => {
  const { writing } = await open(t)
  const secure = new TLSSocket(writing, { isServer: true })
  t.after(() => secure.destroy())
  assert.ok(!new StraightWriter(secure, () => undefined).write('text'))
})
