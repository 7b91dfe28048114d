import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runMutations } from './mutation-run.ts'

test('100,000 mutated definitions are judged as an oracle judges them, and each problem has its place', () => {
  const given = Number(process.env['TURNOUT_SEED'])
  const seed = Number.isInteger(given) && given > 0 ? given : Math.floor(Math.random() * 2 ** 31)
  const counts = runMutations(seed, 100_000)
  console.log(`seed ${seed}: ${JSON.stringify(counts)}`)
  assert.ok(counts.valid > 10_000 && counts.invalid > 50_000, JSON.stringify(counts))
})
