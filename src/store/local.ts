import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { problem, type Problem } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import { createCheckpoints } from './checkpoints.ts'
import type { Keep } from './compaction.ts'
import { writeInventory } from './files.ts'
import { clearDrafts, prepareFolder } from './folder.ts'
import { catchUp, readState, watchFloor } from './history.ts'
import { openJournal, storeFailed } from './journal.ts'
import { acquireLock } from './lock.ts'
import { openFiles } from './open-files.ts'
import { objectsOf } from './position.ts'
import type { Store, StoredObject } from './store.ts'
import { verifyHistory } from './verify-history.ts'
import { createWatchers, giveRecord } from './watchers.ts'

/*
 * The local store: a journal of our own with a checksum in every line, and checkpoints.
 *
 *     publish ──> journal-N: one write, fdatasync ──> answer ──> watchers
 *                      │ has grown by the size of the last checkpoint
 *                      └──> journal-(N+1) goes on; checkpoint-(N+1) is written beside it, in slices
 *
 * Why not an embedded database? A damaged store must be detected and never served from. With lmdb, the one that
 * installs everywhere, 60 damaged copies of a file of 3,000 entries gave: truncated, SIGBUS ended the process 19 times
 * of 20; a page zeroed, SIGABRT 20 of 20; one bit flipped, silently wrong 9 of 20. A memory-mapped file without
 * checksums cannot do better, and what is needed here is little: one writer, one order, whole states.
 */

export interface LocalStoreOptions {
  /** The data folder. It is made if it is missing, with mode 0700. */
  readonly directory: string
  /** Default: 1000 revisions, and none older than 30 days. */
  readonly keep?: Partial<Keep>
  /** Told of what does not stop the store: an unfinished write cut off, damage in older files, a failed checkpoint. */
  readonly onWarning: (problem: Problem) => void
  /** A checkpoint is taken when the journal has grown by this and by the last one's size. Default: 1 MiB. */
  readonly checkpointBytes?: number
  /** Milliseconds after which the older history is verified in the background. Default 0. */
  readonly verifyAfterMs?: number
}

export interface LocalStore {
  readonly store: Store
  /** Damage that was found, and what was recovered. To be told loudly. */
  readonly recovery: Problem | null
  /** Resolves when the older files were verified too; what was found went to `onWarning`. */
  readonly verified: Promise<void>
  /** Resolves when no checkpoint is being written. */
  readonly idle: () => Promise<void>
}

/**
 * Opens the store of a data folder. Rejects with TURNOUT_STORE_LOCKED when another instance has it, TURNOUT_STORE_UNSAFE
 * when everybody may write into it, TURNOUT_STORE_DAMAGED when nothing in it verifies, TURNOUT_STORE_FAILED otherwise.
 */
export async function openLocalStore(options: LocalStoreOptions): Promise<LocalStore> {
  let release: (() => Promise<void>) | null = null
  try {
    await prepareFolder(options.directory)
    release = await acquireLock(options.directory)
    return await openLocked(options, release)
  } catch (error) {
    await release?.()
    throw storeFailed(error)
  }
}

const openLocked = async (
  options: LocalStoreOptions,
  release: () => Promise<void>,
): Promise<LocalStore> => {
  const { onWarning } = options
  const keep = { revisions: 1000, days: 30, ...options.keep }
  const directory = join(options.directory, 'revisions')
  await prepareFolder(directory)
  await clearDrafts(directory)
  const { files, standing, size, written, recovery, tail } = await openFiles(directory)
  if (tail !== null) onWarning(tail)

  const watchers = createWatchers()
  /** What was read at the start serves until the first publish: from then on, memory is the publisher's. */
  let opened: StateAt | null = stateOf(standing.objects)
  const newestBase = Math.max(0, ...files.checkpoints.keys())
  const journal = await openJournal({
    files,
    position: standing.position,
    state: opened,
    size,
    written,
    onRecord: (record) => {
      if (record.number !== null) opened = null
      watchers.tell(record)
      checkpoints.consider()
    },
  })
  const minBytes = options.checkpointBytes ?? 1024 * 1024
  const checkpoints = createCheckpoints({ files, journal, keep, minBytes, onWarning })
  // Damage left fewer files that can stand in for each other.
  checkpoints.consider(recovery !== null)

  const closing = new AbortController()
  let closed: Promise<void> | null = null
  const warn = (error: unknown): void => onWarning(storeProblem(error))
  const verified = later(options.verifyAfterMs ?? 0, closing.signal)
    .then(() => verifyHistory(files, journal, newestBase, onWarning, closing.signal))
    .catch(warn)

  const close = async (): Promise<void> => {
    closing.abort()
    await checkpoints.close()
    await verified
    await journal.close()
    await writeInventory(files, journal.newest()).catch(warn)
    await release()
  }

  const store: Store = {
    isVolatile: false,
    cursor: () => journal.newest().cursor,
    read: async (number) => {
      if (closed !== null) throw storeFailed('it is closed')
      const { number: newest, made } = journal.newest()
      if ((number === undefined || number === newest) && opened !== null)
        return { number: newest, cursor: made, objects: opened() }
      try {
        return await readState(files, journal, number ?? newest, warn)
      } catch (error) {
        throw storeFailed(error)
      }
    },
    publish: (proposal, state) => journal.publish(proposal, state),
    watch: (after, listener, onBroken) => {
      const { cursor } = journal.newest()
      if (closed !== null || after > cursor || after < watchFloor(files)) return null
      if (after === cursor) return watchers.add(listener)
      let isEnded = false
      let remove: (() => void) | null = null
      const give = giveRecord.bind(null, listener)
      const isOver = (): boolean => isEnded || closed !== null
      const onUpToDate = (): void => {
        remove = watchers.add(listener)
      }
      catchUp(files, journal, after, give, isOver, onUpToDate).catch(async (error: unknown) => {
        warn(error)
        await verified
        if (!isOver()) onBroken?.()
      })
      return () => {
        isEnded = true
        remove?.()
      }
    },
    close: () => (closed ??= close()),
  }
  return { store, recovery, verified, idle: () => checkpoints.idle() }
}

/** Resolves after a while, or when `signal` ends the wait. */
const later = async (ms: number, signal: AbortSignal): Promise<void> =>
  ms === 0 ? undefined : sleep(ms, undefined, { ref: false, signal }).catch(() => undefined)

type StateAt = () => Iterable<StoredObject>

/** Apart, so that nothing else holds the objects when they are let go. */
const stateOf =
  (objects: ReadonlyMap<string, Json>): StateAt =>
  () =>
    objectsOf(objects)

const storeProblem = (error: unknown): Problem => {
  const { code, message } = storeFailed(error)
  return { ...problem(code), message }
}
