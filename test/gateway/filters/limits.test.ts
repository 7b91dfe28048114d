import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Filter } from '../../../src/core/route/filter.ts'
import type { HashKey } from '../../../src/core/route/upstream.ts'
import { withFilters } from '../../../src/gateway/filters/compile.ts'
import { RecentMap } from '../../../src/gateway/filters/recent-map.ts'
import type { Reply } from '../../../src/gateway/reply.ts'
import {
  answers,
  around,
  codeOf,
  openExchange,
  openUpstreams,
  routeWith,
  type Said,
} from './support.ts'

const limit = (perSecond: number, burst: number, key: HashKey | null = null): Filter => ({
  kind: 'rate-limit',
  perSecond,
  burst,
  key,
})

/** The monotonic clock, by hand; the one of the wall jumps about meanwhile. */
function clock(t: TestContext): { at: number } {
  const now = { at: 5_000 }
  const monotonic = performance.now.bind(performance)
  const wall = Date.now.bind(Date)
  // A mock of the runner would keep every call.
  performance.now = () => now.at
  Date.now = () => Math.random() * 1e12
  t.after(() => {
    performance.now = monotonic
    Date.now = wall
  })
  return now
}

test('rate limit: a burst, then so many per second, and when to come again', (t) => {
  const now = clock(t)
  const handler = around(limit(2, 3))
  const ask = (): number => (handler(openExchange().exchange) as Reply).status
  assert.deepEqual([ask(), ask(), ask(), ask()], [200, 200, 200, 429])
  now.at += 500
  assert.deepEqual([ask(), ask()], [200, 429])
  now.at += 60_000
  assert.deepEqual([ask(), ask(), ask(), ask()], [200, 200, 200, 429])
})

const waits: readonly (readonly [number, string])[] = [
  [100, '1'],
  [1, '1'],
  [0.4, '3'],
  [0.01, '100'],
]

for (const [perSecond, expected] of waits) {
  test(`rate limit: of ${perSecond} per second, a client is told to wait ${expected} s`, (t) => {
    clock(t)
    const target = answers(200)
    const handler = around(limit(perSecond, 1), target)
    void handler(openExchange().exchange)
    const reply = handler(openExchange().exchange) as Reply
    assert.equal(target.count, 1)
    assert.equal(codeOf(reply), 'TURNOUT_TOO_MANY_REQUESTS')
    assert.equal(reply.header('retry-after'), expected)
  })
}

const keys: readonly (readonly [string, HashKey, Said, Said])[] = [
  ['client', { kind: 'client' }, { peer: '192.0.2.1' }, { peer: '192.0.2.2' }],
  [
    'header',
    { kind: 'header', name: 'X-Key' },
    { headers: ['x-key', 'a'] },
    { headers: ['x-key', 'b'] },
  ],
  ['query', { kind: 'query', name: 'key' }, { target: '/?key=a' }, { target: '/?key=b' }],
  [
    'cookie',
    { kind: 'cookie', name: 'key' },
    { headers: ['cookie', 'key=a'] },
    { headers: ['cookie', 'x=1; key=b'] },
  ],
]

for (const [name, key, one, other] of keys) {
  test(`rate limit: by ${name}, one does not spend what another has`, (t) => {
    clock(t)
    const handler = around(limit(1, 1, key))
    const ask = (said: Said): number => (handler(openExchange(said).exchange) as Reply).status
    assert.deepEqual([ask(one), ask(one), ask(other), ask(other)], [200, 429, 200, 429])
  })
}

test('rate limit: those that do not say who they are share one bucket', (t) => {
  clock(t)
  const handler = around(limit(1, 1, { kind: 'header', name: 'x-key' }))
  const ask = (): number => (handler(openExchange().exchange) as Reply).status
  assert.deepEqual([ask(), ask()], [200, 429])
})

test('rate limit: what is kept of clients has a bound', (t) => {
  clock(t)
  const upstreams = openUpstreams()
  const filter = limit(1, 1, { kind: 'query', name: 'key' })
  const handler = withFilters(routeWith([filter]), answers(200), upstreams)
  const buckets = upstreams.stateOf('route', filter, () => new RecentMap(1))
  const { exchange } = openExchange()
  let key = ''
  Object.defineProperty(exchange, 'search', { get: () => `?key=${key}` })
  for (let at = 0; at < 150_000; at += 1) {
    key = String(at)
    void handler(exchange)
    assert.ok(buckets.size <= 100_000)
  }
  assert.equal((handler(exchange) as Reply).status, 429, 'the last one is known')
})

test('recent map: what is set again stays, what is not goes, and a half is the least that is kept', () => {
  const map = new RecentMap<number>(10)
  map.set('often', 0)
  for (let at = 0; at < 100; at += 1) {
    map.set(`k${at}`, at)
    map.set('often', at)
    assert.ok(map.size <= 10)
    assert.equal(map.get('often'), at)
    for (let back = 0; back <= Math.min(at, 3); back += 1)
      assert.equal(map.get(`k${at - back}`), at - back)
  }
  assert.equal(map.get('k1'), undefined)
})

const bodies: readonly (readonly [string, number | null, number])[] = [
  ['none', 0, 200],
  ['as long as it may be', 10, 200],
  ['a byte longer', 11, 413],
  ['as long as nobody knows', null, 200],
]

for (const [name, bodyLength, status] of bodies) {
  test(`body limit: a body ${name}`, () => {
    const target = answers(200)
    const opened = openExchange({ method: 'POST', bodyLength })
    const reply = around({ kind: 'body-limit', bytes: 10 }, target)(opened.exchange) as Reply
    assert.equal(reply.status, status)
    assert.equal(target.count, status === 200 ? 1 : 0)
    if (status === 200) return assert.equal(opened.outbound().maxBody, 10)
    assert.equal(codeOf(reply), 'TURNOUT_BODY_TOO_LARGE')
    return assert.equal(reply.header('connection'), 'close')
  })
}

test('body limit: the least of several holds', () => {
  for (const [first, second] of [
    [5, 9],
    [9, 5],
  ] as const) {
    const opened = openExchange({ method: 'POST', bodyLength: null })
    const filters = [first, second].map((bytes): Filter => ({ kind: 'body-limit', bytes }))
    void around(filters)(opened.exchange)
    assert.equal(opened.outbound().maxBody, 5)
  }
})

test('timeout: what is not said is left, what is said further in holds', () => {
  const said = (
    headersMs: number | null,
    idleMs: number | null,
    totalMs: number | null,
    connectMs: number | null = null,
  ): Filter => ({
    kind: 'timeout',
    connectMs,
    headersMs,
    idleMs,
    totalMs,
  })
  const timeouts = (...filters: readonly Filter[]): unknown => {
    const opened = openExchange()
    void around(filters)(opened.exchange)
    return opened.outbound().timeouts
  }
  assert.deepEqual(timeouts(said(1, null, null)), { headersMs: 1 })
  assert.deepEqual(timeouts(said(null, 0, null)), { idleMs: 0 })
  assert.deepEqual(timeouts(said(null, null, null, 0)), { connectMs: 0 })
  assert.deepEqual(timeouts(said(1, 2, null), said(null, 3, 4)), {
    headersMs: 1,
    idleMs: 3,
    totalMs: 4,
  })
})
