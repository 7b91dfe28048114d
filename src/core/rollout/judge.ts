import { bounds, bucketCount, floorOf } from './buckets.ts'
import { kindOfMetric, renderAmount } from './condition.ts'
import type { Figures } from './figures.ts'
import type { Judgement } from './measurement.ts'
import type { AnalysisSettings, Condition } from './plan.ts'
import { binomialAtLeast, fisherAtLeast } from './probability.ts'
import { addFigures, countDurations, quantile } from './quantile.ts'

type Verdict = Judgement['verdict']

/** How unlikely chance must be, for one judgement of one condition. */
export interface Significance {
  /** Of a judgement that is made once in an interval. */
  readonly interval: number
  /** Of the looks between them, each 100 ms: they overlap, and there are many of them. */
  readonly continuous: number
}

/**
 * For the false alarms of whole rollouts see `docs/reference/analysis.md`. Judgements at intervals are few, and the
 * default plan needs two that fail. Looks at a window that slides are like one independent look each fraction of a
 * window: for a level of u standard deviations a false alarm comes u * phi(u) times a window (Leadbetter, Lindgren and
 * Rootzen, Extremes and Related Properties of Random Sequences and Processes, 1983, chapter 12), 3 in a million here.
 */
export const significance: Significance = { interval: 1e-5, continuous: 1e-7 }

const shareOf = { p50: 0.5, p95: 0.95, p99: 0.99 } as const

/** How many of how many have a mark: an error, or a duration above a limit. */
interface Marked {
  readonly count: number
  readonly of: number
}

/**
 * Judges one condition.
 *
 * Fewer exchanges than `minimumSamples` are inconclusive. A value within the limit passes. A value past it fails where
 * chance does as much less often than `alpha`, were there nothing to object; else it is inconclusive:
 *
 * - a rate against the stable version's: Fisher's exact test of errors in both, one side (Fisher, Statistical Methods
 *   for Research Workers, 5th edition, 1934; Agresti, Categorical Data Analysis, 3rd edition, 3.5);
 * - a quantile against the stable version's: how many durations of either lie above the quantile of both together, by
 *   the same test, see `chanceOfQuantile` (the median test of Mood, Introduction to the Theory of Statistics, 1950, and Mathisen 1943, for any
 *   quantile; Conover, Practical Nonparametric Statistics, 3rd edition, 4.3). It supposes no distribution, and is exact
 *   for durations that are counted in buckets too;
 * - a limit of its own: errors, or durations above the limit, by the binomial distribution (Conover, 3.1 and 3.2).
 *
 * What is tested against the stable version is whether the canary is worse at all; the limit is for its value. So a
 * version that is worse within the limit may fail when few exchanges put its value past it.
 */
export function judge(
  condition: Condition,
  canary: Figures,
  stable: Figures,
  { minimumSamples }: Pick<AnalysisSettings, 'minimumSamples'>,
  alpha: number,
): Judgement {
  const { metric, compare, isRelative } = condition
  const answer = (
    verdict: Verdict,
    value: number | null,
    limit: number | null,
    text: string,
  ): Judgement => ({ condition: condition.text, verdict, value, limit, text })

  if (!isCounted(canary) || (isRelative && !isCounted(stable)))
    return answer('error', null, null, `${metric}: the figures are no numbers`)
  const value = valueOf(metric, canary)
  const limit = limitOf(condition, stable)
  // A count says itself how many are enough.
  if (kindOfMetric[metric] === 'count') return judgeCount(condition, canary.requests)
  if (canary.requests < minimumSamples)
    return answer('inconclusive', value, limit, few('canary', canary, minimumSamples))
  if (isRelative && stable.requests < minimumSamples)
    return answer('inconclusive', value, limit, few('stable version', stable, minimumSamples))
  if (value === null || limit === null || !Number.isFinite(value) || !Number.isFinite(limit))
    return answer('error', value, limit, `${metric}: there is no number to judge`)

  const said = `${metric} is ${show(condition, value)}`
  const bound = `${compare} ${show(condition, limit)}${isRelative ? ` (stable ${show(condition, valueOf(metric, stable)!)})` : ''}`
  if (holds(compare, value, limit))
    return answer('pass', value, limit, `${said}, as wanted: ${bound}`)
  const chance = chanceOf(condition, canary, stable, limit)
  return chance < alpha
    ? answer('fail', value, limit, `${said}, not ${bound}; ${odds(chance)}`)
    : answer(
        'inconclusive',
        value,
        limit,
        `${said}, not ${bound}, but this may be chance; ${odds(chance)}`,
      )
}

/** The verdict of several judgements: one that fails decides, and none of them is passed over. */
export function verdictOf(judgements: readonly Judgement[]): Verdict {
  const worst: readonly Verdict[] = ['fail', 'error', 'inconclusive']
  return worst.find((verdict) => judgements.some((one) => one.verdict === verdict)) ?? 'pass'
}

/** All conditions by the same figures. */
export function judgeAll(
  settings: Pick<AnalysisSettings, 'conditions' | 'minimumSamples'>,
  canary: Figures,
  stable: Figures,
  alpha: number,
): readonly Judgement[] {
  return settings.conditions.map((condition) => judge(condition, canary, stable, settings, alpha))
}

/** Too few exchanges are no fault: they may come. Too many do not go away. */
function judgeCount(
  { text: condition, metric, compare, plus }: Condition,
  value: number,
): Judgement {
  const isWithin = holds(compare, value, plus)
  const verdict = isWithin ? 'pass' : compare === '>=' || compare === '>' ? 'inconclusive' : 'fail'
  const text = `${metric} is ${value}, ${isWithin ? 'as wanted:' : 'not'} ${compare} ${plus}`
  return { condition, verdict, value, limit: plus, text }
}

const isCounted = ({ requests, errors, clientErrors, durations }: Figures): boolean =>
  Number.isFinite(requests + errors + clientErrors) && durations.every(Number.isFinite)

function valueOf(metric: Condition['metric'], figures: Figures): number | null {
  const { requests, errors, clientErrors } = figures
  switch (metric) {
    case 'errorRate':
      return requests === 0 ? null : errors / requests
    case 'clientErrorRate':
      return requests === 0 ? null : clientErrors / requests
    case 'requests':
      return requests
    case 'p50':
    case 'p95':
    case 'p99':
      return quantile(figures, shareOf[metric])
    default:
      return metric satisfies never
  }
}

function limitOf({ metric, isRelative, times, plus }: Condition, stable: Figures): number | null {
  if (!isRelative) return plus
  const value = valueOf(metric, stable)
  return value === null ? null : value * times + plus
}

function holds(compare: Condition['compare'], value: number, limit: number): boolean {
  switch (compare) {
    case '<=':
      return value <= limit
    case '<':
      return value < limit
    case '>=':
      return value >= limit
    case '>':
      return value > limit
    default:
      return compare satisfies never
  }
}

/** How often chance alone does as much, on the side that the condition objects to. */
function chanceOf(condition: Condition, canary: Figures, stable: Figures, limit: number): number {
  const { metric, compare, isRelative } = condition
  const isTooHigh = compare === '<=' || compare === '<'
  if (metric === 'p50' || metric === 'p95' || metric === 'p99') {
    const share = shareOf[metric]
    if (isRelative) return chanceOfQuantile(canary, stable, share, isTooHigh)
    const { count, of } = sided(countAbove(canary, limit), isTooHigh)
    return binomialAtLeast(count, of, isTooHigh ? 1 - share : share)
  }
  const marksOf = ({ requests, errors, clientErrors }: Figures): Marked =>
    sided({ count: metric === 'errorRate' ? errors : clientErrors, of: requests }, isTooHigh)
  const own = marksOf(canary)
  if (isRelative) return fisher(own, marksOf(stable))
  return binomialAtLeast(own.count, own.of, isTooHigh ? limit : 1 - limit)
}

const fisher = (own: Marked, other: Marked): number =>
  fisherAtLeast(own.count, own.of, other.count, other.of)

/**
 * The quantile of both together is in a bucket; durations are divided below it and above it, and the clearer of the two
 * answers counts, taken twice for there were two. One division alone says nothing where a bucket is as heavy as those of
 * a handler that always takes the same time:
 *
 *     stable  |#####|     |          the quantile of both is in the right bucket: above it is nothing,
 *     canary  |     |#####|          below it the two part
 */
function chanceOfQuantile(
  canary: Figures,
  stable: Figures,
  share: number,
  isTooHigh: boolean,
): number {
  const bucket = pooledBucket(canary, stable, share)
  const chances = [floorOf(bucket), bounds[bucket] ?? Infinity].map((cut) =>
    fisher(sided(countAbove(canary, cut), isTooHigh), sided(countAbove(stable, cut), isTooHigh)),
  )
  return Math.min(1, 2 * Math.min(...chances))
}

/** Where low values are objected to, those without a mark are counted. */
const sided = ({ count, of }: Marked, isTooHigh: boolean): Marked =>
  isTooHigh ? { count, of } : { count: of - count, of }

/** The bucket that has the quantile of both together. */
function pooledBucket(canary: Figures, stable: Figures, share: number): number {
  const { durations } = addFigures([canary, stable])
  let left = share * countDurations({ durations })
  for (let at = 0; at < durations.length; at += 2) {
    left -= durations[at + 1]!
    if (left <= 0) return durations[at]!
  }
  return bucketCount - 1
}

/** Of the bucket that the limit is in, the part above it, rounded down. */
function countAbove(figures: Figures, limit: number): Marked {
  const { durations } = figures
  let count = 0
  for (let at = 0; at < durations.length; at += 2) {
    const [bucket, here] = [durations[at]!, durations[at + 1]!]
    const floor = floorOf(bucket)
    const bound = bounds[bucket] ?? Infinity
    if (floor >= limit) count += here
    else if (bound > limit && bound < Infinity)
      count += Math.floor((here * (bound - limit)) / (bound - floor))
  }
  return { count, of: countDurations(figures) }
}

const few = (who: string, { requests }: Figures, minimum: number): string =>
  `the ${who} had ${requests} exchanges, fewer than ${minimum}`

const show = ({ metric }: Condition, value: number): string =>
  renderAmount(metric, Number(value.toPrecision(4)))

const odds = (chance: number): string =>
  chance < 1e-9
    ? 'chance does so less than once in 1,000,000,000 times'
    : chance > 0.01
      ? `chance does so ${Math.round(chance * 100)} times in 100`
      : `chance does so once in ${Math.round(1 / chance).toLocaleString('en-US')} times`
