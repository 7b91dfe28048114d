import { createArtifactFiles, type ArtifactFiles } from './store/artifacts.ts'
import { openLocalStore } from './store/local.ts'
import type { Store } from './store/store.ts'
import type { Problem } from './core/errors.ts'

/** Everything that outlives the process, in one folder that one instance holds. Open, then `store.close()`. */
export interface DataFolder {
  readonly directory: string
  readonly store: Store
  readonly artifacts: ArtifactFiles
  /** Damage that was found, and what was recovered; to be told loudly. */
  readonly recovery: Problem | null
}

/** The older history is verified when the start is over. */
const verifyAfterMs = 5_000

/** Rejects with TURNOUT_STORE_LOCKED, TURNOUT_STORE_UNSAFE, TURNOUT_STORE_DAMAGED or TURNOUT_STORE_FAILED. */
export async function openDataFolder(
  directory: string,
  keepRevisions: number,
  onWarning: (problem: Problem) => void,
): Promise<DataFolder> {
  const keep = { revisions: keepRevisions }
  const { store, recovery } = await openLocalStore({ directory, keep, onWarning, verifyAfterMs })
  try {
    const artifacts = await createArtifactFiles(directory, onWarning)
    return { directory, store, artifacts, recovery }
  } catch (error) {
    await store.close()
    throw error
  }
}
