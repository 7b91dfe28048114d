import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Turnout } from '../../src/turnout.ts'
import { attack, bodyOf, exchange, last, more, statusesOf } from './wire.ts'

const addRoutes = (turnout: Turnout): void => {
  turnout.get('/', (c) => c.text('root'))
  turnout.get('/x/*rest', (c) => c.text(c.path))
  turnout.get('/url', (c) => c.text(c.request.url))
  turnout.any('/any', (c) => c.text(c.request.method))
  turnout.get('/field', (c) =>
    c.json([c.header('constructor') ?? null, c.header('__proto__') ?? null]),
  )
  turnout.post('/early', (c) => c.text('early'))
  turnout.post('/body', async (c) => c.text(String((await c.body.bytes()).length)))
  turnout.get('/late', async (c) => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    return c.text('late')
  })
  turnout.get('/stream', (c) =>
    c.stream(async function* () {
      yield 'one'
      yield 'two'
    }),
  )
}

const fields = (count: number): string => 'a: b\r\n'.repeat(count)

describe('what a client may send, and its answer', () => {
  const rows: [string, string, number][] = [
    ['an absolute-form target', last('http://a/x/1?y'), 200],
    ['an absolute-form target with a user', last('http://me@b.test/x/1'), 400],
    ['another scheme', last('ftp://b.test/x'), 400],
    ['two slashes', last('//x//1'), 200],
    ['dots above the root', last('/../../x/1'), 200],
    ['a backslash', last('/x\\..\\1'), 400],
    ['a fragment', last('/x/#1'), 400],
    ['a bad escape', last('/x/%'), 400],
    ['an escaped NUL', last('/x/%00'), 400],
    ['an escaped slash', last('/x/%2f'), 400],
    ['a raw NUL', last('/x/\0'), 400],
    ['raw bytes', last('/x/\xff\xfe'), 400],
    ['a target of 8 KiB', last(`/x/${'a'.repeat(8189)}`), 200],
    ['one byte more', last(`/x/${'a'.repeat(8190)}`), 414],
    ['a target of 20 KB', last(`/x/${'a'.repeat(20_000)}`), 431],
    ['100 fields', last('/', fields(98)), 200],
    ['101 fields', last('/', fields(99)), 431],
    ['1,000 fields, where Node 20 drops the rest', last('/', fields(998)), 431],
    ['1,500 fields', last('/', fields(1498)), 431],
    ['no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['two Hosts', last('/', 'Host: b\r\n'), 400],
    [
      'a length and chunks',
      last('/body', 'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n', 'POST'),
      400,
    ],
    ['an upgrade nobody takes', last('/', 'Upgrade: websocket\r\n'), 200],
    ['TRACE to what makes a web Request', last('/any', '', 'TRACE'), 405],
    ['HTTP/1.0 without a Host', 'GET /url HTTP/1.0\r\n\r\n', 200],
  ]
  for (const [name, bytes, status] of rows) {
    test(`${name}: ${status}`, async (t) => {
      const { port } = await attack(t, addRoutes)
      assert.deepEqual(statusesOf(await exchange(port, bytes)), [status])
      assert.deepEqual(statusesOf(await exchange(port, last('/'))), [200])
    })
  }
})

describe('a Host that would change what the path of a web Request is', () => {
  for (const host of ['a/admin?', 'a#', 'a?b', 'u:p@a', 'a b', 'a\\b', '[', 'a:99999', 'a%zz']) {
    test(`${host} is refused`, async (t) => {
      const { port } = await attack(t, addRoutes)
      const bytes = `GET /url HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
      const received = await exchange(port, bytes)
      assert.deepEqual(statusesOf(received), [400])
      assert.match(received, /TURNOUT_HOST_INVALID/)
    })
  }
  for (const [host, url] of [
    ['', 'http://localhost/url'],
    ['A.test:80', 'http://a.test/url'],
    ['[::1]:8080', 'http://[::1]:8080/url'],
  ] as const) {
    test(`${host || 'an empty one'} is not`, async (t) => {
      const { port } = await attack(t, addRoutes)
      const bytes = `GET /url HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
      assert.equal(bodyOf(await exchange(port, bytes)), url)
    })
  }
  test('the authority of an absolute-form target is its own', async (t) => {
    const { port } = await attack(t, addRoutes)
    assert.equal(bodyOf(await exchange(port, last('http://A:80/url'))), 'http://a/url')
  })
})

test('what every object has is no header field', async (t) => {
  const { port } = await attack(t, addRoutes)
  assert.equal(bodyOf(await exchange(port, last('/field'))), '[null,null]')
})

test('pipelined requests are answered in their order, however their handlers answer', async (t) => {
  const { port } = await attack(t, addRoutes)
  const body = more('/body', 'Content-Length: 4\r\n', 'POST')
  const received = await exchange(
    port,
    `${more('/late')}${more('/')}${more('/nope')}${more('/stream')}${body}abcd${more('/', '', 'HEAD')}${last('/x/end')}`,
  )
  assert.deepEqual(statusesOf(received), [200, 200, 404, 200, 200, 200, 200])
  const order = ['late', 'root', 'No route', 'one', 'two', '\r\n\r\n4', '/x/end']
  const places = order.map((text) => received.indexOf(text))
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  )
  assert.ok(!places.includes(-1))
})

test('a body nobody reads is not taken for the next request', async (t) => {
  const { port } = await attack(t, addRoutes)
  const smuggled = 'GET /x/smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
  const early = more('/early', `Content-Length: ${smuggled.length}\r\n`, 'POST') + smuggled
  const received = await exchange(port, early + last('/'))
  assert.deepEqual(statusesOf(received), [200, 200])
  assert.ok(!received.includes('smuggled'))
})

test('a body over the limit is answered, and its connection ends', async (t) => {
  const { port } = await attack(t, addRoutes)
  const large = more('/body', 'Content-Length: 99999999\r\n', 'POST')
  assert.deepEqual(statusesOf(await exchange(port, `${large}abc`)), [413])
})

test('chunks that go wrong half-way end their own connection only', async (t) => {
  const { port } = await attack(t, addRoutes)
  const bytes = more('/body', 'Transfer-Encoding: chunked\r\n', 'POST')
  assert.deepEqual(statusesOf(await exchange(port, `${bytes}3\r\nabc\r\nZZ\r\n`)), [400])
  assert.deepEqual(statusesOf(await exchange(port, last('/'))), [200])
})

test('an expectation is met or refused', async (t) => {
  const { port } = await attack(t, addRoutes)
  const length = 'Content-Length: 2\r\n'
  const met = last('/body', `Expect: 100-continue\r\n${length}`, 'POST')
  assert.deepEqual(statusesOf(await exchange(port, `${met}hi`)), [100, 200])
  const odd = last('/body', `Expect: tea\r\n${length}`, 'POST')
  assert.deepEqual(statusesOf(await exchange(port, `${odd}hi`)), [417])
})

test('a client that has closed its side is gone: what is ready reaches it, what is not is cut', async (t) => {
  const { port } = await attack(t, addRoutes)
  assert.equal(bodyOf(await exchange(port, last('/'), true)), 'root')
  assert.equal(await exchange(port, last('/late'), true), '')
  assert.deepEqual(statusesOf(await exchange(port, last('/'))), [200])
})
