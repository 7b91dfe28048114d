import assert from 'node:assert/strict'
import { test } from 'node:test'
import { askRaw, get, talk } from './support/client.ts'
import { openProxy, route } from './support/proxy.ts'
import { openRecording, valuesOf, type Seen } from './support/recording.ts'

const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'PROPFIND',
  'QUERY',
  'REPORT',
  'LINK',
] as const

/** `either`: whoever listens may refuse it; whatever is accepted is still what is forwarded. */
type Outcome = 'forwarded' | 'refused' | 'either'

interface Row {
  readonly name: string
  readonly outcome: Outcome
  readonly bytes: (method: string) => string
  /** Body as it must arrive. */
  readonly body?: string
  readonly isAlone?: boolean
}

const raw = (
  outcome: Outcome,
  name: string,
  fields: string,
  body = '',
  arrives: string = '',
): Row => ({
  name,
  outcome,
  body: arrives,
  bytes: (method) => `${method} /a HTTP/1.1\r\nHost: test\r\n${fields}\r\n${body}`,
})
const started = (outcome: Outcome, name: string, line: string): Row => ({
  name,
  outcome,
  bytes: (method) => `${line.replace('M', method)}\r\nHost: test\r\n\r\n`,
})

const chunked = 'Transfer-Encoding: chunked\r\n'
const chunks = '2\r\nab\r\n1\r\nc\r\n0\r\n\r\n'

const framings: readonly Row[] = [
  raw('forwarded', 'no body', ''),
  raw('forwarded', 'an empty body', 'Content-Length: 0\r\n'),
  raw('forwarded', 'a length', 'Content-Length: 3\r\n', 'abc', 'abc'),
  raw('forwarded', 'chunks', chunked, chunks, 'abc'),
  raw('forwarded', 'no chunks', chunked, '0\r\n\r\n'),
  raw('forwarded', 'chunks in upper case', 'TRANSFER-ENCODING: Chunked\r\n', chunks, 'abc'),
  raw('forwarded', 'trailers', chunked, '3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n', 'abc'),
  raw('forwarded', 'a chunk with an extension', chunked, '3;a=b\r\nabc\r\n0\r\n\r\n', 'abc'),
  raw(
    'forwarded',
    'a request inside a body',
    'Content-Length: 22\r\n',
    'GET /evil HTTP/1.1\r\n\r\n',
    'GET /evil HTTP/1.1\r\n\r\n',
  ),
  raw('refused', 'length and chunks', `Content-Length: 3\r\n${chunked}`, chunks),
  raw('refused', 'chunks and length', `${chunked}Content-Length: 3\r\n`, chunks),
  raw('refused', 'two lengths', 'Content-Length: 3\r\nContent-Length: 4\r\n', 'abcd'),
  raw('refused', 'one length twice', 'Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'),
  raw('refused', 'a list of lengths', 'Content-Length: 3, 3\r\n', 'abc'),
  raw('refused', 'a length with a plus', 'Content-Length: +3\r\n', 'abc'),
  raw('refused', 'a length below nothing', 'Content-Length: -3\r\n', 'abc'),
  raw('refused', 'a length in hex', 'Content-Length: 0x3\r\n', 'abc'),
  raw('refused', 'a length with a space', 'Content-Length: 1 1\r\n', 'abc'),
  raw('refused', 'a length beyond numbers', `Content-Length: ${'9'.repeat(25)}\r\n`, 'abc'),
  raw('refused', 'a space before the colon', 'Content-Length : 3\r\n', 'abc'),
  raw('refused', 'a space before the colon of chunks', 'Transfer-Encoding : chunked\r\n', chunks),
  raw('either', 'gzip, chunked', 'Transfer-Encoding: gzip, chunked\r\n', chunks, 'abc'),
  raw('refused', 'chunked, gzip', 'Transfer-Encoding: chunked, gzip\r\n', chunks),
  raw('either', 'identity', 'Transfer-Encoding: identity\r\n', chunks),
  raw('either', 'xchunked', 'Transfer-Encoding: xchunked\r\n', chunks),
  raw('either', 'chunked twice', chunked + chunked, chunks, 'abc'),
  raw('either', 'an empty coding', 'Transfer-Encoding:\r\n', ''),
  raw('refused', 'a size that is none', chunked, 'x\r\nabc\r\n0\r\n\r\n'),
  raw('refused', 'a size with 0x', chunked, '0x3\r\nabc\r\n0\r\n\r\n'),
  raw('refused', 'a size with a space', chunked, ' 3\r\nabc\r\n0\r\n\r\n'),
  raw('refused', 'a size beyond numbers', chunked, `${'f'.repeat(20)}\r\nabc\r\n0\r\n\r\n`),
  raw('refused', 'a chunk longer than it says', chunked, '2\r\nabc\r\n0\r\n\r\n'),
  raw('refused', 'chunks with bare LFs', chunked, '3\nabc\n0\n\n'),
  raw('refused', 'a trailer that is none', chunked, '3\r\nabc\r\n0\r\nX A: b\r\n\r\n'),
  raw('forwarded', 'expects 100', 'Expect: 100-continue\r\nContent-Length: 3\r\n', 'abc', 'abc'),
  raw('either', 'expects something else', 'Expect: 200-ok\r\nContent-Length: 3\r\n', 'abc', 'abc'),
]

const fields: readonly Row[] = [
  raw('forwarded', 'TE', 'TE: trailers\r\nConnection: TE\r\n'),
  raw('forwarded', 'a token of Connection', 'Connection: X-Hop\r\nX-Hop: 1\r\n'),
  raw('forwarded', 'two Connections', 'Connection: X-Hop\r\nConnection: keep-alive\r\n'),
  raw('forwarded', 'an underscore', 'X_A: 1\r\n'),
  raw('forwarded', 'a byte of others', 'X-A: \xe9\r\n'),
  raw('forwarded', 'a tab', 'X-A: a\tb\r\n'),
  raw('forwarded', 'an empty value', 'X-A:\r\n'),
  raw('forwarded', '__proto__', '__proto__: 1\r\n'),
  raw('forwarded', 'constructor', 'constructor: 1\r\n'),
  raw(
    'forwarded',
    'eighty fields',
    Array.from({ length: 80 }, (_, at) => `X-${at}: 1\r\n`).join(''),
  ),
  raw(
    'refused',
    'a hundred and one',
    Array.from({ length: 101 }, (_, at) => `X-${at}: 1\r\n`).join(''),
  ),
  raw(
    'refused',
    'a length behind a thousand',
    `${'X-A: 1\r\n'.repeat(1_001)}Content-Length: 3\r\n`,
    'abc',
  ),
  raw('refused', 'a head of 20 KB', `X-A: ${'a'.repeat(20_000)}\r\n`),
  raw('refused', 'a NUL', 'X-A: a\0b\r\n'),
  raw('refused', 'a control character', 'X-A: a\x01b\r\n'),
  raw('refused', 'a CR', 'X-A: a\rb\r\n'),
  raw('refused', 'a bare LF', 'X-A: a\nX-B: b\r\n'),
  raw('refused', 'a folded line', 'X-A: a\r\n b\r\n'),
  raw('refused', 'a space in a name', 'X A: b\r\n'),
  raw('refused', 'an empty name', ': b\r\n'),
  raw('refused', 'no colon', 'X-A\r\n'),
  raw('refused', 'Connection: Host', 'Connection: Host\r\n'),
  raw('refused', 'Connection: Authorization', 'Connection: Authorization\r\nAuthorization: x\r\n'),
  raw('refused', 'Connection: Cookie', 'Connection: close, Cookie\r\nCookie: a=b\r\n'),
  raw(
    'refused',
    'Connection: Content-Length',
    'Connection: Content-Length\r\nContent-Length: 3\r\n',
    'abc',
  ),
  raw('either', 'two Hosts', 'Host: other\r\n'),
  raw('forwarded', 'Upgrade with no wish of it', 'Upgrade: h2c\r\n'),
  raw(
    'forwarded',
    'h2c',
    'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n',
  ),
  raw(
    'forwarded',
    'h2c with a body',
    'Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n',
    'abc',
    'abc',
  ),
  raw(
    'forwarded',
    'a WebSocket with a body',
    'Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n',
    'abc',
    'abc',
  ),
  raw('either', 'an upgrade to no token', 'Connection: Upgrade\r\nUpgrade: a b, ,,\r\n'),
]

const lines: readonly Row[] = [
  started('forwarded', 'a path', 'M /a HTTP/1.1'),
  started('forwarded', 'a query', 'M /a?b=c&d HTTP/1.1'),
  started('forwarded', 'dots', 'M /a/../b HTTP/1.1'),
  started('forwarded', 'slashes', 'M //a//b HTTP/1.1'),
  started('forwarded', 'escapes', 'M /%61%7e HTTP/1.1'),
  started('forwarded', 'an escaped CR LF in a query', 'M /a?b=%0d%0aX:%20y HTTP/1.1'),
  started('forwarded', 'an escaped line in a path', 'M /a%20HTTP/1.1 HTTP/1.1'),
  started('forwarded', 'quotes in a query', 'M /a?"<>{}|^` HTTP/1.1'),
  started('either', 'bytes of others in a query', 'M /a?\xe9 HTTP/1.1'),
  started('either', 'bytes of others in a path', 'M /\xc3\xa9 HTTP/1.1'),
  started('either', 'a fragment', 'M /a?b#c HTTP/1.1'),
  started('either', 'a backslash in a query', 'M /a?\\ HTTP/1.1'),
  started('either', 'an absolute target', 'M http://test/a HTTP/1.1'),
  started('either', 'an absolute target of another host', 'M http://other/a HTTP/1.1'),
  started('refused', 'an escaped slash', 'M /a%2Fb HTTP/1.1'),
  started('refused', 'a NUL', 'M /a%00 HTTP/1.1'),
  started('refused', 'an escape that is none', 'M /a%zz HTTP/1.1'),
  started('refused', 'a backslash', 'M /a\\b HTTP/1.1'),
  started('refused', 'no path', 'M a HTTP/1.1'),
  started('either', 'two spaces', 'M  /a HTTP/1.1'),
  started('either', 'a tab', 'M\t/a HTTP/1.1'),
  started('refused', 'a space in the target', 'M /a b HTTP/1.1'),
  started('refused', 'HTTP/1.2', 'M /a HTTP/1.2'),
  // Node takes these two, and what follows is its error: the answer would be lost with it.
  { ...started('either', 'HTTP/2.0', 'M /a HTTP/2.0'), isAlone: true },
  { ...started('either', 'no version', 'M /a'), isAlone: true },
  started('refused', 'a long target', `M /${'a'.repeat(9_000)} HTTP/1.1`),
]

const table = [...framings, ...fields, ...lines].flatMap((row) =>
  methods.map((method) => ({ ...row, method })),
)

const marked = (body: string): string =>
  `HTTP/1.1 200 OK\r\nX-Upstream: yes\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/** Goes behind every request on its connection: what is left of one that was read otherwise would be in front of it. */
const next = 'GET /next HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n'

/** Sends all at once, and gives what came until the connection was closed. */
const sendAll = async (port: number, bytes: string): Promise<string> => {
  const { closed, received, socket } = talk(port, bytes)
  const hung = setTimeout(() => socket.destroy(new Error('hung')), 5_000)
  await closed
  clearTimeout(hung)
  return received()
}

const isOther = ({ target }: Seen): boolean => target !== '/next'

const count = (text: string, part: RegExp): number => text.match(part)?.length ?? 0

test(`${table.length} requests: what is accepted is what the upstream sees, and nothing else`, async (t) => {
  assert.ok(table.length >= 900)
  const recording = await openRecording(t, { answer: () => marked('ok') })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const { seen } = recording
  const wrong: string[] = []
  const told = { forwarded: 0, refused: 0 }
  for (const { method, name, outcome, bytes, body = '', isAlone } of table) {
    const from = seen.length
    const received = await sendAll(proxy.port, bytes(method) + (isAlone === true ? '' : next))
    const here = seen.slice(from)
    const accepted = count(received, /^x-upstream: yes\r$/gim)
    const first = /^HTTP\/1\.1 (?!1)(\d+) [^\r]*\r\n(?:[^\r]+\r\n)*/m.exec(received)?.[0] ?? ''
    const found = /x-upstream: yes/i.test(first) ? 'forwarded' : 'refused'
    const say = (what: string): void =>
      void wrong.push(`${method} ${name}: ${what}: ${JSON.stringify(received.slice(0, 80))}`)
    told[found] += 1
    if (outcome !== 'either' && found !== outcome) say(found)
    // Behind an answer that says `close`, nobody hears of the next one.
    const heard = here.slice(0, accepted).concat(here.slice(accepted).filter(isOther))
    if (heard.length !== accepted)
      say(`${here.map(({ target }) => target).join(' ')} seen, ${accepted} answered`)
    if (here.some(({ target }) => target.includes('evil'))) say('smuggled')
    // Requests in one pipeline go out side by side.
    const others = here.filter(isOther)
    if (found === 'refused' || others.length !== 1) {
      if (others.length > 0) say(`${others.length} seen`)
      continue
    }
    if (others[0]!.method !== method) say(`seen as ${others[0]!.method}`)
    if (others[0]!.body.toString('latin1') !== body) say(`its body is ${others[0]!.body}`)
  }
  t.diagnostic(`${told.forwarded} forwarded, ${told.refused} refused`)
  assert.deepEqual(wrong, [])
  assert.deepEqual(recording.faults, [])
  assert.deepEqual(proxy.errors, [])
  await proxy.quiet()
})

test('a request is sent on in one framing, without fields of its connection, and says who it is from', async (t) => {
  const recording = await openRecording(t)
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const forged = [
    'X-Forwarded-For: 1.1.1.1',
    'x-forwarded-for: 2.2.2.2',
    'X_Forwarded_For: 3.3.3.3',
    'X-Forwarded-Host: evil',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Port: 1',
    'X-Real-IP: 4.4.4.4',
    'X-Real_IP: 5.5.5.5',
    'Forwarded: for=6.6.6.6',
    'Turnout-Route: forged',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'Proxy-Authorization: x',
    'TE: trailers',
    'Trailer: X-Sum',
    'Connection: X-Hop, TE',
    'X-Hop: 1',
    'Authorization: kept',
    'Cookie: a=b',
    '',
  ].join('\r\n')
  for (const method of methods)
    assert.equal((await askRaw(proxy.port, get('/a?b', forged, method))).status, 200)
  for (const [at, request] of recording.seen.entries()) {
    const shown = request.fields.filter(([name]) => name !== 'content-length')
    assert.deepEqual(shown, [
      ['host', `127.0.0.1:${recording.port}`],
      ['authorization', 'kept'],
      ['cookie', 'a=b'],
      ['x-forwarded-for', '127.0.0.1'],
      ['x-forwarded-proto', 'http'],
      ['x-forwarded-host', 'test'],
      ['x-forwarded-port', '80'],
      ['x-real-ip', '127.0.0.1'],
    ])
    assert.equal(request.method, methods[at])
    const isSaid = ['POST', 'PUT', 'PATCH'].includes(request.method)
    assert.deepEqual(valuesOf(request, 'content-length'), isSaid ? ['0'] : [])
  }
})

test('a client cannot have a field removed that the gateway adds', async (t) => {
  const recording = await openRecording(t)
  const proxy = await openProxy(t, [
    route('/*rest', recording.url, {
      filters: [
        { kind: 'set-request-header', name: 'X-Tenant', value: 'a' },
        { kind: 'add-request-header', name: 'X-More', value: 'b' },
      ],
    }),
  ])
  const added = [
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'X-Forwarded-Port',
    'X-Real-IP',
    'X-Tenant',
    'X-More',
    'Host',
    'x_forwarded_for',
    'x_real_ip',
  ]
  for (const name of added) {
    for (const spelled of [name, name.toLowerCase(), name.toUpperCase()]) {
      const from = recording.seen.length
      const { status } = await askRaw(proxy.port, get('/', `Connection: close, ${spelled}\r\n`))
      const [request] = recording.seen.slice(from)
      if (request === undefined) assert.equal(status, 400, spelled)
      else assert.equal(valuesOf(request, name.toLowerCase()).length, 1, spelled)
    }
  }
})
