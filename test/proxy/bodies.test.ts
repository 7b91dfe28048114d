import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer, get as getOver, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { freeSlabs } from '../../src/gateway/upstream/slabs.ts'
import { openProxy, route } from './support/proxy.ts'

const sizes = [
  1_024, 16_384, 16_385, 32_768, 32_769, 65_536, 65_537, 131_072, 131_073, 300_000, 1_000_000,
] as const

/** Bytes of which no two requests have the same. */
const bodyOf = (id: number, size: number): Buffer => {
  const body = Buffer.alloc(size)
  for (let at = 0; at + 4 <= size; at += 4) body.writeUInt32LE((id * 2_654_435_761 + at) >>> 0, at)
  return body
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('base64')

/** An upstream of `/ID/SIZE/FRAMING`. */
const openSizes = async (t: TestContext): Promise<string> => {
  const server = createServer((request, response) => {
    const [, id, size, framing] = request.url!.split('/')
    const body = bodyOf(Number(id), Number(size))
    if (framing === 'length') response.setHeader('content-length', body.length)
    else response.setHeader('transfer-encoding', 'chunked')
    if (framing === 'pieces') {
      const half = body.length >> 1
      response.write(body.subarray(0, half))
      setImmediate(() => response.end(body.subarray(half)))
    } else response.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** More than the system takes for a client that does not read: pieces wait in the gateway. */
const stalled = 12_000_000

type Pace = 'fast' | 'slow' | 'leaves'

/** What came of a request: the digest of its body; null: its client left. */
const ask = (port: number, path: string, pace: Pace): Promise<string | null> =>
  new Promise((resolve, reject) => {
    const take = (response: IncomingMessage): void => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => {
        parts.push(part)
        if (pace === 'leaves' && parts.length === 1) {
          response.destroy()
          resolve(null)
        } else if (pace === 'slow' && parts.length % 50 === 1) {
          response.pause()
          setTimeout(() => response.resume(), 50)
        }
      })
      response.on('end', () => resolve(digest(Buffer.concat(parts))))
      response.on('error', reject)
    }
    getOver({ port, host: '127.0.0.1', path, agent: false }, take).on('error', reject)
  })

test('bodies of every size reach the client byte for byte, beside slow clients and those that leave', async (t) => {
  const proxy = await openProxy(t, [route('/*rest', await openSizes(t))])
  const wrong: string[] = []
  let left = 0
  const paces: readonly Pace[] = ['fast', 'leaves', 'fast', 'fast', 'fast']
  const framings = ['length', 'chunked', 'pieces'] as const
  const rows = Array.from({ length: 660 }, (_, id) => ({
    id,
    size: sizes[id % sizes.length]!,
    framing: framings[id % framings.length]!,
    pace: paces[id % paces.length]!,
  }))
  const isSlow = (at: number): boolean => at % 60 === 59
  let next = 0
  const client = async (): Promise<void> => {
    for (;;) {
      const row = rows[next]
      next += 1
      if (row === undefined) return
      const { id, framing } = row
      const [size, pace] = isSlow(id) ? [stalled, 'slow' as const] : [row.size, row.pace]
      const got = await ask(proxy.port, `/${id}/${size}/${framing}`, pace)
      if (got === null) left += 1
      else if (got !== digest(bodyOf(id, size))) wrong.push(`${id} ${size} ${framing} ${pace}`)
    }
  }
  await Promise.all(Array.from({ length: 24 }, client))
  assert.deepEqual(wrong, [])
  assert.ok(left > 100, `${left} clients left`)
  assert.deepEqual(proxy.errors, [])
  const free = freeSlabs()
  t.diagnostic(`${free} buffers wait to be used again`)
  assert.ok(free > 0 && free <= 96)
  await proxy.quiet()
})
