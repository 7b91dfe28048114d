import { monitorEventLoopDelay, performance, type IntervalHistogram } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { LoopLook } from '../../core/protect/adaptive-limit.ts'

/** What a worker's loop and heap are at. */
export interface Look extends LoopLook {
  /** Part of the heap's limit that is in use. */
  readonly heapUsed: number
}

/** Looks at the process. Open until `close`. */
export interface Meter {
  look(): Look
  close(): void
}

/** Length of a turn from which on it is measured well, in ms. */
const resolution = 10
/** A loop that is less busy is not measured: that would wake an idle process a hundred times a second. */
const busy = 0.9

export function createMeter(): Meter {
  let before = performance.eventLoopUtilization()
  let histogram: IntervalHistogram | null = null
  return {
    look: () => {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, before)
      before = now
      const turnMs = histogram === null || histogram.count === 0 ? 0 : histogram.mean / 1e6
      const longTurnMs = turnMs === 0 ? 0 : histogram!.percentile(99) / 1e6
      if (utilization < busy) {
        histogram?.disable()
        histogram = null
      } else if (histogram === null) {
        histogram = monitorEventLoopDelay({ resolution })
        histogram.enable()
      } else histogram.reset()
      const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
      return { utilization, turnMs, longTurnMs, heapUsed: used / limit }
    },
    close: () => histogram?.disable(),
  }
}
