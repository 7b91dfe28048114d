import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { createAdminClient } from '../../src/admin/client.ts'
import { openAdminServer } from '../../src/admin/server.ts'
import type { AdminOptions } from '../../src/admin/context.ts'
import { certificate } from './support/certificate.ts'
import { open, root, target, type Opened } from './support/open.ts'

for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.test', '127.evil.test']) {
  test(`${host} is not listened on without TLS`, async () => {
    await assert.rejects(openAdminServer({} as AdminOptions, { host, port: 0 }), {
      code: 'TURNOUT_ADMIN_EXPOSED',
    })
  })
}

test('with a certificate any address may be listened on, and is asked over TLS', async (t) => {
  const listen = { host: '0.0.0.0', tls: certificate }
  const opened = await open(t, { hosts: ['gateway.test'] }, listen)
  const url = `https://localhost:${opened.port}`
  const client = createAdminClient({ url, token: root, ca: certificate.cert })
  const created = await client.createRoute({ body: { id: 'a', path: '/a', target } })
  assert.ok(created.ok)
  await assert.rejects(createAdminClient({ url, token: root }).status(), {
    code: 'TURNOUT_ADMIN_UNREACHABLE',
  })
  const plain = createAdminClient({ url: `http://localhost:${opened.port}`, token: root })
  await assert.rejects(plain.status(), { code: 'TURNOUT_ADMIN_UNREACHABLE' })
})

/** Sends bytes and reads until the server closes, or `isDone`. */
const raw = (
  { port }: Opened,
  request: string,
  isDone: (text: string) => boolean = () => false,
): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    let text = ''
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part
      if (!isDone(text)) return
      socket.destroy()
      resolve(text)
    })
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })

const head = (more: string, auth = true): string =>
  `POST /api/routes HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${
    auth ? `authorization: Bearer ${root}\r\n` : ''
  }${more}\r\n`

test('a body is asked for only when it will be read', async (t) => {
  const opened = await open(t)
  const expect = 'expect: 100-continue\r\ncontent-length: 2\r\nconnection: close\r\n'
  const let_in = await raw(opened, head(expect), (text) => text.includes('100 Continue'))
  assert.match(let_in, /^HTTP\/1\.1 100 Continue/)
  const refused = await raw(opened, head(expect, false), (text) => text.includes('\r\n\r\n'))
  assert.match(refused, /^HTTP\/1\.1 401 /)
})

test('an answer that comes before the whole body reaches who is still sending', async (t) => {
  const opened = await open(t)
  const big = 'x'.repeat(8 * 1024 * 1024)
  const chunked = `${head('transfer-encoding: chunked\r\n')}${big.length.toString(16)}\r\n${big}\r\n0\r\n\r\n`
  const answer = await raw(opened, chunked)
  assert.match(answer, /^HTTP\/1\.1 413 /)
  assert.match(answer, /TURNOUT_BODY_TOO_LARGE/)
  assert.match(answer, /connection: close/i)
})

const fields = (count: number): string =>
  Array.from({ length: count }, (_, at) => `x-${at}: 1\r\n`).join('')

const requests: readonly (readonly [name: string, request: string, status: number])[] = [
  ['two Hosts', `GET /healthz HTTP/1.1\r\nhost: localhost\r\nhost: evil.test\r\n\r\n`, 403],
  ['no Host', `GET /healthz HTTP/1.0\r\n\r\n`, 403],
  ['too many fields', `GET /healthz HTTP/1.1\r\nhost: localhost\r\n${fields(100)}\r\n`, 431],
  ['a long target', `GET /${'x'.repeat(8_192)} HTTP/1.1\r\nhost: localhost\r\n\r\n`, 414],
  ['a traversal', `GET /healthz/../api/status HTTP/1.1\r\nhost: localhost\r\n\r\n`, 401],
  [
    'TRACE',
    `TRACE /healthz HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${root}\r\n\r\n`,
    405,
  ],
  [
    'OPTIONS',
    `OPTIONS /api/routes HTTP/1.1\r\nhost: localhost\r\norigin: http://evil.test\r\n\r\n`,
    403,
  ],
  ['HEAD', `HEAD /healthz HTTP/1.1\r\nhost: [::1]:7070\r\n\r\n`, 200],
  ['a loopback name', `GET /readyz HTTP/1.1\r\nhost: LOCALHOST:1\r\n\r\n`, 200],
  [
    'a page of our own',
    `GET /healthz HTTP/1.1\r\nhost: localhost:9\r\norigin: http://localhost:9\r\n\r\n`,
    200,
  ],
]

for (const [name, request, status] of requests) {
  test(`${name} is ${status}`, async (t) => {
    const opened = await open(t)
    const text = await raw(opened, request.replace(/\r\n\r\n$/, '\r\nconnection: close\r\n\r\n'))
    assert.match(text, new RegExp(`^HTTP/1.1 ${status} `))
    assert.doesNotMatch(text, /access-control/i)
  })
}

test('an error of ours is told to the log and not to the client', async (t) => {
  const told: unknown[] = []
  const opened = await open(t, {
    logger: {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: (_, fields) => void told.push(fields),
    },
    probe: () => {
      throw new Error('secret-of-the-inside')
    },
  })
  const answer = await opened.send('POST', '/api/probe', { body: { method: 'GET', url: '/' } })
  assert.equal(answer.status, 500)
  assert.equal(answer.body.code, 'TURNOUT_ADMIN_FAILED')
  assert.doesNotMatch(answer.text, /secret/)
  assert.match(JSON.stringify(told), /secret-of-the-inside/)
  const id = answer.headers['turnout-request-id']
  assert.match(JSON.stringify(told), new RegExp(String(id)))
})

test('not ready is 503 with the reasons', async (t) => {
  const { send } = await open(t, { readiness: () => ({ isReady: false, reasons: ['draining'] }) })
  const { status, body } = await send('GET', '/readyz', { token: null })
  assert.equal(status, 503)
  assert.deepEqual(body, { isReady: false, reasons: ['draining'] })
})
