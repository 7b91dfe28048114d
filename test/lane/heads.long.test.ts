import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeCase } from './generate.ts'
import { compareHeads } from './readers.ts'

/** `LANE_SEED=1 npm run test:long -- lane/heads` does a run again. */
const seed = Number(process.env['LANE_SEED'] ?? Date.now() % 1_000_000)

test('of a million generated cases, node:http understands in the same way what the lane takes', async (t) => {
  t.diagnostic(`seed ${seed}`)
  const count = 1_000_000
  const { differences, whole, taken } = await compareHeads(
    count,
    (index) => makeCase(seed, index).bytes,
  )
  t.diagnostic(`${count} cases, ${whole} taken whole, ${taken} requests`)
  assert.deepEqual(differences, [], `seed ${seed}`)
  assert.ok(whole > count / 2, `${whole} are taken`)
})
