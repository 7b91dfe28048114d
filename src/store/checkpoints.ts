import { problem, type Problem } from '../core/errors.ts'
import { thrownMessage } from '../core/thrown.ts'
import { writeCheckpoint } from './checkpoint.ts'
import { compact, type Keep } from './compaction.ts'
import { checkpointPath, deleteSegment, writeInventory, type Files } from './files.ts'
import type { Journal } from './journal.ts'

export interface CheckpointOptions {
  readonly files: Files
  readonly journal: Journal
  readonly keep: Keep
  /** The journal grows by at least this, and by the size of the last checkpoint, between two of them. */
  readonly minBytes: number
  readonly onWarning: (problem: Problem) => void
}

/** Takes checkpoints in the background. Start with `consider`; `close` ends one that is on its way. */
export interface Checkpoints {
  /** Looks whether it is time; with `now`, it is. */
  consider(now?: boolean): void
  /** Resolves when nothing is on its way. */
  idle(): Promise<void>
  close(): Promise<void>
}

/**
 * A checkpoint costs what the table is large, so it waits until the journal has grown by as much: then all of them
 * together cost no more than the records. A failed one is tried again after the same growth.
 */
export function createCheckpoints(options: CheckpointOptions): Checkpoints {
  const { files, journal, keep, minBytes, onWarning } = options
  const closing = new AbortController()
  let since = 0
  let working: Promise<void> | null = null

  const take = async (): Promise<void> => {
    const { segment, position, state, written } = await journal.turn()
    const path = checkpointPath(files, segment)
    const size = await writeCheckpoint(path, segment, position, state(), closing.signal)
    files.checkpoints.set(segment, size)
    since = written
    const old = compact(files, keep, journal.newest(), Date.now())
    // The inventory must not miss what is deleted on purpose.
    await writeInventory(files, journal.newest())
    for (const number of old) await deleteSegment(files, number)
  }

  const work = async (): Promise<void> => {
    try {
      await take()
    } catch (error) {
      since = journal.written()
      if (!closing.signal.aborted)
        onWarning(
          problem('TURNOUT_STORE_FAILED', { reason: `a checkpoint: ${thrownMessage(error)}` }),
        )
    }
    working = null
  }

  return {
    consider: (now = false) => {
      if (working !== null || closing.signal.aborted) return
      const last = [...files.checkpoints.values()].at(-1) ?? 0
      if (now || journal.written() - since >= Math.max(minBytes, last)) working = work()
    },
    idle: async () => {
      await working
    },
    close: async () => {
      closing.abort()
      await working
    },
  }
}
