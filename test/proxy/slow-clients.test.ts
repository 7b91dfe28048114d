import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { makeFolder } from '../hot/support/served.ts'
import { get } from './support/client.ts'
import { openProxy, route, upstream } from './support/proxy.ts'
import { startProber } from './support/prober.ts'
import { ok, openRecording } from './support/recording.ts'

const limits = { headersMs: 1_000, requestMs: 2_000, writeIdleMs: 1_000, keepAliveMs: 1_500 }
const ranges = Array.from({ length: 1_300 }, (_, at) => `5-${at}`).join()
const size = 16_000_000

interface Attack {
  readonly count: number
  /** What each sends at first, and then again and again. */
  readonly first: string
  readonly again: string
  readonly everyMs: number
  readonly isReading: boolean
  /** How the first answer to each may begin; none: there may be none. */
  readonly told: readonly (number | null)[]
}

const attacks: Readonly<Record<string, Attack>> = {
  'slow heads': {
    count: 200,
    first: 'GET /there/small HTTP/1.1\r\nHost: a\r\n',
    again: 'X-A: b\r\n',
    everyMs: 150,
    isReading: true,
    // Who goes on sending may hear of nothing but the end.
    told: [408, null],
  },
  'slow bodies': {
    count: 200,
    first: 'POST /there/small HTTP/1.1\r\nHost: a\r\nContent-Length: 8192\r\n\r\nx',
    again: 'x',
    everyMs: 700,
    isReading: true,
    // 503: it waited for a connection for too long.
    told: [408, 503, null],
  },
  'slow bodies in chunks': {
    count: 200,
    first: 'POST /there/small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n',
    again: '1\r\nx\r\n',
    everyMs: 700,
    isReading: true,
    told: [408, 503, null],
  },
  'many ranges': {
    count: 200,
    first: get('/there/small', `Range: bytes=0-,${ranges}\r\n`, 'HEAD'),
    again: '',
    everyMs: 1_000,
    isReading: true,
    told: [200],
  },
  'slow readers': {
    count: 60,
    first: get('/there/large'),
    again: '',
    everyMs: 1_000,
    isReading: false,
    told: [200, null],
  },
}

interface Attacker {
  readonly socket: Socket
  readonly closed: Promise<void>
  readonly told: () => number | null
  readonly size: () => number
}

const begin = (port: number, { again, everyMs, first, isReading }: Attack): Attacker => {
  const socket = connect({ port, host: '127.0.0.1' })
  let start = ''
  let bytes = 0
  socket.on('error', () => undefined)
  socket.on('data', (piece: Buffer) => {
    bytes += piece.length
    if (start.length < 20) start += piece.toString('latin1', 0, 20)
  })
  if (!isReading) socket.pause()
  socket.write(first)
  const timer = setInterval(() => void (again === '' || socket.write(again)), everyMs)
  const closed = new Promise<void>((resolve) =>
    socket.once('close', () => {
      clearInterval(timer)
      resolve()
    }),
  )
  const told = (): number | null => Number(/^HTTP\/1\.1 (\d{3})/.exec(start)?.[1] ?? 0) || null
  return { socket, closed, told, size: () => bytes }
}

for (const [name, attack] of Object.entries(attacks)) {
  test(`${name}, more than a pool has connections: everybody else is served, and their connections end`, async (t) => {
    const piece = Buffer.alloc(1_000_000)
    const recording = await openRecording(t, {
      answer: ({ method, target }, socket) => {
        if (method === 'HEAD') return 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'
        if (target !== '/there/large') return ok('there')
        let left = size
        const write = (): void => {
          while (left > 0) {
            left -= piece.length
            if (!socket.write(piece)) return
          }
        }
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
        socket.on('drain', write)
        write()
        return undefined
      },
    })
    const proxy = await openProxy(
      t,
      [
        route('/here', { kind: 'respond', status: 200, headers: {}, body: 'here' }),
        route('/there/*rest', 'one'),
      ],
      [upstream('one', [recording.url], { outlier: false, pool: { connections: 32 } })],
      { limits },
    )
    const prober = startProber(proxy.port, [get('/here'), get('/there/small')], 50)
    const attackers = Array.from({ length: attack.count }, () => begin(proxy.port, attack))
    t.after(() => {
      for (const { socket } of attackers) socket.destroy()
    })
    await delay(4_000)
    const probed = await prober.stop()
    t.diagnostic(`${probed.count} probes, the longest took ${Math.round(probed.times.at(-1)!)} ms`)
    assert.deepEqual([...new Set(probed.failures)], [])
    // Who does not read hears of the end when it reads on: that there is less than all tells so.
    for (const { socket } of attackers) socket.resume()
    await Promise.all(attackers.map(({ closed }) => closed))
    for (const { told, size: came } of attackers) {
      assert.ok(attack.told.includes(told()), `${told()}`)
      assert.ok(came() < size)
    }
    // Of the answers that were cut.
    const others = proxy.errors.filter((error) => !error.includes('did not come in time'))
    assert.deepEqual(others, [])
    await proxy.quiet()
  })
}

test('over TLS: who does not read is cut, who reads slowly gets all, who does not shake hands is closed', async (t) => {
  const folder = makeFolder(t)
  const tls = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') }
  const what = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-subj', '/CN=test']
  const files = ['-keyout', tls.key, '-out', tls.cert]
  execFileSync('openssl', ['req', '-x509', '-nodes', '-days', '30', ...what, ...files], {
    stdio: 'ignore',
  })
  const all = 12_000_000
  const recording = await openRecording(t, { answer: () => ok('x'.repeat(all)) })
  const body = 'x'.repeat(all)
  const proxy = await openProxy(
    t,
    [
      route('/here', { kind: 'respond', status: 200, headers: {}, body }),
      route('/there', recording.url),
    ],
    [],
    { limits, tls },
  )
  const options = { port: proxy.port, host: '127.0.0.1', rejectUnauthorized: false }
  for (const path of ['/here', '/there']) {
    const stuck = connectTls(options)
    let came = 0
    stuck.on('error', () => undefined)
    stuck.on('data', (piece: Buffer) => (came += piece.length))
    stuck.pause()
    await new Promise((resolve) => stuck.once('secureConnect', resolve))
    stuck.write(get(path))
    await delay(3_000)
    stuck.resume()
    await new Promise((resolve) => stuck.once('close', resolve))
    assert.ok(came < all, `${path}: ${came}`)
    await proxy.quiet()

    const slow = connectTls(options)
    slow.write(get(path, 'Connection: close\r\n'))
    let read = 0
    for await (const piece of slow as AsyncIterable<Buffer>) {
      read += piece.length
      await delay(2)
    }
    assert.ok(read > all, `${path}: ${read}`)
    await proxy.quiet()
  }
  const silent = connect(options)
  silent.on('error', () => undefined)
  await new Promise((resolve) => silent.once('close', resolve))
})
