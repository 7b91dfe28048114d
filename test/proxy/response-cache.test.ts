import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Reply } from '../../src/gateway/reply.ts'
import { around, openExchange } from '../gateway/filters/support.ts'
import { filtersOf, sha256 } from './support/access.ts'
import { askRaw, fieldOf, get, talk, type Answer } from './support/client.ts'
import { openProxy, route, upstream, type Proxy } from './support/proxy.ts'
import { openRecording, type Recording } from './support/recording.ts'

interface Cached {
  readonly proxy: Proxy
  readonly recording: Recording
  /** `2 age` where the second answer came from the cache, else the number of the answer. */
  readonly ask: (path?: string, fields?: string, method?: string) => Promise<string>
}

/** An upstream that numbers its answers. */
async function openCached(
  t: TestContext,
  answerFields: string | ((target: string) => string) = '',
  {
    settings = {},
    before = [],
    status = '200 OK',
  }: { settings?: object; before?: readonly object[]; status?: string } = {},
): Promise<Cached> {
  let count = 0
  const recording = await openRecording(t, {
    answer: ({ method, target }) => {
      count += 1
      const fields = typeof answerFields === 'string' ? answerFields : answerFields(target)
      const head = `HTTP/1.1 ${status}\r\n${fields}Content-Length: ${String(count).length}\r\n\r\n`
      return method === 'HEAD' ? head : head + String(count)
    },
  })
  const filters = filtersOf(...before, { kind: 'response-cache', ...settings })
  const proxy = await openProxy(t, [route('/*rest', recording.url, { filters })])
  return {
    proxy,
    recording,
    ask: async (path = '/', fields = '', method = 'GET') => {
      const answer = await askRaw(proxy.port, get(path, fields, method))
      const age = fieldOf(answer, 'age')
      return `${answer.body}${age === undefined ? '' : ` age ${age}`}`
    },
  }
}

/** Two requests, and whether the second one was answered from the cache. */
const pairs: readonly (readonly [
  name: string,
  answer: string,
  first: string,
  second: string,
  isKept: boolean,
])[] = [
  ['no word of either', '', '', '', true],
  ['a life', 'Cache-Control: max-age=60\r\n', '', '', true],
  ['no-store', 'Cache-Control: no-store\r\n', '', '', false],
  ['No-Store among others', 'Cache-Control: max-age=60, No-Store\r\n', '', '', false],
  [
    'no-store in a second field',
    'Cache-Control: max-age=60\r\ncache-control: no-store\r\n',
    '',
    '',
    false,
  ],
  ['private', 'Cache-Control: private\r\n', '', '', false],
  ['private of a field', 'Cache-Control: private="set-cookie"\r\n', '', '', false],
  ['no-cache', 'Cache-Control: no-cache\r\n', '', '', false],
  ['no life', 'Cache-Control: max-age=0\r\n', '', '', false],
  ['a life that is no number', 'Cache-Control: max-age=soon\r\n', '', '', false],
  ['none for shared caches', 'Cache-Control: max-age=60, s-maxage=0\r\n', '', '', false],
  ['a life that is over', 'Cache-Control: max-age=60\r\nAge: 60\r\n', '', '', false],
  ['expired', 'Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n', '', '', false],
  ['an end that is no date', 'Expires: 0\r\n', '', '', false],
  ['a cookie', 'Set-Cookie: a=b\r\n', '', '', false],
  [
    'a cookie that may be kept, it says',
    'Cache-Control: public\r\nSet-Cookie: a=b\r\n',
    '',
    '',
    false,
  ],
  ['it varies by all', 'Vary: *\r\n', '', '', false],
  ['it varies, and they are alike', 'Vary: X-A\r\n', 'X-A: 1\r\n', 'x-a: 1\r\n', true],
  ['it varies, and they differ', 'Vary: Accept, X-A\r\n', 'X-A: 1\r\n', 'X-A: 2\r\n', false],
  ['it varies by what only one has', 'Vary: X-A\r\n', '', 'X-A: \r\n', false],
  ['an event stream', 'Content-Type: text/event-stream\r\n', '', '', false],
  ['the first must not be stored', '', 'Cache-Control: no-store\r\n', '', false],
  ['the second wants a new one', '', '', 'Cache-Control: no-cache\r\n', false],
  ['the second wants a new one, of old', '', '', 'Pragma: no-cache\r\n', false],
  ['the second wants a very young one', '', '', 'Cache-Control: max-age=0\r\n', false],
  ['the second wants one that lasts', '', '', 'Cache-Control: min-fresh=9999\r\n', false],
  ['the second takes an older one', '', '', 'Cache-Control: max-age=60\r\n', true],
  ['the first has credentials', '', 'Authorization: a\r\n', '', false],
  ['both have', '', 'Authorization: a\r\n', 'Authorization: a\r\n', false],
  ['they have, and it is for all', 'Cache-Control: public\r\n', 'Authorization: a\r\n', '', true],
  [
    'they have, and it is shared',
    'Cache-Control: s-maxage=9\r\n',
    'Authorization: a\r\n',
    '',
    true,
  ],
  ['the second asks for a part', '', '', 'Range: bytes=0-1\r\n', false],
  ['the second has a condition', '', '', 'If-Match: "a"\r\n', false],
  ['the second has another field', '', '', 'X: y\r\n', true],
]

test('an answer is kept, and given, as both sides allow', async (t) => {
  for (const [name, fields, first, second, isKept] of pairs) {
    const { ask } = await openCached(t, fields)
    await ask('/', first)
    assert.equal((await ask('/', second)).startsWith('1'), isKept, name)
  }
})

const places: readonly (readonly [string, string, boolean])[] = [
  ['/a', '/a', true],
  ['/a', '/%61', true],
  ['/a', '//a', true],
  ['/a', '/b/../a', true],
  ['/a', '/A', false],
  ['/a', '/a/', false],
  ['/a', '/a?', false],
  ['/a?b', '/a?b', true],
  ['/a?b=1&c=2', '/a?c=2&b=1', false],
  ['/a?b', '/a?B', false],
]

test('what is kept is found by its canonical path and its query', async (t) => {
  for (const [first, second, isSame] of places) {
    const { ask } = await openCached(t)
    await ask(first)
    assert.equal((await ask(second)).startsWith('1'), isSame, `${first} ${second}`)
  }
})

test('each host has its own', async (t) => {
  const { proxy, recording } = await openCached(t)
  const of = (host: string): Promise<Answer> =>
    askRaw(proxy.port, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  assert.equal((await of('a.test')).body, '1')
  assert.equal((await of('b.test')).body, '2')
  assert.equal((await of('A.test')).body, '1')
  assert.equal(recording.seen.length, 2)
})

test('200, 206 and 301 are kept, of GET alone', async (t) => {
  const statuses: readonly (readonly [string, boolean])[] = [
    ['200 OK', true],
    ['206 Partial Content', true],
    ['301 Moved', true],
    ['201 Created', false],
    ['302 Found', false],
    ['404 Not Found', false],
    ['500 Error', false],
  ]
  for (const [status, isKept] of statuses) {
    const { ask } = await openCached(t, '', { status })
    await ask()
    assert.equal((await ask()).startsWith('1'), isKept, status)
  }
  for (const method of ['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'QUERY']) {
    const { ask, recording } = await openCached(t)
    await ask('/', '', method)
    await ask('/', '', method)
    await ask()
    assert.equal(recording.seen.length, 3, method)
  }
})

test('a change ends what was kept of its place', async (t) => {
  const { ask } = await openCached(t, 'Vary: X-A\r\n')
  for (const value of ['1', '2']) await ask('/a', `X-A: ${value}\r\n`)
  await ask('/b')
  assert.equal(await ask('/a', 'X-A: 1\r\n'), '1 age 0')
  await ask('/a', '', 'PUT')
  assert.equal(await ask('/a', 'X-A: 1\r\n'), '5')
  assert.equal(await ask('/b'), '3 age 0')
})

test('an answer that was kept says how old it is, and 304 to who has it', async (t) => {
  const { ask, proxy } = await openCached(t, 'ETag: "v"\r\nX-A: b\r\nAge: 7\r\n')
  const first = await askRaw(proxy.port, get('/'))
  assert.deepEqual([fieldOf(first, 'age'), first.body], ['7', '1'])
  const [now, real] = [{ more: 0 }, performance.now.bind(performance)]
  t.mock.method(performance, 'now', () => real() + now.more)
  now.more = 12_000
  assert.match(await ask(), /^1 age (?:19|20)$/)
  const again = await askRaw(proxy.port, get('/', 'If-None-Match: W/"x", W/"v"\r\n'))
  assert.deepEqual(
    [again.status, again.body, fieldOf(again, 'etag'), fieldOf(again, 'x-a')],
    [304, '', '"v"', 'b'],
  )
  assert.equal((await askRaw(proxy.port, get('/', 'If-None-Match: "x"\r\n'))).body, '1')
  now.more = 301_000
  assert.equal(await ask(), '2 age 7')
})

test('only-if-cached never asks the upstream', async (t) => {
  const { proxy, ask, recording } = await openCached(t)
  const only = 'Cache-Control: only-if-cached\r\n'
  assert.equal((await askRaw(proxy.port, get('/', only))).status, 504)
  await ask()
  assert.equal(await ask('/', only), '1 age 0')
  assert.equal(recording.seen.length, 1)
})

test('behind a filter of a module only what is public is kept: it may ask who the client is', async () => {
  const filters = filtersOf(
    { kind: 'module', module: 'own', name: 'both-ways' },
    { kind: 'response-cache' },
  )
  for (const [fields, count] of [
    [[], 2],
    [['cache-control', 'public'], 1],
  ] as const) {
    let asked = 0
    const handler = around(filters, () => {
      asked += 1
      return new Reply(200, [...fields], 'ok')
    })
    for (let at = 0; at < 2; at += 1) await handler(openExchange().exchange)
    assert.equal(asked, count)
  }
})

test('what a client was let in for is not for others, unless it is public', async (t) => {
  const key = {
    kind: 'key-auth',
    clients: [
      { name: 'a', secret: sha256('a') },
      { name: 'b', secret: sha256('b') },
    ],
  }
  const fields = (target: string): string => (target === '/all' ? 'Cache-Control: public\r\n' : '')
  const { ask } = await openCached(t, fields, { before: [key] })
  assert.equal(await ask('/own', 'X-Api-Key: a\r\n'), '1')
  assert.equal(await ask('/own', 'X-Api-Key: b\r\n'), '2')
  assert.equal(await ask('/own', 'X-Api-Key: a\r\n'), '3')
  assert.equal(await ask('/all', 'X-Api-Key: a\r\n'), '4')
  assert.equal(await ask('/all', 'X-Api-Key: b\r\n'), '4 age 0')
  assert.match(await ask('/all'), /TURNOUT_CREDENTIALS_MISSING/)
  assert.match(await ask('/all', 'X-Api-Key: c\r\n'), /TURNOUT_CREDENTIALS_INVALID/)
})

test('it lives on through revisions, and ends with the target or the filters', async (t) => {
  const one = await openRecording(t)
  const other = await openRecording(t)
  const cache = { kind: 'response-cache' }
  const [plain, more] = [
    filtersOf(cache),
    filtersOf(cache, { kind: 'set-request-header', name: 'x-a', value: 'b' }),
  ]
  const proxy = await openProxy(t, [route('/*rest', one.url, { filters: plain })])
  const ask = (): Promise<Answer> => askRaw(proxy.port, get('/'))
  const seen = (): readonly number[] => [one.seen.length, other.seen.length]
  await ask()
  await proxy.publish([
    { ...route('/*rest', one.url, { filters: plain }), metadata: { team: 'a' } },
  ])
  await proxy.publish([], [upstream('else', [other.url])])
  await ask()
  assert.deepEqual(seen(), [1, 0])
  await proxy.publish([route('/*rest', other.url, { filters: plain })])
  await ask()
  assert.deepEqual(seen(), [1, 1])
  await proxy.publish([route('/*rest', other.url, { filters: more })])
  await ask()
  await ask()
  assert.deepEqual(seen(), [1, 2])
})

test('an answer that does not come to its end is not kept', async (t) => {
  const recording = await openRecording(t, {
    answer: (_, socket) => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')
    },
  })
  const filters = filtersOf({ kind: 'response-cache' })
  const proxy = await openProxy(t, [route('/*rest', recording.url, { filters })])
  for (let at = 0; at < 2; at += 1)
    assert.equal((await askRaw(proxy.port, get('/'))).isWhole, false)
  assert.equal(recording.seen.length, 2)
  await proxy.quiet()
})

test('a long answer is kept whole; one that is longer than a quarter of the room is not', async (t) => {
  const body = 'x'.repeat(300_000)
  const recording = await openRecording(t, {
    answer: () => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  })
  for (const [maxBytes, asked] of [
    [4_000_000, 1],
    [1_000_000, 2],
  ] as const) {
    const from = recording.seen.length
    const filters = filtersOf({ kind: 'response-cache', maxBytes })
    const proxy = await openProxy(t, [route('/*rest', recording.url, { filters })])
    for (let at = 0; at < 2; at += 1) assert.equal((await askRaw(proxy.port, get('/'))).body, body)
    assert.equal(recording.seen.length - from, asked)
  }
})

test('a client that leaves in the middle leaves nothing behind', async (t) => {
  const recording = await openRecording(t, {
    answer: () => 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc',
  })
  const filters = filtersOf({ kind: 'response-cache' })
  const proxy = await openProxy(t, [route('/*rest', recording.url, { filters })])
  const { socket, until } = talk(proxy.port, get('/'))
  await until((received) => received.endsWith('abc'))
  socket.destroy()
  await proxy.quiet()
})
