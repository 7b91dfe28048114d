import type { Json } from '../core/json.ts'
import { createBreathing } from './breathe.ts'
import { readLine, readSealed, sealLine } from './chain.ts'
import { advance, fieldsOf, positionOf, schema, type Position } from './position.ts'
import { recordAfter, shallowRecordAfter } from './record.ts'
import type { StoreRecord } from './store.ts'

/*
 * A segment of the journal:
 *
 *     {kind: 'journal', schema, segment}              written when the file is made, before it is needed
 *     {kind: 'begin', cursor, number, made, hash ...} the position that its first record follows
 *     {cursor, number, from, meta, put, remove}       a record; `from`: the first one of the same write
 *     ...
 *
 * The `hash` of a begin is that of the last line of the segment before. `recovered`: records before it were lost,
 * and its numbers are above every one that was ever given out.
 */

export interface Begin {
  readonly position: Position
  readonly at: number
  readonly isRecovered: boolean
  /** Hash of the begin's own line. */
  readonly hash: string
}

/** The first line of a segment. */
export function segmentHead(segment: number): { line: string; hash: string } {
  return sealLine('', JSON.stringify({ kind: 'journal', schema, segment }))
}

/** The line that makes a segment the current one. */
export function segmentBegin(
  headHash: string,
  position: Position,
  at: number,
  isRecovered: boolean,
): { line: string; hash: string } {
  const entry = { kind: 'begin', ...position, at, ...(isRecovered ? { recovered: true } : {}) }
  return sealLine(headHash, JSON.stringify(entry))
}

/** What was found in a segment, up to where it stops verifying. */
export interface SegmentWalk {
  /** Null: the segment was made and not used yet, or is damaged before. */
  readonly begin: Begin | null
  /** After the last record that verifies. */
  readonly position: Position | null
  /** Hash of the last line that verifies. */
  readonly hash: string
  /** How many bytes verify. */
  readonly end: number
  /** Why the rest does not; null: all of it verifies. */
  readonly reason: string | null
}

/** Whether a segment that begins so comes right after a position; what was recovered stands at a higher one. */
export function isFollowing(begin: Begin, position: Position): boolean {
  const { hash, cursor, number } = begin.position
  if (hash !== position.hash) return false
  return begin.isRecovered
    ? cursor >= position.cursor && number >= position.number
    : cursor === position.cursor && number === position.number
}

/**
 * Reads a segment record by record; `visit` returns false to stop. `follows` is the position that it must begin with.
 * `isShallow`: the objects of a record are read when they are asked for; whoever goes through the history of a large
 * table seldom does. Never takes the event loop for more than some milliseconds.
 */
export async function walkSegment(
  bytes: Buffer,
  segment: number,
  visit: (record: StoreRecord) => boolean | void,
  follows?: Position,
  isShallow = false,
): Promise<SegmentWalk> {
  const breathe = createBreathing()
  const head = readLine(bytes, 0, '')
  const headFields = fieldsOf(head?.entry)
  const broken = (reason: string): SegmentWalk => ({
    begin: null,
    position: null,
    hash: '',
    end: 0,
    reason,
  })
  if (head === null || headFields === null) return broken('its first line does not verify')
  if (headFields['schema'] !== schema)
    return broken(
      `its schema is ${JSON.stringify(headFields['schema'])}, this program knows ${schema}`,
    )
  if (headFields['kind'] !== 'journal' || headFields['segment'] !== segment)
    return broken('it is another file under this name')

  let { hash, end } = head
  let begin: Begin | null = null
  let position: Position | null = null
  const stop = (reason: string | null): SegmentWalk => ({ begin, position, hash, end, reason })
  while (end < bytes.length) {
    const line = readSealed(bytes, end, hash)
    if (line === null) return stop(`byte ${end} and what follows do not verify`)
    const { text } = line
    if (position === null) {
      const fields = fieldsOf(parse(text))
      const start = fields && positionOf(fields)
      const at = fields?.['at']
      if (!start || typeof at !== 'number') return stop('its second line says no position')
      const isRecovered = fields['recovered'] === true
      const found: Begin = { position: start, at, isRecovered, hash: line.hash }
      if (follows !== undefined && !isFollowing(found, follows))
        return stop('it does not follow what is before it')
      begin = found
      position = { ...start, hash: line.hash }
    } else {
      const record =
        (isShallow ? shallowRecordAfter(position, text) : null) ??
        recordAfter(position, parse(text))
      if (record === null) return stop(`the record at byte ${end} does not follow the one before`)
      if (visit(record) === false) return stop(null)
      position = advance(position, record, line.hash)
    }
    hash = line.hash
    end = line.end
    const pause = breathe()
    if (pause !== undefined) await pause
  }
  return stop(null)
}

const parse = (text: Buffer): Json => JSON.parse(text.toString('utf8')) as Json

/** The line of a record as entry text: `body` is its `meta`, `put` and `remove`, already written as JSON. */
export function recordEntry(
  cursor: number,
  number: number | null,
  from: number,
  body: string,
): string {
  return `{"cursor":${cursor},"number":${number},"from":${from},${body}}`
}
