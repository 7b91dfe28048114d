// What a holder of a weak token, or of none, may try on the admin API over bare sockets.
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { open, root, target, type Opened } from '../admin/support/open.ts'
import { exchange, statusesOf } from './wire.ts'

const fieldsOf = (token: string): string => `Host: localhost\r\nAuthorization: Bearer ${token}\r\n`

/** A connection, what came over it so far, and a wait for more of it. */
interface Line {
  readonly socket: Socket
  readonly text: () => string
  until(isDone: (text: string) => boolean): Promise<void>
}

async function dial(t: Pick<TestContext, 'after'>, port: number): Promise<Line> {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  let text = ''
  let wake = (): void => undefined
  socket.setEncoding('latin1').on('error', () => undefined)
  socket.on('data', (part: string) => {
    text += part
    wake()
  })
  socket.on('close', () => wake())
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  return {
    socket,
    text: () => text,
    until: async (isDone) => {
      while (!isDone(text)) {
        if (socket.destroyed) assert.fail(`the connection was closed after ${text}`)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}

const events = (token: string): string => `GET /api/events HTTP/1.1\r\n${fieldsOf(token)}\r\n`

const weak = async ({ tokens }: Opened, ...scopes: readonly string[]) =>
  tokens.create({ name: 'weak', scopes, expiresAt: null }, Date.now())

test('a reader that asks for events many times over one connection takes one place of a hundred', async (t) => {
  const opened = await open(t)
  const { token } = await weak(opened, 'read')
  const line = await dial(t, opened.port)
  line.socket.write(events(token).repeat(300))
  await line.until((text) => text.includes('retry: 1000'))
  const other = await dial(t, opened.port)
  other.socket.write(events(root))
  await other.until((text) => text.includes('\r\n'))
  assert.deepEqual(statusesOf(other.text()), [200])
})

test('a removed token is told no more events', async (t) => {
  const opened = await open(t)
  const { id, token } = await weak(opened, 'read')
  const line = await dial(t, opened.port)
  line.socket.write(events(token))
  await line.until((text) => text.includes('retry: 1000'))
  await opened.tokens.remove(id)
  opened.emit({ name: 'applied', data: { secret: true } })
  await line.until((text) => text.endsWith('0\r\n\r\n'))
  assert.doesNotMatch(line.text(), /secret/)
})

test('a token that is removed while its body is still on its way changes nothing', async (t) => {
  const opened = await open(t)
  const { id, token } = await weak(opened, 'write:/api')
  const body = JSON.stringify({ id: 'late', path: '/api/late', target })
  const line = await dial(t, opened.port)
  const fields = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`
  const expect = 'Expect: 100-continue\r\n'
  line.socket.write(`POST /api/routes HTTP/1.1\r\n${fieldsOf(token)}${fields}${expect}\r\n`)
  // It was let in.
  await line.until((text) => text.includes('100 Continue'))
  await opened.tokens.remove(id)
  line.socket.write(body)
  await line.until((text) => text.includes('TURNOUT_'))
  assert.deepEqual(statusesOf(line.text()), [100, 401])
  assert.equal((await opened.send('GET', '/api/routes/late')).status, 404)
})

for (const [what, fields] of [
  ['tokens', `${fieldsOf(root)}Authorization: Bearer another\r\n`],
  ['types of its body', `${fieldsOf(root)}Content-Type: text/plain\r\n`],
] as const) {
  test(`a request with two ${what} is refused, for others may read the other one`, async (t) => {
    const { port, send } = await open(t)
    const body = JSON.stringify({ id: 'two', path: '/two', target })
    const length = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`
    const head = `POST /api/routes HTTP/1.1\r\n${length}${fields}Connection: close\r\n\r\n`
    assert.deepEqual(statusesOf(await exchange(port, head + body)), [400])
    assert.equal((await send('GET', '/api/routes/two')).status, 404)
  })
}

test('a token for a path cannot leave a switch behind that keeps an id of others off', async (t) => {
  const opened = await open(t)
  const { token } = await weak(opened, 'write:/api')
  await opened.send('POST', '/api/routes', { token, body: { id: 'a', path: '/api/a', target } })
  const both = { routes: { remove: ['a'] }, disable: ['a'] }
  const sent = await opened.send('POST', '/api/changes?force=true', { token, body: both })
  assert.equal(sent.status, 422)
  assert.equal((await opened.send('GET', '/api/routes/a')).body.switchedOff, undefined)
})

for (const path of ['/api/../admin', '/api//', '/%61pi', '/api/./x']) {
  test(`write:${path} is no scope, for it would allow something else than it says`, async (t) => {
    const { send } = await open(t)
    const body = { name: 'team', scopes: [`write:${path}`] }
    assert.equal((await send('POST', '/api/tokens', { body })).status, 422)
  })
}
