/** Share of what the container may have that is given out: the kernel acts at the whole. */
const givenOut = 0.9
/** Of a worker's memory, V8's old space may take so much, and leaves so much to code, threads and the young space. */
const oldSpaceShare = 0.75
const besideOldSpaceMb = 90
/** With less, Node does not get along. */
const leastOldSpaceMb = 48

const mebibyte = 1024 * 1024

/**
 * What each of so many workers may hold, in bytes; the supervisor has a share, too. `limit` is what the container may have,
 * `total` what the machine has. Infinite where there is no limit.
 */
export function shareOfMemory(count: number, limit: number, total: number): number {
  const isLimited = limit > 0 && limit < total
  return isLimited ? (limit * givenOut) / (count + 1) : Infinity
}

/**
 * Words for a worker's Node. By itself each process takes the limit of the container for its own, so that several together
 * outgrow it before V8 collects. Nothing where Node's own choice is lower, or where the operator has said it.
 */
export function heapWords(
  memoryBytes: number,
  usualBytes: number,
  said: readonly string[],
): readonly string[] {
  if (said.some((word) => /--max[-_]old[-_]space[-_]size/.test(word))) return []
  const memoryMb = memoryBytes / mebibyte
  const fitting = Math.min(memoryMb * oldSpaceShare, memoryMb - besideOldSpaceMb)
  const most = Math.max(leastOldSpaceMb, Math.floor(fitting))
  return most * mebibyte < usualBytes ? [`--max-old-space-size=${most}`] : []
}
