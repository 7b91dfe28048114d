import type { Balancer, Candidate } from './balancer.ts'

/**
 * In turn, by weight, as nginx does it (`ngx_http_upstream_get_peer`): at each pick every candidate rises by its weight,
 * the highest is picked and falls by the sum of all. For a 5, b 1, c 1 that gives `a a b a c a a`, never five a's in a
 * row, and after seven picks all stand where they began. How high they stand is kept by key, so that a change of the
 * candidates disturbs nobody's turn. O(candidates).
 */
export function createRoundRobin(): Balancer {
  const standings = new Map<string, Standing>()
  /** As they were found at the last pick: mostly in the same places, so that no key is looked up. */
  const found: Standing[] = []

  const find = (key: string, at: number): Standing => {
    let standing = found[at]
    if (standing?.key === key) return standing
    standing = standings.get(key)
    if (standing === undefined) {
      standing = { key, height: 0 }
      standings.set(key, standing)
    }
    found[at] = standing
    return standing
  }

  const forget = (candidates: readonly Candidate[]): void => {
    const kept = new Set(candidates.map(({ key }) => key))
    for (const key of standings.keys()) if (!kept.has(key)) standings.delete(key)
    found.length = 0
  }

  return {
    pick: (candidates) => {
      let sum = 0
      let best: (typeof candidates)[number] | null = null
      let bestStanding: Standing | null = null
      for (let at = 0; at < candidates.length; at += 1) {
        const candidate = candidates[at]!
        if (!(candidate.weight > 0)) continue
        const standing = find(candidate.key, at)
        standing.height += candidate.weight
        sum += candidate.weight
        if (bestStanding === null || standing.height > bestStanding.height) {
          best = candidate
          bestStanding = standing
        }
      }
      if (bestStanding !== null) bestStanding.height -= sum
      // Some that are not here may be back at the next pick (a repeat goes to others); many are gone.
      if (standings.size > 2 * candidates.length + 16) forget(candidates)
      return best
    },
  }
}

interface Standing {
  readonly key: string
  height: number
}
