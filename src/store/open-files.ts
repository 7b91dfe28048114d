import { open, readFile, stat } from 'node:fs/promises'
import { TurnoutError, problem, type Problem } from '../core/errors.ts'
import { thrownMessage } from '../core/thrown.ts'
import { syncFolder } from './durable-file.ts'
import {
  beginSegment,
  checkpointName,
  checkpointPath,
  deleteSegment,
  listFiles,
  missingFile,
  readInventory,
  segmentName,
  segmentPath,
  inventoryName,
  writeInventory,
  type Files,
  type Inventory,
} from './files.ts'
import { isDamage, moveAside } from './folder.ts'
import { measureLost } from './lost.ts'
import { origin, type Standing } from './position.ts'
import { outcomeOf, publishRecovered } from './recover.ts'
import { findBase, readBegin, replayFrom, type Break, type Damage, type Replay } from './replay.ts'
import { segmentHead } from './segment.ts'

/** What opening the files gives. */
export interface OpenedFiles {
  readonly files: Files
  readonly standing: Standing
  /** Bytes of the current segment. */
  readonly size: number
  /** Bytes of the journal since the newest checkpoint. */
  readonly written: number
  /** Damage that was found and recovered from. */
  readonly recovery: Problem | null
  /** An unfinished write that was cut off. */
  readonly tail: Problem | null
}

type Found = Awaited<ReturnType<typeof listFiles>>

/**
 * Finds the newest state that verifies: the newest checkpoint that does, and the records after it.
 *
 * - A last write that is not whole was never acknowledged: it is cut off.
 * - Anything else that does not verify is damage. Damaged files are moved aside. When acknowledged records are lost,
 *   what is left is published again, under a number above every one that was ever given out.
 * - Files, but no revision that verifies: rejects with TURNOUT_STORE_DAMAGED and leaves everything as it is.
 */
export async function openFiles(directory: string): Promise<OpenedFiles> {
  const found = await listFiles(directory)
  const inventory = await readInventory(directory)
  const files: Files = {
    directory,
    segments: [],
    checkpoints: new Map(),
    readers: new Set(),
    next: Math.max(0, ...found.segments, ...found.checkpoints) + 1,
  }
  if (files.next === 1 && 'reason' in inventory && inventory.reason === missingFile) {
    const { size, hash } = await beginSegment(files, origin)
    const standing: Standing = { position: { ...origin, hash }, objects: new Map() }
    await writeInventory(files, standing.position)
    return { files, standing, size, written: size, recovery: null, tail: null }
  }

  const damages: Damage[] = []
  const base = await findBase(files, found, damages)
  if (base === null) throw damaged(directory, damages, 'no checkpoint and no beginning verifies')
  const replay = await replayFrom(files, base, found.segments)
  const seen = 'reason' in inventory ? null : inventory
  // Without a record there is no inventory yet when making the store was cut short.
  if ('reason' in inventory && replay.standing.position.cursor > 0)
    damages.push({ name: inventoryName, reason: inventory.reason })
  const missing = missingRecords(found, replay, seen)
  files.segments.push(...(await earlierSegments(files, found, base.segment, damages)))
  files.segments.push(...replay.used)
  await noteCheckpoints(files, found, base.segment, damages)
  for (const number of seen?.checkpoints ?? [])
    if (!found.checkpoints.includes(number))
      damages.push({ name: checkpointName(number), reason: missingFile })
  for (const number of seen?.segments ?? [])
    if (number < base.segment && !found.segments.includes(number))
      damages.push({ name: segmentName(number), reason: missingFile })

  const { broken } = replay
  if (missing === null && (broken === null || (await isTail(files, found, replay, broken)))) {
    const tail = broken === null ? null : await cutTail(files, broken)
    await syncSegment(files)
    for (const { name } of damages) await moveAside(directory, name)
    await deleteUnlisted(files, found)
    if (damages.length > 0) await writeInventory(files, replay.standing.position)
    const outcome = `nothing was lost, and revision ${replay.standing.position.number} is the newest`
    const recovery = damages.length === 0 ? null : recovered(directory, damages, outcome)
    return { files, ...replay, recovery, tail }
  }

  if (broken !== null) damages.push({ name: segmentName(broken.segment), reason: broken.reason })
  const all = broken !== null || missing === null ? damages : [...damages, missing]
  if (replay.standing.position.number === 0) throw damaged(directory, all, 'no revision verifies')
  const given = await highestGiven(files, found, replay, missing)
  const { standing, size } = await publishRecovered(files, replay, found, given, damages)
  await deleteUnlisted(files, found)
  await writeInventory(files, standing.position)
  const outcome = outcomeOf(replay.standing.position, standing.position)
  const recovery = recovered(directory, all, outcome)
  return { files, standing, size, written: size, recovery, tail: null }
}

/** Segments that were never used, and history from before a hole: with the hole, nothing leads to it. */
const deleteUnlisted = async (files: Files, found: Found): Promise<void> => {
  const kept = new Set(files.segments.map(({ number }) => number))
  for (const number of new Set([...found.checkpoints, ...found.segments]))
    if (!kept.has(number)) await deleteSegment(files, number)
}

const namesOf = (damages: readonly Damage[]): string =>
  damages
    .slice(0, 5)
    .map(({ name, reason }) => `${name}: ${reason}`)
    .join('; ')

const recovered = (directory: string, damages: readonly Damage[], outcome: string): Problem =>
  problem('TURNOUT_STORE_RECOVERED', { directory, reason: namesOf(damages), outcome })

const damaged = (directory: string, damages: readonly Damage[], reason: string): TurnoutError => {
  const all = damages.length === 0 ? reason : `${reason}; ${namesOf(damages)}`
  return new TurnoutError('TURNOUT_STORE_DAMAGED', { directory, reason: all })
}

/** Records that are known to have been there, though the files that are left verify without them. */
interface Missing extends Damage {
  readonly cursor: number
  readonly number: number
}

const missingRecords = (
  found: Found,
  replay: Replay,
  inventory: Inventory | null,
): Missing | null => {
  const { position } = replay.standing
  const { cursor, number } = inventory?.position ?? position
  const last = found.segments.at(-1) ?? 0
  const orphan = found.checkpoints.at(-1) ?? 0
  const known = Math.max(orphan, inventory?.segments.at(-1) ?? 0)
  if (known > last) return { name: segmentName(known), reason: missingFile, cursor, number }
  if (cursor <= position.cursor) return null
  return { name: segmentName(last), reason: 'records at its end are missing', cursor, number }
}

/** Whether what does not verify is a write that was never acknowledged: the last one, and nothing came after it. */
const isTail = async (
  files: Files,
  found: Found,
  { standing }: Replay,
  broken: Break,
): Promise<boolean> => {
  if (broken.end === 0 || (files.checkpoints.has(broken.segment) && !broken.hasBegin)) return false
  for (const number of found.segments) {
    if (number <= broken.segment) continue
    const { size } = await stat(segmentPath(files, number))
    if (size !== segmentHead(number).line.length) return false
  }
  return !measureLost(broken.bytes, broken.end, broken.hash, standing.position).isAcknowledged
}

const cutTail = async (files: Files, { segment, bytes, end }: Break): Promise<Problem> => {
  const file = segmentPath(files, segment)
  const handle = await open(file, 'r+')
  try {
    await handle.truncate(end)
    await handle.sync()
  } finally {
    await handle.close()
  }
  return problem('TURNOUT_STORE_TAIL_CUT', { file, bytes: bytes.length - end })
}

/** A killed process may have written records that are not on the disk yet: nothing may be built on them before. */
const syncSegment = async (files: Files): Promise<void> => {
  const last = files.segments.at(-1)
  if (last === undefined) return
  const handle = await open(segmentPath(files, last.number), 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
  await syncFolder(files.directory)
}

/** The segments before the base, as far back as they can be read. */
const earlierSegments = async (
  files: Files,
  found: Found,
  base: number,
  damages: Damage[],
): Promise<Files['segments']> => {
  const earlier: Files['segments'] = []
  for (const number of found.segments.toReversed()) {
    if (number >= base) continue
    try {
      const begin = await readBegin(files, number)
      if (begin !== null) earlier.unshift({ number, begin })
    } catch (error) {
      if (!isDamage(error)) throw error
      damages.push({ name: segmentName(number), reason: thrownMessage(error) })
      break
    }
  }
  return earlier
}

/** The sizes of checkpoints before the base; they are verified when they are read. */
const noteCheckpoints = async (
  files: Files,
  found: Found,
  base: number,
  damages: Damage[],
): Promise<void> => {
  const kept = new Set(files.segments.map(({ number }) => number))
  for (const number of found.checkpoints) {
    if (number >= base) continue
    if (kept.has(number))
      files.checkpoints.set(number, (await stat(checkpointPath(files, number))).size)
    else if (!found.segments.includes(number))
      damages.push({ name: segmentName(number), reason: missingFile })
  }
}

/** The highest cursor and number that may have been given out. */
const highestGiven = async (
  files: Files,
  found: Found,
  { standing, broken }: Replay,
  missing: Missing | null,
): Promise<{ readonly cursor: number; readonly number: number }> => {
  let given = standing.position
  if (broken !== null) {
    const { bytes, end, hash } = broken
    given = { ...given, ...measureLost(bytes, end, hash, given) }
    for (const number of found.segments) {
      if (number <= broken.segment) continue
      const later = await readFile(segmentPath(files, number)).catch((error: unknown) => {
        if (!isDamage(error)) throw error
        return Buffer.alloc(0)
      })
      given = { ...given, ...measureLost(later, 0, '', given) }
    }
  }
  return {
    cursor: Math.max(given.cursor, missing?.cursor ?? 0),
    number: Math.max(given.number, missing?.number ?? 0),
  }
}
