import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { metrics, parseCondition, renderCondition } from '../../../src/core/rollout/condition.ts'

const read: readonly (readonly [string, string, boolean, number, number])[] = [
  ['p95 <= stable * 1.15', 'p95 <= stable * 1.15', true, 1.15, 0],
  ['errorRate <= stable + 0.5%', 'errorRate <= stable + 0.5%', true, 1, 0.005],
  ['  p99<=800ms ', 'p99 <= 800ms', false, 0, 800],
  ['p50 < 1.5 s', 'p50 < 1500ms', false, 0, 1500],
  ['errorRate < 1%', 'errorRate < 1%', false, 0, 0.01],
  ['clientErrorRate <= stable*2+3%', 'clientErrorRate <= stable * 2 + 3%', true, 2, 0.03],
  ['p95 <= stable * 1.10 + 1ms', 'p95 <= stable * 1.1 + 1ms', true, 1.1, 1],
  ['p95 > stable - 2ms', 'p95 > stable - 2ms', true, 1, -2],
  ['requests >= 100', 'requests >= 100', false, 0, 100],
]

for (const [text, rendered, isRelative, times, plus] of read) {
  test(`reads ${text}`, () => {
    const { condition, problems } = parseCondition(text)
    assert.deepEqual(problems, [])
    assert.equal(condition!.text, text.trim())
    assert.deepEqual(
      [condition!.isRelative, condition!.times, condition!.plus],
      [isRelative, times, plus],
    )
    assert.equal(renderCondition(condition!), rendered)
  })
}

const refused: readonly (readonly [string, readonly string[]])[] = [
  [
    '',
    [
      '1: there is no metric nothing; known: errorRate, clientErrorRate, p50, p95, p99, requests',
      '1: a metric is compared by <= < >= >, not nothing',
      '1: the limit is missing',
    ],
  ],
  ['errorrate <= 1%', ['1: there is no metric "errorrate"; did you mean errorRate?']],
  ['p95 = 800ms', ['5: a metric is compared by <= < >= >, not "="']],
  ['p95 <= 800', ['8: p95 is compared with a time like 800ms or 1.5s, not "800"']],
  ['p95 <= 5%', ['8: p95 is compared with a time like 800ms or 1.5s, not "5%"']],
  ['errorRate <= 0.01', ['14: errorRate is compared with 0% to 100%, not "0.01"']],
  ['errorRate <= 101%', ['14: errorRate is compared with 0% to 100%, not "101%"']],
  ['requests >= 1.5', ['13: requests is compared with an integer, not "1.5"']],
  [
    'requests >= stable',
    ['13: requests is compared with a number, for the versions have other shares'],
  ],
  ['p95 <= stable *', ['16: stable is multiplied by a number up to 100, not nothing']],
  ['p95 <= stable * 0', ['17: stable is multiplied by a number up to 100, not "0"']],
  ['p95 <= stable * 1.1 +', ['22: the limit is missing']],
  ['p95 <= stable 1.1', ['15: after stable come * and a number, + or - and an amount, not "1.1"']],
  ['p95 <= 8ms 9ms', ['12: "9ms" is one too many']],
  ['p95 <= soon', ['8: "soon" is no amount']],
  [
    'p59 => stable * x + 1%',
    [
      '1: there is no metric "p59"; did you mean p50?',
      '5: a metric is compared by <= < >= >, not "=>"',
      '17: stable is multiplied by a number up to 100, not "x"',
    ],
  ],
]

for (const [text, reasons] of refused) {
  test(`refuses ${JSON.stringify(text)}, and says where`, () => {
    const { condition, problems } = parseCondition(text)
    assert.equal(condition, null)
    for (const reason of reasons)
      assert.ok(
        problems.some(({ at, reason: said }) => `${at}: ${said}` === reason),
        `${reason}\nin\n${problems.map(({ at, reason }) => `${at}: ${reason}`).join('\n')}`,
      )
  })
}

test('what is rendered is read as the same, and any text is read or refused', () => {
  const conditions = fc.record({
    metric: fc.constantFrom(...metrics.filter((metric) => metric !== 'requests')),
    compare: fc.constantFrom('<=', '<', '>=', '>' as const),
    isRelative: fc.boolean(),
    times: fc.integer({ min: 1, max: 100_000 }).map((times) => times / 1000),
    plus: fc.integer({ min: -10_000, max: 10_000 }).map((plus) => plus / 10_000),
  })
  fc.assert(
    fc.property(conditions, (given) => {
      const { times, plus, ...rest } = given
      const condition = {
        ...rest,
        times: rest.isRelative ? times : 0,
        plus: rest.isRelative ? plus : Math.abs(plus),
      } as never
      const text = renderCondition(condition)
      const parsed = parseCondition(text).condition!
      assert.equal(renderCondition(parsed), text)
      assert.ok(Math.abs(parsed.plus - (condition as { plus: number }).plus) < 1e-12)
      assert.equal(parsed.times, (condition as { times: number }).times)
    }),
  )
  const words = fc.constantFrom('p95', '<=', '>', 'stable', '*', '+', '-', '1.1', '5ms', '1%', '?')
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(words).map((all) => all.join(' ')),
      ),
      (text) => {
        const { condition, problems } = parseCondition(text)
        assert.equal(condition === null, problems.length > 0)
        for (const { at } of problems) assert.ok(at >= 1 && at <= text.length + 1)
      },
    ),
  )
})
