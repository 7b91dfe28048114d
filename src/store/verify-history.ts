import { TurnoutError, problem, type Problem } from '../core/errors.ts'
import { thrownMessage } from '../core/thrown.ts'
import { readCheckpoint } from './checkpoint.ts'
import {
  checkpointName,
  checkpointPath,
  deleteSegment,
  segmentName,
  type Files,
  type Segment,
} from './files.ts'
import { isDamage, moveAside } from './folder.ts'
import { walkPublished, type Written } from './history.ts'
import { isFollowing } from './segment.ts'
import type { Position } from './position.ts'

/**
 * Opening verifies what the newest state is made of. This verifies the older files afterwards, in the background, so
 * that damage is told before somebody wants to go back. A checkpoint that does not verify is moved aside; a segment is
 * too, and the history ends after it. Resolves when all was looked at, or `signal` ends it.
 */
export async function verifyHistory(
  files: Files,
  written: Written,
  base: number,
  onWarning: (problem: Problem) => void,
  signal: AbortSignal,
): Promise<void> {
  const warn = (name: string, reason: string, outcome: string): void =>
    onWarning(
      problem('TURNOUT_STORE_RECOVERED', {
        directory: files.directory,
        reason: `${name}: ${reason}`,
        outcome,
      }),
    )
  const dropUpTo = async (segment: Segment, reason: string): Promise<void> => {
    const name = segmentName(segment.number)
    while (files.segments[0] !== undefined && files.segments[0].number <= segment.number) {
      const { number } = files.segments.shift()!
      if (number === segment.number) await moveAside(files.directory, name)
      await deleteSegment(files, number)
    }
    warn(name, reason, 'nothing newer is lost, but the history before it has ended')
  }

  const reader = { segment: 0 }
  files.readers.add(reader)
  try {
    for (const number of Array.from(files.checkpoints.keys())) {
      if (signal.aborted) return
      if (number >= base) continue
      const reason = await verifyCheckpoint(files, number)
      if (reason === null) continue
      files.checkpoints.delete(number)
      await moveAside(files.directory, checkpointName(number))
      warn(checkpointName(number), reason, 'no revision is lost')
    }
    let follows: Position | undefined
    let before: Segment | undefined
    for (const segment of files.segments.slice()) {
      if (signal.aborted || segment.number > base) return
      if (before !== undefined && follows !== undefined && !isFollowing(segment.begin, follows))
        await dropUpTo(before, 'records at its end, or a segment after it, are missing')
      if (segment.number === base) return
      before = segment
      try {
        follows = (await walkPublished(files, written, segment, () => true)).position ?? undefined
      } catch (error) {
        if (!isDamaged(error)) throw error
        follows = undefined
        await dropUpTo(segment, thrownMessage(error))
      }
    }
  } finally {
    files.readers.delete(reader)
  }
}

const verifyCheckpoint = async (files: Files, number: number): Promise<string | null> => {
  try {
    const read = await readCheckpoint(checkpointPath(files, number), number)
    return read.ok ? null : read.reason
  } catch (error) {
    if (!isDamaged(error)) throw error
    return thrownMessage(error)
  }
}

const isDamaged = (error: unknown): boolean => error instanceof TurnoutError || isDamage(error)
