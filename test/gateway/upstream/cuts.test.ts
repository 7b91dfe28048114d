import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../lane/random.ts'
import { seeds } from '../../lane/seeds.ts'
import { makeCase } from './generate.ts'
import { outcome, parse } from './parsed.ts'

for (const seed of seeds) {
  test(`how the bytes of generated answers are cut makes no difference: seed ${seed}`, () => {
    const random = new Random(seed)
    let cuts = 0
    for (let index = 0; index < 7_000; index++) {
      const { bytes, method, upgrade } = makeCase(seed, index)
      if (bytes.length === 0) continue
      const asked = { method, upgrade, isClosed: true, room: bytes.length }
      const whole = outcome(parse([bytes], asked))
      const same = (pieces: readonly Buffer[], how: string): void => {
        cuts += 1
        const seen = outcome(parse(pieces, asked))
        assert.deepEqual(seen, whole, `${how}: ${JSON.stringify(bytes.toString('latin1'))}`)
      }
      const cutAt = (at: number): void =>
        same([bytes.subarray(0, at), bytes.subarray(at)], `cut at ${at}`)
      if (index < 300 && bytes.length < 2_000) {
        for (let at = 1; at < bytes.length; at++) cutAt(at)
        same(
          Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)),
          'byte by byte',
        )
      } else if (bytes.length > 1) cutAt(1 + random.below(bytes.length - 1))
    }
    assert.ok(cuts > 50_000, String(cuts))
  })
}
