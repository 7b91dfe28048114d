import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseCondition } from '../../src/core/rollout/condition.ts'
import { defaultPlan } from '../../src/core/rollout/default-plan.ts'
import { readPlan, renderPlan } from '../../src/core/rollout/plan-parse.ts'
import { blocksOf } from './page.ts'
import { root } from './root.ts'

const page = readFileSync(new URL('docs/reference/analysis.md', root), 'utf8')

test('the default plan is the one that is shown', () => {
  const [plan] = blocksOf(page).filter(({ language }) => language === 'json')
  const value: unknown = JSON.parse(plan!.text)
  assert.deepEqual(renderPlan(defaultPlan()), value)
  assert.deepEqual(readPlan({ value, pointer: '', problems: [] }), defaultPlan())
})

test('conditions and short steps that are shown can be read', () => {
  const conditions = [...page.matchAll(/`((?:p\d+|\w+Rate|requests) [<>][^`]*)`/g)]
  assert.ok(conditions.length >= 6)
  for (const [, text] of conditions) assert.deepEqual(parseCondition(text!).problems, [], text)
  const steps = [...page.matchAll(/`"(\w+(?: \w+)?)"`/g)].map(([, step]) => step!)
  assert.ok(steps.includes('watch 10m'))
  for (const step of steps) {
    const problems: never[] = []
    const value = { steps: step.startsWith('weight') ? [step] : ['weight 1', step] }
    assert.notEqual(readPlan({ value, pointer: '', problems }), undefined, step)
  }
})
