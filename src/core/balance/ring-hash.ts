import type { Balancer, Candidate } from './balancer.ts'
import { hash32 } from './hash.ts'
import { buildRing, countPoints, findPoint } from './ring.ts'

interface Seen {
  readonly key: string
  readonly weight: number
  readonly points: number
}

/**
 * The same key to the same endpoint, as ketama does it: each endpoint has points on a ring by its weight, a key goes to
 * the first point at or after its own.
 *
 *     0 ----- b ---- a ------ c -- a ------- b ----- 2^32, and round again
 *               ^ key: goes to a; with a away, to c
 *
 * One that is away for a time is stepped over: no ring is built for it. Slow start is best left off here, as Envoy does:
 * a weight that grows moves keys, and builds a ring for each point more. A request without a key goes by chance.
 * O(candidates + log points).
 */
export function createRingHash(random: () => number): Balancer {
  let ring = buildRing([])
  /** The candidates of the last pick: while they are the same, so are `places`. */
  let seen: readonly Seen[] = []
  /** Of each member of the ring: its place among the candidates; -1: away. */
  let places = new Int32Array(0)
  let present = 0

  const isSame = (candidates: readonly Candidate[]): boolean => {
    if (candidates.length !== seen.length) return false
    for (let at = 0; at < seen.length; at += 1) {
      const { key, weight } = candidates[at]!
      const before = seen[at]!
      if (key !== before.key) return false
      if (weight !== before.weight && countPoints(weight, ring.scale) !== before.points)
        return false
    }
    return true
  }

  const look = (candidates: readonly Candidate[]): void => {
    seen = candidates.map(({ key, weight }) => ({
      key,
      weight,
      points: countPoints(weight, ring.scale),
    }))
    present = seen.filter(({ points }) => points > 0).length
  }

  const arrange = (candidates: readonly Candidate[]): void => {
    look(candidates)
    const isOther = ({ key, points }: Seen): boolean =>
      points > 0 && ring.members.get(key)?.points !== points
    // With most points away, the steps over them are many.
    if (ring.scale === 0 || seen.some(isOther) || present * 2 < ring.members.size) {
      ring = buildRing(candidates)
      look(candidates)
    }
    places = new Int32Array(ring.members.size).fill(-1)
    for (const [at, { key, points }] of seen.entries()) {
      const member = ring.members.get(key)
      if (points > 0 && member !== undefined) places[member.place] = at
    }
  }

  return {
    pick: (candidates, hashKey) => {
      if (ring.scale === 0 || !isSame(candidates)) arrange(candidates)
      if (present === 0) return null
      const hash = hashKey === null ? Math.floor(random() * 2 ** 32) : hash32(hashKey)
      let point = findPoint(ring, hash)
      // Ends: one that is present has points.
      for (;;) {
        const place = places[ring.owners[point]!]!
        if (place !== -1) return candidates[place] ?? null
        point = point + 1 === ring.owners.length ? 0 : point + 1
      }
    },
  }
}
