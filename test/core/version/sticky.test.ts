import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClientHash, scoreOf, seedOf } from '../../../src/core/version/sticky.ts'
import { servedId, tableOf } from './support/place.ts'

const clients = 1_000_000
/** Shares are held to this, in parts of one. */
const tolerance = 0.002

/** Addresses in a row: as alike as clients get. */
const addressOf = (at: number): string => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`

const hashes = Array.from({ length: clients }, (_, at) => new ClientHash(addressOf(at)))

/** The side of each client, as its index. */
function sidesOf(weights: Readonly<Record<string, number>>): Uint8Array {
  const sides = Object.entries(weights).map(([side, weight]) => ({
    seed: seedOf('users', side),
    weight,
  }))
  return Uint8Array.from(hashes, (client) => {
    let best = 255
    let bestScore = 0
    for (const [at, { seed, weight }] of sides.entries()) {
      const score = scoreOf(client, seed, weight)
      if (score > bestScore) [best, bestScore] = [at, score]
    }
    return best
  })
}

function assertShares(sides: Uint8Array, weights: readonly number[]): void {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const counts = weights.map(() => 0)
  for (const side of sides) counts[side]! += 1
  for (const [at, weight] of weights.entries()) {
    const share = counts[at]! / clients
    const wanted = weight / total
    assert.ok(
      weight === 0 ? share === 0 : Math.abs(share - wanted) <= tolerance,
      `side ${at} of ${weights.join(':')} has ${share}`,
    )
  }
}

test('a million clients: while the canary grows, shares follow the weights and clients only move to it', () => {
  let before: Uint8Array | null = null
  for (const canary of [0, 1, 5, 10, 25, 50, 75, 100]) {
    const sides = sidesOf({ stable: 100 - canary, canary })
    assertShares(sides, [100 - canary, canary])
    const back: number = before?.findIndex((side, at) => side === 1 && sides[at] === 0) ?? -1
    assert.equal(back, -1, `client ${back} went back at ${canary}`)
    before = sides
  }
})

test('a million clients: a side that grows beside two others takes clients and moves no other', () => {
  const before = sidesOf({ a: 3, b: 2, c: 1 })
  const after = sidesOf({ a: 3, b: 2, c: 4 })
  assertShares(before, [3, 2, 1])
  assertShares(after, [3, 2, 4])
  assert.equal(
    before.findIndex((side, at) => side !== after[at] && after[at] !== 2),
    -1,
  )
})

for (const count of [3, 5]) {
  test(`a million clients: of ${count} sides, one that goes gives away only its own`, () => {
    const weights = Object.fromEntries(
      Array.from({ length: count }, (_, at) => [`v${at}`, at + 1] as const),
    )
    const before = sidesOf(weights)
    assertShares(before, Object.values(weights))
    for (let gone = 0; gone < count; gone += 1) {
      const after = sidesOf({ ...weights, [`v${gone}`]: 0 })
      assertShares(
        after,
        Object.values(weights).map((weight, at) => (at === gone ? 0 : weight)),
      )
      assert.equal(
        before.findIndex((side, at) => side !== gone && side !== after[at]),
        -1,
      )
    }
  })
}

test('groups are independent: who is on the canary of one is not more often on that of another', () => {
  const canaryOf = (group: string): boolean[] => {
    const [stable, canary] = [seedOf(group, 'stable'), seedOf(group, 'canary')]
    return hashes.map((client) => scoreOf(client, canary, 1) > scoreOf(client, stable, 3))
  }
  const [one, other] = [canaryOf('users'), canaryOf('orders')]
  const both = one.filter((isCanary, at) => isCanary && other[at] === true).length
  assert.ok(Math.abs(both / clients - 1 / 16) <= tolerance, `${both}`)
})

test('a table serves each client by these sides, and always the same', () => {
  const table = tableOf([
    { id: 'one', version: '1.0.0', weight: { group: 'users', weight: 90, side: 'stable' } },
    { id: 'two', version: '2.0.0', weight: { group: 'users', weight: 10, side: 'canary' } },
  ])
  const sides = sidesOf({ stable: 90, canary: 10 })
  for (let at = 0; at < clients; at += 50) {
    const id = servedId(table, { from: addressOf(at) })
    assert.equal(id, sides[at] === 0 ? 'one' : 'two')
    assert.equal(servedId(table, { from: addressOf(at) }), id)
  }
})

test('what stands for a client is the field that the weight names, and its address where that is missing', () => {
  for (const [key, field, value] of [
    [{ kind: 'header', name: 'X-User' }, 'x-user', (name: string) => name],
    [{ kind: 'cookie', name: 'user' }, 'cookie', (name: string) => `a=b; user=${name}`],
  ] as const) {
    const table = tableOf([
      { id: 'one', weight: { group: 'users', weight: 1, key } },
      { id: 'two', weight: { group: 'users', weight: 1, key } },
    ])
    const idOf = (name: string, from: string): string =>
      servedId(table, { from, fields: { [field]: value(name) } })
    const names = Array.from({ length: 200 }, (_, at) => `user-${at}`)
    for (const name of names) assert.equal(idOf(name, '10.0.0.1'), idOf(name, '10.0.0.2'))
    assert.equal(new Set(names.map((name) => idOf(name, '10.0.0.1'))).size, 2)
    const byAddress = names.map((_, at) => servedId(table, { from: addressOf(at) }))
    assert.equal(new Set(byAddress).size, 2)
  }
})

test('a cohort has weights of its own, and everybody else none of its sides', () => {
  const predicates = [{ kind: 'header', name: 'X-Tier', equals: 'high' }]
  const table = tableOf([
    {
      id: 'stable',
      weight: { group: 'g', weight: 100, cohort: { predicates, weight: 0 } },
    },
    { id: 'canary', weight: { group: 'g', weight: 0, cohort: { predicates, weight: 100 } } },
  ])
  for (let at = 0; at < 1_000; at += 1) {
    const from = addressOf(at)
    assert.equal(servedId(table, { from }), 'stable')
    assert.equal(servedId(table, { from, fields: { 'x-tier': 'high' } }), 'canary')
  }
})

test('a side that has no route at a place keeps its clients away from it, and only its own', () => {
  const absent = [{ side: 'new', weight: 25 }]
  const here = tableOf([
    { id: 'old', weight: { group: 'g', weight: 75, side: 'old', absent } },
    { id: 'rest', path: '/*rest' },
  ])
  const both = tableOf([
    { id: 'old', weight: { group: 'g', weight: 75, side: 'old' } },
    { id: 'new', weight: { group: 'g', weight: 25, side: 'new' } },
  ])
  let away = 0
  for (let at = 0; at < 20_000; at += 1) {
    const from = addressOf(at)
    const isNew = servedId(both, { from }) === 'new'
    assert.equal(servedId(here, { from }), isNew ? 'rest' : 'old')
    if (isNew) away += 1
  }
  assert.ok(Math.abs(away / 20_000 - 0.25) < 0.02, `${away}`)
})
