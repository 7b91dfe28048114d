import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TurnoutError } from '../../src/core/errors.ts'
import type { Exchange } from '../../src/gateway/exchange.ts'
import { Reply } from '../../src/gateway/reply.ts'
import { chain, replyOf } from '../../src/modules/chain.ts'
import { Context } from '../../src/modules/context.ts'
import type { Answer, Middleware, RouteHandler } from '../../src/modules/define.ts'

/** What was called, in order. */
let calls: string[] = []

const reply = (text: string): Reply => new Reply(200, [], text)

/** A promise of an author's own kind: no more than `then`. */
const thenable = <Value>(value: Value | Promise<Value>): Promise<Value> =>
  ({
    // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
    then: (...told: Parameters<Promise<Value>['then']>) => Promise.resolve(value).then(...told),
  }) as Promise<Value>

const middleware: Readonly<Record<string, Middleware>> = {
  'hands on': (_, next) => next(),
  'hands on, async': async (_, next) => next(),
  'hands on as a thenable': (_, next) => thenable(next()),
  'waits, then hands on': async (_, next) => {
    await Promise.resolve()
    return next()
  },
  'changes what comes back': async (_, next) => (await next()).setHeader('x-seen', 'yes'),
  'sets a field of whatever answer': (c, next) => {
    c.setHeader('x-set', 'yes')
    return next()
  },
  'answers by itself': () => reply('own'),
  'answers by itself, late': async () => {
    await Promise.resolve()
    return reply('own, late')
  },
  'answers by itself in spite of what follows': (_, next) => {
    void next()
    return reply('in spite')
  },
  'answers late in spite of what follows': async (_, next) => {
    void next()
    await Promise.resolve()
    return reply('late, in spite')
  },
  'lets the answer stand': async (_, next) => {
    await next()
  },
  'lets the answer stand and does not wait': (_, next) => {
    void next()
  },
  'does nothing': () => undefined,
  'does nothing, late': async () => undefined,
  throws: () => {
    throw new Error('it throws')
  },
  rejects: async () => {
    await Promise.resolve()
    throw new Error('it rejects')
  },
  'takes an error for an answer': async (_, next) => {
    try {
      return await next()
    } catch (error) {
      return reply(`saved: ${(error as Error).message}`)
    }
  },
  'calls next twice': async (_, next) => {
    await next()
    return next()
  },
  'calls next twice at once': (_, next) => {
    void next()
    return next()
  },
}

const handlers: Readonly<Record<string, RouteHandler>> = {
  answers: () => reply('hello'),
  'answers late': async () => {
    await Promise.resolve()
    return reply('hello, late')
  },
  'answers as a thenable': () => thenable(reply('hello, by and by')),
  'answers nothing': () => undefined as never,
  'answers nothing, late': async () => undefined as never,
  throws: () => {
    throw new Error('the handler throws')
  },
  rejects: async () => {
    throw new Error('the handler rejects')
  },
}

/** The rules as they are told, with a promise for each step. */
const naive = async (
  c: Context,
  all: readonly Middleware[],
  at: number,
  handler: RouteHandler,
): Promise<Reply> => {
  const current = all[at]
  if (current === undefined) return replyOf(await handler(c))
  let following: Promise<Reply> | null = null
  const next = (): Promise<Reply> => {
    if (following !== null) throw new TurnoutError('TURNOUT_NEXT_TWICE')
    following = naive(c, all, at + 1, handler)
    following.catch(() => undefined)
    return following
  }
  const answer: Answer | void = await current(c, next)
  if (answer !== undefined) return replyOf(answer)
  return following ?? replyOf(undefined)
}

const twin = async (all: readonly Middleware[], handler: RouteHandler): Promise<Reply> => {
  const c = new Context({} as Exchange)
  return c.finish(await naive(c, all, 0, handler))
}

const outcome = async (run: () => Reply | Promise<Reply>): Promise<unknown> => {
  calls = []
  try {
    const { status, headers, body } = await run()
    return { status, headers, body, calls }
  } catch (error) {
    return { error: (error as Error).message, calls }
  }
}

const noted =
  <All extends readonly unknown[], Given>(name: string, run: (...all: All) => Given) =>
  (...all: All): Given => {
    calls.push(name)
    return run(...all)
  }

const lists: readonly (readonly string[])[] = [
  [],
  ...Object.keys(middleware).map((one) => [one]),
  ...Object.keys(middleware).flatMap((one) => Object.keys(middleware).map((two) => [one, two])),
]

for (const [last, handler] of Object.entries(handlers))
  test(`middleware does as it is told, before a handler that ${last}`, async () => {
    for (const names of lists) {
      const all = names.map((name) => noted(name, middleware[name]!))
      const run = noted(last, handler)
      const seen = await outcome(() => chain(all, run)({} as Exchange))
      assert.deepEqual(seen, await outcome(() => twin(all, run)), names.join(', then '))
    }
  })
