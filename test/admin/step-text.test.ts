import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stepText } from '../../src/admin/step-text.ts'
import { defaultPlan } from '../../src/core/rollout/default-plan.ts'
import type { Predicate } from '../../src/core/route/route.ts'

test('steps of the default plan for people', () => {
  assert.deepEqual(defaultPlan().steps.map(stepText), [
    'verify 100 comparisons',
    'weight 1 %',
    'analysis, 3 passes in a row',
    'weight 5 %',
    'analysis, 3 passes in a row',
    'weight 25 %',
    'analysis, 3 passes in a row',
    'weight 50 %',
    'analysis, 3 passes in a row',
    'watch 10m',
  ])
})

const predicates: readonly (readonly [Predicate, string])[] = [
  [{ kind: 'header', name: 'tier', equals: 'high', matches: null }, 'header tier = high'],
  [{ kind: 'query', name: 'beta', equals: null, matches: null }, 'query beta'],
  [{ kind: 'cookie', name: 'c', equals: null, matches: 'a.*' }, 'cookie c ~ a.*'],
  [{ kind: 'host', patterns: ['a.test', '*.b.test'] }, 'host a.test or *.b.test'],
  [{ kind: 'client', sources: ['10.0.0.0/8'], trusted: null }, 'client 10.0.0.0/8'],
  [
    { kind: 'time', from: '2026-05-01T00:00:00.000Z', until: null },
    'time 2026-05-01T00:00:00.000Z..',
  ],
]
for (const [predicate, text] of predicates)
  test(`a cohort where ${text}`, () => {
    const step = { kind: 'cohort', predicates: [predicate, predicate], weight: 5 } as const
    assert.equal(stepText(step), `cohort 5 % where ${text} and ${text}`)
  })
