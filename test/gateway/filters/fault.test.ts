import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Filter } from '../../../src/core/route/filter.ts'
import type { Reply } from '../../../src/gateway/reply.ts'
import { answers, around, codeOf, openExchange, openUpstreams } from './support.ts'

type Fault = Extract<Filter, { readonly kind: 'fault' }>

const fault = (settings: Partial<Fault>): Fault => ({
  kind: 'fault',
  delayMs: 0,
  delayPercent: 100,
  abortStatus: 0,
  abortPercent: 100,
  ...settings,
})

const draws: readonly (readonly [number, number, boolean])[] = [
  [0, 0, false],
  [1, 0.009, true],
  [1, 0.01, false],
  [50, 0.499, true],
  [50, 0.5, false],
  [100, 0.999_999, true],
]

for (const [percent, drawn, isHit] of draws) {
  test(`fault: of ${percent} %, ${drawn} is ${isHit ? '' : 'not '}hit`, async () => {
    const ended = answers(200)
    const settings = fault({ abortStatus: 418, abortPercent: percent })
    const reply = around(settings, ended, openUpstreams([drawn]))(openExchange().exchange) as Reply
    assert.equal(reply.status, isHit ? 418 : 200)
    assert.equal(ended.count, isHit ? 0 : 1)
    if (isHit) assert.equal(codeOf(reply), 'TURNOUT_FAULT_INJECTED')
    const late = around(
      fault({ delayMs: 1, delayPercent: percent }),
      answers(200),
      openUpstreams([drawn]),
    )
    const answer = late(openExchange().exchange)
    assert.equal(answer instanceof Promise, isHit)
    assert.equal((await answer).status, 200)
  })
}

test('fault: both, one by one drawn', async () => {
  const settings = fault({ delayMs: 1, delayPercent: 50, abortStatus: 503, abortPercent: 50 })
  const ask = (...drawn: readonly number[]): ReturnType<ReturnType<typeof around>> =>
    around(settings, answers(200), openUpstreams(drawn))(openExchange().exchange)
  assert.equal((await ask(0.1, 0.1)).status, 503)
  assert.equal((await ask(0.9, 0.1)).status, 200)
  assert.equal((ask(0.1, 0.9) as Reply).status, 503)
  assert.equal((ask(0.9, 0.9) as Reply).status, 200)
})

test('fault: a client that leaves is not waited for, and its request goes nowhere', async () => {
  const target = answers(200)
  const opened = openExchange()
  const answer = around(fault({ delayMs: 300_000 }), target)(opened.exchange)
  opened.leave()
  await answer
  assert.equal(target.count, 0)
})
