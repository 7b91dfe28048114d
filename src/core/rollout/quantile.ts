import { bucketCount, floorOf, bounds } from './buckets.ts'
import { noFigures, type Figures } from './figures.ts'
import type { FiguresSummary } from './measurement.ts'

/** What several saw together. */
export function addFigures(list: readonly Figures[]): Figures {
  if (list.length < 2) return list[0] ?? noFigures
  const counts = new Float64Array(bucketCount)
  let requests = 0
  let errors = 0
  let clientErrors = 0
  for (const figures of list) {
    requests += figures.requests
    errors += figures.errors
    clientErrors += figures.clientErrors
    const { durations } = figures
    for (let at = 0; at < durations.length; at += 2) counts[durations[at]!]! += durations[at + 1]!
  }
  return { requests, errors, clientErrors, durations: sparse(counts) }
}

/** Counts by bucket as figures carry them. */
export function sparse(counts: Float64Array): readonly number[] {
  const durations: number[] = []
  for (let bucket = 0; bucket < counts.length; bucket += 1)
    if (counts[bucket]! > 0) durations.push(bucket, counts[bucket]!)
  return durations
}

/** How many durations were counted. */
export function countDurations({ durations }: Pick<Figures, 'durations'>): number {
  let count = 0
  for (let at = 1; at < durations.length; at += 2) count += durations[at]!
  return count
}

/**
 * The duration that a share `q` of all do not exceed, ms; null where there are none. Inside a bucket ranks are spread
 * evenly, so that it is off by less than the bucket's width: 4 %.
 */
export function quantile(figures: Pick<Figures, 'durations'>, q: number): number | null {
  const { durations } = figures
  const count = countDurations(figures)
  if (count === 0) return null
  const rank = Math.max(1, Math.min(count, q * count))
  let seen = 0
  for (let at = 0; at < durations.length; at += 2) {
    const here = durations[at + 1]!
    if (seen + here >= rank) {
      const [bucket, part] = [durations[at]!, (rank - seen) / here]
      const floor = floorOf(bucket)
      return floor + ((bounds[bucket] ?? floor) - floor) * part
    }
    seen += here
  }
  return floorOf(durations[durations.length - 2]!)
}

export function summaryOf(figures: Figures): FiguresSummary {
  const { requests, errors } = figures
  return {
    requests,
    errors,
    errorRate: requests === 0 ? null : errors / requests,
    p50Ms: quantile(figures, 0.5),
    p95Ms: quantile(figures, 0.95),
    p99Ms: quantile(figures, 0.99),
  }
}

/**
 * Figures of which only a summary is left: requests and errors. Times are not known, and all requests count as client
 * errors, so that a rate of those which is compared with it has nothing to object to.
 */
export const rateFigures = ({ requests, errors }: FiguresSummary): Figures => ({
  requests,
  errors,
  clientErrors: requests,
  durations: [],
})
