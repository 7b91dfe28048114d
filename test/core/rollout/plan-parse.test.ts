import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Problem } from '../../../src/core/errors.ts'
import { defaultAnalysis, defaultPlan } from '../../../src/core/rollout/default-plan.ts'
import { readPlan, renderPlan } from '../../../src/core/rollout/plan-parse.ts'
import type { Plan, Step } from '../../../src/core/rollout/plan.ts'

const read = (
  value: unknown,
): { readonly plan: Plan | undefined; readonly problems: Problem[] } => {
  const problems: Problem[] = []
  return { plan: readPlan({ value, pointer: '', problems }), problems }
}
const steps = (...steps: readonly unknown[]): Record<string, unknown> => ({ steps })

const analysis = defaultAnalysis()
const predicates = [{ kind: 'header', name: 'x-tier', equals: 'high', matches: null }]
const table: readonly (readonly [string, unknown, readonly Step[]])[] = [
  ['a weight', steps({ weight: 5 }), [{ kind: 'weight', weight: 5 }]],
  ['a weight in short', steps('weight 5'), [{ kind: 'weight', weight: 5 }]],
  [
    'a pause',
    steps({ pause: '5m' }, 'pause 90s', { pause: 2000 }),
    [
      { kind: 'pause', ms: 300_000 },
      { kind: 'pause', ms: 90_000 },
      { kind: 'pause', ms: 2000 },
    ],
  ],
  [
    'a pause until somebody resumes it',
    steps({ pause: null }, { pause: {} }, 'pause'),
    [
      { kind: 'pause', ms: null },
      { kind: 'pause', ms: null },
      { kind: 'pause', ms: null },
    ],
  ],
  [
    'a cohort',
    steps({
      cohort: { predicates: [{ kind: 'header', name: 'X-Tier', equals: 'high' }], weight: 5 },
    }),
    [{ kind: 'cohort', predicates: predicates as never, weight: 5 }],
  ],
  [
    'an analysis',
    steps('weight 1', { analysis: { count: 7, window: '90s' } }, { analysis: 2 }, 'analysis'),
    [
      { kind: 'weight', weight: 1 },
      { kind: 'analysis', count: 7, ...analysis, windowMs: 90_000 },
      { kind: 'analysis', count: 2, ...analysis },
      { kind: 'analysis', count: 3, ...analysis },
    ],
  ],
  [
    'a watch',
    steps('weight 1', { watch: '10m' }),
    [
      { kind: 'weight', weight: 1 },
      { kind: 'watch', ms: 600_000 },
    ],
  ],
  [
    'a verify step',
    steps({
      verify: {
        percent: 2.5,
        samples: 9,
        maxDifferentPercent: 0,
        allMethods: true,
        headers: ['ETag'],
        ignore: ['/a/*/b'],
        timeout: '1h',
        onTimeout: 'continue',
      },
    }),
    [
      {
        kind: 'verify',
        percent: 2.5,
        samples: 9,
        maxDifferentPercent: 0,
        allMethods: true,
        headers: ['etag'],
        ignore: ['/a/*/b'],
        timeoutMs: 3_600_000,
        onTimeout: 'continue',
      },
    ],
  ],
  [
    'weights that stay',
    steps('weight 5', 'weight 5'),
    [
      { kind: 'weight', weight: 5 },
      { kind: 'weight', weight: 5 },
    ],
  ],
]

for (const [name, input, expected] of table) {
  test(`reads ${name}`, () => {
    const { plan, problems } = read(input)
    assert.deepEqual(problems, [])
    assert.deepEqual(plan!.steps, expected)
  })
}

test('a plan that says nothing is the default plan', () => {
  assert.deepEqual(read({}).plan, defaultPlan())
  assert.deepEqual(read({ analysis: {} }).plan, defaultPlan())
  assert.deepEqual(
    defaultPlan().analysis.conditions.map(({ text }) => text),
    ['errorRate <= stable + 1%', 'p95 <= stable * 1.10 + 1ms'],
  )
})

test('steps that say nothing of it take over the analysis of the plan', () => {
  const { plan } = read({ analysis: { minimumSamples: 7, conditions: ['p99 <= 800ms'] } })
  const [own] = plan!.steps.filter((step) => step.kind === 'analysis')
  assert.deepEqual([own!.minimumSamples, own!.conditions[0]!.text], [7, 'p99 <= 800ms'])
})

test('what is rendered is read as the same', () => {
  for (const [, input] of table) {
    const { plan } = read(input)
    const { plan: again, problems } = read(JSON.parse(JSON.stringify(renderPlan(plan!))))
    assert.deepEqual(problems, [])
    assert.deepEqual(again, plan)
  }
  assert.deepEqual(read(renderPlan(defaultPlan())).plan, defaultPlan())
})

const cohort = (name: string, weight: number): unknown => ({
  cohort: { predicates: [{ kind: 'header', name, equals: '1' }], weight },
})
const refused: readonly (readonly [string, unknown, readonly string[]])[] = [
  ['no object', [], [' a plan is an object, not a list']],
  ['other keys', { step: [] }, ['/step a plan has no "step"; did you mean steps?']],
  ['no steps', steps(), ['/steps steps of a plan has at least 1 of them']],
  [
    'too many steps',
    steps(...Array.from({ length: 65 }, () => 'weight 5')),
    ['/steps steps of a plan has at most 64 of them'],
  ],
  [
    'another step',
    steps({ wait: 5 }),
    [
      '/steps/0 a step has no "wait"',
      '/steps/0 a step has one key of verify, weight, cohort, pause, analysis, watch',
    ],
  ],
  ['two in one', steps({ weight: 5, pause: null }), ['/steps/0 a step has one key of']],
  ['another word', steps('halt'), ['/steps/0 "halt" is no step']],
  ['a word too few', steps('weight'), ['/steps/0 weight says no more']],
  ['a word too many', steps('verify 5'), ['/steps/0 verify is written as an object']],
  [
    'a weight of all and more',
    steps({ weight: 101 }),
    ['/steps/0/weight the weight of a step is 1 to 100'],
  ],
  [
    'part of a weight',
    steps({ weight: 1.5 }),
    ['/steps/0/weight the weight of a step is an integer'],
  ],
  ['a falling weight', steps('weight 5', 'weight 1'), ['/steps/1 the weight falls from 5 to 1']],
  [
    'a cohort below all',
    steps('weight 5', cohort('a', 1)),
    ["/steps/1 the cohort's weight is below that of all clients, 5"],
  ],
  [
    'another cohort',
    steps(cohort('a', 5), cohort('b', 5)),
    ['/steps/1 clients of the cohort before it, with weight 5, would be taken back'],
  ],
  [
    'a cohort that shrinks',
    steps(cohort('a', 5), cohort('a', 4)),
    ['/steps/1 clients of the cohort before it'],
  ],
  [
    'a watch before the end',
    steps('weight 5', 'watch 1m', 'weight 6'),
    ['/steps/1 a watch is the last step'],
  ],
  [
    'an analysis of nobody',
    steps('analysis'),
    ['/steps/0 an analysis needs a weight or a cohort before it'],
  ],
  [
    'a cohort of all',
    steps({ cohort: { predicates: [], weight: 5 } }),
    ['/steps/0/cohort/predicates predicates of a cohort has at least 1 of them'],
  ],
  [
    'a bad predicate',
    steps({ cohort: { predicates: [{ kind: 'moon' }], weight: 5 } }),
    ['/steps/0/cohort/predicates/0/kind a predicate is of the kind'],
  ],
  ['a bad pause', steps({ pause: 'long' }), ['/steps/0/pause a pause is ms, or a text']],
  [
    'a bad pointer',
    steps({ verify: { ignore: ['a'] } }),
    ['/steps/0/verify/ignore/0 "a" is no JSON pointer'],
  ],
  ['no share', steps({ verify: { percent: 0 } }), ['/steps/0/verify/percent percent is above 0']],
  [
    'bad conditions',
    { analysis: { conditions: ['p95 <= 5', 'requests >= 1', 'x < 1'] } },
    [
      '/analysis/conditions/0 character 8: p95 is compared with a time',
      '/analysis/conditions/2 character 1: there is no metric "x"',
    ],
  ],
  [
    'a window that is longer than what is kept',
    { analysis: { window: '2h' } },
    ['/analysis/window the window of an analysis is 1000 to 3600000 ms'],
  ],
  [
    'all at once',
    { steps: ['weight 0', { pause: true }], analysis: { minimumSamples: 0, interval: 1 } },
    [
      '/steps/0 the weight of a step is 1 to 100',
      '/steps/1/pause a pause is ms',
      '/analysis/minimumSamples',
      '/analysis/interval',
    ],
  ],
]

for (const [name, input, expected] of refused) {
  test(`refuses ${name}`, () => {
    const { plan, problems } = read(input)
    assert.equal(plan, undefined)
    const said = problems.map(({ pointer, message }) => `${pointer} ${message}`)
    for (const one of expected) {
      const [, pointer = '', text = ''] = /^(\S*) (.*)$/.exec(one) ?? []
      assert.ok(
        problems.some(
          (found) => found.pointer?.startsWith(pointer) === true && found.message.includes(text),
        ),
        `${one}\nin\n${said.join('\n')}`,
      )
    }
    assert.ok(problems.length <= Math.max(2, expected.length), said.join('\n'))
  })
}
