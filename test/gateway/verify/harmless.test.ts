import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { askRaw, get, talk } from '../../proxy/support/client.ts'
import { openProxy, upstream } from '../../proxy/support/proxy.ts'
import { openRecording, valuesOf, type Seen } from '../../proxy/support/recording.ts'
import { figuresOf, standing, until } from '../observe/support.ts'
import { openVerified, pair, shown, sideBySide, told, usual } from './support.ts'

const fails = 'HTTP/1.1 500 Bad\r\nContent-Length: 0\r\n\r\n'
const isCopy = (seen: Seen): boolean => valuesOf(seen, 'turnout-mirror').length > 0

const methods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** `POST 1+2/1`: requests that were meant and copies at stable, and copies at the canary. */
const counted = (stable: readonly Seen[], canary: readonly Seen[]): string[] =>
  methods.map((method) => {
    const own = stable.filter((seen) => seen.method === method)
    const copies = own.filter(isCopy).length
    const others = canary.filter((seen) => seen.method === method && isCopy(seen)).length
    return `${method} ${own.length - copies}+${copies}/${others}`
  })

test('a write is done once, unless the route opts in', async (t) => {
  const rows = [
    [
      false,
      ['GET 1+2/1', 'HEAD 1+2/1', 'OPTIONS 1+2/1', 'POST 1+0/0', 'PUT 1+0/0'],
      ['PATCH 1+0/0', 'DELETE 1+0/0'],
    ],
    [
      true,
      ['GET 1+2/1', 'HEAD 1+2/1', 'OPTIONS 1+2/1', 'POST 1+2/1', 'PUT 1+2/1'],
      ['PATCH 1+2/1', 'DELETE 1+2/1'],
    ],
  ] as const
  for (const [allMethods, safe, others] of rows) {
    const one = await openRecording(t)
    const other = await openRecording(t)
    const routes = sideBySide('/*rest', one.url, other.url)
    const proxy = await openVerified(t, routes, [], { allMethods })
    for (const method of methods) {
      const hasBody = method.startsWith('P')
      const head = get('/users', hasBody ? 'Content-Length: 4\r\n' : '', method)
      await askRaw(proxy.port, hasBody ? `${head}data` : head)
    }
    await shown(proxy, allMethods ? 7 : 3)
    await proxy.quiet()
    assert.deepEqual(counted(one.seen, other.seen), [...safe, ...others])
    for (const { method, body } of [...one.seen, ...other.seen])
      assert.equal(body.toString(), method.startsWith('P') ? 'data' : '', method)
    assert.deepEqual([...one.faults, ...other.faults], [])
  }
})

test('a body that is too long to be copied arrives, and its copy counts as failed', async (t) => {
  const one = await openRecording(t)
  const proxy = await openVerified(t, sideBySide('/a', one.url, one.url), [], { allMethods: true })
  const long = 'x'.repeat(256 * 1024 + 1)
  for (const framing of [`Content-Length: ${long.length}\r\n`, 'Transfer-Encoding: chunked\r\n']) {
    const isChunked = framing.includes('chunked')
    const sent = isChunked ? `${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n` : long
    await askRaw(proxy.port, `${get('/a', framing, 'POST')}${sent}`)
  }
  assert.equal(told(await shown(proxy, 2)), '0 of 0; 2 failed')
  assert.deepEqual(
    one.seen.map(({ body }) => body.length),
    [long.length, long.length],
  )
})

test('copies that fail touch no breaker, no endpoint, no figures', async (t) => {
  const one = await openRecording(t)
  const other = await openRecording(t, { answer: () => fails })
  const breaker = {
    failureRateThreshold: 50,
    slidingWindowSize: 4,
    minimumNumberOfCalls: 2,
    slidingWindowType: 'COUNT_BASED',
  }
  const settings = { breaker, outlier: { consecutive5xx: 2, maxEjectionPercent: 100 } }
  const upstreams = [upstream('one', [one.url]), upstream('other', [other.url], settings)]
  const proxy = await openVerified(t, sideBySide('/a', 'one', 'other'), upstreams)
  for (let round = 0; round < 6; round += 1) await askRaw(proxy.port, get('/a'))
  assert.equal(told(await shown(proxy, 6)).split(';')[0], '6 of 6')
  const live = proxy.live('other')
  assert.equal(live.breaker!.state(performance.now()), 'CLOSED')
  assert.equal(live.breaker!.metrics(performance.now()).bufferedCalls, 0)
  const [endpoint] = live.endpoints
  assert.equal(endpoint!.consecutiveFailures, 0)
  assert.equal(endpoint!.isEjected, false)
  await proxy.quiet()
  assert.equal(figuresOf(proxy, standing(proxy, 'stable')), '6 0 0')
  assert.equal(figuresOf(proxy, standing(proxy, 'canary')), '0 0 0')
  assert.deepEqual(proxy.events, [])
})

test('an upstream whose breaker is open is spared copies', async (t) => {
  const one = await openRecording(t)
  const other = await openRecording(t)
  const upstreams = [upstream('one', [one.url]), upstream('other', [other.url], { breaker: {} })]
  const proxy = await openVerified(t, sideBySide('/a', 'one', 'other'), upstreams)
  proxy.worker.forceBreaker('other', 'FORCED_OPEN')
  await askRaw(proxy.port, get('/a'))
  assert.equal(told(await shown(proxy, 1)), '0 of 0; 1 failed')
  assert.equal(other.seen.length, 0)
})

test('copies take no token, are not repeated and not copied again', async (t) => {
  const one = await openRecording(t, {
    answer: (seen) => (isCopy(seen) ? fails : 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
  })
  const spare = await openRecording(t)
  const routes = sideBySide('/a', 'one', 'one', [
    { kind: 'rate-limit', key: null, perSecond: 0.001, burst: 2 },
    {
      kind: 'retry',
      retries: 3,
      methods: ['GET'],
      statuses: [500],
      onFailure: true,
      firstBackoffMs: 1,
      maxBackoffMs: 1,
      factor: 1,
      jitter: 0,
      budgetPercent: 100,
    },
    { kind: 'mirror', upstream: 'spare', percent: 100, maxBodyBytes: 8 },
  ])
  const upstreams = [upstream('one', [one.url]), upstream('spare', [spare.url])]
  const proxy = await openVerified(t, routes, upstreams)
  const statuses: number[] = []
  for (let round = 0; round < 3; round += 1) {
    statuses.push((await askRaw(proxy.port, get('/a'))).status)
    await shown(proxy, round + 1)
  }
  // Of the request that is refused a copy is made too: it is not refused itself.
  assert.deepEqual(statuses, [200, 200, 429])
  await proxy.quiet()
  assert.equal(one.seen.filter(isCopy).length, 9)
  await until('the mirror sent what was meant', () => spare.seen.length === 2)
})

test('one that left, an upgrade and an event stream are not copied', async (t) => {
  const answers: Readonly<Record<string, string>> = {
    '/events': 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\r\n\r\n',
    '/socket':
      'HTTP/1.1 101 Go\r\nUpgrade: other\r\nConnection: Upgrade\r\nX-Note: data: 1\r\n\r\n',
  }
  const one = await openRecording(t, { answer: ({ target }) => answers[target] })
  const proxy = await openVerified(t, sideBySide('/*rest', one.url, one.url))
  const upgrade = 'Connection: Upgrade\r\nUpgrade: other\r\n'
  for (const bytes of [get('/left'), get('/socket', upgrade), get('/events')]) {
    const before = one.seen.length
    const client = talk(proxy.port, bytes)
    await until('it arrived', () => one.seen.length > before)
    if (!bytes.includes('/left')) await client.until((received) => received.includes('data: 1'))
    client.socket.destroy()
    await proxy.quiet()
  }
  assert.equal(one.seen.filter(isCopy).length, 0)
  assert.equal(told(proxy.worker.verifyCounts('test')!), '0 of 0')
})

test('percent and samples bound what is copied, and null ends it', async (t) => {
  const one = await openRecording(t)
  const proxy = await openProxy(t, sideBySide('/a', one.url, one.url))
  const request = (settings: object): void =>
    proxy.worker.verify('test', { pairs: [pair], settings: { ...usual, ...settings } })
  const ask = async (): Promise<number> => {
    const before = one.seen.filter(isCopy).length
    for (let round = 0; round < 4; round += 1) {
      await askRaw(proxy.port, get('/a'))
      await delay(20)
    }
    await proxy.quiet()
    return one.seen.filter(isCopy).length - before
  }
  assert.equal(await ask(), 0)
  request({ percent: 0 })
  assert.equal(await ask(), 0)
  request({ samples: 2 })
  assert.equal(await ask(), 6)
  // The same again goes on with what it has.
  request({ samples: 2 })
  assert.equal(await ask(), 0)
  assert.equal(proxy.worker.verifyCounts('test')!.compared, 2)
  proxy.worker.verify('test', null)
  assert.equal(proxy.worker.verifyCounts('test'), null)
  assert.equal(await ask(), 0)
})
