import { createTimeWindow } from './sliding-window.ts'

/** How far back requests and repeats are counted. Finagle's `RetryBudget` has the same ten seconds. */
export const retryBudgetSeconds = 10

/**
 * So many repeats in the window are always let through, or an upstream with few requests would never see one. The
 * number is Envoy's (`retry_budget.min_retry_concurrency`); Finagle's ten per second would let a hundred through.
 */
export const retryBudgetFloor = 3

/** A limit of repeats by requests. A state machine that takes `now`; every call is O(1). */
export interface RetryBudget {
  /** Counts a request, at its first attempt. */
  countRequest(now: number): void
  /** Takes one repeat; false: there were too many of late. */
  tryRepeat(now: number): boolean
}

/** Repeats of the last ten seconds are at most `percent` of their requests, or the floor; of 0 percent: none. */
export function createRetryBudget(percent: number, now: number): RetryBudget {
  const request = 0
  const repeat = 1
  const window = createTimeWindow(retryBudgetSeconds, 2, now)
  return {
    countRequest: (now) => window.add(request, now),
    tryRepeat: (now) => {
      const share = (window.count(request, now) * percent) / 100
      const most = percent > 0 ? Math.max(retryBudgetFloor, share) : 0
      if (window.count(repeat, now) + 1 > most) return false
      window.add(repeat, now)
      return true
    },
  }
}
