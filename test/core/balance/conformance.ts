import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Balancer, Candidate } from '../../../src/core/balance/balancer.ts'
import { createRandom } from '../route/mutate.ts'

export const candidate = (key: string, weight = 1, active = 0): Candidate => ({
  key,
  weight,
  active,
})

export const countPicks = (
  balancer: Balancer,
  candidates: readonly Candidate[],
  picks: number,
  hashKey: (pick: number) => string | null = () => null,
): Map<string, number> => {
  const counts = new Map(candidates.map(({ key }) => [key, 0]))
  for (let pick = 0; pick < picks; pick += 1) {
    const picked = balancer.pick(candidates, hashKey(pick))
    assert.ok(picked)
    counts.set(picked.key, (counts.get(picked.key) ?? 0) + 1)
  }
  return counts
}

const names = ['a', 'b', 'c', 'd', 'e', 'f']
const weights: readonly (readonly number[])[] = [
  [1],
  [1, 1],
  [1, 1, 1],
  [5, 1, 1],
  [9, 1],
  [100, 50, 25, 25],
  [3, 2, 1, 0, 4],
  [0.5, 1.5, 1],
]

/** What every balancer does. `slack`: how far the share of `share` may be off, a part of 1. */
export function conforms(
  name: string,
  make: (random: () => number) => Balancer,
  slack: (share: number) => number,
): void {
  const fresh = (): Balancer => make(createRandom(7))

  test(`${name}: picks nothing of nothing`, () => {
    assert.equal(fresh().pick([], null), null)
    assert.equal(fresh().pick([], 'key'), null)
  })

  test(`${name}: picks nothing where all weights are 0, and again when they are not`, () => {
    const balancer = fresh()
    const off = [candidate('a', 0), candidate('b', 0)]
    assert.equal(balancer.pick(off, 'key'), null)
    assert.equal(balancer.pick([candidate('a', 0), candidate('b')], 'key')?.key, 'b')
    assert.equal(balancer.pick(off, 'key'), null)
  })

  test(`${name}: picks the object it was given`, () => {
    const only = { ...candidate('a'), extra: 1 }
    assert.equal(fresh().pick([only], null), only)
  })

  for (const list of weights) {
    test(`${name}: shares are as the weights ${list.join(', ')}`, () => {
      const candidates = list.map((weight, at) => candidate(names[at] ?? '', weight))
      const sum = list.reduce((sum, weight) => sum + weight, 0)
      const picks = 100_000
      for (const [key, count] of countPicks(fresh(), candidates, picks)) {
        const share = (list[names.indexOf(key)] ?? 0) / sum
        const off = Math.abs(count / picks - share)
        assert.ok(off <= slack(share), `${key} is off by ${off}`)
        if (share === 0) assert.equal(count, 0)
      }
    })
  }

  test(`${name}: however the candidates change, it picks one of them that has weight`, () => {
    const list = fc.uniqueArray(
      fc.record({
        key: fc.constantFrom(...names),
        weight: fc.constantFrom(0, 1, 2, 7.5, 100),
        active: fc.nat({ max: 5 }),
      }),
      { selector: ({ key }) => key },
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(list, fc.option(fc.string(), { nil: null })), { maxLength: 30 }),
        (lists) => {
          const balancer = fresh()
          for (const [candidates, key] of lists) {
            for (let pick = 0; pick < 3; pick += 1) {
              const picked = balancer.pick(candidates, key)
              if (candidates.every(({ weight }) => weight === 0)) assert.equal(picked, null)
              else assert.ok(picked !== null && picked.weight > 0 && candidates.includes(picked))
            }
          }
        },
      ),
    )
  })

  test(`${name}: a candidate that comes, goes or comes back gets its share at once`, () => {
    const balancer = fresh()
    const all = names.slice(0, 4).map((key) => candidate(key))
    for (const candidates of [all.slice(0, 3), all, all.slice(1), all]) {
      for (const [key, count] of countPicks(balancer, candidates, 20_000)) {
        const share = 1 / candidates.length
        assert.ok(Math.abs(count / 20_000 - share) <= slack(share) + 0.01, key)
      }
    }
  })
}
