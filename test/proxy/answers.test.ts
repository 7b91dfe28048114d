import assert from 'node:assert/strict'
import { test } from 'node:test'
import { askRaw, codeOf, fieldOf, get, talk } from './support/client.ts'
import { openProxy, route, upstream } from './support/proxy.ts'
import { ok, openRecording } from './support/recording.ts'

const head = (fields: string, status = '200 OK', version = '1.1'): string =>
  `HTTP/${version} ${status}\r\n${fields}\r\n`
const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'
const chunked = 'Transfer-Encoding: chunked\r\n'
const length = (bytes: number): string => `Content-Length: ${bytes}\r\n`
const fields = (count: number): string =>
  Array.from({ length: count }, (_, at) => `X-${at}: ${at}\r\n`).join('')

/**
 * What a client is told: a status with its body, `cut` where the answer had begun and its end is missing, or the code
 * of a problem.
 */
type Told = string

interface Row {
  readonly name: string
  readonly bytes: string
  readonly told: Told
  readonly method?: string
  /** The upstream ends the connection behind it. */
  readonly ends?: boolean
  /** It breaks the connection behind it. */
  readonly resets?: boolean
}

const good = (name: string, bytes: string, told: Told, rest: Partial<Row> = {}): Row => ({
  name,
  bytes,
  told,
  ...rest,
})
const bad = (name: string, bytes: string, rest: Partial<Row> = {}): Row =>
  good(name, bytes, 'TURNOUT_UPSTREAM_INVALID', rest)

const answers: readonly Row[] = [
  // What is an answer.
  good('a length', head(length(2)) + 'ab', '200 ab'),
  good('no body', head(length(0)), '200 '),
  good('chunks', head(chunked) + '1\r\na\r\n1\r\nb\r\n0\r\n\r\n', '200 ab'),
  good('a chunk with an extension', head(chunked) + '2;x=y\r\nab\r\n0\r\n\r\n', '200 ab'),
  good('trailers', head(chunked) + '2\r\nab\r\n0\r\nX-Sum: 1\r\n\r\n', '200 ab'),
  good('until the end', head('') + 'ab', '200 ab', { ends: true }),
  good('HTTP/1.0 without a length', head('', '200 OK', '1.0') + 'ab', '200 ab', { ends: true }),
  good('HTTP/1.0 with a length', head(length(2), '200 OK', '1.0') + 'ab', '200 ab'),
  good('no reason phrase', `HTTP/1.1 200 \r\n${length(2)}\r\nab`, '200 ab'),
  good('a status that nobody knows', head(length(2), '299 Odd') + 'ab', '299 ab'),
  good('a 599', head(length(2), '599 Odd') + 'ab', '599 ab'),
  good('a 204', head('', '204 No Content'), '204 '),
  good('a 204 with a length', head(length(0), '204 No Content'), '204 '),
  good('a 204 with a body', head(length(2), '204 No Content') + 'ab', '204 '),
  good('a 204 in chunks', head(chunked, '204 No Content') + '0\r\n\r\n', '204 '),
  good('a 304 with a length', head(length(9), '304 Not Modified'), '304 '),
  good('a 304 with a body', head(length(2), '304 Not Modified') + 'ab', '304 '),
  good('to HEAD, a length', head(length(9)), '200 ', { method: 'HEAD' }),
  good('to HEAD, a body', head(length(2)) + 'ab', '200 ', { method: 'HEAD' }),
  good('to HEAD, chunks', head(chunked), '200 ', { method: 'HEAD' }),
  good('a 100 before', 'HTTP/1.1 100 Continue\r\n\r\n' + head(length(2)) + 'ab', '200 ab'),
  good('a 102 before', 'HTTP/1.1 102 Processing\r\n\r\n' + head(length(2)) + 'ab', '200 ab'),
  good('ten 103 before', hint.repeat(10) + head(length(2)) + 'ab', '200 ab'),
  good(
    'a 103 whose links are none',
    'HTTP/1.1 103 E\r\nLink: rel=x, "\r\n\r\n' + head(length(2)) + 'ab',
    '200 ab',
  ),
  good(
    'a 103 without links',
    'HTTP/1.1 103 E\r\nX-A: b\r\n\r\n' + head(length(2)) + 'ab',
    '200 ab',
  ),
  good('a hundred fields', head(fields(99) + length(2)) + 'ab', '200 ab'),
  good('bytes behind it', head(length(2)) + 'abHTTP/1.1 200 OK\r\n\r\n', '200 ab'),
  good('bytes behind the chunks', head(chunked) + '2\r\nab\r\n0\r\n\r\nevil', '200 ab'),
  good('bytes of others in a value', head(`X-A: \xe9\r\n${length(2)}`) + 'ab', '200 ab'),
  good('a 401 with a challenge', head(`WWW-Authenticate: X\r\n${length(0)}`, '401 U'), '401 '),
  // What is none.
  bad('a status 000', head(length(2), '000 Odd') + 'ab'),
  bad('a status 99', head(length(2), '99 Odd') + 'ab'),
  bad('a status 099', head(length(2), '099 Odd') + 'ab'),
  bad('a status 600', head(length(2), '600 Odd') + 'ab'),
  bad('a status 999', head(length(2), '999 Odd') + 'ab'),
  bad('a status of letters', head(length(2), 'abc Odd') + 'ab'),
  bad('a status with a sign', head(length(2), '+20 Odd') + 'ab'),
  bad('a status of four digits', head(length(2), '2000 Odd') + 'ab'),
  bad('control characters in the reason', head(length(2), '200 O\x01K') + 'ab'),
  bad('a bare LF behind the status line', `HTTP/1.1 200 OK\n${length(2)}\r\nab`),
  bad('a bare LF behind a field', 'HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nab'),
  bad('bare LFs', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nab'),
  bad('a CR in a value', head(`X-A: a\rb\r\n${length(2)}`) + 'ab'),
  bad('a NUL in a value', head(`X-A: a\0b\r\n${length(2)}`) + 'ab'),
  bad('an escape in a value', head(`X-A: a\x1bb\r\n${length(2)}`) + 'ab'),
  bad('a DEL in a value', head(`X-A: a\x7fb\r\n${length(2)}`) + 'ab'),
  bad('a space in a name', head(`X A: b\r\n${length(2)}`) + 'ab'),
  bad('a space before the colon', head('Content-Length : 2\r\n') + 'ab'),
  bad('a name that is empty', head(`: b\r\n${length(2)}`) + 'ab'),
  bad('a line without a colon', head(`X-A\r\n${length(2)}`) + 'ab'),
  bad('a folded line', head(`X-A: a\r\n b\r\n${length(2)}`) + 'ab'),
  bad('a folded first line', head(` X-A: a\r\n${length(2)}`) + 'ab'),
  bad('length and chunks', head(length(2) + chunked) + '2\r\nab\r\n0\r\n\r\n'),
  bad('chunks and length', head(chunked + length(2)) + '2\r\nab\r\n0\r\n\r\n'),
  bad('two lengths', head(length(2) + length(3)) + 'abc'),
  bad('one length twice', head(length(2) + length(2)) + 'ab'),
  bad('a list of lengths', head('Content-Length: 2, 2\r\n') + 'ab'),
  bad('a length below nothing', head('Content-Length: -1\r\n') + 'ab'),
  bad('a length with a plus', head('Content-Length: +2\r\n') + 'ab'),
  bad('a length in hex', head('Content-Length: 0x2\r\n') + 'ab'),
  bad('an empty length', head('Content-Length:\r\n') + 'ab'),
  bad('a length beyond numbers', head('Content-Length: 99999999999999999999\r\n') + 'ab'),
  bad('gzip, chunked', head('Transfer-Encoding: gzip, chunked\r\n') + '0\r\n\r\n'),
  bad('chunked twice', head(chunked + chunked) + '0\r\n\r\n'),
  bad('chunked, identity', head('Transfer-Encoding: chunked, identity\r\n') + '0\r\n\r\n'),
  bad('xchunked', head('Transfer-Encoding: xchunked\r\n') + '0\r\n\r\n'),
  bad('chunks of HTTP/1.0', head(chunked, '200 OK', '1.0') + '0\r\n\r\n', { ends: true }),
  bad('a 101 that nobody asked for', head('Upgrade: x\r\nConnection: upgrade\r\n', '101 S')),
  bad('a 101 without fields', head('', '101 S')),
  bad('twelve 103', hint.repeat(12) + head(length(2)) + 'ab'),
  bad('1xx without end', hint.repeat(500)),
  bad('150 fields', head(fields(150) + length(2)) + 'ab'),
  bad('a head of 20 KB', head(`X-A: ${'a'.repeat(20_000)}\r\n${length(2)}`) + 'ab'),
  bad('a status line without end', `HTTP/1.1 200 ${'a'.repeat(40_000)}`),
  bad('HTTP/0.9', 'hello\r\n', { ends: true }),
  bad('HTTP/2.0', head(length(2), '200 OK', '2.0') + 'ab'),
  bad('HTTP/1.2', head(length(2), '200 OK', '1.2') + 'ab'),
  bad('another protocol', 'SSH-2.0-OpenSSH_9\r\n', { ends: true }),
  bad('TLS', '\x15\x03\x01\x00\x02\x02\x28', { ends: true }),
  bad('an empty line before it', `\r\n${head(length(2))}ab`),
  bad('half a head', 'HTTP/1.1 200 OK\r\nContent-', { ends: true }),
  bad('half a head, then a reset', 'HTTP/1.1 200 OK\r\nContent-', { resets: true }),
  // The head of these may be out before it shows.
  good(
    'a length of chunks that is none',
    head(chunked) + 'x\r\nab\r\n',
    'TURNOUT_UPSTREAM_INVALID',
  ),
  good(
    'a size of chunks beyond numbers',
    head(chunked) + `${'f'.repeat(20)}\r\n`,
    'TURNOUT_UPSTREAM_INVALID',
  ),
  good(
    'a chunk longer than it says',
    head(chunked) + '1\r\nab\r\n0\r\n\r\n',
    'TURNOUT_UPSTREAM_INVALID',
  ),
  good('chunks with bare LFs', head(chunked) + '2\nab\n0\n\n', 'TURNOUT_UPSTREAM_INVALID'),
  good(
    'a trailer that is none',
    head(chunked) + '2\r\nab\r\n0\r\nX A: b\r\n\r\n',
    'TURNOUT_UPSTREAM_INVALID',
  ),
  good('chunks without their last', head(chunked) + '2\r\nab\r\n', 'cut 200 ab', { ends: true }),
  good('half a chunk', head(chunked) + '9\r\nab', 'cut 200 ab', { ends: true }),
  good('a short body', head(length(9)) + 'ab', 'cut 200 ab', { ends: true }),
  good('a short body, then a reset', head(length(9)) + 'ab', 'cut 200 ab', { resets: true }),
  good('chunks, then a reset', head(chunked) + '2\r\nab\r\n', 'cut 200 ab', { resets: true }),
  good('until a reset', head('') + 'ab', 'cut 200 ab', { resets: true }),
  good('the end at once', '', 'TURNOUT_UPSTREAM_CLOSED', { ends: true }),
  good('a reset at once', '', 'TURNOUT_UPSTREAM_CLOSED', { resets: true }),
]

const tell = async (port: number, { method = 'GET' }: Row): Promise<string> => {
  const answer = await askRaw(port, get('/raw', '', method))
  if (!answer.isWhole) return `cut ${answer.status} ${answer.body}`
  return answer.body.includes('"code"') ? codeOf(answer) : `${answer.status} ${answer.body}`
}

test('every answer of an upstream is what the client is told, and the next request is fine', async (t) => {
  assert.ok(answers.length >= 80)
  let row: Row = answers[0]!
  const recording = await openRecording(t, {
    answer: ({ target }, socket) => {
      if (target !== '/raw') return ok('next')
      socket.write(Buffer.from(row.bytes, 'latin1'), () => {
        if (row.ends === true) socket.end()
        // What was sent before is to arrive before the reset does.
        if (row.resets === true) setTimeout(() => socket.resetAndDestroy(), 20)
      })
      return undefined
    },
  })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const found: string[] = []
  const wanted: string[] = []
  for (row of answers) {
    wanted.push(`${row.name}: ${row.told}; 200 next`)
    const told = await tell(proxy.port, row)
    const next = await askRaw(proxy.port, get('/next'))
    found.push(`${row.name}: ${told}; ${next.status} ${next.body}`)
  }
  assert.deepEqual(found, wanted)
  assert.deepEqual(recording.faults, [])
  assert.deepEqual(
    proxy.errors.filter((error) => !error.includes('ended in the middle of an answer')),
    [],
  )
  await proxy.quiet()
})

test('bad answers do not use a pool up', async (t) => {
  let row: Row = answers[0]!
  const recording = await openRecording(t, {
    answer: ({ target }, socket) => {
      if (target !== '/raw') return ok('good')
      socket.write(Buffer.from(row.bytes, 'latin1'), () => {
        if (row.ends === true) socket.end()
        if (row.resets === true) socket.resetAndDestroy()
      })
      return undefined
    },
  })
  const proxy = await openProxy(
    t,
    [route('/*rest', 'one')],
    [upstream('one', [recording.url], { pool: { connections: 4 }, outlier: false })],
  )
  for (row of answers) {
    await Promise.all(
      Array.from({ length: 16 }, () => askRaw(proxy.port, get('/raw', '', row.method))),
    )
    const { status, body } = await askRaw(proxy.port, get('/good'))
    assert.equal(`${status} ${body}`, '200 good', row.name)
  }
  await proxy.quiet()
  const [endpoint] = proxy.live('one').endpoints
  assert.ok(endpoint!.client.stats.connections <= 4)
})

test('fields of an answer: those of the connection go, the others stay as they were', async (t) => {
  const recording = await openRecording(t, {
    answer: () =>
      head(
        [
          'Connection: close, X-Hop',
          'X-Hop: gone',
          'Keep-Alive: timeout=5',
          'Proxy-Connection: x',
          'Trailer: X-Sum',
          'Upgrade: h2c',
          'TE: trailers',
          'Set-Cookie: a=1',
          'Set-Cookie: b=2',
          'X-Kept: \xe9',
          'ETag: "1"',
          'Content-Length: 2',
          '',
        ].join('\r\n'),
      ) + 'ab',
  })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const answer = await askRaw(proxy.port, get('/'))
  const names = answer.fields.map(([name]) => name).filter((name) => name !== 'date')
  assert.deepEqual(names.toSorted(), [
    'connection',
    'content-length',
    'etag',
    'set-cookie',
    'set-cookie',
    'x-kept',
  ])
  assert.equal(fieldOf(answer, 'connection'), 'keep-alive')
  assert.equal(fieldOf(answer, 'x-kept'), '\xe9')
  assert.equal(fieldOf(answer, 'etag'), '"1"')
})

test('HEAD and 304 say the length that the upstream said, and none where it said none', async (t) => {
  let bytes = ''
  const recording = await openRecording(t, { answer: () => bytes })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const rows = [
    ['HEAD', head(length(9)), '9'],
    ['HEAD', head(length(0)), '0'],
    ['HEAD', head(chunked), undefined],
    ['HEAD', head(''), undefined],
    ['GET', head(length(9), '304 N'), '9'],
    ['GET', head('', '304 N'), undefined],
    ['GET', head('', '204 N'), undefined],
  ] as const
  for (const [method, sent, said] of rows) {
    bytes = sent
    const answer = await askRaw(proxy.port, get('/', '', method))
    assert.equal(fieldOf(answer, 'content-length'), said, sent)
    assert.equal(fieldOf(answer, 'transfer-encoding'), undefined, sent)
  }
})

test('a client of HTTP/1.0 sees that an answer was cut: it has no other end than the connection', async (t) => {
  const recording = await openRecording(t, {
    answer: (_, socket) => {
      socket.write(`${head(chunked)}2\r\nab\r\n`)
      setTimeout(() => socket.destroy(), 20)
    },
  })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const { closed, received } = talk(proxy.port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n')
  assert.equal(await closed, 'broken')
  assert.doesNotMatch(received(), /transfer-encoding/i)
})

test('a second answer that nobody asked for is not given to the next request', async (t) => {
  const recording = await openRecording(t, {
    answer: ({ target }) => ok(target) + (target === '/first' ? ok('evil') : ''),
  })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  const { answer, send, socket } = talk(proxy.port)
  for (const path of ['/first', '/second', '/third']) {
    send(get(path))
    assert.equal((await answer()).body, path)
  }
  socket.destroy()
})
