import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseDrill } from '../../src/cli/drill/parse-drill.ts'
import { createTally, isSpent } from '../../src/cli/drill/tally.ts'

const now = Date.parse('2026-05-01T12:00:00Z')
const step = { name: 'slow', routes: ['a'], fault: { delayMs: 100 }, for: '30s' }
const probe = { url: '/a', perSecond: 20 }
const whole = { budget: { errorPercent: 5 }, probe: [probe], steps: [step] }
const withStep = (part: object): object => ({ ...whole, steps: [{ ...step, ...part }] })
const withProbe = (part: object): object => ({ ...whole, probe: [{ ...probe, ...part }] })

test('what a drill leaves out is filled in', () => {
  const { drill } = parseDrill(whole, now)
  assert.deepEqual(drill, {
    budget: { errorPercent: 5, minRequests: 20 },
    probe: [
      { method: 'GET', url: '/a', headers: {}, perSecond: 20, expect: null, timeoutMs: 10_000 },
    ],
    steps: [
      {
        name: 'slow',
        routes: ['a'],
        fault: {
          kind: 'fault',
          delayMs: 100,
          delayPercent: 100,
          abortStatus: 0,
          abortPercent: 100,
        },
        forMs: 30_000,
        start: { afterMs: 0 },
      },
    ],
  })
})

const starts: readonly (readonly [string, object])[] = [
  ['+500ms', { afterMs: 500 }],
  ['+10s', { afterMs: 10_000 }],
  ['2026-05-01T12:00:00Z', { at: now }],
  ['2026-05-01T15:00:00+02:00', { at: now + 3_600_000 }],
]
for (const [at, start] of starts)
  test(`a step begins at ${at}`, () => {
    assert.deepEqual(parseDrill(withStep({ at }), now).drill?.steps[0]?.start, start)
  })

const refused: readonly (readonly [string, unknown, string, RegExp])[] = [
  ['a list', [], '', /a drill is an object, not a list/],
  ['nothing', {}, '/budget', /budget is an object|budget is missing/],
  ['a mistyped key', { ...whole, budgt: {} }, '/budgt', /did you mean budget/],
  ['no probe', { ...whole, probe: [] }, '/probe', /at least 1/],
  ['no step', { ...whole, steps: [] }, '/steps', /at least 1/],
  ['no share', { ...whole, budget: {} }, '/budget/errorPercent', /missing/],
  [
    'a share above all',
    { ...whole, budget: { errorPercent: 101 } },
    '/budget/errorPercent',
    /0 to/,
  ],
  ['a probe of nothing', withProbe({ url: 'shop' }), '/probe/0/url', /begins with \//],
  ['a probe of elsewhere', withProbe({ url: 'http://a/' }), '/probe/0/url', /for a host/],
  ['a path that cannot be sent', withProbe({ url: '/a b' }), '/probe/0/url', /percent-encoded/],
  ['a method that is none', withProbe({ method: 'a b' }), '/probe/0/method', /cannot be sent/],
  ['CONNECT', withProbe({ method: 'connect' }), '/probe/0/method', /cannot be sent/],
  [
    'a header that is none',
    withProbe({ headers: { 'a b': '1' } }),
    '/probe/0/headers/a b',
    /no header/,
  ],
  [
    'a header that splits',
    withProbe({ headers: { a: '1\r\nb: 2' } }),
    '/probe/0/headers/a',
    /no header/,
  ],
  ['a rate of nothing', withProbe({ perSecond: 0 }), '/probe/0/perSecond', /0\.01 to 1000/],
  ['a status that is none', withProbe({ expect: [99] }), '/probe/0/expect/0', /200 to 599/],
  ['a wait that is none', withProbe({ timeoutMs: 0 }), '/probe/0/timeoutMs', /1 to 60000/],
  ['a step without a name', withStep({ name: '' }), '/steps/0/name', /empty/],
  ['a step without routes', withStep({ routes: [] }), '/steps/0/routes', /at least 1/],
  ['a route twice', withStep({ routes: ['a', 'a'] }), '/steps/0/routes', /twice/],
  ['a fault of nothing', withStep({ fault: {} }), '/steps/0/fault', /delayMs or abortStatus/],
  [
    'a fault of no kind',
    withStep({ fault: { delay: 3 } }),
    '/steps/0/fault/delay',
    /known: delayMs/,
  ],
  [
    'a status that ends nothing',
    withStep({ fault: { abortStatus: 100 } }),
    '/steps/0/fault/abortStatus',
    /200 to 599/,
  ],
  [
    'a part above all',
    withStep({ fault: { delayMs: 1, delayPercent: 101 } }),
    '/steps/0/fault/delayPercent',
    /0 to 100/,
  ],
  ['two durations', withStep({ forMs: 1_000 }), '/steps/0', /either forMs or for/],
  ['no duration', withStep({ for: undefined }), '/steps/0', /either forMs or for/],
  ['a duration that is none', withStep({ for: '30 s' }), '/steps/0/for', /100ms to 23h/],
  ['a duration longer than a day', withStep({ for: '24h' }), '/steps/0/for', /100ms to 23h/],
  ['a start that is none', withStep({ at: 'noon' }), '/steps/0/at', /an instant such as/],
  [
    'a start that has passed',
    withStep({ at: '2026-05-01T11:59:59Z' }),
    '/steps/0/at',
    /has passed/,
  ],
  [
    'a start in the step before',
    { ...whole, steps: [step, { ...step, at: '2026-05-01T12:00:29Z' }] },
    '/steps/1/at',
    /has not ended/,
  ],
  [
    'a budget that is never judged',
    withStep({ for: '500ms' }),
    '/steps/0',
    /sends 10 probes, fewer/,
  ],
]
for (const [name, value, pointer, message] of refused)
  test(`refused, with its pointer: ${name}`, () => {
    const { problems } = parseDrill(value, now)
    const found = problems?.find((one) => one.pointer === pointer)
    assert.match(found?.message ?? JSON.stringify(problems), message)
  })

test('every problem is told at once', () => {
  const value = { budget: {}, probe: [{ url: 'x' }], steps: [{ name: 'a', routes: 3 }] }
  const pointers = parseDrill(value, now).problems?.map(({ pointer }) => pointer)
  assert.deepEqual(pointers, [
    '/budget/errorPercent',
    '/probe/0/url',
    '/probe/0/perSecond',
    '/steps/0/routes',
    '/steps/0/fault',
    '/steps/0',
  ])
})

test('no value makes the parser throw', () => {
  fc.assert(
    fc.property(fc.anything(), fc.constantFrom('budget', 'probe', 'steps'), (value, key) => {
      const { drill, problems } = parseDrill({ ...whole, [key]: value }, now)
      assert.ok(drill !== null || problems.length > 0)
    }),
  )
})

test('counts and latencies are those of a list that is sorted', () => {
  const outcome = fc.record({
    status: fc.option(fc.constantFrom(200, 404, 503)),
    ms: fc.nat(300),
    isFailed: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(outcome), (outcomes) => {
      const tally = createTally()
      for (const one of outcomes) tally.add(one)
      const answered = outcomes.filter(({ status }) => status !== null)
      const sorted = answered.map(({ ms }) => ms).toSorted((a, b) => a - b)
      const at = (percent: number) => sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? null
      const counts = tally.counts()
      assert.deepEqual(
        [counts.sent, counts.failed, counts.unanswered, counts.p50Ms, counts.p99Ms],
        [
          outcomes.length,
          outcomes.filter(({ isFailed }) => isFailed).length,
          outcomes.length - answered.length,
          at(50),
          at(99),
        ],
      )
    }),
  )
})

const budgets: readonly (readonly [number, number, boolean])[] = [
  [19, 19, false],
  [20, 1, false],
  [20, 2, true],
  [40, 2, false],
  [40, 3, true],
]
for (const [sent, failed, expected] of budgets)
  test(`${failed} of ${sent}: a budget of 5 % of at least 20 is ${expected ? '' : 'not '}spent`, () =>
    assert.equal(isSpent({ sent, failed }, { errorPercent: 5, minRequests: 20 }), expected))
