import type { Candidate } from '../route/choice.ts'
import type { Asked, Selected } from './asked.ts'
import { ClientHash, scoreOf } from './sticky.ts'

/**
 * The side that scores highest for the client; of one side the highest version, then the first. Sides that are not here
 * count where nobody asked for what is. Where none has any weight left, each was asked for, and all weigh the same.
 */
export function byWeight(
  rivals: readonly Candidate[],
  absent: Asked | null,
  asked: Asked,
  out: Selected,
): boolean {
  const first = rivals[0]!
  const others = absent === null ? noneAbsent : absentFrom(rivals, asked)
  if (rivals.length === 1 && others.length === 0) {
    out.candidate = first
    return true
  }
  const client = new ClientHash(first.share!.keyOf(asked.facts))
  const hasWeight = absent !== null || rivals.some((one) => weightOf(one, asked) > 0)
  let best: Candidate = first
  let bestScore = -1
  for (const one of rivals) {
    const score = scoreOf(client, one.share!.seed, hasWeight ? weightOf(one, asked) : 1)
    // Equal scores are those of one side, or of sides without a weight.
    const isBetter =
      score > bestScore || (score === bestScore && versionOrder(one) < versionOrder(best))
    if (!isBetter) continue
    best = one
    bestScore = score
  }
  out.by = 'weight'
  const isElsewhere = others.some(({ seed, weight }) => scoreOf(client, seed, weight) > bestScore)
  out.candidate = isElsewhere ? null : best
  return true
}

const versionOrder = ({ rank }: Candidate): number => (rank < 0 ? Infinity : rank)

const noneAbsent: readonly {
  readonly seed: { high: number; low: number }
  readonly weight: number
}[] = []

/** Sides of the group that no rival is, with their weight for this client. */
function absentFrom(rivals: readonly Candidate[], asked: Asked): typeof noneAbsent {
  if (rivals.every(({ share }) => share!.absent.length === 0)) return noneAbsent
  const here = new Set(rivals.map(({ share }) => share!.side))
  return rivals.flatMap((one) => {
    const { absent } = one.share!
    const isCohort = isOfCohort(one, asked)
    return absent.flatMap(({ side, seed, weight, cohortWeight }) =>
      here.has(side) ? [] : [{ seed, weight: isCohort ? cohortWeight : weight }],
    )
  })
}

const isOfCohort = ({ share }: Candidate, { facts, now }: Asked): boolean =>
  share !== null && share.cohort !== null && share.cohort(facts, now)

/** Of a route with a weight, for this client. */
export const weightOf = (one: Candidate, asked: Asked): number =>
  isOfCohort(one, asked) ? one.share!.cohortWeight : one.share!.weight
