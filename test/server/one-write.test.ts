import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket, connect } from 'node:net'
import { test } from 'node:test'
import { canEndInOneWrite } from '../../src/server/one-write.ts'
import { createTurnout } from '../../src/turnout.ts'

/** The handle under a socket: each call of one of these is one system call at least. */
type Handle = Record<string, (...values: unknown[]) => unknown>

const writes = [
  'writeBuffer',
  'writeUtf8String',
  'writeAsciiString',
  'writeLatin1String',
  'writeUcs2String',
  'writev',
]

/** Asks on a connection of its own; the answer's bytes and how many writes made it. */
const ask = async (port: number, head: string): Promise<{ text: string; count: number }> => {
  let count = 0
  const undo: (() => void)[] = []
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      const own = (socket as unknown as { _handle: Handle })._handle
      // All handles of streams have it in common: whoever answers, and by whatever socket, writes by these.
      const streams = Object.getPrototypeOf(Object.getPrototypeOf(own)) as Handle
      for (const name of writes) {
        const write = streams[name]
        if (write === undefined) continue
        streams[name] = function (this: Handle, ...values: unknown[]): unknown {
          if (this !== own) count += 1
          return Reflect.apply(write, this, values)
        }
        undo.push(() => {
          streams[name] = write
        })
      }
      socket.write(`${head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
    })
    let all = ''
    socket.setEncoding('utf8')
    socket.on('data', (part: string) => (all += part))
    socket.on('end', () => resolve(all))
    socket.on('error', reject)
  })
  for (const restore of undo) restore()
  return { text, count }
}

const rows: readonly (readonly [name: string, body: string | Uint8Array | null])[] = [
  ['an ASCII string', 'hello'],
  ['an empty string', ''],
  ['a string that is not ASCII', 'grüße, 世界'],
  ['a long ASCII string', 'x'.repeat(200_000)],
  ['bytes', new TextEncoder().encode('bytes')],
  ['no body', null],
]

test('this Node can put head and body into one write', () => {
  assert.equal(canEndInOneWrite(new ServerResponse(new IncomingMessage(new Socket()))), true)
})

for (const [name, body] of rows) {
  test(`an answer of ${name} leaves in one write, whole and with its length`, async (t) => {
    const turnout = createTurnout({ logger: false })
    t.after(() => turnout.close(0))
    turnout.get('/', (c) => (typeof body === 'string' ? c.text(body) : c.bytes(body)))
    const { port } = await turnout.listen({ port: 0 })
    const { text, count } = await ask(port, 'GET /')
    const [head = '', ...rest] = text.split('\r\n\r\n')
    const wanted =
      body === null ? '' : typeof body === 'string' ? body : Buffer.from(body).toString()
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n/)
    assert.ok(head.includes(`content-length: ${Buffer.byteLength(wanted)}`), head)
    assert.equal(rest.join('\r\n\r\n'), wanted)
    assert.equal(count, 1)
    const onlyHead = await ask(port, 'HEAD /')
    assert.ok(onlyHead.text.endsWith('\r\n\r\n'), onlyHead.text.slice(-40))
    assert.ok(onlyHead.text.includes(`content-length: ${Buffer.byteLength(wanted)}`))
  })
}
