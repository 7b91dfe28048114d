import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpus } from './corpus.ts'
import { makeCase } from './generate.ts'
import { compareHeads } from './readers.ts'
import { seeds } from './seeds.ts'

test('what the lane takes of the cases by hand, node:http understands in the same way', async () => {
  const { differences, whole } = await compareHeads(corpus.length, (index) =>
    Buffer.from(corpus[index]![1], 'latin1'),
  )
  assert.deepEqual(differences, [])
  assert.ok(whole > 20 && whole < corpus.length / 2, `${whole} of ${corpus.length} are taken`)
})

for (const seed of seeds) {
  test(`what the lane takes of generated cases, node:http understands in the same way: seed ${seed}`, async (t) => {
    const count = 7_000
    const { differences, whole, taken } = await compareHeads(
      count,
      (index) => makeCase(seed, index).bytes,
    )
    t.diagnostic(`seed ${seed}: ${count} cases, ${whole} taken whole, ${taken} requests`)
    assert.deepEqual(differences, [])
    // Half of them at least, so that the comparison has something to say; not all, so that there is something to refuse.
    assert.ok(whole > count * 0.5 && whole < count * 0.9, `${whole} of ${count} are taken`)
  })
}
