import { hash32 } from '../balance/hash.ts'

/**
 * Sides by weighted rendezvous hashing (Schindelhauer and Schomaker, "Weighted Distributed Hash Tables", SPAA 2005;
 * draft-ietf-bess-weighted-hrw): each side scores `-weight / ln(hash)` for a client, and the highest has it. A score
 * depends on nothing but its own side and weight. So a side that grows takes clients and gives none away, and one that
 * goes leaves those of all others where they are.
 */

/** What a side is known by when it is hashed, made once. */
export interface SideSeed {
  readonly high: number
  readonly low: number
}

export function seedOf(group: string, side: string): SideSeed {
  // A group may have any character, so its length keeps it apart from its side.
  const name = `${group.length} ${group} ${side}`
  return { high: hash32(name, 0x5bd1e995), low: hash32(name, 0x1b873593) }
}

/** A client's key, hashed once for all sides: two halves. */
export class ClientHash {
  readonly high: number
  readonly low: number

  constructor(key: string) {
    this.high = hash32(key, 0x9747b28c)
    this.low = hash32(key, 0x3c6ef372)
  }
}

const finish = (hash: number): number => {
  let mixed = hash
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
  return (mixed ^ (mixed >>> 15)) >>> 0
}

/** What a side scores for a client; 0 for no weight. */
export function scoreOf(client: ClientHash, seed: SideSeed, weight: number): number {
  if (weight <= 0) return 0
  const high = finish(client.high ^ seed.high)
  // The first half goes into the second, so that both halves hang on both of the client's.
  const low = finish(client.low ^ seed.low ^ Math.imul(high, 0x9e3779b1))
  // 52 bits and a half: never 0 and never 1, whose logarithms are no scores.
  const hash = (high * 2 ** 20 + (low >>> 12) + 0.5) / 2 ** 52
  return -weight / Math.log(hash)
}
