import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { failureOf, onRequests, openClient, openEndpoint, send } from './open.ts'

const sized = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'
const forbidden = { kind: 'forbidden', isUnsent: true, isStale: false }

test('a socket file', { skip: process.platform === 'win32' }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'turnout-sock-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'a.sock')
  const server = createServer((socket) => onRequests(socket, () => socket.write(sized)))
  server.listen(path)
  await once(server, 'listening')
  t.after(() => server.close())
  const client = openClient(t, `unix:${path}`, { refuseAddress: () => 'no addresses here' })
  for (let time = 0; time < 3; time++) assert.equal((await send(client).over).body, 'hi')
  assert.deepEqual(client.stats, { connections: 1, idle: 1, waiting: 0, upgraded: 0 })
})

test('an address is asked about before each connection, written or resolved', async (t) => {
  const { url, sockets } = await openEndpoint(t, (socket) =>
    onRequests(socket, () => socket.write(sized)),
  )
  const port = Number(new URL(url).port)
  for (const host of ['127.0.0.1', 'localhost', '0x7f.1', '[::ffff:127.0.0.1]']) {
    for (const protocol of ['http', 'https']) {
      const asked: string[] = []
      const client = openClient(t, `${protocol}://${host}:${port}`, {
        refuseAddress(address, at) {
          assert.equal(at, port)
          asked.push(address)
          return `not to ${address}`
        },
      })
      const sent = send(client)
      assert.deepEqual(await failureOf(sent), forbidden)
      assert.match((await sent.over).failure!.reason, /^not to /)
      assert.ok(asked.length > 0)
    }
  }
  assert.equal(sockets.length, 0)
})

test('of a name, the addresses that may be reached are tried', async (t) => {
  const { url } = await openEndpoint(t, (socket) => onRequests(socket, () => socket.write(sized)))
  const client = openClient(t, url.replace('127.0.0.1', 'localhost'), {
    refuseAddress: (address) => (address === '127.0.0.1' ? null : 'no'),
  })
  assert.equal((await send(client).over).body, 'hi')
})

test('a verdict holds for one connection', async (t) => {
  const { url, sockets } = await openEndpoint(t, (socket) =>
    onRequests(socket, () => socket.write(sized)),
  )
  let reason: string | null = null
  const client = openClient(t, url.replace('127.0.0.1', 'localhost'), {
    pool: { requestsPerConnection: 1 },
    refuseAddress: () => reason,
  })
  assert.equal((await send(client).over).body, 'hi')
  reason = 'not any more'
  assert.deepEqual(await failureOf(send(client)), forbidden)
  assert.equal(sockets.length, 1)
})
