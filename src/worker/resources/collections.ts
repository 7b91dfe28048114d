import { PerformanceObserver, constants } from 'node:perf_hooks'

/** What the garbage collector of this process did. Open until `close`. */
export interface Collections {
  /** Major ones so far. */
  readonly count: number
  sinceLastMs(): number
  /** The longest pause since this was asked last, in ms. */
  takePause(): number
  close(): void
}

interface Told {
  readonly duration: number
  readonly detail: { readonly kind?: number }
}

/** Node tells each collection a little after it was. */
export function watchCollections(): Collections {
  let count = 0
  let lastAt = performance.now()
  let longestMs = 0
  const observer = new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries() as unknown as readonly Told[]) {
      longestMs = Math.max(longestMs, duration)
      if (detail.kind !== constants.NODE_PERFORMANCE_GC_MAJOR) continue
      count += 1
      lastAt = performance.now()
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  return {
    get count() {
      return count
    },
    sinceLastMs: () => performance.now() - lastAt,
    takePause: () => {
      const pause = longestMs
      longestMs = 0
      return pause
    },
    close: () => observer.disconnect(),
  }
}
