import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { TurnoutError } from '../core/errors.ts'
import { syncFolder, unfinished } from './durable-file.ts'

const othersMayWrite = 0o002
const keptDamaged = 10

/**
 * Makes a data folder, or sees to it that only its owner gets at it: mode 0700. Rejects with TURNOUT_STORE_UNSAFE when
 * everybody may write into it, for then nobody knows who did.
 */
export async function prepareFolder(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const found = await stat(directory)
  if (process.platform === 'win32') return
  if ((found.mode & othersMayWrite) !== 0) {
    const reason = 'everybody may write into it'
    throw new TurnoutError('TURNOUT_STORE_UNSAFE', { directory, reason })
  }
  if ((found.mode & 0o077) !== 0 && found.uid === process.geteuid?.()) await chmod(directory, 0o700)
}

/**
 * Whether a file that could not be read is damaged or gone, and not just out of reach: where a right or a descriptor is
 * missing, moving files aside would do the damage.
 */
export function isDamage(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === undefined || ['ENOENT', 'EIO', 'EISDIR', 'ERR_FS_FILE_TOO_LARGE'].includes(code)
}

/** Deletes what writes left behind that were never finished. */
export async function clearDrafts(directory: string): Promise<void> {
  for (const name of await readdir(directory))
    if (name.endsWith(unfinished)) await rm(join(directory, name), { force: true })
}

/**
 * Moves a damaged file of `directory` into its folder `damaged`, under a name that tells when; the newest ten stay. A
 * file that is gone is nothing to move.
 */
export async function moveAside(directory: string, name: string): Promise<void> {
  const aside = join(directory, 'damaged')
  await mkdir(aside, { recursive: true, mode: 0o700 })
  const stamp = String(Date.now()).padStart(15, '0')
  const taken = new Set(await readdir(aside))
  let target = `${stamp}-${name}`
  for (let at = 1; taken.has(target); at += 1) target = `${stamp}.${at}-${name}`
  try {
    await rename(join(directory, name), join(aside, target))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const names = (await readdir(aside)).sort()
  for (const old of names.slice(0, -keptDamaged))
    await rm(join(aside, old), { force: true, recursive: true })
  await syncFolder(aside)
  await syncFolder(directory)
}
