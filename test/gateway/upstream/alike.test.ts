import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeds } from '../../lane/seeds.ts'
import { answers } from './answers.ts'
import { makeCase, type MadeAnswer } from './generate.ts'
import { compareAnswers } from './llhttp.ts'

test('what is taken of the answers by hand, Node understands in the same way', async () => {
  const made = answers.map(({ raw, method, upgrade }) => ({
    bytes: Buffer.from(raw, 'latin1'),
    method: (method ?? 'GET') as MadeAnswer['method'],
    upgrade: (upgrade ?? null) as MadeAnswer['upgrade'],
  }))
  const { differences, whole } = await compareAnswers(made.length, (index) => made[index]!)
  assert.deepEqual(differences, [])
  assert.ok(whole > 30, `${whole} are taken`)
})

for (const seed of seeds) {
  test(`what is taken of generated answers, Node understands in the same way: seed ${seed}`, async (t) => {
    const count = 7_000
    const { differences, ...figures } = await compareAnswers(count, (index) =>
      makeCase(seed, index),
    )
    t.diagnostic(`seed ${seed}: ${count} answers, ${JSON.stringify(figures)}`)
    assert.deepEqual(differences, [])
    // Half of them at least, so that the comparison has something to say; not all, so that there is something to refuse.
    const { whole, reused } = figures
    assert.ok(whole > count * 0.5 && whole < count * 0.9, `${whole} of ${count} are taken`)
    assert.ok(reused > count * 0.3, `${reused} connections are used again`)
  })
}
