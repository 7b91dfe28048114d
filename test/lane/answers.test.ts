import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareAnswers } from './answers.ts'
import { corpus } from './corpus.ts'
import { addEchoes, openBoth } from './echo.ts'
import { makeCase } from './generate.ts'
import { seeds } from './seeds.ts'

// What is never complete is late soon.
const options = {
  limits: { headersMs: 1_000, requestMs: 1_000, keepAliveMs: 2_000 },
  overload: false,
} as const

test('both lanes answer the cases by hand in the same way', async (t) => {
  const ports = await openBoth(t, addEchoes, options)
  const { differences } = await compareAnswers(ports, corpus.length, (index) =>
    Buffer.from(corpus[index]![1], 'latin1'),
  )
  assert.deepEqual(differences, [])
})

for (const seed of seeds) {
  test(`both lanes answer generated cases in the same way: seed ${seed}`, async (t) => {
    const ports = await openBoth(t, addEchoes, options)
    const count = 1_500
    const { answers, strict, differences } = await compareAnswers(
      ports,
      count,
      (index) => makeCase(seed, index).bytes,
    )
    t.diagnostic(`seed ${seed}: ${count} cases, ${answers} answers, ${strict} strictly the same`)
    assert.deepEqual(differences, [])
    assert.ok(answers > count && strict > count * 0.6)
  })
}
