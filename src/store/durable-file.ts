import { randomBytes } from 'node:crypto'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { failpoint } from '../core/failpoint.ts'

/** What half-written files end in; whoever owns the folder may delete them when it opens it. */
export const unfinished = '.tmp'

/** Makes the names in a folder durable: a file that was created or renamed there survives power loss. */
export async function syncFolder(directory: string): Promise<void> {
  // Windows cannot open a folder, and does not need to.
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Writes all bytes, however many the system takes at a time: at `position`, or where the file stands. */
export async function writeAll(
  handle: FileHandle,
  bytes: Uint8Array,
  position: number | null = null,
): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const at = position === null ? null : position + done
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at)
    done += bytesWritten
  }
}

const reached = (place: string | undefined, arrow: string): void | Promise<void> =>
  place === undefined ? undefined : failpoint(`${place}.${arrow}`)

/**
 * Creates or replaces a file so that at every instant, power loss included, either the old one or the whole new one
 * is there; when it resolves, it is the new one. Mode 0600. `write` fills it. Without the first sync the rename may
 * reach the disk before the bytes; without the second, not at all.
 *
 *     NAME.x.tmp: write, fsync ── rename ──> NAME ── fsync of the folder
 *
 * `place` names the failpoints of tests.
 */
export async function createDurably(
  path: string,
  write: (handle: FileHandle) => Promise<void>,
  place?: string,
): Promise<void> {
  const directory = dirname(path)
  const draft = join(directory, `${basename(path)}.${randomBytes(6).toString('hex')}${unfinished}`)
  try {
    await reached(place, 'beforeWrite')
    const handle = await open(draft, 'wx', 0o600)
    try {
      await write(handle)
      await reached(place, 'afterWrite')
      await handle.sync()
    } finally {
      await handle.close()
    }
    await reached(place, 'afterSync')
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined)
    throw error
  }
  await reached(place, 'afterRename')
  await syncFolder(directory)
}

/** Writes a whole file durably: see `createDurably`. Everything that must not be torn goes through here. */
export function writeDurably(
  path: string,
  data: string | Uint8Array,
  place?: string,
): Promise<void> {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data
  return createDurably(path, (handle) => writeAll(handle, bytes), place)
}
