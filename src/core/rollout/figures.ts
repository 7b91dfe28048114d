/** Upper bounds of the buckets that durations are counted in grow by this factor: quantiles are exact to 2 %. */
export const bucketGrowth = 1.04
/** Upper bound of the first bucket, ms. */
export const firstBucketMs = 0.05

/** What was seen of a version in a span of time. Plain data: it travels between processes, and adds up. */
export interface Figures {
  /** Exchanges that ended. */
  readonly requests: number
  /** Of them, those answered 5xx, or cut by their handler's fault. */
  readonly errors: number
  /** Of them, those answered 4xx. */
  readonly clientErrors: number
  /** Durations counted by bucket: index, count, index, count, by rising index. */
  readonly durations: readonly number[]
}

export const noFigures: Figures = { requests: 0, errors: 0, clientErrors: 0, durations: [] }
