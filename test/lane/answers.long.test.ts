import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareAnswers } from './answers.ts'
import { addEchoes, openBoth } from './echo.ts'
import { makeCase } from './generate.ts'

/** `LANE_SEED=1 npm run test:long -- lane/answers` does a run again. */
const seed = Number(process.env['LANE_SEED'] ?? Date.now() % 1_000_000)

test('both lanes answer 50,000 generated cases in the same way', async (t) => {
  t.diagnostic(`seed ${seed}`)
  const limits = { headersMs: 1_000, requestMs: 1_000, keepAliveMs: 2_000 }
  const ports = await openBoth(t, addEchoes, { limits, overload: false })
  const { answers, strict, differences } = await compareAnswers(
    ports,
    50_000,
    (index) => makeCase(seed, index).bytes,
  )
  t.diagnostic(`${answers} answers, ${strict} cases strictly the same`)
  assert.deepEqual(differences, [], `seed ${seed}`)
})
