import type { Files } from './files.ts'
import type { Position } from './position.ts'

/** How much history is kept. */
export interface Keep {
  /** Revisions; notes between them are kept with them, up to ten for each. */
  readonly revisions: number
  readonly days: number
}

const dayMs = 86_400_000
const keptCheckpoints = 2

/** The oldest segment that is needed. */
const firstNeeded = (files: Files, keep: Keep, newest: Position, now: number): number => {
  const { segments, checkpoints } = files
  const isOld = (at: number): boolean => {
    // A segment is old when the one after it begins before everything that is kept.
    const next = segments[at + 1]?.begin
    if (next === undefined) return false
    const { number, cursor } = next.position
    return (
      number <= newest.number - keep.revisions ||
      cursor <= newest.cursor - keep.revisions * 10 ||
      next.at < now - keep.days * dayMs
    )
  }
  let first = 0
  while (isOld(first)) first += 1
  // What is left must begin with a checkpoint, and two checkpoints stay whatever is old.
  const bases = [...checkpoints.keys()].sort((left, right) => left - right)
  const latest = bases.at(-keptCheckpoints) ?? 0
  const wanted = Math.min(segments[first]!.number, latest)
  return bases.findLast((number) => number <= wanted) ?? 0
}

/**
 * Lets go of the history that is older than what is kept, by whole segments: so up to one more than asked for stays.
 * What somebody reads is left for the next time. Returns what may be deleted.
 */
export function compact(files: Files, keep: Keep, newest: Position, now: number): number[] {
  const read = Math.min(...[...files.readers].map(({ segment }) => segment))
  const end = Math.min(firstNeeded(files, keep, newest, now), read)
  const old: number[] = []
  while (files.segments.length > 1 && files.segments[0]!.number < end) {
    const { number } = files.segments.shift()!
    files.checkpoints.delete(number)
    old.push(number)
  }
  return old
}
