import { claimedHash, readLine, shortestLine } from './chain.ts'
import { fieldsOf, type Position } from './position.ts'

/** What bytes that cannot be used tell about the records that stood in them. */
export interface Lost {
  /** No record in them had a higher cursor, no revision a higher number. */
  readonly cursor: number
  readonly number: number
  /**
   * The first one that is lost may have been acknowledged: a record of a later write stands behind it, or it is there
   * as a whole and was changed.
   */
  readonly isAcknowledged: boolean
}

const looksLikeRecord = /"entry":\{"cursor":(\d{1,15}),"number":(\d{1,15}|null),"from":(\d{1,15}),/g

const isWhole = (bytes: Buffer, start: number, end: number): boolean => {
  try {
    JSON.parse(bytes.toString('utf8', start, end))
    return true
  } catch {
    return false
  }
}

const count = (value: unknown): number =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : 0

/**
 * Looks through bytes that cannot be used, from `start` on; the line before has the hash `hash`. A number must never be
 * given out twice, so what is guessed is guessed high: a line that verifies after the line before it, as that one claims
 * to be, is believed; one that looks like a record is believed within what fits into the bytes; any other is taken
 * for as many records as could have stood there.
 */
export function measureLost(bytes: Buffer, start: number, hash: string, after: Position): Lost {
  const most = Math.ceil((bytes.length - start) / shortestLine)
  let { cursor, number } = after
  let isAcknowledged = false
  let previous = hash
  let at = start

  const see = (seenCursor: number, seenNumber: number, from: number): void => {
    cursor = Math.max(cursor, seenCursor)
    number = Math.max(number, seenNumber)
    // Records of one write share a sync: only one of a later write proves that the sync was done.
    if (from > after.cursor + 1) isAcknowledged = true
  }

  while (at < bytes.length) {
    const newline = bytes.indexOf(10, at)
    const end = newline === -1 ? bytes.length : newline + 1
    const line = readLine(bytes, at, previous)
    if (line !== null) {
      const fields = fieldsOf(line.entry)
      const seen = count(fields?.['cursor'])
      see(seen, count(fields?.['number']), count(fields?.['from'] ?? seen))
    } else {
      // A write that was cut short leaves no whole line: this one was changed after it was written.
      if (at === start && newline !== -1 && isWhole(bytes, at, end)) isAcknowledged = true
      let isRecord = false
      for (const match of bytes.toString('latin1', at, end).matchAll(looksLikeRecord)) {
        const [seen, seenNumber, from] = match.slice(1).map((digits) => Number(digits) || 0)
        if (seen! > after.cursor + most || seenNumber! > after.number + most || from! > seen!)
          continue
        see(seen!, seenNumber!, from!)
        isRecord = true
      }
      if (!isRecord) {
        const lines = Math.ceil((end - at) / shortestLine)
        cursor += lines
        number += lines
      }
    }
    previous = claimedHash(bytes, at) ?? ''
    at = end
  }
  return { cursor, number, isAcknowledged }
}
