import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { test } from 'node:test'
import type { Target } from '../../../src/core/route/route.ts'
import { askRaw, get } from '../../proxy/support/client.ts'
import { upstream } from '../../proxy/support/proxy.ts'
import { openRecording } from '../../proxy/support/recording.ts'
import { openVerified, shown, sideBySide, told, usual } from './support.ts'

let count = 0
/** A body that no two answers share, and one that all do. */
const product = (rest: object): string => {
  count += 1
  return JSON.stringify({ name: 'lamp', price: 7, seenAt: count, id: `id-${count}`, ...rest })
}

const answer = (status: number, body: string | Buffer, ...fields: string[]): Buffer =>
  Buffer.concat([
    Buffer.from(
      [
        `HTTP/1.1 ${status} Any`,
        'Content-Type: application/json',
        `Content-Length: ${Buffer.byteLength(body)}`,
        ...fields,
        '',
        '',
      ].join('\r\n'),
    ),
    Buffer.from(body),
  ])

const rounds = 12

test('of two upstreams what differs is found, and nothing that two runs of one differ in', async (t) => {
  const total = 'X-Total: 3'
  const stable = (): Buffer => answer(200, product({}), total)
  const rows: readonly [name: string, canary: () => Buffer, expected: string][] = [
    ['only a time stamp and a random id', stable, `0 of ${rounds}`],
    [
      'a changed field',
      () => answer(200, product({ price: 8 }), total),
      `${rounds} of ${rounds}; body /price 7/8`,
    ],
    [
      'a field that is gone',
      () => answer(200, product({ name: undefined }), total),
      `${rounds} of ${rounds}; body /name "lamp"/-`,
    ],
    [
      'a changed status',
      () => answer(201, product({}), total),
      `${rounds} of ${rounds}; status 200/201`,
    ],
    [
      'a missing header',
      () => answer(200, product({})),
      `${rounds} of ${rounds}; header x-total 3/-`,
    ],
    ['an ignored field', () => answer(200, product({ stock: 1 }), total), `0 of ${rounds}`],
    [
      'the same, compressed',
      () => answer(200, gzipSync(product({})), total, 'Content-Encoding: gzip'),
      `0 of ${rounds}`,
    ],
  ]
  const one = await openRecording(t, { answer: stable })
  const other = await openRecording(t)
  const routes = sideBySide('/*rest', 'one', 'other')
  const upstreams = [upstream('one', [one.url]), upstream('other', [other.url])]
  const proxy = await openVerified(t, routes, upstreams)
  for (const [name, canary, expected] of rows) {
    Object.assign(other.script, { answer: canary })
    proxy.worker.verify('test', null)
    proxy.worker.verify('test', {
      pairs: [{ stable: 'stable', canary: 'canary' }],
      settings: { ...usual, ignore: ['/stock'] },
    })
    for (let round = 0; round < rounds; round += 1) {
      const { status, body } = await askRaw(proxy.port, get('/lamps/1'))
      assert.equal(status, 200)
      assert.equal((JSON.parse(body) as { price: number }).price, 7)
    }
    assert.equal(told(await shown(proxy, rounds)), expected, name)
  }
  await proxy.quiet()
  assert.deepEqual(proxy.errors, [])
})

test('answers that are data are compared, through their filters', async (t) => {
  const said = (body: string): Target => ({ kind: 'respond', status: 200, headers: {}, body })
  const proxy = await openVerified(
    t,
    sideBySide('/a', said('one'), said('two'), [
      { kind: 'set-response-header', name: 'x-total', value: '3' },
    ]),
  )
  await askRaw(proxy.port, get('/a'))
  assert.equal(told(await shown(proxy, 1)), '1 of 1; body one/two')
  const moved = (location: string): Target => ({ kind: 'redirect', status: 302, location })
  await proxy.publish(sideBySide('/a', moved('/one'), moved('/two')))
  proxy.worker.verify('test', null)
  proxy.worker.verify('test', {
    pairs: [{ stable: 'stable', canary: 'canary' }],
    settings: { ...usual, headers: ['location'] },
  })
  await askRaw(proxy.port, get('/a?q=1'))
  assert.equal(told(await shown(proxy, 1)), '1 of 1; header location /one?q=1//two?q=1')
})

test('an answer that is too long, or has no end, cannot be compared', async (t) => {
  const long = 'x'.repeat(300 * 1024)
  const rows: readonly [name: string, bytes: string][] = [
    ['too long', `HTTP/1.1 200 OK\r\nContent-Length: ${long.length}\r\n\r\n${long}`],
    ['broken off', 'HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\nx'],
  ]
  for (const [name, bytes] of rows) {
    const one = await openRecording(t)
    const other = await openRecording(t, {
      answer: (_, socket) => {
        socket.end(Buffer.from(bytes))
      },
    })
    const proxy = await openVerified(t, sideBySide('/a', one.url, other.url))
    await askRaw(proxy.port, get('/a'))
    assert.equal(told(await shown(proxy, 1)), '0 of 0; 1 failed', name)
    await proxy.quiet()
  }
})
