import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { ErrorCode } from '../../../src/core/errors.ts'
import type { RetryFilter } from '../../../src/core/route/filter.ts'
import { Reply } from '../../../src/gateway/reply.ts'
import type { Handler } from '../../../src/gateway/snapshot.ts'
import { samples } from './samples.ts'
import { answers, around, bodySource, openExchange, openUpstreams, type Said } from './support.ts'

const retry = (settings: Partial<RetryFilter> = {}): RetryFilter => ({
  ...(samples.retry as RetryFilter),
  ...settings,
})

/** A target that fails so before it answers. */
const failing =
  (target: Handler, times: number, code: ErrorCode): Handler =>
  (exchange) => {
    exchange.failure = (times -= 1) >= 0 ? code : null
    return target(exchange)
  }

const repeats: readonly (readonly [
  string,
  Partial<RetryFilter>,
  Said,
  readonly number[],
  number,
])[] = [
  ['a listed status', {}, {}, [503, 200], 2],
  ['a listed status until it may no more', {}, {}, [503], 3],
  ['no other status', {}, {}, [500], 1],
  ['no answer that is well', {}, {}, [200], 1],
  ['HEAD', {}, { method: 'HEAD' }, [503, 200], 2],
  ['no method that is not listed', {}, { method: 'POST' }, [503], 1],
  ['a listed method', { methods: ['POST'] }, { method: 'POST' }, [503, 200], 2],
  ['no body', {}, { bodyLength: 1 }, [503], 1],
  ['no body of a length that nobody knows', {}, { bodyLength: null }, [503], 1],
  ['no upgrade', {}, { upgrade: 'websocket' }, [503], 1],
  ['nothing without a budget', { budgetPercent: 0 }, {}, [503], 1],
]

for (const [name, settings, said, statuses, count] of repeats) {
  test(`retry: it repeats ${name}`, async () => {
    const target = answers(...statuses)
    const reply = await around(retry(settings), target)(openExchange(said).exchange)
    assert.equal(target.count, count)
    assert.equal(reply.status, statuses[Math.min(count, statuses.length) - 1])
  })
}

const failures: readonly (readonly [ErrorCode, boolean])[] = [
  ['TURNOUT_UPSTREAM_UNREACHABLE', true],
  ['TURNOUT_UPSTREAM_CLOSED', true],
  ['TURNOUT_UPSTREAM_TIMEOUT', true],
  ['TURNOUT_UPSTREAM_INVALID', true],
  ['TURNOUT_BREAKER_OPEN', false],
  ['TURNOUT_BULKHEAD_FULL', false],
  ['TURNOUT_UPSTREAM_BUSY', false],
  ['TURNOUT_UPSTREAM_GONE', false],
  ['TURNOUT_CLIENT_LEFT', false],
  ['TURNOUT_BODY_TOO_LARGE', false],
]

for (const [code, isMended] of failures) {
  test(`retry: ${code} is ${isMended ? '' : 'not '}repeated`, async () => {
    const target = answers(503, 200)
    const { exchange } = openExchange()
    await around(retry(), failing(target, 1, code))(exchange)
    assert.equal(target.count, isMended ? 2 : 1)
    assert.equal(exchange.failure, isMended ? null : code)
  })
}

test('retry: no failure is repeated where that is not asked for', async () => {
  const target = answers(503, 200)
  const failed = failing(target, 1, 'TURNOUT_UPSTREAM_CLOSED')
  await around(retry({ onFailure: false }), failed)(openExchange().exchange)
  assert.equal(target.count, 1)
})

test('retry: a failure is over with the repeat, whoever answers it', async () => {
  const { exchange } = openExchange()
  let count = 0
  const target: Handler = () => {
    count += 1
    if (count === 1) exchange.failure = 'TURNOUT_UPSTREAM_CLOSED'
    return new Reply(count === 1 ? 502 : 429, [], null)
  }
  assert.equal((await around(retry(), target)(exchange)).status, 429)
  assert.equal(count, 2)
})

test('retry: a repeat is sent what the first attempt was, whatever filters further in made of it', async () => {
  const sent: unknown[] = []
  const target: Handler = ({ outbound }) => {
    sent.push(structuredClone(outbound))
    return new Reply(503, [], null)
  }
  const filters = [
    { kind: 'add-request-header', name: 'x-outer', value: 'a' },
    retry(),
    { kind: 'add-request-header', name: 'x-inner', value: 'a' },
    { kind: 'add-prefix', prefix: '/front' },
    { kind: 'timeout', connectMs: null, headersMs: 1, idleMs: null, totalMs: null },
  ] as const
  await around(filters, target)(openExchange().exchange)
  assert.equal(sent.length, 3)
  assert.deepEqual(sent[1], sent[0])
  assert.deepEqual(sent[2], sent[0])
})

test('retry: bodies that nobody takes are cancelled, and the last is not', async () => {
  const bodies = [bodySource(), bodySource(), bodySource()]
  let count = 0
  const target: Handler = () => new Reply(503, [], bodies[count++]!)
  const reply = await around(retry(), target)(openExchange().exchange)
  assert.deepEqual(
    bodies.map((body) => body.isCancelled),
    [true, true, false],
  )
  assert.equal(reply.body, bodies[2])
})

test('retry: repeats are a part of the requests, but for a few', async () => {
  const target = answers(503)
  const handler = around(retry({ retries: 1, budgetPercent: 10 }), target)
  for (let at = 0; at < 100; at += 1) await handler(openExchange().exchange)
  assert.equal(target.count, 110)
})

/** Times of attempts by a clock of the test, which goes to where somebody waits for. */
async function attempts(
  t: TestContext,
  settings: Partial<RetryFilter>,
  drawn: readonly number[],
  headers: readonly string[] = [],
): Promise<readonly number[]> {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  const at: number[] = []
  const target: Handler = () => {
    at.push(Date.now())
    return new Reply(503, [...headers], null)
  }
  const progress = { isDone: false }
  const handler = around(retry(settings), target, openUpstreams(drawn))
  const answer = Promise.resolve(handler(openExchange().exchange)).then(
    () => (progress.isDone = true),
  )
  for (let step = 0; step < 30_000 && !progress.isDone; step += 1) {
    // One turn for what the timer before has woken.
    if (step % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    t.mock.timers.tick(1)
  }
  await answer
  return at
}

const waits: readonly (readonly [
  string,
  Partial<RetryFilter>,
  readonly number[],
  readonly string[],
  readonly number[],
])[] = [
  [
    'grows by its factor up to the most',
    { retries: 3, firstBackoffMs: 100, maxBackoffMs: 300, factor: 2 },
    [0],
    [],
    [0, 100, 300, 600],
  ],
  [
    'is drawn by chance',
    { retries: 2, firstBackoffMs: 1_000, maxBackoffMs: 1_000, jitter: 1 },
    [0.5, 0.25],
    [],
    [0, 500, 750],
  ],
  [
    'is drawn in part',
    { retries: 1, firstBackoffMs: 1_000, maxBackoffMs: 1_000, jitter: 0.5 },
    [0],
    [],
    [0, 500],
  ],
  [
    'is at least what the answer asks for',
    { retries: 1, firstBackoffMs: 100, maxBackoffMs: 100 },
    [0],
    ['retry-after', '2'],
    [0, 2_000],
  ],
  [
    'is at least its own',
    { retries: 1, firstBackoffMs: 3_000, maxBackoffMs: 3_000 },
    [0],
    ['retry-after', '1'],
    [0, 3_000],
  ],
  [
    'goes by a date too',
    { retries: 1 },
    [0],
    ['retry-after', 'Thu, 01 Jan 1970 00:00:03 GMT'],
    [0, 3_000],
  ],
  [
    'is none for a date that is over, or no date',
    { retries: 1 },
    [0],
    ['retry-after', 'soon'],
    [0, 0],
  ],
  ['is not as long as a server likes', { retries: 1 }, [0], ['retry-after', '11'], [0]],
  [
    'may be longer where the route says so',
    { retries: 1, firstBackoffMs: 12_000, maxBackoffMs: 12_000 },
    [0],
    [],
    [0, 12_000],
  ],
]

for (const [name, settings, drawn, headers, expected] of waits) {
  test(`retry: the wait ${name}`, async (t) => {
    const at = await attempts(t, settings, drawn, headers)
    assert.equal(at.length, expected.length)
    // The clock of the test goes on by up to ten between two turns.
    for (const [index, time] of at.entries()) {
      const late = time - expected[index]!
      assert.ok(late >= 0 && late <= 10 * index, `${at.join()} for ${expected.join()}`)
    }
  })
}

for (const how of ['leaves', 'is cut'] as const) {
  test(`retry: nothing is repeated for a client that ${how} meanwhile`, async () => {
    const target = answers(503)
    const opened = openExchange()
    const settings = { firstBackoffMs: 60_000, maxBackoffMs: 60_000 }
    const answer = around(retry(settings), target)(opened.exchange)
    await new Promise((resolve) => setImmediate(resolve))
    if (how === 'leaves') opened.leave()
    else opened.exchange.abort('test')
    await answer
    assert.equal(target.count, 1)
    assert.equal(opened.exchange.failure, 'TURNOUT_CLIENT_LEFT')
  })
}
