import { PerformanceObserver, constants } from 'node:perf_hooks'

/**
 * What the garbage collector of this process did, while somebody wanted to know: to be told of it costs a fifth of a
 * millisecond, behind a pause that is hardly longer. Open until `close`.
 */
export interface Collections {
  want(who: 'leaks' | 'pressure', isWanted: boolean): void
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

/** Node tells each collection a little after it was. Wanted by nobody at first. */
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
  const wanting = new Set<string>()
  let isClosed = false
  return {
    want: (who, isWanted) => {
      // Versions are disposed of after it, too.
      if (isClosed) return
      const before = wanting.size
      if (isWanted) wanting.add(who)
      else wanting.delete(who)
      if (before === 0 && wanting.size > 0) observer.observe({ entryTypes: ['gc'] })
      if (before > 0 && wanting.size === 0) observer.disconnect()
    },
    get count() {
      return count
    },
    sinceLastMs: () => performance.now() - lastAt,
    takePause: () => {
      const pause = longestMs
      longestMs = 0
      return pause
    },
    close: () => {
      isClosed = true
      observer.disconnect()
    },
  }
}
