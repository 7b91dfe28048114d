import { open, readFile } from 'node:fs/promises'
import { thrownMessage } from '../core/thrown.ts'
import { readCheckpoint } from './checkpoint.ts'
import { checkpointName, checkpointPath, segmentPath, type Files, type Segment } from './files.ts'
import { isDamage } from './folder.ts'
import { applyRecord, type Standing } from './position.ts'
import { walkSegment, type Begin } from './segment.ts'

/** A file that is not what was written. */
export interface Damage {
  readonly name: string
  readonly reason: string
}

/** Where replaying stopped because a segment does not verify, or is missing. */
export interface Break {
  readonly segment: number
  readonly bytes: Buffer
  /** How many bytes verify, and the hash of their last line. */
  readonly end: number
  readonly hash: string
  readonly hasBegin: boolean
  readonly reason: string
}

export interface Replay {
  readonly standing: Standing
  /** Segments that records were written to, as far as they verify. */
  readonly used: Segment[]
  /** Bytes of the last used segment that verify. */
  readonly size: number
  /** Bytes of all of them that verify. */
  readonly written: number
  readonly broken: Break | null
}

/** A state to replay from, and the segment that begins with it. */
export interface Base {
  readonly segment: number
  readonly standing: Standing
}

const beginBytes = 4096

/** How a segment begins; null: it was never used. Throws where it does not verify. */
export async function readBegin(files: Files, number: number): Promise<Begin | null> {
  const handle = await open(segmentPath(files, number), 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(beginBytes), 0, beginBytes, 0)
    const bytes = buffer.subarray(0, bytesRead)
    // The window may end inside of a record, so only what comes before the begin counts.
    const { begin, reason } = await walkSegment(bytes, number, () => false)
    if (begin === null && reason !== null) throw new Error(reason)
    return begin
  } finally {
    await handle.close()
  }
}

/** The newest checkpoint that verifies, or the very beginning where that is still kept; else null. */
export async function findBase(
  files: Files,
  found: { readonly segments: readonly number[]; readonly checkpoints: readonly number[] },
  damages: Damage[],
): Promise<Base | null> {
  for (const segment of found.checkpoints.toReversed()) {
    try {
      const read = await readCheckpoint(checkpointPath(files, segment), segment)
      if (read.ok) {
        files.checkpoints.set(segment, read.size)
        return { segment, standing: read.standing }
      }
      damages.push({ name: checkpointName(segment), reason: read.reason })
    } catch (error) {
      if (!isDamage(error)) throw error
      damages.push({ name: checkpointName(segment), reason: thrownMessage(error) })
    }
  }
  const [first] = found.segments
  const begin =
    first === undefined
      ? null
      : await readBegin(files, first).catch((error: unknown) => {
          if (!isDamage(error)) throw error
          return null
        })
  return first !== undefined && begin?.position.cursor === 0
    ? { segment: first, standing: { position: begin.position, objects: new Map() } }
    : null
}

/** Replays every record after a base, up to the first place that does not verify. */
export async function replayFrom(
  files: Files,
  base: Base,
  numbers: readonly number[],
): Promise<Replay> {
  const { objects } = base.standing
  let { position } = base.standing
  const used: Segment[] = []
  let size = 0
  let written = 0
  const end = (broken: Break | null): Replay => ({
    standing: { position, objects },
    used,
    size,
    written,
    broken,
  })
  const missing = { bytes: Buffer.alloc(0), end: 0, hash: '', hasBegin: false }
  if (!numbers.includes(base.segment))
    return end({ ...missing, segment: base.segment, reason: 'it is missing' })

  for (const number of numbers) {
    if (number < base.segment) continue
    let bytes: Buffer
    try {
      bytes = await readFile(segmentPath(files, number))
    } catch (error) {
      if (!isDamage(error)) throw error
      return end({ ...missing, segment: number, reason: thrownMessage(error) })
    }
    const visit = (record: Parameters<typeof applyRecord>[1]): void => applyRecord(objects, record)
    const walk = await walkSegment(bytes, number, visit, position)
    if (walk.begin !== null && walk.position !== null) {
      used.push({ number, begin: walk.begin })
      position = walk.position
      size = walk.end
      written += size
    }
    const isCut = number === base.segment && walk.begin === null && walk.reason === null
    const reason = isCut ? 'its second line is missing' : walk.reason
    if (reason !== null) {
      const hasBegin = walk.begin !== null
      return end({ segment: number, bytes, end: walk.end, hash: walk.hash, hasBegin, reason })
    }
  }
  return end(null)
}
