import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import { keepLog } from '../attack/wire.ts'
import { Certificate } from '../../src/server/certificate.ts'
import { createTurnout } from '../../src/turnout.ts'

const makePair = (folder: string, name: string): void => {
  const files = ['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)]
  const what = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-subj', `/CN=${name}`]
  execFileSync('openssl', ['req', '-x509', '-nodes', '-days', '30', ...what, ...files], {
    stdio: 'ignore',
  })
}

/** A folder with two pairs, and the first one where the listener looks. */
const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'turnout-tls-'))
  t.after(() => rmSync(folder, { recursive: true }))
  makePair(folder, 'first')
  makePair(folder, 'second')
  put(folder, 'first')
  return folder
}

const put = (folder: string, name: string, kinds: readonly string[] = ['key', 'crt']): void => {
  for (const kind of kinds)
    copyFileSync(join(folder, `${name}.${kind}`), join(folder, `live.${kind}`))
}

const filesOf = (folder: string): { key: string; cert: string } => ({
  key: join(folder, 'live.key'),
  cert: join(folder, 'live.crt'),
})

const dial = (port: number): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    socket.once('error', reject)
    socket.once('secureConnect', () => resolve(socket))
  })

const ask = (socket: TLSSocket, connection: string): Promise<string> =>
  new Promise((resolve) => {
    socket.once('data', (part: Buffer) => resolve(part.toString()))
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\nConnection: ${connection}\r\n\r\n`)
  })

const nameOf = async (port: number): Promise<string> => {
  const socket = await dial(port)
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return String(subject.CN)
}

const open = async (t: TestContext, folder: string) => {
  const { log, errors } = keepLog()
  const turnout = createTurnout({ logger: log, limits: { headersMs: 1_000 } })
  t.after(() => turnout.close(0))
  turnout.get('/', (c) => c.text(new URL(c.request.url).protocol))
  const listener = await turnout.listen({ port: 0, tls: filesOf(folder) })
  return { listener, errors, port: listener.port }
}

test('new connections see a replaced certificate, an open one lives on', async (t) => {
  const folder = folderOf(t)
  const { port, listener } = await open(t, folder)
  assert.match(listener.url, /^https:/)
  const old = await dial(port)
  assert.match(await ask(old, 'keep-alive'), /200 OK[^]*https:$/)
  assert.equal(await nameOf(port), 'first')
  put(folder, 'second')
  while ((await nameOf(port)) === 'first') await wait(100)
  assert.equal(await nameOf(port), 'second')
  assert.match(await ask(old, 'close'), /200 OK/)
})

test('a pair that does not fit, or is none, is told and changes nothing; the next good one is taken', async (t) => {
  const folder = folderOf(t)
  const { port, listener, errors } = await open(t, folder)
  const bad: readonly (readonly [make: () => void, told: RegExp])[] = [
    [() => put(folder, 'second', ['key']), /TURNOUT_TLS_INVALID/],
    [() => writeFileSync(join(folder, 'live.crt'), '-----BEGIN CERT'), /TURNOUT_TLS_INVALID/],
    [() => rmSync(join(folder, 'live.crt')), /TURNOUT_TLS_FILES/],
  ]
  for (const [make, told] of bad) {
    make()
    const before = errors.length
    assert.equal(await listener.renewCertificate(), false)
    assert.equal(errors.length, before + 1)
    assert.match(errors.at(-1)!, told)
    assert.equal(await nameOf(port), 'first')
  }
  put(folder, 'second')
  assert.equal(await listener.renewCertificate(), true)
  assert.equal(await nameOf(port), 'second')
})

test('a half-rotated pair that is seen by itself is told once', async (t) => {
  const folder = folderOf(t)
  const { port, errors } = await open(t, folder)
  put(folder, 'second', ['key'])
  while (errors.length === 0) await wait(100)
  await wait(2_500)
  assert.equal(errors.length, 1)
  assert.equal(await nameOf(port), 'first')
  put(folder, 'second', ['crt'])
  while ((await nameOf(port)) === 'first') await wait(100)
})

test('a start with files that are no pair is refused', async (t) => {
  const folder = folderOf(t)
  const turnout = createTurnout({ logger: false })
  t.after(() => turnout.close(0))
  put(folder, 'second', ['key'])
  const tls = filesOf(folder)
  await assert.rejects(turnout.listen({ port: 0, tls }), { code: 'TURNOUT_TLS_INVALID' })
  rmSync(tls.key)
  await assert.rejects(turnout.listen({ port: 0, tls }), { code: 'TURNOUT_TLS_FILES' })
})

test('a pair that is out of its time is served at start, where it is all there is, and never taken later', async (t) => {
  const files = filesOf(folderOf(t))
  const told: string[] = []
  const events = {
    onPair: () => told.push('taken'),
    onProblem: ({ message }: { readonly message: string }) => told.push(message),
  }
  const day = 86_400_000
  const past = Date.now() - 2 * day
  const { certificate, pair } = await Certificate.open(files, events, Date.now() + 60 * day)
  t.after(() => certificate.close())
  assert.match(pair.cert, /BEGIN CERTIFICATE/)
  assert.equal(await certificate.renew(Date.now() + 60 * day), false)
  assert.equal(await certificate.renew(past), false)
  assert.equal(await certificate.renew(), true)
  for (const [at, words] of [/expired on/, /expired on/, /not valid before/, /taken/].entries()) {
    assert.match(told[at]!, words)
  }
})

test('handshakes that fail end their own connection only', async (t) => {
  const { port } = await open(t, folderOf(t))
  const attempts = ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', '\x16\x03\x01\x00\x05hello', '']
  for (const bytes of attempts) {
    const socket = connectPlain(port, '127.0.0.1')
    socket.on('error', () => undefined)
    const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    socket.resume()
    socket.write(bytes, 'latin1')
    // Of nothing at all, the deadline of a handshake is the end.
    await ended
  }
  const old = connect({ port, host: '127.0.0.1', maxVersion: 'TLSv1.1', rejectUnauthorized: false })
  await new Promise((resolve) => old.once('error', resolve))
  assert.match(await ask(await dial(port), 'close'), /200 OK/)
})
