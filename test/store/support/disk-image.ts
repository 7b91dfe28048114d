import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from './folder.ts'

/** A disk in a file: what is in the file is what a power loss leaves. */
export interface DiskImage {
  readonly file: string
  /** Where it is mounted. */
  readonly directory: string
  unmount(): void
}

/** Nothing reaches the disk but what is synced: no flush before a rename, no commit for a minute. */
const mountOptions = 'loop,noauto_da_alloc,commit=60'

/** Mounts an image, as after a power loss: the file system replays its own journal. */
export function mountImage(file: string): DiskImage {
  const directory = join(makeFolder(), 'disk')
  mkdirSync(directory)
  execFileSync('mount', ['-o', mountOptions, file, directory])
  const unmount = (): void => {
    process.off('exit', unmount)
    spawnSync('umount', ['-l', directory])
  }
  process.prependListener('exit', unmount)
  return { file, directory, unmount }
}

/** Makes a disk of some MiB with ext4 and mounts it. Null: this machine or user cannot. */
export function createImage(mebibytes: number): DiskImage | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null
  const file = join(makeFolder(), 'disk.img')
  closeSync(openSync(file, 'w'))
  truncateSync(file, mebibytes * 1024 * 1024)
  try {
    execFileSync('mkfs.ext4', ['-q', '-F', file], { stdio: 'ignore' })
    return mountImage(file)
  } catch {
    return null
  }
}
