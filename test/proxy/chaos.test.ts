import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Json } from '../../src/core/json.ts'
import type { Filter, RetryFilter } from '../../src/core/route/filter.ts'
import { freePort } from '../road/support/instance.ts'
import { openBlackHole } from './support/black-hole.ts'
import { askRaw, codeOf, fieldOf, get, talk, type Answer } from './support/client.ts'
import { openProxy, route, upstream, type Proxy } from './support/proxy.ts'
import { ok, openRecording, type Recording, type Script } from './support/recording.ts'

const tell = (answer: Answer): string => {
  if (answer.status === 0) return 'nothing'
  const told = answer.body.includes('"code"') ? codeOf(answer) : answer.body
  return `${answer.isWhole ? '' : 'cut '}${answer.status} ${told}`
}
const asks = async (proxy: Proxy, path = '/', fields = '', method = 'GET'): Promise<string> =>
  tell(await askRaw(proxy.port, get(path, fields, method)))

const timeouts = { connectMs: 200, headersMs: 200, idleMs: 200, totalMs: 2_000 }
const part = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart'

/** What an upstream does to a request, and what its client is told. */
const faults: readonly (readonly [name: string, script: Script, told: string])[] = [
  ['is silent', () => undefined, '504 TURNOUT_UPSTREAM_TIMEOUT'],
  ['begins a head', () => 'HTTP/1.1 200 OK\r\nX-', '504 TURNOUT_UPSTREAM_TIMEOUT'],
  ['stalls in its body', () => part, 'cut 200 part'],
  [
    'stalls in its chunks',
    () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n',
    'cut 200 part',
  ],
  [
    'resets in its body',
    (_, socket) => {
      socket.write(part)
      setTimeout(() => socket.resetAndDestroy(), 20)
    },
    'cut 200 part',
  ],
  ['resets at once', (_, socket) => void socket.resetAndDestroy(), '502 TURNOUT_UPSTREAM_CLOSED'],
  ['ends at once', (_, socket) => void socket.end(), '502 TURNOUT_UPSTREAM_CLOSED'],
  [
    'goes on with early hints',
    (_, socket) => {
      const hint = setInterval(() => socket.write('HTTP/1.1 103 E\r\nX-A: b\r\n\r\n'), 10)
      socket.on('close', () => clearInterval(hint))
    },
    '502 TURNOUT_UPSTREAM_INVALID',
  ],
]

test('each fault of an upstream has its answer, and gives everything back', async (t) => {
  let script: Script = () => undefined
  const recording = await openRecording(t, {
    answer: (seen, socket) => (seen.target === '/good' ? ok('good') : script(seen, socket)),
  })
  const settings = { timeouts, outlier: false, pool: { connections: 4 } }
  const proxy = await openProxy(
    t,
    [route('/*rest', 'one')],
    [upstream('one', [recording.url], settings)],
  )
  for (const [name, run, told] of faults) {
    script = run
    const all = await Promise.all(Array.from({ length: 4 }, () => asks(proxy)))
    assert.deepEqual(all, [told, told, told, told], name)
    assert.equal(await asks(proxy, '/good'), '200 good', name)
    await proxy.quiet()
  }
})

test('a port that neither takes nor refuses a connection: 502 after its deadline, and others are served', async (t) => {
  const port = await openBlackHole(t)
  if (port === null) return t.skip('this system takes connections beyond the queue')
  const recording = await openRecording(t)
  const settings = { timeouts, outlier: false, pool: { connections: 4 } }
  const proxy = await openProxy(
    t,
    [route('/hole', 'hole'), route('/good', recording.url)],
    [upstream('hole', [`http://127.0.0.1:${port}`], settings)],
  )
  for (let round = 0; round < 3; round += 1) {
    const startedAt = performance.now()
    const holes = Promise.all(Array.from({ length: 8 }, () => asks(proxy, '/hole')))
    for (let number = 0; number < 20; number += 1)
      assert.equal(await asks(proxy, '/good'), '200 ok')
    assert.deepEqual([...new Set(await holes)], ['502 TURNOUT_UPSTREAM_UNREACHABLE'])
    assert.ok(performance.now() - startedAt >= timeouts.connectMs - 20)
    await proxy.quiet()
    assert.equal(proxy.live('hole').endpoints[0]!.client.stats.connections, 0)
  }
})

test('an upstream that refuses, and one that is a black hole', async (t) => {
  const port = await freePort()
  const settings = { timeouts, outlier: false }
  const proxy = await openProxy(
    t,
    [route('/refused', 'refused'), route('/hole', 'hole')],
    [
      upstream('refused', [`http://127.0.0.1:${port}`], settings),
      // Of documentation (RFC 5737): nobody answers there, or the network says so.
      upstream('hole', ['http://192.0.2.1:9'], settings),
    ],
  )
  assert.equal(await asks(proxy, '/refused'), '502 TURNOUT_UPSTREAM_UNREACHABLE')
  assert.equal(await asks(proxy, '/hole'), '502 TURNOUT_UPSTREAM_UNREACHABLE')
  await proxy.quiet()
})

test('a connection that was closed while it was idle costs no request', async (t) => {
  const recording = await openRecording(t, {
    answer: (_, socket) => {
      setTimeout(() => socket.end(), 1)
      return ok('ok')
    },
  })
  const proxy = await openProxy(t, [route('/*rest', recording.url)])
  for (let number = 0; number < 100; number += 1) {
    assert.equal(await asks(proxy), '200 ok')
    if (number % 4 === 0) await delay(1)
  }
  await proxy.quiet()
})

test('more than a pool and its queue hold is 503, and what waits too long', async (t) => {
  const recording = await openRecording(t, { answer: () => undefined })
  const settings = {
    timeouts: { ...timeouts, headersMs: 600 },
    outlier: false,
    pool: { connections: 2, queue: 2, queueTimeoutMs: 150 },
  }
  const proxy = await openProxy(
    t,
    [route('/*rest', 'one')],
    [upstream('one', [recording.url], settings)],
  )
  const told = await Promise.all(Array.from({ length: 6 }, () => asks(proxy)))
  assert.deepEqual(told.toSorted(), [
    ...Array(4).fill('503 TURNOUT_UPSTREAM_BUSY'),
    ...Array(2).fill('504 TURNOUT_UPSTREAM_TIMEOUT'),
  ])
  await proxy.quiet()
})

test('a breaker opens by its rate, lets a few through after its wait, and closes when they are well', async (t) => {
  let status = 500
  const recording = await openRecording(t, {
    answer: () => `HTTP/1.1 ${status} S\r\nContent-Length: 1\r\n\r\nx`,
  })
  const breaker = {
    slidingWindowSize: 4,
    minimumNumberOfCalls: 4,
    failureRateThreshold: 50,
    waitDurationInOpenState: 150,
    permittedNumberOfCallsInHalfOpenState: 2,
  }
  const settings = { breaker, outlier: false }
  const proxy = await openProxy(
    t,
    [route('/*rest', 'one')],
    [upstream('one', [recording.url], settings)],
  )
  for (let number = 0; number < 4; number += 1) assert.equal(await asks(proxy), '500 x')
  const refused = await askRaw(proxy.port, get('/'))
  assert.equal(tell(refused), '503 TURNOUT_BREAKER_OPEN')
  assert.equal(fieldOf(refused, 'retry-after'), '1')
  assert.equal(recording.seen.length, 4)
  // Another revision of it that leaves its settings alone leaves it open.
  await proxy.publish(
    [route('/other', recording.url)],
    [upstream('one', [recording.url], settings)],
  )
  assert.equal(await asks(proxy), '503 TURNOUT_BREAKER_OPEN')
  await delay(200)
  assert.equal(await asks(proxy), '500 x')
  assert.equal(await asks(proxy), '500 x')
  assert.equal(await asks(proxy), '503 TURNOUT_BREAKER_OPEN')
  await delay(200)
  status = 200
  for (let number = 0; number < 6; number += 1) assert.equal(await asks(proxy), '200 x')
  await proxy.quiet()
})

test('a bulkhead lets so many in, and gives their places back, also of clients that left', async (t) => {
  const recording = await openRecording(t, { answer: () => undefined })
  const bulkhead = { maxConcurrentCalls: 1, maxWaitDuration: 200, maxWaitingCalls: 1 }
  const proxy = await openProxy(
    t,
    [route('/*rest', 'one')],
    [upstream('one', [recording.url], { bulkhead, outlier: false })],
  )
  const first = talk(proxy.port, get('/first'))
  while (recording.seen.length === 0) await delay(5)
  const waiting = talk(proxy.port, get('/waiting'))
  await delay(20)
  assert.equal(await asks(proxy, '/third'), '503 TURNOUT_BULKHEAD_FULL')
  waiting.socket.destroy()
  await delay(20)
  first.socket.destroy()
  await proxy.quiet()
  // Who left while it waited is not sent on.
  assert.deepEqual(
    recording.seen.map(({ target }) => target),
    ['/first'],
  )
  const again = talk(proxy.port, get('/again'))
  while (recording.seen.length < 2) await delay(5)
  again.socket.destroy()
  await proxy.quiet()
})

test('an endpoint is ejected by its answers and comes back after its time', async (t) => {
  let status = 503
  const bad = await openRecording(t, {
    answer: () => `HTTP/1.1 ${status} S\r\nContent-Length: 3\r\n\r\nbad`,
  })
  const good = await openRecording(t, { answer: () => ok('good') })
  const outlier = {
    consecutive5xx: 3,
    intervalMs: 100,
    baseEjectionTimeMs: 300,
    maxEjectionPercent: 50,
  }
  const proxy = await openProxy(
    t,
    [route('/*rest', 'two')],
    [upstream('two', [bad.url, good.url], { outlier })],
  )
  for (let number = 0; number < 6; number += 1) await asks(proxy)
  assert.equal(bad.seen.length, 3)
  for (let number = 0; number < 10; number += 1) assert.equal(await asks(proxy), '200 good')
  assert.equal(proxy.live('two').endpoints.filter(({ isEjected }) => isEjected).length, 1)
  status = 200
  for (let left = 60; left > 0 && bad.seen.length === 3; left -= 1) {
    await asks(proxy)
    await delay(50)
  }
  assert.ok(bad.seen.length > 3, 'it never came back')
  await proxy.quiet()
})

const retry = (rest: Partial<RetryFilter> = {}): Filter => ({
  kind: 'retry',
  retries: 2,
  statuses: [503],
  onFailure: true,
  methods: ['GET', 'HEAD', 'PUT'],
  firstBackoffMs: 1,
  maxBackoffMs: 2,
  factor: 2,
  jitter: 0,
  budgetPercent: 100,
  ...rest,
})

/** Fails so many times, then answers. */
const failing = (times: number, fault: string | null): Script => {
  let left = times
  return (_, socket) => {
    left -= 1
    if (left < 0) return ok('at last')
    if (fault === null) socket.destroy()
    return fault ?? undefined
  }
}
const busy = 'HTTP/1.1 503 S\r\nContent-Length: 4\r\n\r\nbusy'

test('a retry repeats what may be repeated, as often as it says', async (t) => {
  const rows: readonly (readonly [Script, string, string, number, Partial<RetryFilter>?])[] = [
    [failing(2, busy), get('/'), '200 at last', 3],
    [failing(3, busy), get('/'), '503 busy', 3],
    [failing(2, null), get('/'), '200 at last', 3],
    [failing(1, busy), get('/', '', 'POST'), '503 busy', 1],
    [failing(1, busy), `${get('/', 'Content-Length: 2\r\n', 'PUT')}ab`, '503 busy', 1],
    [failing(1, busy.replace('503', '500')), get('/'), '500 busy', 1],
    [failing(1, null), get('/'), '502 TURNOUT_UPSTREAM_CLOSED', 1, { onFailure: false }],
  ]
  for (const [script, bytes, told, count, rest] of rows) {
    const recording = await openRecording(t, { answer: script })
    const proxy = await openProxy(
      t,
      [route('/*rest', 'one', { filters: [retry(rest)] })],
      [upstream('one', [recording.url], { outlier: false })],
    )
    assert.equal(tell(await askRaw(proxy.port, bytes)), told)
    assert.equal(recording.seen.length, count, bytes)
    await proxy.quiet()
  }
})

test('repeats stay within their budget', async (t) => {
  const recording = await openRecording(t, { answer: () => busy })
  const proxy = await openProxy(
    t,
    [route('/*rest', 'one', { filters: [retry({ retries: 1, budgetPercent: 20 })] })],
    [upstream('one', [recording.url], { outlier: false })],
  )
  for (let number = 0; number < 100; number += 1) assert.equal(await asks(proxy), '503 busy')
  const repeats = recording.seen.length - 100
  t.diagnostic(`${repeats} repeats of 100 requests`)
  assert.ok(repeats > 0 && repeats <= 40, String(repeats))
  await proxy.quiet()
})

const withFilters = async (
  t: Parameters<typeof openRecording>[0] & Parameters<typeof openProxy>[0],
  filters: readonly Filter[],
  settings: { readonly [key: string]: Json } = {},
): Promise<{ readonly recording: Recording; readonly proxy: Proxy; readonly other: Recording }> => {
  const recording = await openRecording(t)
  const other = await openRecording(t, { answer: () => ok('other') })
  const proxy = await openProxy(
    t,
    [route('/*rest', 'one', { filters })],
    [upstream('one', [recording.url], settings), upstream('other', [other.url])],
  )
  return { recording, proxy, other }
}

test('a rate limit answers 429 with the time to wait, by key', async (t) => {
  const { proxy, recording } = await withFilters(t, [
    { kind: 'rate-limit', perSecond: 0.01, burst: 2, key: { kind: 'header', name: 'X-Key' } },
  ])
  for (const key of ['a', 'b']) {
    const told: string[] = []
    for (let number = 0; number < 4; number += 1)
      told.push(await asks(proxy, '/', `X-Key: ${key}\r\n`))
    assert.deepEqual(told, [
      '200 ok',
      '200 ok',
      '429 TURNOUT_TOO_MANY_REQUESTS',
      '429 TURNOUT_TOO_MANY_REQUESTS',
    ])
  }
  assert.equal(recording.seen.length, 4)
  const { fields } = await askRaw(proxy.port, get('/', 'X-Key: a\r\n'))
  assert.ok(Number(fields.find(([name]) => name === 'retry-after')?.[1]) >= 1)
})

test('a body that is too large is 413, whether it says so or not, and its connection is closed', async (t) => {
  const { proxy, recording } = await withFilters(t, [{ kind: 'body-limit', bytes: 10 }])
  const chunk = 'b\r\n12345678901\r\n'
  const rows = [
    ['Content-Length: 10\r\n', '1234567890', '200 ok', 'open'],
    ['Transfer-Encoding: chunked\r\n', 'a\r\n1234567890\r\n0\r\n\r\n', '200 ok', 'open'],
    ['Content-Length: 11\r\n', '12345678901', '413 TURNOUT_BODY_TOO_LARGE', 'closed'],
    ['Transfer-Encoding: chunked\r\n', `${chunk}0\r\n\r\n`, '413 TURNOUT_BODY_TOO_LARGE', 'closed'],
    // It never ends.
    ['Transfer-Encoding: chunked\r\n', chunk.repeat(100), '413 TURNOUT_BODY_TOO_LARGE', 'closed'],
  ] as const
  for (const [fields, body, told, end] of rows) {
    const client = talk(proxy.port, get('/', fields, 'POST') + body)
    assert.equal(tell(await client.answer()), told)
    if (end === 'closed') await client.closed
    else client.socket.destroy()
    await proxy.quiet()
  }
  assert.equal(recording.seen.length, 2)
})

test('a fallback answers where the target does not, and leaves answers of the target alone', async (t) => {
  const respond = { status: 200, headers: { 'x-fallback': '1' }, body: 'fallback' }
  const rows = [
    [{ kind: 'fallback', respond, upstream: null }, 'fallback'],
    [{ kind: 'fallback', respond: null, upstream: 'other' }, 'other'],
  ] as const
  for (const [filter, body] of rows) {
    const { proxy, recording } = await withFilters(t, [filter], { outlier: false })
    assert.equal(await asks(proxy), '200 ok')
    Object.assign(recording.script, { answer: () => busy })
    assert.equal(await asks(proxy), '503 busy')
    Object.assign(recording.script, {
      answer: (_: unknown, socket: { destroy(): void }) => socket.destroy(),
    })
    assert.equal(await asks(proxy), `200 ${body}`)
    await proxy.quiet()
  }
})

test('a mirror sees what the target sees, and nobody waits for it', async (t) => {
  const { proxy, recording, other } = await withFilters(t, [
    { kind: 'mirror', upstream: 'other', percent: 100, maxBodyBytes: 65_536 },
  ])
  Object.assign(other.script, { answer: () => undefined })
  for (let number = 0; number < 5; number += 1)
    assert.equal(await asks(proxy, `/${number}`), '200 ok')
  for (let left = 100; left > 0 && other.seen.length < 5; left -= 1) await delay(10)
  assert.deepEqual(
    other.seen.map(({ target }) => target).toSorted(),
    recording.seen.map(({ target }) => target).toSorted(),
  )
  for (const socket of other.open) socket.destroy()
  await proxy.quiet()
})

test('faults that are injected: a delay, an end, and a client that leaves meanwhile', async (t) => {
  const fault = {
    kind: 'fault',
    delayMs: 0,
    delayPercent: 0,
    abortStatus: 0,
    abortPercent: 0,
  } as const
  const aborted = await withFilters(t, [{ ...fault, abortStatus: 418, abortPercent: 100 }])
  assert.equal(await asks(aborted.proxy), '418 TURNOUT_FAULT_INJECTED')
  assert.equal(aborted.recording.seen.length, 0)
  const delayed = await withFilters(t, [{ ...fault, delayMs: 100, delayPercent: 100 }])
  assert.equal(await asks(delayed.proxy), '200 ok')
  const client = talk(delayed.proxy.port, get('/left'))
  await delay(30)
  client.socket.destroy()
  await delay(120)
  await delayed.proxy.quiet()
  assert.ok(!delayed.recording.seen.some(({ target }) => target === '/left'))
})

test('CORS: a preflight is answered here, an answer says who may read it', async (t) => {
  const { proxy, recording } = await withFilters(t, [
    {
      kind: 'cors',
      origins: ['https://a.test'],
      methods: ['GET', 'PUT'],
      headers: ['x-a'],
      exposed: ['x-b'],
      credentials: true,
      maxAgeSeconds: 60,
    },
  ])
  const preflight = 'Access-Control-Request-Method: PUT\r\n'
  const of = (origin: string, more: string, method: string): Promise<Answer> =>
    askRaw(proxy.port, get('/', `Origin: ${origin}\r\n${more}`, method))
  const asked = await of('https://a.test', preflight, 'OPTIONS')
  assert.deepEqual(
    [asked.status, fieldOf(asked, 'access-control-allow-origin')],
    [204, 'https://a.test'],
  )
  assert.equal(fieldOf(asked, 'access-control-allow-methods'), 'GET, PUT')
  assert.equal((await of('https://evil.test', preflight, 'OPTIONS')).status, 403)
  assert.equal(recording.seen.length, 0)
  const read = await of('https://a.test', '', 'GET')
  assert.equal(fieldOf(read, 'access-control-allow-origin'), 'https://a.test')
  assert.equal(fieldOf(read, 'access-control-allow-credentials'), 'true')
  assert.equal(fieldOf(read, 'access-control-expose-headers'), 'x-b')
  const other = await of('https://evil.test', '', 'GET')
  assert.equal(fieldOf(other, 'access-control-allow-origin'), undefined)
})

test('deadlines of a route come before those of its upstream', async (t) => {
  const filter: Filter = {
    kind: 'timeout',
    connectMs: null,
    headersMs: null,
    idleMs: null,
    totalMs: 150,
  }
  const { proxy, recording } = await withFilters(t, [filter], { outlier: false })
  Object.assign(recording.script, { answer: () => undefined })
  assert.equal(await asks(proxy), '504 TURNOUT_UPSTREAM_TIMEOUT')
  Object.assign(recording.script, { answer: () => part })
  assert.equal(await asks(proxy), 'cut 200 part')
  await proxy.quiet()
})

test('one of two endpoints is gone: no request fails', async (t) => {
  const gone = `http://127.0.0.1:${await freePort()}`
  const recording = await openRecording(t)
  const proxy = await openProxy(
    t,
    [route('/*rest', 'two')],
    [upstream('two', [gone, recording.url])],
  )
  for (let number = 0; number < 20; number += 1) {
    assert.equal(await asks(proxy), '200 ok')
    const body = `${get('/', 'Content-Length: 2\r\n', 'POST')}ab`
    assert.equal(tell(await askRaw(proxy.port, body)), '200 ok')
  }
  await proxy.quiet()
})
