import { createHash } from 'node:crypto'
import { lstat, readFile, realpath, stat, type BigIntStats } from 'node:fs'

/**
 * What one look at a path saw, without reading it. A cheap look decides "maybe changed"; the digest decides
 * "changed".
 */
export interface FileState {
  readonly kind: 'missing' | 'file' | 'folder' | 'other'
  /** Equal keys: nothing happened to the path as far as the file system tells. */
  readonly key: string
  /** The path itself is a symbolic link; `kind` and `key` are those of its target. */
  readonly isLink: boolean
  /** Milliseconds since the epoch; 0 where nothing is there. Unlike the mtime it cannot be set back. */
  readonly changedAt: number
}

// The callback forms cost the loop about a third of the promise forms; a scan makes one call per input.
const statOf = (read: typeof lstat | typeof stat, path: string): Promise<BigIntStats | string> =>
  new Promise((resolve) => {
    read(path, { bigint: true }, (error, stats) => {
      resolve(error === null ? stats : (error.code ?? 'EUNKNOWN'))
    })
  })

const absentCodes: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR'])

const describe = (found: BigIntStats | string, isLink: boolean): FileState => {
  if (typeof found === 'string') {
    return absentCodes.has(found)
      ? { kind: 'missing', key: 'missing', isLink, changedAt: 0 }
      : { kind: 'other', key: found, isLink, changedAt: 0 }
  }
  const { dev, ino, size, mtimeNs, ctimeNs } = found
  const changedAt = Number(found.ctimeMs)
  // A folder's times tell of its entries, which are looked at by themselves.
  if (found.isDirectory()) return { kind: 'folder', key: `folder:${dev}:${ino}`, isLink, changedAt }
  const kind = found.isFile() ? 'file' : 'other'
  return { kind, key: `${kind}:${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`, isLink, changedAt }
}

/** Looks at a path, following a link. Never throws: what cannot be looked at is `other`, keyed by its error code. */
export async function lookAt(path: string): Promise<FileState> {
  const found = await statOf(lstat, path)
  if (typeof found === 'string' || !found.isSymbolicLink()) return describe(found, false)
  return describe(await statOf(stat, path), true)
}

const contentOf = (path: string): Promise<Buffer | string> =>
  new Promise((resolve) => {
    readFile(path, (error, content) => {
      resolve(error === null ? content : (error.code ?? 'EUNKNOWN'))
    })
  })

/** The real path behind a path, or undefined where there is none. */
export function realPathOf(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    realpath.native(path, (error, real) => {
      resolve(error === null ? real : undefined)
    })
  })
}

/**
 * Digest of what is at a path: the content, and for a link also where it leads, because an import beside a file
 * is resolved from the file's real place. `nameOf` gives a real path its lasting name (see `Trails`).
 * Undefined when the file changed while it was read: look again.
 */
export async function digestOf(
  path: string,
  state: FileState,
  nameOf: (realPath: string) => string,
): Promise<string | undefined> {
  if (state.kind !== 'file') return state.kind === 'other' ? state.key : state.kind
  const content = await contentOf(path)
  const real = state.isLink ? await realPathOf(path) : undefined
  const after = await lookAt(path)
  if (after.key !== state.key) return undefined
  if (typeof content === 'string') return content
  const hash = createHash('sha256').update(content)
  if (real !== undefined) hash.update('\0').update(nameOf(real))
  return hash.digest('base64')
}

/** Runs `work` over many items, a chunk at a time, so that a scan of 100,000 files never holds the loop for long. */
export async function inChunks<Item, Result>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const list = [...items]
  const results: Result[] = []
  for (let from = 0; from < list.length; from += 64) {
    results.push(...(await Promise.all(list.slice(from, from + 64).map(work))))
  }
  return results
}
