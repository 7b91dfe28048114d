import { readFile } from 'node:fs/promises'
import { TurnoutError } from '../core/errors.ts'
import { readCheckpoint } from './checkpoint.ts'
import { checkpointPath, segmentName, segmentPath, type Files, type Segment } from './files.ts'
import { applyRecord, objectsOf, type Position, type Standing } from './position.ts'
import { walkSegment, type SegmentWalk } from './segment.ts'
import type { StoreRecord, StoreState } from './store.ts'

/** What reading the history needs of the writer. */
export interface Written {
  newest(): Position
  /** Bytes of a segment that was not written to its end; undefined: all of it. */
  sizeOf(segment: number): number | undefined
}

const damagedSegment = (files: Files, segment: number, reason: string): TurnoutError =>
  new TurnoutError('TURNOUT_STORE_DAMAGED', {
    directory: files.directory,
    reason: `${segmentName(segment)}: ${reason}`,
  })

/** Walks the published records of a segment. Rejects with TURNOUT_STORE_DAMAGED where they do not verify. */
export async function walkPublished(
  files: Files,
  written: Written,
  { number }: Segment,
  visit: (record: StoreRecord) => boolean | void,
  follows?: Position,
): Promise<SegmentWalk> {
  // What stands behind it is being written and may never be published, so it is asked for before the file is read.
  const length = written.sizeOf(number)
  const bytes = (await readFile(segmentPath(files, number))).subarray(0, length)
  const walk = await walkSegment(bytes, number, visit, follows, true)
  if (walk.reason !== null) throw damagedSegment(files, number, walk.reason)
  if (length !== undefined && bytes.length < length)
    throw damagedSegment(files, number, 'its end is missing')
  return walk
}

const isBase = (files: Files, { number, begin }: Segment): boolean =>
  files.checkpoints.has(number) || begin.position.cursor === 0

const standingAt = async (files: Files, { number, begin }: Segment): Promise<Standing> => {
  if (!files.checkpoints.has(number)) return { position: begin.position, objects: new Map() }
  const read = await readCheckpoint(checkpointPath(files, number), number)
  if (read.ok && read.standing.position.hash === begin.position.hash) return read.standing
  throw new TurnoutError('TURNOUT_STORE_DAMAGED', {
    directory: files.directory,
    reason: `checkpoint ${number}: ${read.ok ? 'it is of another history' : read.reason}`,
  })
}

/**
 * The state of an earlier revision: the nearest checkpoint before it that verifies, and the records after that. Null:
 * no such revision is kept. `onDamaged` is told of checkpoints that do not verify.
 */
export async function readState(
  files: Files,
  written: Written,
  wanted: number,
  onDamaged: (error: unknown) => void,
): Promise<StoreState | null> {
  const bases = files.segments.filter(
    (segment) => isBase(files, segment) && segment.begin.position.number <= wanted,
  )
  const reader = { segment: files.segments[0]!.number }
  files.readers.add(reader)
  try {
    for (const base of bases.reverse()) {
      let standing: Standing
      try {
        standing = await standingAt(files, base)
      } catch (error) {
        onDamaged(error)
        continue
      }
      return await replayTo(files, written, base, standing, wanted)
    }
    return null
  } finally {
    files.readers.delete(reader)
  }
}

const replayTo = async (
  files: Files,
  written: Written,
  base: Segment,
  { position, objects }: Standing,
  wanted: number,
): Promise<StoreState | null> => {
  const state = (made: number): StoreState => ({
    number: wanted,
    cursor: made,
    objects: objectsOf(objects),
  })
  if (position.number === wanted) return state(position.made)
  let made: number | null = null
  let follows = position
  const visit = (record: StoreRecord): boolean => {
    applyRecord(objects, record)
    if (record.number === wanted) made = record.cursor
    return made === null
  }
  for (const segment of files.segments.slice(files.segments.indexOf(base))) {
    // After records were lost, what is left stands at a higher number.
    if (segment.begin.position.number > wanted) return null
    if (segment.begin.position.number === wanted) return state(segment.begin.position.made)
    const walk = await walkPublished(files, written, segment, visit, follows)
    if (made !== null) return state(made)
    follows = walk.position!
  }
  return null
}

/** The cursor from which on every record can be handed over. */
export function watchFloor(files: Files): number {
  let floor = 0
  for (const { begin } of files.segments.toReversed()) {
    floor = begin.position.cursor
    if (begin.isRecovered) break
  }
  return floor
}

/**
 * Hands over every record after a cursor, until `isEnded`, or nothing newer is there: then `onUpToDate` is called in
 * the same turn, so that no record can come between.
 */
export async function catchUp(
  files: Files,
  written: Written,
  after: number,
  give: (record: StoreRecord) => void,
  isEnded: () => boolean,
  onUpToDate: () => void,
): Promise<void> {
  let given = after
  const reader = { segment: 0 }
  files.readers.add(reader)
  try {
    while (!isEnded()) {
      if (given === written.newest().cursor) {
        onUpToDate()
        return
      }
      const segment = files.segments.findLast(({ begin }) => begin.position.cursor <= given)
      if (segment === undefined) throw damagedSegment(files, 0, `the record after ${given} is gone`)
      reader.segment = segment.number
      const before = given
      await walkPublished(files, written, segment, (record) => {
        if (record.cursor <= given) return true
        given = record.cursor
        give(record)
        return !isEnded()
      })
      if (given === before && !isEnded())
        throw damagedSegment(files, segment.number, `the record after ${given} is gone`)
    }
  } finally {
    files.readers.delete(reader)
  }
}
