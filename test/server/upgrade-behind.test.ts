import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { attack, exchange, last, more, statusesOf } from '../attack/wire.ts'

const upgrade = (protocol: string): string =>
  more(
    '/',
    `Connection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`,
  )
const large = 20_000_000

/** What is before it on the connection, and how much comes back at least. */
const before: Readonly<Record<string, readonly [bytes: string, statuses: number[], size: number]>> =
  {
    'an answer that is there at once': [more('/'), [200], 0],
    'an answer that takes a while': [more('/later'), [200], 0],
    'three answers': [more('/later') + more('/') + more('/later'), [200, 200, 200], 0],
    'a body that is read': [
      more('/body', 'Transfer-Encoding: chunked\r\n', 'POST') + '2\r\nab\r\n0\r\n\r\n',
      [200],
      0,
    ],
    'a large answer': [more('/large'), [200], large],
    'an answer that streams': [more('/stream'), [200], large],
  }

for (const lane of ['fast', 'safe'] as const)
  for (const protocol of ['websocket', 'h2c'])
    for (const [what, [bytes, statuses, size]] of Object.entries(before))
      test(`${lane} lane: who asks for ${protocol} behind ${what} is answered after it`, async (t) => {
        const { port } = await attack(
          t,
          (turnout) => {
            turnout.get('/', (c) => c.text('root'))
            turnout.get('/later', async (c) => {
              await wait(50)
              return c.text('later')
            })
            turnout.post('/body', async (c) => c.text(await c.body.text()))
            turnout.get('/large', (c) => c.bytes(new Uint8Array(large)))
            turnout.get('/stream', (c) =>
              c.stream(async function* () {
                for (let at = 0; at < large; at += 100_000) yield new Uint8Array(100_000)
              }),
            )
          },
          { lane, overload: false },
        )
        // One that is declined keeps its connection.
        const end = protocol === 'h2c' ? last('/') : ''
        const received = await exchange(port, bytes + upgrade(protocol) + end)
        const all = [...statuses, 200, ...(end === '' ? [] : [200])]
        assert.deepEqual(statusesOf(received), all)
        assert.ok(received.length > size)
      })
