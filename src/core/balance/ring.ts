import type { Candidate } from './balancer.ts'
import { hash32 } from './hash.ts'

/** Points of the heaviest endpoint, or up to half as many: an endpoint's share is off by some 6 to 9 percent of itself. */
export const pointsOfHeaviest = 256

/** Points on a circle of 2 ** 32, each its member's. */
export interface Ring {
  /** Points a weight of one has. */
  readonly scale: number
  readonly members: ReadonlyMap<string, Member>
  /** Sorted. */
  readonly hashes: Uint32Array
  /** Of each point: the place of its member. */
  readonly owners: Uint32Array
}

interface Member {
  readonly place: number
  readonly points: number
}

/** Beside a hash in one number that is still exact: room for a million members. */
const room = 2 ** 20

/** An endpoint with a weight has one point at least. */
export function countPoints(weight: number, scale: number): number {
  return weight > 0 ? Math.max(1, Math.round(weight * scale)) : 0
}

/**
 * An endpoint's points come of its own key and weight alone, so that one that comes or goes moves no key between the
 * others. The scale goes by powers of two, so that it changes seldom when weights do.
 */
export function buildRing(candidates: readonly Candidate[]): Ring {
  let heaviest = 0
  for (const { weight } of candidates) if (weight > heaviest) heaviest = weight
  const scale = heaviest > 0 ? pointsOfHeaviest / 2 ** Math.ceil(Math.log2(heaviest)) : 0
  const members = new Map<string, Member>()
  // Two points in one place go to the first key by order, on every gateway.
  const sorted = [...candidates].sort((a, b) => (a.key < b.key ? -1 : 1))
  const points: number[] = []
  for (const { key, weight } of sorted) {
    const member = { place: members.size, points: countPoints(weight, scale) }
    if (member.points === 0) continue
    members.set(key, member)
    const seed = hash32(key)
    for (let point = 0; point < member.points; point += 1) {
      points.push(hash32(String(point), seed) * room + member.place)
    }
  }
  const packed = Float64Array.from(points).sort()
  return {
    scale,
    members,
    hashes: Uint32Array.from(packed, (point) => Math.floor(point / room)),
    owners: Uint32Array.from(packed, (point) => point % room),
  }
}

/** The first point at or after a hash; past the last one: the first of all. */
export function findPoint({ hashes }: Ring, hash: number): number {
  let low = 0
  let high = hashes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (hashes[middle]! < hash) low = middle + 1
    else high = middle
  }
  return low === hashes.length ? 0 : low
}
