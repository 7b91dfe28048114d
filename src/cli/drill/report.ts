import type { Budget, Fault } from './drill.ts'
import type { Counts } from './tally.ts'

/**
 * How a step ended: `held` to its end within the budget; `spent` its budget; `interrupted` by a signal; `refused` by
 * the instance, or it was not reached; `skipped`, for the drill had ended.
 */
export type Verdict = 'held' | 'spent' | 'interrupted' | 'refused' | 'skipped'

/** What came of a step. */
export interface StepReport {
  readonly name: string
  readonly routes: readonly string[]
  readonly fault: Omit<Fault, 'kind'>
  readonly forMs: number
  readonly verdict: Verdict
  /** ISO 8601; null: it has not begun. */
  readonly startedAt: string | null
  readonly endedAt: string | null
  /** Revision that put the fault in front of the routes; null: none did, or its answer never came. */
  readonly injected: number | null
  /** Revision that took it back; null: none, or the instance did by itself. */
  readonly takenBack: number | null
  /** Whether the fault is known to be gone. */
  readonly isGone: boolean
  /** Routes that somebody else changed meanwhile. */
  readonly changed: readonly string[]
  readonly counts: Counts | null
}

/** What came of a drill. */
export interface DrillReport {
  readonly file: string
  /** Admin API of the instance, and where the probes went. */
  readonly instance: string
  readonly url: string
  readonly startedAt: string
  readonly endedAt: string
  /** That of the first step that did not hold. */
  readonly verdict: Verdict
  readonly budget: Budget
  readonly steps: readonly StepReport[]
}
