import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seedOfRun, sendMutations } from './bad-input.ts'

const count = 100_000

test('100,000 mutated changes to a live instance are judged as an oracle judges them, and touch nobody else', async (t) => {
  const seed = seedOfRun()
  t.diagnostic(`seed ${seed}`)
  const counts = await sendMutations(t, seed, count)
  t.diagnostic(`${count} inputs: ${JSON.stringify(counts)}`)
  assert.equal(counts.accepted + counts.refused, count)
  assert.ok(counts.accepted > count / 20 && counts.served > count / 200)
})
