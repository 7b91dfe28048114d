import assert from 'node:assert/strict'
import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createImage, mountImage, type DiskImage } from './support/disk-image.ts'
import { makeFolder } from './support/folder.ts'
import { startPublisher, verifyLeft, type Found } from './support/publisher.ts'

export interface PowerLossOptions {
  readonly cuts: number
  /** Leaves out every sync, to see that the harness finds what is lost. */
  readonly noSync?: boolean
}

/**
 * Pulls the plug of a disk on which a publisher works: copies the disk's image at some moment, and opens the store on
 * the copy. Everything that was acknowledged before must be there, and nothing may be half. In every second cut the
 * publisher stands still while the image is copied; in the others the copy is smeared over some milliseconds of work,
 * which is harsher than any disk: there the store may find damage, but must still have what was acknowledged. Where the
 * smear has torn the file system's own tables, which its checksums tell, the copy is no disk at all: it is counted and
 * not judged, and half of the smeared copies at least must be disks.
 *
 * Returns what was seen, or null where disks cannot be mounted.
 */
export async function losePower({
  cuts,
  noSync = false,
}: PowerLossOptions): Promise<string | null> {
  const disk = createImage(48)
  if (disk === null) return null
  let published = 0
  let ahead = 0
  let tails = 0
  let smeared = 0
  let torn = 0
  try {
    for (let cut = 0; cut < cuts; cut += 1) {
      const together = 1 + (cut % 3)
      const { said, kill, ended } = startPublisher(join(disk.directory, 'data'), {
        noSync,
        together,
      })
      const before = said.published
      while (said.published === before) {
        const isOver = await Promise.race([ended.then(() => true), wait(5)])
        assert.notEqual(isOver, true, `the publisher ended by itself: ${said.others.join()}`)
      }
      await wait(Math.random() * 400)
      const isStill = cut % 2 === 0
      if (isStill) kill('SIGSTOP')
      // What was read until here had been acknowledged before the copy begins.
      const acknowledged = said.published
      const puts = [...said.puts]
      const copy = join(makeFolder(), 'copy.img')
      copyFileSync(disk.file, copy)
      kill('SIGKILL')
      await ended
      assert.deepEqual(said.others, [])

      published = said.published
      const found = await openCopy(copy, acknowledged, said.begun, puts, cut, isStill)
      if (found === null) {
        torn += 1
        continue
      }
      if (isStill) assert.equal(found.isRecovered, false, `cut ${cut}: power loss is no damage`)
      if (found.isRecovered) smeared += 1
      if (found.number > acknowledged) ahead += 1
      if (found.isTailCut) tails += 1
    }
    assert.ok(torn <= cuts / 4, `${torn} of ${Math.floor(cuts / 2)} smeared copies were no disk`)
  } finally {
    disk.unmount()
  }
  return `${cuts} cuts, ${published} revisions, 0 acknowledged lost, ${ahead} times an unacknowledged one was wholly there, ${tails} torn writes cut off, ${smeared} smeared copies recovered from, ${torn} that were no file system any more`
}

/** Null: the file system in a smeared copy is torn. */
const openCopy = async (
  copy: string,
  acknowledged: number,
  begun: number,
  puts: readonly string[],
  cut: number,
  isStill: boolean,
): Promise<Found | null> => {
  let after: DiskImage | null = null
  try {
    after = mountImage(copy)
    return await verifyLeft(join(after.directory, 'data'), acknowledged, begun, puts)
  } catch (error) {
    if (!isStill && (after === null || isTornFileSystem(error))) return null
    throw new Error(`cut ${cut}: ${String(error)}`, { cause: error })
  } finally {
    after?.unmount()
    rmSync(copy)
  }
}

/** What Linux says when a checksum of the file system's own does not hold: EBADMSG and EUCLEAN. */
const isTornFileSystem = (error: unknown): boolean => {
  const { errno, cause } = error as NodeJS.ErrnoException
  return [-74, -117].includes(errno ?? 0) || (cause !== undefined && isTornFileSystem(cause))
}
