/** What a worker still does while its heap fills, from everything to nothing new. */
export const heapLevels = ['open', 'no-keep-alive', 'no-exchanges', 'no-connections'] as const

export type HeapLevel = (typeof heapLevels)[number]

/** Shares of the heap's limit at which the levels after the first begin. */
const begins = [0.85, 0.92, 0.95]
/** One ends so far below: a collection that frees a little is no relief. */
const hysteresis = 0.05

/** The level after a look at the heap: up at once, and down where there is room. */
export function nextHeapLevel(level: HeapLevel, used: number): HeapLevel {
  const before = heapLevels.indexOf(level)
  const up = begins.filter((share) => used >= share).length
  const down = begins.filter((share) => used >= share - hysteresis).length
  return heapLevels[Math.max(up, Math.min(before, down))]!
}
