import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Filter } from '../../src/core/route/filter.ts'
import type { UpstreamEvent } from '../../src/gateway/upstream/event.ts'
import type { EndpointStatus, UpstreamStatus } from '../../src/gateway/upstream/status.ts'
import { askRaw, codeOf, get, talk } from './support/client.ts'
import { openProxy, route, upstream, type Proxy } from './support/proxy.ts'
import { ok, openRecording } from './support/recording.ts'

const asks = async (proxy: Proxy, path = '/'): Promise<string> => {
  const answer = await askRaw(proxy.port, get(path))
  return `${answer.status} ${answer.body.startsWith('{') ? codeOf(answer) : answer.body}`
}

const statusOf = ({ upstreams }: Proxy, name: string): UpstreamStatus => {
  const status = upstreams.find(name)?.status()
  assert.ok(status, `${name} is not there`)
  return JSON.parse(JSON.stringify(status)) as UpstreamStatus
}

const endpointOf = (proxy: Proxy, name: string, url: string): EndpointStatus => {
  const found = statusOf(proxy, name).endpoints.find((one) => one.url === url)
  assert.ok(found, `${url} is not there`)
  return found
}

const until = async (holds: () => boolean, what: string): Promise<void> => {
  for (let left = 300; left > 0 && !holds(); left -= 1) await delay(20)
  assert.ok(holds(), what)
}

/** Kinds of what was told of one endpoint or upstream, in order. */
const kindsOf = ({ events }: Proxy, isWanted: (event: UpstreamEvent) => boolean): string[] =>
  events.filter(isWanted).map(({ kind }) => kind)

const isInstant = (text: string | null): boolean => text !== null && !Number.isNaN(Date.parse(text))

test('an endpoint is seen before, while and after it is ejected', async (t) => {
  let status = 503
  const bad = await openRecording(t, {
    answer: () => `HTTP/1.1 ${status} S\r\nContent-Length: 3\r\n\r\nbad`,
  })
  const good = await openRecording(t, { answer: () => ok('good') })
  const settings = {
    outlier: {
      consecutive5xx: 3,
      intervalMs: 100,
      baseEjectionTimeMs: 200,
      maxEjectionPercent: 50,
    },
    slowStart: { windowMs: 60_000 },
  }
  const proxy = await openProxy(
    t,
    [route('/*rest', 'two')],
    [upstream('two', [bad.url, good.url], settings)],
  )
  assert.deepEqual(endpointOf(proxy, 'two', bad.url), {
    url: bad.url,
    address: null,
    labels: {},
    weight: 1,
    effectiveWeight: 1,
    state: 'healthy',
    ejectedUntil: null,
    active: 0,
    connections: { open: 0, idle: 0, upgraded: 0 },
    waiting: 0,
    consecutiveFailures: 0,
    check: null,
  })
  for (let number = 0; number < 4; number += 1) await asks(proxy)
  assert.equal(endpointOf(proxy, 'two', bad.url).consecutiveFailures, 2)
  for (let number = 0; number < 2; number += 1) await asks(proxy)
  const ejected = endpointOf(proxy, 'two', bad.url)
  assert.deepEqual([ejected.state, ejected.consecutiveFailures], ['ejected', 3])
  assert.ok(isInstant(ejected.ejectedUntil))
  assert.deepEqual(endpointOf(proxy, 'two', good.url).connections, {
    open: 1,
    idle: 1,
    upgraded: 0,
  })
  assert.equal(endpointOf(proxy, 'two', good.url).state, 'healthy')
  status = 200
  await until(
    () => endpointOf(proxy, 'two', bad.url).state !== 'ejected',
    'the endpoint never came back',
  )
  const back = endpointOf(proxy, 'two', bad.url)
  assert.deepEqual([back.state, back.ejectedUntil], ['slow-start', null])
  assert.ok(back.effectiveWeight < 1)
  const [first] = proxy.events
  assert.ok(first?.kind === 'ejected' && isInstant(first.until))
  assert.deepEqual([first.upstream, first.endpoint], ['two', bad.url])
  assert.deepEqual(
    kindsOf(proxy, () => true),
    ['ejected', 'readmitted'],
  )
  await proxy.quiet()
})

test('a breaker is seen when it opens, and stays as it is forced through revisions', async (t) => {
  let status = 500
  const recording = await openRecording(t, {
    answer: () => `HTTP/1.1 ${status} S\r\nContent-Length: 1\r\n\r\nx`,
  })
  const breaker = {
    slidingWindowSize: 4,
    minimumNumberOfCalls: 2,
    waitDurationInOpenState: 60_000,
  }
  const settings = { breaker, outlier: false, bulkhead: { maxConcurrentCalls: 7 } }
  const proxy = await openProxy(
    t,
    [route('/*rest', 'one')],
    [upstream('one', [recording.url], settings)],
  )
  const closed = {
    state: 'CLOSED',
    failureRate: null,
    slowCallRate: null,
    bufferedCalls: 0,
    failedCalls: 0,
    slowCalls: 0,
    notPermittedCalls: 0,
    openUntil: null,
  }
  assert.deepEqual(statusOf(proxy, 'one').breaker, closed)
  assert.deepEqual(statusOf(proxy, 'one').bulkhead, {
    inFlight: 0,
    maxConcurrentCalls: 7,
    waiting: 0,
    maxWaitingCalls: 256,
  })
  for (const told of ['500 x', '500 x', '503 TURNOUT_BREAKER_OPEN'])
    assert.equal(await asks(proxy), told)
  const open = statusOf(proxy, 'one').breaker!
  assert.ok(isInstant(open.openUntil))
  assert.deepEqual(
    [open.state, open.failureRate, open.bufferedCalls, open.failedCalls, open.notPermittedCalls],
    ['OPEN', 100, 2, 2, 1],
  )
  const force = (state: 'CLOSED' | 'DISABLED' | 'FORCED_OPEN' | 'METRICS_ONLY'): void =>
    assert.ok(proxy.live('one').forceBreaker(state))
  force('CLOSED')
  assert.deepEqual(statusOf(proxy, 'one').breaker, closed)
  force('METRICS_ONLY')
  for (let number = 0; number < 4; number += 1) assert.equal(await asks(proxy), '500 x')
  assert.deepEqual(
    [statusOf(proxy, 'one').breaker?.state, statusOf(proxy, 'one').breaker?.failureRate],
    ['METRICS_ONLY', 100],
  )
  status = 200
  force('FORCED_OPEN')
  assert.equal(await asks(proxy), '503 TURNOUT_BREAKER_OPEN')
  // Endpoints change, the settings of the breaker do not.
  const other = await openRecording(t, { answer: () => ok('y') })
  await proxy.publish([], [upstream('one', [other.url], { ...settings, slowStart: {} })])
  assert.equal(await asks(proxy), '503 TURNOUT_BREAKER_OPEN')
  assert.equal(statusOf(proxy, 'one').breaker?.state, 'FORCED_OPEN')
  const changed = { ...settings, breaker: { ...breaker, slidingWindowSize: 5 } }
  await proxy.publish([], [upstream('one', [other.url], changed)])
  assert.equal(await asks(proxy), '200 y')
  assert.deepEqual(
    proxy.events.map((event) => (event.kind === 'breaker' ? `${event.from} ${event.to}` : '')),
    ['CLOSED OPEN', 'OPEN CLOSED', 'CLOSED METRICS_ONLY', 'METRICS_ONLY FORCED_OPEN'],
  )
  await proxy.publish([], [upstream('one', [other.url], { breaker: false })])
  assert.equal(proxy.live('one').forceBreaker('FORCED_OPEN'), false)
  await proxy.quiet()
})

test('a health check is seen with its result, and an endpoint that it calls unhealthy', async (t) => {
  let status = 500
  const recording = await openRecording(t, {
    answer: () => `HTTP/1.1 ${status} S\r\nContent-Length: 0\r\n\r\n`,
  })
  const healthCheck = { intervalMs: 20, timeoutMs: 20, healthyAfter: 1, unhealthyAfter: 1 }
  const proxy = await openProxy(
    t,
    [route('/*rest', 'one')],
    [upstream('one', [recording.url], { healthCheck, outlier: false })],
  )
  const state = (): string => endpointOf(proxy, 'one', recording.url).state
  await until(() => state() === 'unhealthy', 'it is never unhealthy')
  const { check } = endpointOf(proxy, 'one', recording.url)
  assert.ok(isInstant(check?.at ?? null))
  assert.deepEqual([check?.isGood, check?.status, check?.reason], [false, 500, 'it answers 500'])
  status = 200
  await until(() => state() === 'healthy', 'it is never healthy again')
  assert.equal(endpointOf(proxy, 'one', recording.url).check?.reason, null)
  assert.deepEqual(
    kindsOf(proxy, () => true),
    ['unhealthy', 'healthy'],
  )
})

test('a name that gives no address is seen with what is kept of it, and told once', async (t) => {
  const recording = await openRecording(t, { answer: () => ok('x') })
  let isDown = true
  const resolve = (): Promise<{ addresses: string[]; ttlMs: number }> =>
    isDown
      ? Promise.reject(new Error('the resolver is down'))
      : Promise.resolve({ addresses: ['127.0.0.1'], ttlMs: 1 })
  const url = `http://shop.test:${recording.port}`
  const proxy = await openProxy(
    t,
    [route('/*rest', 'shop')],
    [upstream('shop', [url], { discovery: { kind: 'dns' } })],
    { environment: { resolve } },
  )
  const name = () => statusOf(proxy, 'shop').names[0]!
  await until(() => name().error !== null, 'it never fails')
  assert.deepEqual(name(), {
    name: 'shop.test',
    addresses: [],
    resolvedAt: null,
    isKept: false,
    error: 'the resolver is down',
  })
  assert.equal(await asks(proxy), '503 TURNOUT_UPSTREAM_EMPTY')
  isDown = false
  await until(() => name().error === null, 'it never recovers')
  assert.deepEqual([name().addresses, name().isKept], [['127.0.0.1'], false])
  assert.ok(isInstant(name().resolvedAt))
  assert.equal(endpointOf(proxy, 'shop', url).address, '127.0.0.1')
  isDown = true
  await until(() => name().isKept, 'it never fails again')
  assert.equal(name().error, 'the resolver is down')
  assert.equal(await asks(proxy), '200 x')
  assert.deepEqual(
    kindsOf(proxy, () => true),
    ['unresolved', 'resolved', 'unresolved'],
  )
})

const websocket = 'GET /socket HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n'
const switched = 'HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n'

test('an upgraded connection is active, is counted, and keeps its place among the connections', async (t) => {
  const recording = await openRecording(t, {
    answer: ({ target }) => (target === '/socket' ? switched : ok('x')),
  })
  const pool = { connections: 1, queue: 1, queueTimeoutMs: 60_000 }
  const proxy = await openProxy(
    t,
    [route('/*rest', 'one')],
    [upstream('one', [recording.url], { pool })],
  )
  const client = talk(proxy.port, websocket)
  assert.equal((await client.answer()).status, 101)
  const seen = endpointOf(proxy, 'one', recording.url)
  assert.deepEqual([seen.active, seen.connections.upgraded, seen.connections.open], [1, 1, 1])
  const waiting = asks(proxy)
  await until(() => statusOf(proxy, 'one').waiting === 1, 'nothing waits')
  assert.equal(await asks(proxy), '503 TURNOUT_UPSTREAM_BUSY')
  // Other settings of the pool are a new pool: what the old one holds is still seen.
  await proxy.publish([], [upstream('one', [recording.url], { pool: { ...pool, queue: 2 } })])
  assert.equal(endpointOf(proxy, 'one', recording.url).connections.upgraded, 1)
  const other = await openRecording(t, { answer: () => ok('y') })
  await proxy.publish([], [upstream('one', [other.url], { pool: { ...pool, queue: 2 } })])
  const draining = endpointOf(proxy, 'one', recording.url)
  assert.deepEqual([draining.state, draining.connections.upgraded], ['draining', 1])
  client.socket.destroy()
  assert.equal(await waiting, '200 x')
  await until(() => statusOf(proxy, 'one').endpoints.length === 1, 'it drains for ever')
  await proxy.quiet()
})

test('a retry of a route that went brings no upstream back', async (t) => {
  let isLeft = (): void => undefined
  const left = new Promise<void>((resolve) => (isLeft = resolve))
  let asked = 0
  const recording = await openRecording(t, {
    answer: () => {
      asked += 1
      if (asked === 1) isLeft()
      return asked === 1 ? 'HTTP/1.1 503 S\r\nContent-Length: 0\r\n\r\n' : ok('at last')
    },
  })
  const retry: Filter = {
    kind: 'retry',
    retries: 2,
    statuses: [503],
    onFailure: true,
    methods: ['GET'],
    firstBackoffMs: 300,
    maxBackoffMs: 300,
    factor: 1,
    jitter: 0,
    budgetPercent: 100,
  }
  const proxy = await openProxy(t, [route('/*rest', recording.url, { filters: [retry] })])
  const answer = asks(proxy)
  await left
  assert.deepEqual(proxy.upstreams.names(), [recording.url])
  assert.equal(statusOf(proxy, recording.url).owner, null)
  await proxy.publish([], [], ['/*rest'])
  assert.deepEqual(proxy.upstreams.names(), [])
  // It is served by the revision that it entered with.
  assert.equal(await answer, '200 at last')
  assert.deepEqual(proxy.upstreams.names(), [])
  await until(() => recording.open.size === 0, 'its connections stay')
})
