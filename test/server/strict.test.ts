import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createTurnout, type Turnout } from '../../src/turnout.ts'
import { exchange, statusesOf } from '../attack/wire.ts'

let turnout: Turnout
let port = 0
let seen: string[] = []

before(async () => {
  turnout = createTurnout({ logger: false })
  turnout.any('/*rest', (c) => {
    seen.push(`${c.request.method} ${c.path}`)
    return c.text('seen')
  })
  turnout.post('/body', async (c) => {
    seen.push('POST /body')
    return c.text(await c.body.text())
  })
  port = (await turnout.listen({ port: 0 })).port
})

after(async () => {
  await turnout.close(0)
})

const get = (fields: string, target = '/', host = 'a.test'): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`

const post = (fields: string, body = '', version = '1.1'): string =>
  `POST /body HTTP/${version}\r\nHost: a.test\r\n${fields}\r\n${body}`

const chunked = '2\r\nhi\r\n0\r\n\r\n'

/** The request as it is sent, and the status; 0: the connection is closed without an answer. */
const refused: readonly (readonly [what: string, bytes: string, status: number])[] = [
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['two Hosts', get('Host: a.test\r\n'), 400],
  ['two Hosts in two cases', get('hOST: b.test\r\n'), 400],
  ['a list of Hosts', get('', '/', 'a.test, b.test'), 400],
  ['a list of Hosts without a space', get('', '/', 'a.test,b.test'), 400],
  ['a user in Host', get('', '/', 'u@a.test'), 400],
  ['a password in Host', get('', '/', 'u:p@a.test'), 400],
  ['a path in Host', get('', '/', 'a.test/b'), 400],
  ['dots in the path of Host', get('', '/', 'a/../b'), 400],
  ['a backslash in Host', get('', '/', 'a\\b'), 400],
  ['a query in Host', get('', '/', 'a?b'), 400],
  ['a fragment in Host', get('', '/', 'a#b'), 400],
  ['a space in Host', get('', '/', 'a b'), 400],
  ['a tab in Host', get('', '/', 'a\tb'), 400],
  ['a scheme in Host', get('', '/', 'http://a.test'), 400],
  ['a port out of range', get('', '/', 'a.test:65536'), 400],
  ['a port of letters', get('', '/', 'a.test:http'), 400],
  ['a negative port', get('', '/', 'a.test:-1'), 400],
  ['two ports', get('', '/', 'a.test:80:81'), 400],
  ['a port alone', get('', '/', ':80'), 400],
  ['two dots', get('', '/', 'a..test'), 400],
  ['a dot first', get('', '/', '.a.test'), 400],
  ['an open bracket', get('', '/', '[::1'), 400],
  ['a bracket with a name', get('', '/', '[a.test]'), 400],
  ['text behind a bracket', get('', '/', '[::1]x'), 400],
  ['a bad escape in Host', get('', '/', 'a%zz'), 400],
  ['quotes in Host', get('', '/', '"a"'), 400],
  ['a semicolon in Host', get('', '/', 'a;b'), 400],
  ['a dollar in Host', get('', '/', '$a'), 400],
  ['bytes beyond ASCII in Host', get('', '/', 'caf\xe9'), 400],
  ['a target of another host', get('', 'http://b.test/'), 400],
  ['a target of another port', get('', 'http://a.test:81/'), 400],
  ['a target with a user', get('', 'http://u@a.test/'), 400],
  ['a target without a host', get('', 'http:///x'), 400],
  ['an absolute target, and Host empty', get('', 'http://a.test/', ''), 400],
  ['a target of another scheme', get('', 'ftp://a.test/'), 400],
  ['a fragment in the path', get('', '/a#b'), 400],
  ['a fragment in the query', get('', '/a?b#c'), 400],
  ['a backslash in the path', get('', '/a\\b'), 400],
  ['a backslash in front', get('', '\\a'), 400],
  ['a space in the target', get('', '/a b'), 400],
  ['a tab in the target', get('', '/a\tb'), 400],
  ['a NUL in the target', get('', '/a\0b'), 400],
  ['a target that is no path', get('', 'a'), 400],
  ['a target of authority form', get('', 'a.test:80'), 400],
  ['gzip, chunked', post('Transfer-Encoding: gzip, chunked\r\n', chunked), 400],
  ['chunked, gzip', post('Transfer-Encoding: chunked, gzip\r\n', chunked), 400],
  ['chunked twice', post('Transfer-Encoding: chunked, chunked\r\n', chunked), 400],
  ['identity', post('Transfer-Encoding: identity\r\n', chunked), 400],
  ['xchunked', post('Transfer-Encoding: xchunked\r\n', chunked), 400],
  ['quoted chunked', post('Transfer-Encoding: "chunked"\r\n', chunked), 400],
  ['chunked with a parameter', post('Transfer-Encoding: chunked;a=b\r\n', chunked), 400],
  ['an empty coding', post('Transfer-Encoding:\r\n', chunked), 400],
  ['a vertical tab before chunked', post('Transfer-Encoding: \x0bchunked\r\n', chunked), 400],
  [
    'two Transfer-Encodings',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', chunked),
    400,
  ],
  ['chunks in HTTP/1.0', post('Transfer-Encoding: chunked\r\n', chunked, '1.0'), 400],
  [
    'a length and chunks',
    post('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', chunked),
    400,
  ],
  [
    'chunks and a length',
    post('Transfer-Encoding: chunked\r\nContent-Length: 2\r\n', chunked),
    400,
  ],
  ['two lengths', post('Content-Length: 2\r\nContent-Length: 2\r\n', 'hi'), 400],
  ['two lengths in one', post('Content-Length: 2, 2\r\n', 'hi'), 400],
  ['a length with a sign', post('Content-Length: +2\r\n', 'hi'), 400],
  ['a negative length', post('Content-Length: -2\r\n', 'hi'), 400],
  ['a length in hex', post('Content-Length: 0x2\r\n', 'hi'), 400],
  ['a length of letters', post('Content-Length: two\r\n', 'hi'), 400],
  ['a length with a space', post('Content-Length: 1 2\r\n', 'hi'), 400],
  ['a length that overflows', post('Content-Length: 99999999999999999999\r\n', 'hi'), 400],
  ['a space before a colon', get('X-A : b\r\n'), 400],
  ['a folded line', get('X-A: b\r\n c\r\n'), 400],
  ['a field without a colon', get('X-A\r\n'), 400],
  ['a field without a name', get(': b\r\n'), 400],
  ['a bare LF between fields', 'GET / HTTP/1.1\nHost: a.test\n\n', 400],
  ['a bare CR in a value', get('X-A: b\rc\r\n'), 400],
  ['a NUL in a value', get('X-A: b\0c\r\n'), 400],
  ['a name in parentheses', get('X(A): b\r\n'), 400],
  ['HTTP/0.9', 'GET /\r\n\r\n', 400],
  ['HTTP/1.2', 'GET / HTTP/1.2\r\nHost: a.test\r\n\r\n', 400],
  ['HTTP/2.0 in words', 'GET / HTTP/2.0\r\nHost: a.test\r\n\r\n', 400],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ['http in small letters', 'GET / http/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['a method in small letters', 'get / HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['a method nobody knows', 'FOO / HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['noise', '\x00\x01\x02\x03\r\n\r\n', 400],
  ['CONNECT', 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n', 405],
  ['CONNECT to a path', 'CONNECT / HTTP/1.1\r\nHost: a.test\r\n\r\n', 405],
  ['TRACE', 'TRACE / HTTP/1.1\r\nHost: a.test\r\n\r\n', 405],
  ['another expectation', post('Expect: tea\r\nContent-Length: 2\r\n', 'hi'), 417],
  ['two in one', post('Expect: 100-continue, tea\r\nContent-Length: 2\r\n', 'hi'), 417],
  [
    'two expectations',
    post('Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 2\r\n', 'hi'),
    417,
  ],
  ['a prefix of one', post('Expect: x 100-continue\r\nContent-Length: 2\r\n', 'hi'), 417],
  ['one with a parameter', post('Expect: 100-continue;q=1\r\nContent-Length: 2\r\n', 'hi'), 417],
  ['an expectation in quotes', post('Expect: "100-continue"\r\nContent-Length: 2\r\n', 'hi'), 417],
  ['101 fields', get('A: b\r\n'.repeat(100)), 431],
  [
    '1,500 fields, then a length',
    post(`${'A: b\r\n'.repeat(1_500)}Content-Length: 2\r\n`, 'hi'),
    431,
  ],
  ['a target of 8,193 bytes', get('', `/${'a'.repeat(8_192)}`), 414],
]

for (const [what, bytes, status] of refused) {
  test(`${what}: ${status}, unseen, and closed`, async () => {
    seen = []
    // What follows must not be served: the connection does not outlive a refusal.
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n'
    assert.deepEqual(statusesOf(await exchange(port, bytes + smuggled)), [status])
    assert.deepEqual(seen, [])
  })
}

const served: readonly (readonly [what: string, bytes: string])[] = [
  ['an empty Host', get('Connection: close\r\n', '/', '')],
  ['a Host in capitals with a port', get('Connection: close\r\n', '/', 'A.TEST:8080')],
  ['a Host with a dot at its end', get('Connection: close\r\n', '/', 'a.test.')],
  ['a Host with an empty port', get('Connection: close\r\n', '/', 'a.test:')],
  ['a Host with "_"', get('Connection: close\r\n', '/', 'my_service')],
  ['an address', get('Connection: close\r\n', '/', '127.0.0.1:80')],
  ['an address of version 6', get('Connection: close\r\n', '/', '[::1]:80')],
  ['the target that the Host names', get('Connection: close\r\n', 'http://A.test.:80/x')],
  ['https over a proxy', get('Connection: close\r\n', 'https://a.test:443/x')],
  ['a backslash in a query, as browsers send it', get('Connection: close\r\n', '/?a=\\')],
  ['a query with odd characters', get('Connection: close\r\n', '/?a={"b":[1|2]}^`')],
  ['chunks', post('Connection: close\r\nTransfer-Encoding: chunked\r\n', chunked)],
  ['chunks in capitals', post('Connection: close\r\nTransfer-Encoding: Chunked\r\n', chunked)],
  ['a body of GET', get('Connection: close\r\nContent-Length: 2\r\n') + 'hi'],
  ['HTTP/1.0 without a Host', 'GET / HTTP/1.0\r\n\r\n'],
  ['an upgrade nobody takes', get('Connection: close\r\nUpgrade: websocket\r\n')],
  ['a field named __proto__', get('Connection: close\r\n__proto__: a\r\n')],
  ['a field with "_"', get('Connection: close\r\nx_a: b\r\n')],
  ['100 fields', get(`Connection: close\r\n${'A: b\r\n'.repeat(98)}`)],
]

for (const [what, bytes] of served) {
  test(`${what}: served`, async () => {
    seen = []
    assert.deepEqual(statusesOf(await exchange(port, bytes)), [200])
    assert.equal(seen.length, 1)
  })
}

test('an expectation that is said plainly is met', async () => {
  const bytes = post('Connection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n', 'hi')
  const received = await exchange(port, bytes)
  assert.deepEqual(statusesOf(received), [100, 200])
  assert.match(received, /hi$/)
})

for (const [lane, statuses] of [
  ['safe', [200]],
  // The junk has an answer of its own.
  ['fast', [200, 400]],
] as const)
  test(`${lane} lane: junk behind a request that is being served is not taken for its answer`, async (t) => {
    const slow = createTurnout({ logger: false, lane })
    t.after(() => slow.close(0))
    slow.get('/', async (c) => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      return c.text('mine')
    })
    const { port } = await slow.listen({ port: 0 })
    const received = await exchange(port, `${get('')}\x00junk\r\n\r\n`)
    assert.deepEqual(statusesOf(received), statuses)
    assert.match(
      received,
      lane === 'safe' ? /connection: close[^]*mine$/i : /mineHTTP[^]*connection: close/i,
    )
  })

test('with `refuse`, a field with "_" is 400', async (t) => {
  const strict = createTurnout({ logger: false, underscores: 'refuse' })
  t.after(() => strict.close(0))
  strict.get('/', (c) => c.text('seen'))
  const { port } = await strict.listen({ port: 0 })
  assert.match(await exchange(port, get('x_a: b\r\n')), / 400 [^]*TURNOUT_FIELD_NAME/)
})
