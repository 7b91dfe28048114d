import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stepText } from '../../src/admin/step-text.ts'
import { defaultAnalysis, defaultVerify } from '../../src/core/rollout/default-plan.ts'
import type { Step } from '../../src/core/rollout/plan.ts'
import type { Predicate } from '../../src/core/route/route.ts'

const analysis = { ...defaultAnalysis(), kind: 'analysis' } as const
const steps: readonly (readonly [Step, string])[] = [
  [{ ...defaultVerify(), samples: 20 }, 'verify 20 comparisons'],
  [{ kind: 'weight', weight: 5 }, 'weight 5 %'],
  [{ kind: 'pause', ms: 90_000 }, 'pause 90s'],
  [{ kind: 'pause', ms: null }, 'pause until resumed'],
  [{ ...analysis, count: 1 }, 'analysis, 1 pass'],
  [{ ...analysis, count: 3 }, 'analysis, 3 passes in a row'],
  [{ kind: 'watch', ms: 600_000 }, 'watch 10m'],
]
for (const [step, text] of steps)
  test(`a step: ${text}`, () => {
    assert.equal(stepText(step), text)
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
