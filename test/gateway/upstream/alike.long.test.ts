import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeCase } from './generate.ts'
import { compareAnswers } from './llhttp.ts'

/** `LANE_SEED=1 npm run test:long -- upstream/alike` does a run again. */
const seed = Number(process.env['LANE_SEED'] ?? Date.now() % 1_000_000)

test('of a million generated answers, Node understands in the same way what is taken', async (t) => {
  t.diagnostic(`seed ${seed}`)
  const count = 1_000_000
  const { differences, ...figures } = await compareAnswers(count, (index) => makeCase(seed, index))
  t.diagnostic(`${count} answers, ${JSON.stringify(figures)}`)
  assert.deepEqual(differences, [], `seed ${seed}`)
  assert.ok(figures.whole > count / 2, `${figures.whole} are taken`)
})
