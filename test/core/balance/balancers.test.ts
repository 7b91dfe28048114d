import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createBalancer } from '../../../src/core/balance/create-balancer.ts'
import { createLeastRequest } from '../../../src/core/balance/least-request.ts'
import { pointsOfHeaviest } from '../../../src/core/balance/ring.ts'
import { createRoundRobin } from '../../../src/core/balance/round-robin.ts'
import { createRandom } from '../route/mutate.ts'
import { candidate, conforms, countPicks } from './conformance.ts'

const onePercent = (): number => 0.01
conforms('round-robin', () => createBalancer({ kind: 'round-robin' }, Math.random), onePercent)
conforms('least-request', (random) => createBalancer({ kind: 'least-request' }, random), onePercent)
// The part of the ring an endpoint has is the sum of its points' arcs, which are drawn by the hash: it is off by
// about share * sqrt((1 - share) / points), and the heaviest has half of `pointsOfHeaviest` at least. Four times that,
// and one percent for the picks.
conforms(
  'ring-hash',
  (random) => createBalancer({ kind: 'ring-hash', key: { kind: 'client' } }, random),
  (share) => 0.01 + 4 * Math.sqrt((share * (1 - share)) / (pointsOfHeaviest / 2)),
)

// The sequence in the commit that brought it to nginx: "Upstream: smooth weighted round-robin balancing".
test('round robin of 5, 1, 1 is smooth', () => {
  const balancer = createRoundRobin()
  const candidates = [candidate('a', 5), candidate('b', 1), candidate('c', 1)]
  const picked = Array.from({ length: 14 }, () => balancer.pick(candidates, null)?.key)
  assert.equal(picked.join(''), 'aabacaaaabacaa')
})

test('round robin is exact over each round of the weights', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 4 }),
      (weights, rounds) => {
        const sum = weights.reduce((sum, weight) => sum + weight, 0)
        const candidates = weights.map((weight, at) => candidate(`${at}`, weight))
        const counts = countPicks(createRoundRobin(), candidates, sum * rounds)
        assert.deepEqual(
          [...counts.values()],
          weights.map((weight) => weight * rounds),
        )
      },
    ),
  )
})

test('round robin keeps the turns of those that stay', () => {
  const balancer = createRoundRobin()
  const [a, b, c] = [candidate('a'), candidate('b'), candidate('c')]
  assert.equal(balancer.pick([a, b, c], null)?.key, 'a')
  // Another list, in another order: it is b's and c's turn still.
  assert.equal(balancer.pick([c, a, b], null)?.key, 'c')
  assert.equal(balancer.pick([a, b, c], null)?.key, 'b')
})

// Who was not first is always there for the repeat, so shares are not equal.
test('round robin with a repeat to the others each time starves nobody', () => {
  const balancer = createRoundRobin()
  const all = [candidate('a'), candidate('b'), candidate('c')]
  const counts = new Map<string, number>()
  for (let pick = 0; pick < 3000; pick += 1) {
    const first = balancer.pick(all, null)
    const second = balancer.pick(
      all.filter((one) => one !== first),
      null,
    )
    assert.notEqual(first, second)
    for (const { key } of [first!, second!]) counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  assert.equal(counts.size, 3)
  for (const [key, count] of counts) assert.ok(count / 6000 > 0.2, `${key} ${count}`)
})

test('least request takes the less busy of two', () => {
  const balancer = createLeastRequest(createRandom(1))
  const two = [candidate('a', 3, 2), candidate('b', 3, 1)]
  assert.equal(countPicks(balancer, two, 500).get('b'), 500)
})

test('least request of many never takes the busiest, and takes the idlest for every pair it is in', () => {
  const candidates = [0, 1, 2, 3].map((active) => candidate(`${active}`, 1, active))
  const counts = countPicks(createLeastRequest(createRandom(2)), candidates, 60_000)
  // Of the six pairs three have the idlest, two the next, one the third.
  const shares = [3 / 6, 2 / 6, 1 / 6, 0]
  for (const [active, share] of shares.entries()) {
    assert.ok(Math.abs((counts.get(`${active}`) ?? 0) / 60_000 - share) < 0.01)
  }
})

// Envoy: weight / (active requests + 1) ** bias, bias 1.
test('least request with unequal weights draws by weight and load', () => {
  const candidates = [candidate('a', 10, 4), candidate('b', 1, 0), candidate('c', 4, 3)]
  const counts = countPicks(createLeastRequest(createRandom(3)), candidates, 100_000)
  for (const [key, share] of [
    ['a', 2 / 4],
    ['b', 1 / 4],
    ['c', 1 / 4],
  ] as const) {
    assert.ok(Math.abs((counts.get(key) ?? 0) / 100_000 - share) < 0.01, key)
  }
})

test('least request keeps the load even where picks last', () => {
  const random = createRandom(4)
  const balancer = createLeastRequest(random)
  const loads = Array.from({ length: 10 }, (_, at) => ({ key: `${at}`, weight: 1, active: 0 }))
  for (let pick = 0; pick < 1000; pick += 1) balancer.pick(loads, null)!.active += 1
  const active = loads.map(({ active }) => active)
  // Two choices: the fullest is above the mean by about ln ln n, not by the root of the mean (Mitzenmacher).
  assert.ok(Math.max(...active) - 100 <= 4, String(active))
})
