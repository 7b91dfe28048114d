import type { Budget } from './drill.ts'

/** What came of one probe; `status` null: no answer. */
export interface ProbeOutcome {
  readonly status: number | null
  readonly ms: number
  readonly isFailed: boolean
}

/** What came of the probes of a step. */
export interface Counts {
  /** Probes that have ended. */
  readonly sent: number
  readonly failed: number
  /** Of the failed: those without an answer. */
  readonly unanswered: number
  /** Probes that were due and not sent, for too many were waiting for their answers. */
  readonly heldBack: number
  readonly statuses: Readonly<Record<string, number>>
  /** Of the answers, in whole ms; null: there is none. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
}

export interface Tally {
  readonly add: (outcome: ProbeOutcome) => void
  readonly holdBack: () => void
  /** Cheap: asked after every probe. */
  readonly share: () => Pick<Counts, 'sent' | 'failed'>
  readonly counts: () => Counts
}

/** No probe waits longer. */
const slowestMs = 60_000

/** Counts outcomes; a step may be long, so latencies are counted by the millisecond and not kept one by one. */
export function createTally(): Tally {
  const latencies = new Uint32Array(slowestMs + 1)
  const statuses: Record<string, number> = {}
  let [sent, failed, unanswered, heldBack] = [0, 0, 0, 0]
  const add = ({ status, ms, isFailed }: ProbeOutcome): void => {
    sent += 1
    if (isFailed) failed += 1
    if (status === null) {
      unanswered += 1
      return
    }
    statuses[status] = (statuses[status] ?? 0) + 1
    latencies[Math.min(slowestMs, Math.round(ms))]! += 1
  }
  /** The latency that so many percent of the answers did not exceed. */
  const percentile = (percent: number): number | null => {
    let left = Math.ceil(((sent - unanswered) * percent) / 100)
    if (left === 0) return null
    return latencies.findIndex((count) => (left -= count) <= 0)
  }
  return {
    add,
    holdBack: () => (heldBack += 1),
    share: () => ({ sent, failed }),
    counts: () => ({
      sent,
      failed,
      unanswered,
      heldBack,
      statuses: { ...statuses },
      p50Ms: percentile(50),
      p99Ms: percentile(99),
    }),
  }
}

/** Whether more probes failed than the budget allows. */
export function isSpent(
  { sent, failed }: Pick<Counts, 'sent' | 'failed'>,
  { errorPercent, minRequests }: Budget,
): boolean {
  return sent >= minRequests && failed * 100 > errorPercent * sent
}
