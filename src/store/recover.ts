import { writeCheckpoint } from './checkpoint.ts'
import { writeDurably } from './durable-file.ts'
import {
  beginSegment,
  checkpointName,
  checkpointPath,
  segmentName,
  segmentPath,
  type Files,
} from './files.ts'
import { moveAside } from './folder.ts'
import { objectsOf, type Position, type Standing } from './position.ts'
import type { Damage, Replay } from './replay.ts'

/**
 * After acknowledged records were lost: publishes what is left in a new segment, under a number above every one that
 * was given out, so that no number ever means two tables. Then moves the damaged files aside; a damaged segment leaves
 * behind the records that verify.
 *
 *     journal-3  r r r ✗ r r       journal-3  r r r
 *     journal-4  r r r         =>  journal-5  begin (recovered), checkpoint-5
 *                                  damaged/   journal-3, journal-4 as they were
 */
export async function publishRecovered(
  files: Files,
  { standing, broken }: Replay,
  found: { readonly segments: readonly number[]; readonly checkpoints: readonly number[] },
  given: { readonly cursor: number; readonly number: number },
  damages: readonly Damage[],
): Promise<{ readonly standing: Standing; readonly size: number }> {
  const cursor = given.cursor + 1
  const { hash: previous } = standing.position
  const position: Position = { cursor, number: given.number + 1, made: cursor, hash: previous }
  const number = files.next
  const { size, hash } = await beginSegment(files, position, true)
  const objects = objectsOf(standing.objects)
  const path = checkpointPath(files, number)
  files.checkpoints.set(number, await writeCheckpoint(path, number, position, objects))

  const names = new Set(damages.map(({ name }) => name))
  if (broken !== null) {
    for (const later of found.segments) if (later > broken.segment) names.add(segmentName(later))
    for (const later of found.checkpoints)
      if (later > broken.segment) names.add(checkpointName(later))
  }
  if (broken?.hasBegin === false) {
    // A checkpoint whose segment is gone would be damage the next time; what it holds is in the new one.
    names.add(checkpointName(broken.segment))
    files.checkpoints.delete(broken.segment)
  }
  for (const name of names) await moveAside(files.directory, name)
  if (broken?.hasBegin === true)
    await writeDurably(segmentPath(files, broken.segment), broken.bytes.subarray(0, broken.end))
  return { standing: { position: { ...position, hash }, objects: standing.objects }, size }
}

/** What a recovery came to, for people. */
export function outcomeOf(before: Position, after: Position): string {
  return `revision ${before.number} is the newest that could be recovered; it is published again as revision ${after.number}`
}
