import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Filter } from '../../../src/core/route/filter.ts'
import { emptyTable } from '../../../src/core/route/table.ts'
import type { Exchange } from '../../../src/gateway/exchange.ts'
import { withFilters } from '../../../src/gateway/filters/compile.ts'
import { Reply } from '../../../src/gateway/reply.ts'
import type { Handler } from '../../../src/gateway/snapshot.ts'
import type { Upstreams } from '../../../src/gateway/upstream/upstreams.ts'
import { codeOf, openExchange, openUpstreams, routeWith, type Said } from './support.ts'

const bulkhead = (
  maxConcurrentCalls: number,
  maxWaitDuration = 0,
  maxWaitingCalls = 256,
): Filter => ({ kind: 'bulkhead', maxConcurrentCalls, maxWaitDuration, maxWaitingCalls })

/** A target that answers when it is told to. */
function held(): { target: Handler; answers: ((reply: Reply) => void)[]; fail: (() => void)[] } {
  const answers: ((reply: Reply) => void)[] = []
  const fail: (() => void)[] = []
  const target: Handler = () =>
    new Promise((resolve, reject) => {
      answers.push(resolve)
      fail.push(() => reject(new Error('no')))
    })
  return { target, answers, fail }
}

const done = (): Reply => new Reply(200, [], 'done')

interface Asked {
  readonly exchange: Exchange
  readonly reply: Promise<Reply>
  leave(): void
}

const asking =
  (filter: Filter, target: Handler, upstreams: Upstreams = openUpstreams()) =>
  (said: Said = {}): Asked => {
    const opened = openExchange(said)
    const { exchange } = opened
    const reply = Promise.resolve(withFilters(routeWith([filter]), target, upstreams)(exchange))
    return { exchange, reply, leave: () => opened.leave() }
  }

test('one more than so many is told when to come again, and a place that is left is free', async () => {
  const { target, answers } = held()
  const ask = asking(bulkhead(2), target)
  const [one, two] = [ask(), ask()]
  const { exchange, reply } = ask()
  const refused = await reply
  assert.deepEqual([refused.status, codeOf(refused)], [503, 'TURNOUT_ROUTE_FULL'])
  assert.match(refused.header('retry-after') ?? '', /^[123]$/)
  assert.equal(refused.header('connection'), undefined)
  assert.equal(exchange.failure, 'TURNOUT_ROUTE_FULL')
  answers.shift()!(done())
  assert.equal((await one.reply).status, 200)
  const next = ask()
  answers.splice(0).forEach((answer) => answer(done()))
  assert.deepEqual([(await two.reply).status, (await next.reply).status], [200, 200])
})

test('whose body was not read loses its connection', async () => {
  const { target } = held()
  const ask = asking(bulkhead(1), target)
  void ask()
  for (const bodyLength of [null, 10])
    assert.equal((await ask({ bodyLength }).reply).header('connection'), 'close')
})

test('who waits is served in turn, and told after the longest wait', async () => {
  const { target, answers } = held()
  const ask = asking(bulkhead(1, 20_000, 2), target)
  const [one, two, three] = [ask(), ask(), ask()]
  assert.equal(answers.length, 1)
  answers[0]!(done())
  assert.equal((await one.reply).status, 200)
  await turn()
  assert.equal(answers.length, 2)
  answers[1]!(done())
  assert.equal((await two.reply).status, 200)
  await turn()
  answers[2]!(done())
  assert.equal((await three.reply).status, 200)

  const short = asking(bulkhead(1, 10), target)
  void short()
  assert.equal((await short().reply).status, 503)
})

test('who leaves or is cut while it waits takes no place', async () => {
  const { target, answers } = held()
  const ask = asking(bulkhead(1, 20_000), target)
  const first = ask()
  const [left, cut, last] = [ask(), ask(), ask()]
  left.leave()
  cut.exchange.abort('replaced')
  assert.equal(codeOf(await left.reply), 'TURNOUT_CLIENT_LEFT')
  await cut.reply
  answers[0]!(done())
  await first.reply
  await turn()
  assert.equal(answers.length, 2)
  answers[1]!(done())
  assert.equal((await last.reply).status, 200)
})

test('a target that fails gives its place back', async () => {
  const { target, fail } = held()
  const ask = asking(bulkhead(1), target)
  const rejected = ask()
  fail[0]!()
  await assert.rejects(rejected.reply, /no/)
  let thrown = 0
  const throwing = asking(bulkhead(1), () => {
    thrown += 1
    throw new Error('at once')
  })
  for (let at = 0; at < 3; at += 1) assert.throws(() => throwing(), /at once/)
  assert.equal(thrown, 3)
  const next = ask()
  fail[1]!()
  await assert.rejects(next.reply, /no/)
})

test('a body that is sent for long keeps nobody out, and a copy takes no place', async () => {
  const streaming = asking(bulkhead(1), async () => {
    await turn()
    return new Reply(200, [], (async function* () {})())
  })
  for (let at = 0; at < 3; at += 1) assert.equal((await streaming().reply).status, 200)
  const { target, answers } = held()
  const upstreams = openUpstreams()
  const ask = asking(bulkhead(1), target, upstreams)
  void ask()
  const { exchange } = openExchange()
  exchange.mirrored = true
  void withFilters(routeWith([bulkhead(1)]), target, upstreams)(exchange)
  assert.equal(answers.length, 2)
})

test('a change of its numbers finds who is in, and forgets nobody', async () => {
  const { target, answers } = held()
  const upstreams = openUpstreams()
  const ask = (most: number): Asked => asking(bulkhead(most), target, upstreams)()
  const two = [ask(2), ask(2)]
  assert.equal((await ask(2).reply).status, 503)
  // Three are let in now, not three more.
  const three = ask(3)
  assert.equal((await ask(3).reply).status, 503)
  upstreams.apply(emptyTable, emptyTable)
  assert.equal((await ask(1).reply).status, 503)
  answers.splice(0).forEach((answer) => answer(done()))
  await Promise.all([...two, three].map(({ reply }) => reply))
  const one = ask(1)
  assert.equal((await ask(1).reply).status, 503)
  answers[0]!(done())
  assert.equal((await one.reply).status, 200)
})
