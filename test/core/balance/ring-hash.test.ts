import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Candidate } from '../../../src/core/balance/balancer.ts'
import { hash32 } from '../../../src/core/balance/hash.ts'
import { createRingHash } from '../../../src/core/balance/ring-hash.ts'
import { buildRing, findPoint, pointsOfHeaviest } from '../../../src/core/balance/ring.ts'
import { createRandom } from '../route/mutate.ts'
import { candidate } from './conformance.ts'

// Known answers of MurmurHash3_x86_32.
for (const [text, seed, hash] of [
  ['', 0, 0],
  ['', 1, 0x514e28b7],
  ['', 0xffffffff, 0x81f16f39],
  ['\xff\xff\xff\xff', 0, 0x76293b50],
  ['!Ce\x87', 0, 0xf55b516b],
  ['!Ce', 0, 0x7e4a8634],
  ['!C', 0, 0xa0f7b07a],
  ['!', 0, 0x72661cf4],
  ['\0\0\0\0', 0, 0x2362f9de],
  ['aaaa', 0x9747b28c, 0x5a97808a],
  ['abc', 0x9747b28c, 0xc84a62dd],
  ['Hello, world!', 0x9747b28c, 0x24884cba],
  ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
] as const) {
  test(`murmur3 of ${JSON.stringify(text)} from ${seed}`, () => {
    assert.equal(hash32(text, seed).toString(16), hash.toString(16))
  })
}

test('a char above 255 is two bytes', () => {
  assert.equal(hash32('a\u1234b'), hash32('a\x34\x12b'))
})

const urls = (count: number): Candidate[] =>
  Array.from({ length: count }, (_, at) => candidate(`http://10.0.0.${at}:8080`))
const never = (): number => assert.fail('nothing is drawn for a key')
const keys = Array.from({ length: 20_000 }, (_, at) => `client-${at}`)
const owners = (balancer: ReturnType<typeof createRingHash>, candidates: readonly Candidate[]) =>
  keys.map((key) => balancer.pick(candidates, key)?.key)

test('the same key goes to the same endpoint, on every gateway and in whatever order they are listed', () => {
  const candidates = urls(7)
  const here = createRingHash(never)
  const there = createRingHash(never)
  for (const key of keys.slice(0, 1000)) {
    const picked = here.pick(candidates, key)?.key
    assert.equal(here.pick(candidates, key)?.key, picked)
    assert.equal(there.pick(candidates.toReversed(), key)?.key, picked)
  }
})

for (const count of [2, 3, 5, 10, 20]) {
  test(`of ${count} endpoints one goes: its keys move, about 1/${count} of all, and no other`, () => {
    const candidates = urls(count)
    const before = owners(createRingHash(never), candidates)
    for (const gone of candidates) {
      const rest = candidates.filter((one) => one !== gone)
      const after = owners(createRingHash(never), rest)
      let moved = 0
      for (const [at, owner] of after.entries()) {
        if (owner === before[at]) continue
        assert.equal(before[at], gone.key)
        moved += 1
      }
      // An endpoint's part of the ring is off by 1/16 of itself (256 points); four times that.
      assert.ok(moved / keys.length <= (1 / count) * (1 + 4 / Math.sqrt(pointsOfHeaviest)))
    }
  })
}

test('stepping over those that are away gives what a ring without them gives', () => {
  const all = urls(8)
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.subarray(all, { minLength: 1 }), fc.string()), { maxLength: 20 }),
      (picks) => {
        const balancer = createRingHash(never)
        balancer.pick(all, 'key')
        for (const [candidates, key] of picks) {
          assert.equal(balancer.pick(candidates, key), createRingHash(never).pick(candidates, key))
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('the heaviest that is away moves no key between the others', () => {
  const all = [candidate('a', 900), candidate('b', 30), candidate('c', 70)]
  const balancer = createRingHash(never)
  const before = owners(balancer, all)
  const after = owners(balancer, all.slice(1))
  for (const [at, owner] of after.entries()) {
    if (before[at] !== 'a') assert.equal(owner, before[at])
  }
  assert.deepEqual(owners(balancer, all), before)
})

test('a weight that grows takes keys from others, and gives none', () => {
  const grow = (weight: number) => [candidate('a', weight), candidate('b', 64), candidate('c', 64)]
  const balancer = createRingHash(never)
  let before = owners(balancer, grow(1))
  for (const weight of [7, 31.5, 64]) {
    const after = owners(balancer, grow(weight))
    assert.notDeepEqual(after, before)
    for (const [at, owner] of after.entries()) if (owner !== before[at]) assert.equal(owner, 'a')
    before = after
  }
})

test('a request without a key goes by chance', () => {
  const balancer = createRingHash(createRandom(5))
  const candidates = urls(4)
  const picked = new Set(Array.from({ length: 200 }, () => balancer.pick(candidates, null)?.key))
  assert.equal(picked.size, 4)
})

test('a point is found as a walk along the ring finds it', () => {
  const ring = buildRing(urls(3))
  fc.assert(
    fc.property(fc.oneof(fc.nat({ max: 2 ** 32 - 1 }), fc.constantFrom(...ring.hashes)), (hash) => {
      const walked = ring.hashes.findIndex((point) => point >= hash)
      assert.equal(findPoint(ring, hash), walked === -1 ? 0 : walked)
    }),
  )
})
