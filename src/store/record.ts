import type { Json } from '../core/json.ts'
import { fieldsOf, storedObjectsOf, type Position } from './position.ts'
import type { StoreRecord } from './store.ts'

/** The record that follows a position, or null: the entry is none, or another. */
export function recordAfter(position: Position, entry: Json): StoreRecord | null {
  const fields = fieldsOf(entry)
  if (fields === null) return null
  const { cursor, number, meta, remove } = fields
  const put = storedObjectsOf(fields['put'])
  if (cursor !== position.cursor + 1 || put === null || meta === undefined) return null
  if (number !== null && number !== position.number + 1) return null
  if (!Array.isArray(remove) || !remove.every((key) => typeof key === 'string')) return null
  return { cursor, number, meta, put, remove }
}

const objectsMark = ',"put":['

/**
 * The same from the text of an entry, with objects that are read when they are asked for. Null: read it whole. The mark
 * is the record's own, and not one inside of its `meta`, exactly when what stands before it parses once it is closed.
 */
export function shallowRecordAfter(position: Position, text: Buffer): StoreRecord | null {
  const mark = text.indexOf(objectsMark)
  if (mark === -1) return null
  let head: Json
  try {
    head = JSON.parse(`${text.toString('utf8', 0, mark)}}`) as Json
  } catch {
    return null
  }
  const empty = recordAfter(position, { ...fieldsOf(head), put: [], remove: [] })
  if (empty === null) return null
  const { cursor, number, meta } = empty
  let read: StoreRecord | null = null
  const whole = (): StoreRecord => {
    read ??= recordAfter(position, JSON.parse(text.toString('utf8')) as Json)
    if (read === null) throw new Error(`the record ${cursor} is not what it should be`)
    return read
  }
  return {
    cursor,
    number,
    meta,
    get put() {
      return whole().put
    },
    get remove() {
      return whole().remove
    },
  }
}
