import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { createServer, type TlsOptions, type TLSSocket } from 'node:tls'
import { failureOf, onRequests, openClient, openEndpoint, send, until } from './open.ts'

const folder = mkdtempSync(join(tmpdir(), 'turnout-tls-'))
after(() => rmSync(folder, { recursive: true }))

interface Pair {
  readonly cert: string
  readonly key: string
}

/** A certificate that signs itself, or null where there is no openssl. */
const makePair = (name: string, alternative: string): Pair | null => {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)]
  const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name}`
  const made = spawnSync(
    'openssl',
    [...words.split(' '), '-addext', `subjectAltName=${alternative}`, '-keyout', key, '-out', cert],
    { encoding: 'utf8' },
  )
  if (made.error !== undefined) return null
  assert.equal(made.status, 0, made.stderr)
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
}

const named = makePair('a.test', 'DNS:a.test,IP:127.0.0.1')
const local = makePair('localhost', 'DNS:localhost')
const caller = makePair('caller', 'DNS:caller')
const skip = named === null ? 'openssl is missing' : false

/** An endpoint that answers with the name it was asked for and who asks. */
const openTls = async (
  t: TestContext,
  options: TlsOptions,
): Promise<{ url: string; byName: string }> => {
  const server = createServer(options, (socket: TLSSocket) => {
    socket.on('error', () => undefined)
    onRequests(socket, () => {
      const who: unknown = socket.getPeerCertificate()?.subject?.CN
      const body = `${String(socket.servername)} ${String(who)} ${'x'.repeat(100_000)}`
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    })
  })
  const { url } = await openEndpoint(t, () => undefined, server)
  const secure = url.replace('http:', 'https:')
  return { url: secure, byName: secure.replace('127.0.0.1', 'localhost') }
}

const said = (body: string): string => body.split(' ').slice(0, 2).join(' ')
const refused = { kind: 'tls', isUnsent: true, isStale: false }

test('a certificate that nobody trusts is refused', { skip }, async (t) => {
  const { url } = await openTls(t, named!)
  const sent = send(openClient(t, url))
  assert.deepEqual(await failureOf(sent), refused)
  assert.match((await sent.over).failure!.reason, /SELF_SIGNED/)
})

test(
  'a certificate of a trusted authority is accepted, and the connection used again',
  { skip },
  async (t) => {
    const { url } = await openTls(t, named!)
    const client = openClient(t, url, { pem: { ca: named!.cert } })
    for (let time = 0; time < 3; time++) {
      // An address is no name to ask for.
      assert.equal(said((await send(client).over).body), 'false undefined')
    }
    assert.deepEqual(client.stats, { connections: 1, idle: 1, waiting: 0, upgraded: 0 })
  },
)

test('an answer that is not taken yet waits, and then comes whole', { skip }, async (t) => {
  const { url } = await openTls(t, named!)
  const client = openClient(t, url, { pem: { ca: named!.cert } })
  for (let time = 0; time < 2; time++) {
    let taken = 0
    const { over } = send(
      client,
      {},
      {
        onData(bytes, outgoing) {
          taken += bytes.length
          setTimeout(() => outgoing.resume(), 5)
          return false
        },
      },
    )
    const { failure, isWhole, length } = await over
    assert.equal(failure, null)
    assert.equal(isWhole, false)
    assert.equal(taken, length)
  }
})

test('without verification everything is accepted', { skip }, async (t) => {
  const { byName, url } = await openTls(t, caller!)
  for (const one of [url, byName]) {
    const client = openClient(t, one, { tls: { verify: false } })
    assert.equal((await send(client).over).status, 200)
  }
})

test('a certificate of another name is refused', { skip }, async (t) => {
  const { byName } = await openTls(t, named!)
  const sent = send(openClient(t, byName, { pem: { ca: named!.cert } }))
  assert.deepEqual(await failureOf(sent), refused)
  assert.match((await sent.over).failure!.reason, /ALTNAME/)
})

test('a certificate without the address is refused', { skip }, async (t) => {
  const { url } = await openTls(t, local!)
  const sent = send(openClient(t, url, { pem: { ca: local!.cert } }))
  assert.deepEqual(await failureOf(sent), refused)
})

test('the host is asked for and checked, or the name that is set', { skip }, async (t) => {
  const { byName } = await openTls(t, local!)
  const host = openClient(t, byName, { pem: { ca: local!.cert } })
  assert.equal(said((await send(host).over).body), 'localhost undefined')
  const other = await openTls(t, named!)
  const pem = { ca: named!.cert }
  const set = openClient(t, other.byName, { pem, tls: { serverName: 'a.test' } })
  assert.equal(said((await send(set).over).body), 'a.test undefined')
  const address = openClient(t, other.byName, { pem, tls: { serverName: '127.0.0.1' } })
  assert.equal(said((await send(address).over).body), 'false undefined')
  const wrong = openClient(t, other.url, { pem, tls: { serverName: 'b.test' } })
  assert.deepEqual(await failureOf(send(wrong)), refused)
})

test('the client shows its certificate where it is asked for', { skip }, async (t) => {
  const { url } = await openTls(t, { ...named!, requestCert: true, ca: caller!.cert })
  const pem = { ca: named!.cert }
  const client = openClient(t, url, { pem: { ...pem, ...caller! } })
  assert.equal(said((await send(client).over).body), 'false caller')
  const without = await failureOf(send(openClient(t, url, { pem })))
  // TLS 1.3 refuses a client after the handshake, as the client sees it.
  assert.ok(['tls', 'closed'].includes(without!.kind), without!.kind)
})

test('a key that does not fit, and a text that is none', { skip }, async (t) => {
  const { url } = await openTls(t, named!)
  for (const pem of [
    { cert: named!.cert, key: caller!.key },
    { cert: 'none', key: 'none' },
  ]) {
    const client = openClient(t, url, { pem })
    assert.deepEqual(await failureOf(send(client)), refused)
    assert.deepEqual(client.stats, { connections: 0, idle: 0, waiting: 0, upgraded: 0 })
  }
})

test('after a 101 the encrypted connection belongs to the listener', { skip }, async (t) => {
  const server = createServer(named!, (socket: TLSSocket) =>
    onRequests(socket, () => {
      socket.write('HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: a\r\n\r\n')
      setTimeout(() => socket.write('x'.repeat(1_000_000)), 20)
    }),
  )
  const { url, left } = await openEndpoint(t, () => undefined, server)
  const client = openClient(t, url.replace('http:', 'https:'), { pem: { ca: named!.cert } })
  const { first, socket } = (await send(client, { upgrade: 'a' }).over).upgraded!
  assert.deepEqual(client.stats, { connections: 0, idle: 0, waiting: 0, upgraded: 1 })
  // Nobody listens yet: nothing may be lost.
  await new Promise((resolve) => setTimeout(resolve, 100))
  let count = first.length
  socket.on('data', (bytes: Buffer) => (count += bytes.length))
  await until(() => count === 1_000_000)
  socket.destroy()
  await left(0)
})

test('an endpoint that does not speak TLS', async (t) => {
  const { url } = await openEndpoint(t, (socket) =>
    socket.on('data', () => socket.end('HTTP/1.1 400 B\r\n\r\n')),
  )
  const sent = send(openClient(t, url.replace('http:', 'https:')))
  assert.deepEqual(await failureOf(sent), refused)
})
