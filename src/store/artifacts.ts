import { readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { TurnoutError, problem, type Problem } from '../core/errors.ts'
import { thrownMessage } from '../core/thrown.ts'
import { digestArtifact, type Artifact } from '../modules/artifact.ts'
import { syncFolder, writeDurably } from './durable-file.ts'
import { clearDrafts, moveAside, prepareFolder } from './folder.ts'

/** Built modules on the disk, by digest. */
export interface ArtifactFiles {
  /** Resolves when the artifact is on the disk. Rejects with TURNOUT_STORE_FAILED. */
  put(artifact: Artifact): Promise<void>
  /** Null: there is none, or it is not what was put; then `onWarning` was told, and the file was moved aside. */
  get(digest: string): Promise<Artifact | null>
  /** Deletes all others. Name those of changes on their way too, for which no history speaks yet. */
  keepOnly(digests: ReadonlySet<string>): Promise<void>
}

const isDigest = (digest: string): boolean => /^[0-9a-f]{64}$/.test(digest)

/**
 * Reads the artifacts of a data folder that another process holds. Null: there is none, or it is not what was put; who
 * holds the folder finds that out by itself.
 */
export async function readArtifact(directory: string, digest: string): Promise<Artifact | null> {
  if (!isDigest(digest)) return null
  try {
    return parsed(await readFile(join(directory, 'artifacts', `${digest}.json`), 'utf8'), digest)
  } catch {
    return null
  }
}

/** Throws where it cannot be read; null: it is another one's. */
const parsed = (text: string, digest: string): Artifact | null => {
  const artifact = JSON.parse(text) as Artifact
  if (digestArtifact(artifact) !== digest) return null
  const { script, map, sources, imports, parameters, externals } = artifact
  return { script, map, sources, imports, parameters, externals, digest }
}

/** Opens the folder `artifacts` of a data folder; it is made if it is missing. Whoever holds the store's lock calls it. */
export async function createArtifactFiles(
  directory: string,
  onWarning: (problem: Problem) => void,
): Promise<ArtifactFiles> {
  const folder = join(directory, 'artifacts')
  const nameOf = (digest: string): string => `${digest}.json`
  const failed = (error: unknown): TurnoutError =>
    error instanceof TurnoutError
      ? error
      : new TurnoutError('TURNOUT_STORE_FAILED', { reason: thrownMessage(error) }, { cause: error })
  /** One after the other: what is found to be there must not be deleted at that moment. */
  let queue: Promise<unknown> = Promise.resolve()
  const queued = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = queue.then(work).catch((error: unknown) => {
      throw failed(error)
    })
    queue = result.catch(() => undefined)
    return result
  }

  const discard = async (digest: string, reason: string): Promise<null> => {
    await moveAside(folder, nameOf(digest)).catch(() => undefined)
    onWarning(problem('TURNOUT_ARTIFACT_DAMAGED', { digest, reason }))
    return null
  }

  const get = async (digest: string): Promise<Artifact | null> => {
    if (!isDigest(digest)) return null
    let text: string
    try {
      text = await readFile(join(folder, nameOf(digest)), 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw failed(error)
    }
    try {
      return parsed(text, digest) ?? (await discard(digest, 'its digest is another'))
    } catch (error) {
      return discard(digest, thrownMessage(error))
    }
  }

  const put = async (artifact: Artifact): Promise<void> => {
    const { digest } = artifact
    if (!isDigest(digest) || digestArtifact(artifact) !== digest)
      throw new TurnoutError('TURNOUT_ARTIFACT_DAMAGED', {
        digest,
        reason: 'its digest is another',
      })
    // It may be there because a process was killed right after the rename: then the name is not on the disk yet.
    if ((await get(digest)) === null)
      await writeDurably(join(folder, nameOf(digest)), JSON.stringify(artifact), 'artifact')
    else await syncFolder(folder)
  }

  try {
    await prepareFolder(folder)
    await clearDrafts(folder)
  } catch (error) {
    throw failed(error)
  }
  return {
    get,
    put: (artifact) => queued(() => put(artifact)),
    keepOnly: (digests) =>
      queued(async () => {
        for (const name of await readdir(folder)) {
          const digest = name.replace(/\.json$/, '')
          if (isDigest(digest) && !digests.has(digest))
            await rm(join(folder, name), { force: true })
        }
      }),
  }
}
