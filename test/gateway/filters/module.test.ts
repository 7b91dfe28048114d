import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TurnoutError, type ErrorCode } from '../../../src/core/errors.ts'
import type { Filter as Settings } from '../../../src/core/route/filter.ts'
import type { Exchange } from '../../../src/gateway/exchange.ts'
import { Reply } from '../../../src/gateway/reply.ts'
import type { Handler } from '../../../src/gateway/snapshot.ts'
import type { Filter } from '../../../src/modules/define.ts'
import { answers, around, bodySource, openExchange, versionOf } from './support.ts'

const named = (name: string, args: object = {}): Settings =>
  ({ kind: 'module', module: 'own', name, args }) as Settings

/** One exchange through one filter. */
const run = (
  filter: Filter,
  target: Handler = answers(200),
  args: object = {},
): { readonly exchange: Exchange; readonly reply: Reply | Promise<Reply> } => {
  const { exchange } = openExchange({ own: versionOf({ one: filter }) })
  return { exchange, reply: around(named('one', args), target)(exchange) }
}

const hasCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    error instanceof TurnoutError && error.code === code

test('it answers by itself, or goes on; what it says nothing of stands', async () => {
  const target = answers(200)
  assert.equal((await run((c) => c.text('no', 401), target).reply).status, 401)
  assert.equal(target.count, 0)
  assert.equal((await run(async (_, next) => void (await next()), target).reply).body, 'ok')
  assert.equal((await run(() => new Response('web', { status: 403 })).reply).status, 403)
  const late: Filter = (c, next) => {
    c.setHeader('x-late', 'yes')
    return next()
  }
  assert.equal((await run(late).reply).header('x-late'), 'yes')
})

test('its args are what the route says, and nobody can change them', async () => {
  const seen: unknown[] = []
  const filter: Filter = (c, _, args) => {
    seen.push(args)
    assert.throws(() => Object.assign(args, { a: 2 }), TypeError)
    assert.throws(() => (args['list'] as unknown as number[]).push(3), TypeError)
    assert.throws(() => Object.assign(args['deep'] as object, { b: 2 }), TypeError)
    return c.text('')
  }
  const args = { a: 1, list: [1, 2], deep: { b: null } }
  await run(filter, answers(200), args).reply
  assert.deepEqual(seen, [args])
  args.a = 3
  args.list.push(3)
  assert.deepEqual(args.list, [1, 2, 3], 'the definition is not frozen by it')
})

const wrong: readonly (readonly [string, Filter, ErrorCode])[] = [
  [
    'asks twice',
    async (_, next) => {
      await next()
      return next()
    },
    'TURNOUT_NEXT_TWICE',
  ],
  ['says nothing at all', () => undefined, 'TURNOUT_ANSWER_INVALID'],
  ['reads the body', async (c) => c.text(await c.body.text()), 'TURNOUT_FILTER_BODY'],
  ['makes a web Request', (c) => c.text(c.request.url), 'TURNOUT_FILTER_BODY'],
  [
    'sets a field of the connection',
    (c, next) => c.setRequestHeader('Connection', 'x-user') && next(),
    'TURNOUT_REQUEST_UNSENDABLE',
  ],
  [
    'sets the host',
    (c, next) => c.setRequestHeader('host', 'other') && next(),
    'TURNOUT_REQUEST_UNSENDABLE',
  ],
  [
    'sets a value with a line break',
    (c, next) => c.setRequestHeader('x-user', 'a\r\nx-admin: yes') && next(),
    'TURNOUT_REQUEST_UNSENDABLE',
  ],
  [
    'sets a name with a space',
    (c, next) => c.setRequestHeader('x user', 'a') && next(),
    'TURNOUT_REQUEST_UNSENDABLE',
  ],
]
for (const [what, filter, code] of wrong) {
  test(`one that ${what} fails with ${code}, as the module's own`, async () => {
    const { exchange, reply } = run(filter)
    await assert.rejects(async () => reply, hasCode(code))
    assert.deepEqual(exchange.thrower, { module: 'own', module_version: '1.2.3', filter: 'one' })
  })
}

test('what the target threw is not blamed on the filter, and what the filter caught on nobody', async () => {
  const error = new Error('of the target')
  const target: Handler = () => Promise.reject(error)
  const passing = run((_, next) => next(), target)
  await assert.rejects(async () => passing.reply, error)
  assert.equal(passing.exchange.thrower, null)
  const other = new Error('of the filter')
  const translating = run(async (_, next) => {
    await next().catch(() => undefined)
    throw other
  }, target)
  await assert.rejects(async () => translating.reply, other)
  assert.equal(translating.exchange.thrower?.filter, 'one')

  const own = versionOf({
    inner: () => {
      throw error
    },
    outer: async (c, next) => next().catch(() => c.text('caught', 502)),
  })
  const { exchange } = openExchange({ own })
  const reply = await around([named('outer'), named('inner')])(exchange)
  assert.deepEqual([reply.status, exchange.thrower], [502, null])
})

test('an answer that is not sent gives its body back', async () => {
  const cases: readonly Filter[] = [
    async (c, next) => {
      await next()
      return c.text('instead')
    },
    (c, next) => {
      void next()
      return c.text('sooner')
    },
    async (_, next) => {
      await next()
      throw new Error('after all')
    },
  ]
  for (const filter of cases) {
    const body = bodySource()
    const target: Handler = () => Promise.resolve(new Reply(200, [], body))
    await Promise.resolve(run(filter, target).reply).catch(() => undefined)
    // What was not waited for comes later.
    await new Promise(setImmediate)
    assert.equal(body.isCancelled, true, filter.toString())
  }
  const kept = bodySource()
  const keeping: Filter = async (_, next) => {
    const { status, headers, body } = await next()
    return new Reply(status, [...headers, 'x-more', 'yes'], body)
  }
  const reply = await run(keeping, () => new Reply(200, [], kept)).reply
  assert.deepEqual([reply.body, kept.isCancelled], [kept, false])
})

test('a filter that answers before what it asked for ends that', async () => {
  const ended: string[] = []
  const { exchange } = openExchange({
    own: versionOf({
      one: (c, next) => {
        void next()
        return c.text('enough', 504)
      },
    }),
  })
  const target: Handler = (one) => {
    one.worker = { abort: (reason) => void ended.push(reason) }
    return new Promise(() => undefined)
  }
  const { status } = await around(named('one'), target)(exchange)
  assert.deepEqual([status, ended], [504, ['a filter answered instead']])
})

test('filters further out mend what the target did not answer, and nothing that a module answered', async () => {
  const failing: Handler = (exchange) => {
    exchange.failure = 'TURNOUT_UPSTREAM_UNREACHABLE'
    return new Reply(502, [], 'failed')
  }
  const passing = run((_, next) => next(), failing)
  await passing.reply
  assert.equal(passing.exchange.failure, 'TURNOUT_UPSTREAM_UNREACHABLE')
  const answering = run(async (c, next) => {
    await next()
    return c.text('from the cache')
  }, failing)
  await answering.reply
  assert.equal(answering.exchange.failure, null)
})

test('where the module is not live nothing of the chain runs', async () => {
  const target = answers(200)
  const { exchange } = openExchange({ own: null })
  const reply = await around([named('one')], target)(exchange)
  assert.equal(reply.status, 503)
  assert.match(reply.body as string, /TURNOUT_MODULE_NOT_LIVE/)
  assert.equal(target.count, 0)
})

test('one exchange holds each module once, and lets it go when it ends', async () => {
  const own = versionOf({ one: (_, next) => next(), two: (_, next) => next() })
  const inside: number[] = []
  const { exchange } = openExchange({ own })
  const target: Handler = () => {
    inside.push(own.holding.exchanges)
    return new Reply(200, [], '')
  }
  await around([named('one'), named('two'), named('one')], target)(exchange)
  assert.deepEqual(inside, [1])
  const { exchanges, routes } = own.holding
  assert.deepEqual([exchanges, routes], [1, ['GET /']])
  exchange.release()
  exchange.release()
  assert.equal(own.holding.exchanges, 0)
})
