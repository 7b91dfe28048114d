/** A cumulative histogram: how many values fell into each bucket and beyond the last, and their sum. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: Float64Array
  /** `bounds`: the largest value of each bucket, upwards. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 2)
  }

  record(value: number): void {
    const counts = this.#counts
    const bounds = this.#bounds
    const { length } = bounds
    let at = 0
    while (at < length && value > bounds[at]!) at += 1
    counts[at]! += 1
    counts[length + 1]! += value
  }

  /** Of each bucket, of what is beyond, and the sum. */
  get values(): Float64Array {
    return this.#counts
  }
}
