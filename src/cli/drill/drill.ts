import type { Filter } from '../../core/route/filter.ts'

/** What a step does to requests: the filter of that kind. */
export type Fault = Extract<Filter, { readonly kind: 'fault' }>

/** What holds where a fault does not say it. */
export const usualFault: Fault = {
  kind: 'fault',
  delayMs: 0,
  delayPercent: 100,
  abortStatus: 0,
  abortPercent: 100,
}

/** So many probes of a step may fail; more of them end the drill. */
export interface Budget {
  readonly errorPercent: number
  /** Answers before which nothing is judged. */
  readonly minRequests: number
}

/** A request that is sent again and again while a step runs. */
export interface Probe {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly perSecond: number
  /** Statuses that are no failure; null: all below 500. */
  readonly expect: readonly number[] | null
  /** No answer by then is a failure. */
  readonly timeoutMs: number
}

export interface Step {
  readonly name: string
  /** Ids of routes, all of the owner `admin`. */
  readonly routes: readonly string[]
  readonly fault: Fault
  readonly forMs: number
  /** `afterMs`: so long after the step before has ended. `at`: milliseconds since the epoch. */
  readonly start: { readonly afterMs: number } | { readonly at: number }
}

/** A drill file that was read: faults one after the other, each for a while. */
export interface Drill {
  readonly budget: Budget
  readonly probe: readonly Probe[]
  readonly steps: readonly Step[]
}
