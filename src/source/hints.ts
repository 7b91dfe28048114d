import { stat, watch, type FSWatcher } from 'node:fs'
import { basename } from 'node:path'
import { problem, type Problem } from '../core/errors.ts'
import { inChunks } from './fingerprint.ts'

/** Something may have happened in a folder; without a name anything may have, to the folder itself too. */
export interface Hint {
  readonly folder: string
  readonly name: string | undefined
  /** An entry came, went or was replaced; else only its content or its attributes changed. */
  readonly isRename: boolean
}

interface Watched {
  readonly watcher: FSWatcher
  readonly identity: string
  isDead: boolean
}

const identityOf = (folder: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    stat(folder, { bigint: true }, (error, stats) => {
      // The birth time tells a new folder from an old one whose inode number it was given.
      resolve(
        error === null && stats.isDirectory()
          ? `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`
          : undefined,
      )
    })
  })

/**
 * Change events of folders, as hints: they may come late, twice or never. One watch per folder and none per file:
 * a file's own watch dies with each atomic save, and 1,000 of them cost 1,000 of the few that a kernel gives.
 */
export class Hints {
  readonly #watched = new Map<string, Watched>()
  readonly #onHint: (hint: Hint) => void
  readonly #onError: (problem: Problem) => void
  #isFailing = false
  #isClosed = false

  constructor(onHint: (hint: Hint) => void, onError: (problem: Problem) => void) {
    this.#onHint = onHint
    this.#onError = onError
  }

  /** Some folder could not be watched at the last try. */
  get isFailing(): boolean {
    return this.#isFailing
  }

  /**
   * Watches these folders and no others; a folder that was replaced is watched anew. Tells whether a watch was
   * opened: what happened in that folder before is unseen, so look after this call, not before.
   */
  async watch(folders: ReadonlySet<string>): Promise<boolean> {
    const identities = await inChunks(folders, async (folder) => ({
      folder,
      identity: await identityOf(folder),
    }))
    if (this.#isClosed) return false
    for (const [folder, { watcher }] of this.#watched) {
      if (folders.has(folder)) continue
      watcher.close()
      this.#watched.delete(folder)
    }
    let opened = false
    let failure: Problem | undefined
    for (const { folder, identity } of identities) {
      const before = this.#watched.get(folder)
      if (before !== undefined) {
        if (before.identity === identity && !before.isDead) continue
        before.watcher.close()
        this.#watched.delete(folder)
      }
      // After one refusal the others would meet the same limit.
      if (identity === undefined || failure !== undefined) continue
      failure = this.#open(folder, identity)
      opened ||= failure === undefined
    }
    if (failure !== undefined && !this.#isFailing) this.#onError(failure)
    this.#isFailing = failure !== undefined
    return opened
  }

  /** Closes every watch; no hint comes after. */
  close(): void {
    this.#isClosed = true
    for (const { watcher } of this.#watched.values()) watcher.close()
    this.#watched.clear()
  }

  #open(folder: string, identity: string): Problem | undefined {
    try {
      const watcher = watch(folder, { persistent: false }, (event, name) => {
        // A folder that was moved or deleted says so in its own name; its watch is of no use any more.
        const isSelf = event === 'rename' && name === basename(folder)
        if (isSelf) watched.isDead = true
        this.#onHint({
          folder,
          name: isSelf ? undefined : (name ?? undefined),
          isRename: event === 'rename',
        })
      })
      const watched: Watched = { watcher, identity, isDead: false }
      watcher.on('error', () => {
        watched.isDead = true
        this.#onHint({ folder, name: undefined, isRename: true })
      })
      this.#watched.set(folder, watched)
      return undefined
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? String(error)
      if (reason === 'ENOENT' || reason === 'ENOTDIR') return undefined
      return problem('TURNOUT_FILES_WATCH_FAILED', { directory: folder, reason })
    }
  }
}
