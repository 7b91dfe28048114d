import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { createGzip } from 'node:zlib'
import { createTurnout, type Turnout } from '../../src/turnout.ts'
import { exchange, last } from './wire.ts'

type Before = (request: IncomingMessage, response: ServerResponse) => void

/** A plain host that does something to the response before Turnout has it. */
const host = async (
  t: Pick<TestContext, 'after'>,
  before: Before,
  add: (turnout: Turnout) => void,
): Promise<number> => {
  const turnout = createTurnout({ logger: false })
  add(turnout)
  const server = createServer((request, response) => {
    before(request, response)
    turnout.handler(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await turnout.close(0)
  })
  return (server.address() as AddressInfo).port
}

/** What compression middleware does: it puts its own functions on the response. */
const compress: Before = (_, response) => {
  // oxlint-disable-next-line typescript/unbound-method -- called on the response
  const { write, writeHead } = response
  // oxlint-disable-next-line typescript/unbound-method -- called on the response
  const end: () => unknown = response.end
  const zip = createGzip()
  zip.on('data', (part: Buffer) => void write.call(response, part, 'latin1', () => undefined))
  zip.on('end', () => void end.call(response))
  const patched = response as unknown as Record<string, unknown>
  patched['writeHead'] = (status: number) => {
    response.removeHeader('content-length')
    response.setHeader('content-encoding', 'gzip')
    return writeHead.call(response, status)
  }
  patched['write'] = (part: string) => zip.write(part)
  patched['end'] = (part?: string) => zip.end(part)
}

test('middleware of a host that compresses sees head and body', async (t) => {
  const port = await host(t, compress, (turnout) => {
    turnout.get('/whole', (c) => c.setHeader('x-a', '1').text('hello'))
    turnout.get('/stream', (c) =>
      c.stream(async function* () {
        yield 'hel'
        yield 'lo'
      }),
    )
  })
  for (const path of ['/whole', '/stream']) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    assert.equal(response.headers.get('content-encoding'), 'gzip')
    assert.equal(await response.text(), 'hello')
  }
})

test('a host that counts what is written sees the body', async (t) => {
  const seen: unknown[] = []
  const count: Before = (_, response) => {
    // oxlint-disable-next-line typescript/unbound-method -- called on the response
    const end: (part?: string) => unknown = response.end
    const patched = response as unknown as Record<string, unknown>
    patched['end'] = (part?: string) => {
      seen.push(part)
      return end.call(response, part)
    }
  }
  const port = await host(t, count, (turnout) => void turnout.get('/', (c) => c.text('hello')))
  assert.match(await exchange(port, last('/')), /\r\n\r\nhello$/)
  assert.deepEqual(seen, ['hello'])
})

test('beside fields of the host, several cookies stay several', async (t) => {
  const before: Before = (_, response) => void response.setHeader('X-Powered-By', 'host')
  const port = await host(t, before, (turnout) => {
    turnout.get('/', (c) =>
      c.setHeader('set-cookie', 'a=1').setHeader('set-cookie', 'b=2').text(''),
    )
  })
  const received = await exchange(port, last('/'))
  assert.deepEqual(received.match(/set-cookie: .*/g), ['set-cookie: a=1', 'set-cookie: b=2'])
  assert.match(received, /X-Powered-By: host/)
})

test('a host that announced chunks gets chunks that end', async (t) => {
  const before: Before = (_, response) => void response.setHeader('Transfer-Encoding', 'chunked')
  const port = await host(t, before, (turnout) => void turnout.get('/', (c) => c.text('hello')))
  const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => null)
  assert.equal(await response?.text(), 'hello')
})
