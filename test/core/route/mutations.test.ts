import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runMutations } from './mutation-run.ts'

test('mutated definitions are judged as an oracle judges them, and each problem has its place', () => {
  const given = Number(process.env['TURNOUT_SEED'])
  const seed = Number.isInteger(given) && given > 0 ? given : Math.floor(Math.random() * 2 ** 31)
  const counts = runMutations(seed, 4000)
  console.log(`seed ${seed}: ${JSON.stringify(counts)}`)
  assert.ok(counts.valid > 200 && counts.invalid > 2000, JSON.stringify(counts))
})
