import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { NodeTransport } from '../../src/server/node-transport.ts'
import { WebTransport } from '../../src/server/web-transport.ts'
import type { Transport } from '../../src/gateway/transport.ts'

const textOf = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString()

const rows: readonly [name: string, body: string, limit: number, expected: string | null][] = [
  ['a body', 'data', 8, 'data'],
  ['one of just the limit', '12345678', 8, '12345678'],
  ['a longer one', '123456789', 8, null],
]

/** Reads the body as a handler does, and then what was kept of it. */
async function kept(transport: Transport, limit: number): Promise<(string | null)[]> {
  const take = transport.copyBody(limit)
  const early = textOf(take())
  const read = textOf(await transport.readBody())
  await new Promise(setImmediate)
  return [early, read, textOf(take())]
}

test('a body is kept beside its reader, of a web request', async () => {
  for (const [name, body, limit, expected] of rows) {
    const request = new Request('http://a.test', { method: 'POST', body })
    const found = await kept(new WebTransport(request, 100), limit)
    assert.deepEqual(found, [null, body, expected], name)
  }
  const used = new Request('http://a.test', { method: 'POST', body: 'data' })
  await used.text()
  const take = new WebTransport(used, 100).copyBody(8)
  await new Promise(setImmediate)
  assert.equal(take(), null)
})

test('a body is kept beside its reader, of a request of node:http', async (t) => {
  let found: (string | null)[] = []
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const isHosted = request.url === '/hosted'
      // A host has begun to read it.
      if (isHosted) await new Promise((resolve) => request.once('readable', resolve))
      found = await kept(
        new NodeTransport(request, response, 100),
        Number(request.headers['x-limit']),
      )
      response.end()
    }
    answer().catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const [name, body, limit, expected] of rows) {
    const headers = { 'x-limit': String(limit) }
    await fetch(url, { method: 'POST', body, headers })
    assert.deepEqual(found, [null, body, expected], name)
  }
  await fetch(`${url}/hosted`, { method: 'POST', body: 'data', headers: { 'x-limit': '8' } })
  assert.equal(found[2], null)
})
