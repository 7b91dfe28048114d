import type { Balancer, Candidate } from './balancer.ts'

/**
 * To the less busy, as Envoy's least request does it. Equal weights: the one of two drawn by chance that has fewer
 * exchanges in flight, which keeps many gateways from all running to the same one. Unequal weights: drawn by
 * weight / (active + 1), so that at rest shares are as the weights and under load the busy get less. O(candidates).
 */
export function createLeastRequest(random: () => number): Balancer {
  return {
    pick: (candidates) => {
      let weight = 0
      let isEqual = true
      let count = 0
      let sum = 0
      for (const candidate of candidates) {
        if (!(candidate.weight > 0)) continue
        if (count === 0) weight = candidate.weight
        else if (candidate.weight !== weight) isEqual = false
        count += 1
        sum += candidate.weight / (candidate.active + 1)
      }
      if (count === 0) return null
      if (!isEqual) return drawByWeight(candidates, random() * sum)
      const first = Math.floor(random() * count)
      if (count === 1) return nth(candidates, first)
      // The second is one of the others.
      const other = Math.floor(random() * (count - 1))
      const one = nth(candidates, first)
      const two = nth(candidates, other < first ? other : other + 1)
      return one !== null && two !== null && two.active < one.active ? two : one
    },
  }
}

function drawByWeight<Some extends Candidate>(
  candidates: readonly Some[],
  drawn: number,
): Some | null {
  let left = drawn
  let last: Some | null = null
  for (const candidate of candidates) {
    if (!(candidate.weight > 0)) continue
    last = candidate
    left -= candidate.weight / (candidate.active + 1)
    if (left < 0) return candidate
  }
  return last
}

/** The one at a place among those that have weight. */
function nth<Some extends Candidate>(candidates: readonly Some[], place: number): Some | null {
  let left = place
  for (const candidate of candidates) {
    if (!(candidate.weight > 0)) continue
    if (left === 0) return candidate
    left -= 1
  }
  return null
}
