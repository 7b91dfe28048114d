import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { openBackEnd, openGateway, until, type Gateway } from './gateway.ts'
import { noServer, openRedis, type RedisServer } from './server.ts'

const skip = noServer ?? false
const host = 'a.example.test'
const rule = (backend: string, name = host): string => JSON.stringify([{ host: name, backend }])

interface Opened extends Gateway {
  readonly redis: RedisServer
  readonly one: string
  readonly two: string
}

/** A server with the rule that `host` goes to the back end `one`, and a gateway that serves it. */
async function open(t: TestContext, ...words: string[]): Promise<Opened> {
  const redis = await openRedis(t, ...words)
  const [one, two] = [await openBackEnd(t, 'one'), await openBackEnd(t, 'two')]
  await redis.send('SET', 'routing_rules', rule(one))
  const gateway = await openGateway(t, { url: redis.url })
  assert.equal(await gateway.ask(host), 'one')
  await until(() => gateway.turnout.sources[0]!.isNotified)
  return { ...gateway, redis, one, two }
}

test(
  'what the key holds at start is served when `redis` resolves, and nothing else',
  { skip },
  async (t) => {
    const { ask, turnout } = await open(t)
    assert.equal(await ask(host, '/deep/path?q=1'), 'one')
    assert.equal(await ask('b.example.test'), '404')
    const [status] = turnout.sources
    assert.equal(status?.connection, 'up')
    assert.equal(status.value, 'good')
    assert.deepEqual(status.alarms, [])
    assert.deepEqual(
      turnout.routes().map(({ id, owner }) => [id, owner]),
      [[`redis:routing_rules#${host}`, 'redis:routing_rules']],
    )
  },
)

for (const [how, words, after] of [
  ['nobody tells of', [], null],
  ['a message on the channel tells of', [], ['PUBLISH', 'routing_rules:changed', 'now']],
  ['keyspace notifications tell of', ['--notify-keyspace-events', 'KA'], null],
] as const) {
  test(
    `a change that ${how} is served, as one revision that replaces the whole set`,
    { skip },
    async (t) => {
      const { redis, two, untilAnswer, ask, load, turnout } = await open(t, ...words)
      const end = load(host, /^(one|404)$/)
      const before = turnout.revision
      await redis.send('SET', 'routing_rules', rule(two, 'b.example.test'))
      if (after !== null) await redis.send(...after)
      await untilAnswer('b.example.test', 'two')
      assert.equal(await ask(host), '404')
      assert.deepEqual(await end(), [])
      assert.equal(turnout.revision, before + 1)
      assert.equal(turnout.revisions.at(-1)?.author, 'redis')
      assert.equal(turnout.revisions.at(-1)?.reason, 'the key routing_rules changed')
    },
  )
}

/** What happens to the key, what it is called, and what is said of it. */
const losses: readonly (readonly [string, readonly (readonly string[])[], string, RegExp])[] = [
  ['text that is no JSON', [['SET', 'routing_rules', '[{"host":']], 'broken', /line 1, column 10/],
  [
    'a rule without a backend',
    [['SET', 'routing_rules', '[{"host":"a.example.test"}]']],
    'broken',
    /\/0\/backend|the backend is missing/,
  ],
  ['an empty text', [['SET', 'routing_rules', ' ']], 'empty', /it says nothing/],
  ['an empty list', [['SET', 'routing_rules', '[]']], 'empty', /it says nothing/],
  [
    'a list instead of a string',
    [
      ['DEL', 'routing_rules'],
      ['RPUSH', 'routing_rules', '1'],
    ],
    'wrong-type',
    /it is a list, not a string/,
  ],
  [
    'a value of 2 MiB',
    [['SETRANGE', 'routing_rules', '2097152', ' ']],
    'too-large',
    /2097153 bytes/,
  ],
  ['no key', [['DEL', 'routing_rules']], 'deleted', /it was there before/],
  ['another database', [['FLUSHALL']], 'deleted', /it was there before/],
]

for (const [name, commands, state, reason] of losses) {
  test(
    `${name} keeps what was served, alarms once, and the next good value ends it`,
    { skip },
    async (t) => {
      const { redis, two, untilAnswer, untilStatus, load, told, logged, turnout } = await open(t)
      const end = load(host, /^one$/)
      await redis.sendAll([...commands, ['PUBLISH', 'routing_rules:changed', '']])
      await untilStatus('value', state)
      assert.match(turnout.sources[0]!.alarms.join(), reason)
      // Looked at once more it is the same news.
      const { readAt } = turnout.sources[0]!
      await redis.send('PUBLISH', 'routing_rules:changed', '')
      await until(() => turnout.sources[0]!.readAt !== readAt)
      assert.equal(told.length, 1)
      assert.match(told[0]!.message, reason)
      assert.equal(logged.filter((line) => line.includes(told[0]!.code)).length, 1)
      assert.deepEqual(await end(), [])
      await redis.send('DEL', 'routing_rules')
      await redis.sendAll([
        ['SET', 'routing_rules', rule(two)],
        ['PUBLISH', 'routing_rules:changed', ''],
      ])
      await untilAnswer(host, 'two')
      await untilStatus('value', 'good')
      assert.deepEqual(turnout.sources[0]!.alarms, [])
      assert.equal(told.at(-1), null)
    },
  )
}

test('{"empty":true} is how all of it goes', { skip }, async (t) => {
  const { redis, untilAnswer, untilStatus } = await open(t)
  await redis.send('SET', 'routing_rules', '{"empty":true}')
  await untilAnswer(host, '404')
  await untilStatus('value', 'good')
})

test(
  'a server that evicts is told of at start, and an evicted key is told apart',
  { skip },
  async (t) => {
    const { redis, told, untilStatus, load, turnout } = await open(
      t,
      '--maxmemory',
      '4mb',
      '--maxmemory-policy',
      'allkeys-random',
    )
    assert.match(told[0]!.message, /may drop the key routing_rules: .*allkeys-random/)
    const end = load(host, /^one$/)
    const filler = 'x'.repeat(10_000)
    for (let round = 0; (await redis.send('EXISTS', 'routing_rules')) === 1; round += 1) {
      assert.ok(round < 200, 'the key stays')
      await redis.sendAll(
        Array.from({ length: 100 }, (_, at) => ['SET', `filler ${round} ${at}`, filler]),
      )
    }
    await untilStatus('value', 'evicted')
    assert.match(
      turnout.sources[0]!.alarms.join(),
      /dropped \d+ keys? to make room \(allkeys-random\)/,
    )
    assert.deepEqual(await end(), [])
  },
)

test('a key that expires is told of before it does', { skip }, async (t) => {
  const { redis, told, untilStatus } = await open(t)
  await redis.send('PEXPIRE', 'routing_rules', '600000')
  await redis.send('PUBLISH', 'routing_rules:changed', '')
  await until(() => told.length > 0)
  assert.match(told[0]!.message, /it has a time to live/)
  await redis.send('PERSIST', 'routing_rules')
  await untilStatus('value', 'good')
})

test(
  'a server that is stopped with SIGSTOP is silent; nothing fails, and it is followed again',
  { skip },
  async (t) => {
    const { redis, two, untilAnswer, untilStatus, load, turnout } = await open(t)
    const end = load(host, /^(one|two)$/)
    redis.signal('SIGSTOP')
    await untilStatus('connection', 'silent')
    // Another one is not held up by it for longer than the deadlines.
    const late = await openGateway(t, { url: redis.url })
    assert.equal(late.turnout.sources[0]?.connection, 'silent')
    assert.equal(late.turnout.sources[0]?.value, 'unread')
    redis.signal('SIGCONT')
    await redis.send('SET', 'routing_rules', rule(two))
    await untilAnswer(host, 'two')
    await untilStatus('connection', 'up')
    await late.untilAnswer(host, 'two')
    assert.deepEqual(turnout.sources[0]!.alarms, [])
    assert.deepEqual(await end(), [])
  },
)

test(
  'a server that is down is told of; started anew and empty it takes nothing away',
  { skip },
  async (t) => {
    const { redis, two, untilAnswer, untilStatus, load, told } = await open(t)
    const end = load(host, /^(one|two)$/)
    await redis.stop()
    await untilStatus('connection', 'down')
    assert.equal(told[0]?.code, 'TURNOUT_REDIS_UNREACHABLE')
    await redis.start()
    await untilStatus('value', 'lost')
    await redis.send('SET', 'routing_rules', rule(two))
    await untilAnswer(host, 'two')
    assert.deepEqual(await end(), [])
  },
)

test('a server that answers late is slow, and no request is', { skip }, async (t) => {
  const { redis, two, untilAnswer, untilStatus, load } = await open(t)
  const end = load(host, /^(one|two)$/)
  await redis.send('SET', 'routing_rules', rule(two))
  await redis.send('CLIENT', 'PAUSE', '2500', 'ALL')
  await untilStatus('connection', 'slow')
  await untilAnswer(host, 'two')
  await untilStatus('connection', 'up')
  assert.deepEqual(await end(), [])
})

test('a lost connection of notifications is made anew', { skip }, async (t) => {
  const { redis, two, untilAnswer, turnout } = await open(t)
  await redis.send('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await redis.send('SET', 'routing_rules', rule(two))
  await untilAnswer(host, 'two')
  await until(() => turnout.sources[0]!.isNotified)
})

test('a flood of 1,000 changes ends with the last one, in few revisions', { skip }, async (t) => {
  const { redis, one, two, untilAnswer, load, turnout } = await open(t)
  const end = load(host, /^(one|two)$/)
  const before = turnout.revision
  await redis.sendAll(
    Array.from({ length: 1_000 }, (_, at) => [
      [
        'SET',
        'routing_rules',
        JSON.stringify([
          { host, backend: at % 2 === 0 ? one : two },
          { host: `${at}.test`, backend: one },
        ]),
      ],
      ['PUBLISH', 'routing_rules:changed', ''],
    ]).flat(),
  )
  await untilAnswer('999.test', 'one')
  assert.equal(turnout.counts.routes, 2)
  assert.ok(turnout.revision - before < 500, `${turnout.revision - before} revisions`)
  assert.deepEqual(await end(), [])
})

test('of many messages few are heard, and the next one is', { skip }, async (t) => {
  const { redis, two, untilAnswer, turnout } = await open(t)
  await until(() => turnout.sources[0]!.isNotified)
  const publish = async (): Promise<number> =>
    Number(await redis.send('PUBLISH', 'routing_rules:changed', ''))
  let heard = 0
  for (let count = 0; count < 200; count += 1) heard += await publish()
  assert.ok(heard >= 1 && heard < 100, `${heard} of 200`)
  // The last that was heard is followed by a reading; then it hears again.
  await delay(2_000)
  await redis.send('SET', 'routing_rules', rule(two))
  assert.equal(await publish(), 1)
  await untilAnswer(host, 'two')
  assert.ok(turnout.sources[0]!.isNotified)
})

test(
  'a server that nobody can reach does not hold up the start, and readiness says what is missing',
  { skip },
  async (t) => {
    const { turnout, told } = await openGateway(t, { url: 'redis://127.0.0.1:1' })
    assert.equal(turnout.sources[0]?.connection, 'down')
    assert.equal(told[0]?.code, 'TURNOUT_REDIS_UNREACHABLE')
  },
)

test('no secret of the URL is shown anywhere', { skip }, async (t) => {
  const redis = await openRedis(t, '--requirepass', 'right-password')
  const url = redis.url.replace('//', '//default:s3cret-w0rd@')
  const { turnout, told, logged } = await openGateway(t, { url })
  assert.equal(turnout.sources[0]?.connection, 'denied')
  assert.match(turnout.sources[0].url, /^redis:\/\/\*\*\*@127\.0\.0\.1:\d+\/0$/)
  const all = JSON.stringify([turnout.sources, told, logged])
  assert.match(all, /WRONGPASS/)
  assert.doesNotMatch(all, /s3cret/)
})

test(
  'a rule that collides with somebody else is refused, and taken when the way is free',
  { skip },
  async (t) => {
    const { redis, turnout, two, untilStatus, untilAnswer, ask } = await open(t)
    turnout.get('/mine', (c) => c.text('mine'))
    const both = JSON.stringify([
      { id: 'mine', methods: ['GET'], path: '/mine', target: { uri: `http://${two}` } },
      { id: 'more', path: '/more', target: { uri: `http://${two}` } },
    ])
    await redis.send('SET', 'routing_rules', both)
    await untilStatus('value', 'refused')
    assert.equal(await ask(host), 'one')
    await turnout.update((change) => change.remove('GET', '/mine'))
    await untilStatus('value', 'good')
    await untilAnswer(host, '404')
    assert.equal(await ask('any.test', '/more'), 'two')
  },
)

test(
  'what an operator went back to stays until the key changes, also over a restart',
  { skip },
  async (t) => {
    const data = mkdtempSync(join(tmpdir(), 'turnout-redis-data-'))
    t.after(() => rmSync(data, { recursive: true, force: true }))
    const redis = await openRedis(t)
    const [one, two] = [await openBackEnd(t, 'one'), await openBackEnd(t, 'two')]
    await redis.send('SET', 'routing_rules', rule(one))
    const first = await openGateway(t, { url: redis.url }, data)
    await first.untilAnswer(host, 'one')
    const good = first.turnout.revision
    await redis.send('SET', 'routing_rules', rule(two))
    await first.untilAnswer(host, 'two')
    await first.turnout.rollback(good)
    assert.equal(await first.ask(host), 'one')
    const { readAt } = first.turnout.sources[0]!
    await redis.send('PUBLISH', 'routing_rules:changed', '')
    await until(() => first.turnout.sources[0]!.readAt !== readAt)
    assert.equal(await first.ask(host), 'one')
    await first.turnout.close(0)

    const second = await openGateway(t, null, data)
    assert.equal(await second.ask(host), 'one')
    await second.turnout.redis({ url: redis.url })
    assert.equal(second.turnout.sources[0]!.value, 'good')
    assert.equal(await second.ask(host), 'one')
    await redis.send('SET', 'routing_rules', rule(two, 'b.example.test'))
    await second.untilAnswer('b.example.test', 'two')
    assert.equal(await second.ask(host), '404')
  },
)
