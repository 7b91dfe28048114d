/** What is left of the work that is limited; one thread does one piece of it at a time. */
let left = Infinity

/**
 * Does work that may become too much with what somebody made up for it: `spend` counts its steps, and says when they
 * are used up. A limit inside another one is never the larger.
 */
export function withEffort<Result>(most: number, work: () => Result): Result {
  const before = left
  const given = Math.min(before, most)
  left = given
  try {
    return work()
  } finally {
    left = before - (given - left)
  }
}

/** Counts steps; false: no more of them, take the answer that costs nothing. */
export function spend(steps: number): boolean {
  left -= steps
  return left > 0
}
