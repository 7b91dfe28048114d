/** Above it, a measurement counts as high; and how many of the last ones must. */
export interface ThresholdRule {
  readonly threshold: number
  /** So many high measurements ... */
  readonly atLeast: number
  /** ... of the last so many are a crossing. */
  readonly of: number
}

/** Over once enough of the last measurements were high; under again once none of them was even near. */
export interface Threshold {
  readonly isOver: boolean
  /** Measurements, newest first, as bits: it was high. */
  readonly high: readonly boolean[]
  /** The same: it was at least near. */
  readonly near: readonly boolean[]
}

export const untouched: Threshold = { isOver: false, high: [], near: [] }

/** What is above this share of the threshold is no relief: a value that swings around it crosses once. */
const nearShare = 0.9

/** The state after a measurement. */
export function measured(before: Threshold, value: number, rule: ThresholdRule): Threshold {
  const high = [value >= rule.threshold, ...before.high].slice(0, rule.of)
  const near = [value >= rule.threshold * nearShare, ...before.near].slice(0, rule.of)
  const isOver = before.isOver
    ? near.length < rule.of || near.includes(true)
    : high.filter(Boolean).length >= rule.atLeast
  return { isOver, high, near }
}
