import type { Json } from '../core/json.ts'
import type { StoredObject, StoreRecord } from './store.ts'

/** The newest form of the files; what is newer is not read. */
export const schema = 1

/** Where the history of a store stands: after which record. */
export interface Position {
  /** The last record. */
  readonly cursor: number
  /** The newest revision. */
  readonly number: number
  /** The record that made that revision. */
  readonly made: number
  /** Hash of the last line. */
  readonly hash: string
}

export const origin: Position = { cursor: 0, number: 0, made: 0, hash: '' }

/** The objects at a position. */
export interface Standing {
  readonly position: Position
  readonly objects: Map<string, Json>
}

/** Brings objects from before a record to after it. */
export function applyRecord(objects: Map<string, Json>, record: StoreRecord): void {
  for (const key of record.remove) objects.delete(key)
  for (const { key, value } of record.put) objects.set(key, value)
}

/** The objects of a map, as often as they are asked for. */
export function objectsOf(objects: ReadonlyMap<string, Json>): Iterable<StoredObject> {
  return {
    *[Symbol.iterator]() {
      for (const [key, value] of objects) yield { key, value }
    },
  }
}

type Fields = { readonly [key: string]: Json }

const isCount = (value: Json | undefined): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

/** The fields of an entry that is an object. */
export function fieldsOf(entry: Json | undefined): Fields | null {
  return typeof entry === 'object' && entry !== null && !Array.isArray(entry)
    ? (entry as Fields)
    : null
}

/** The position that an entry tells, or null. */
export function positionOf(fields: Fields): Position | null {
  const { cursor, number, made, hash } = fields
  if (!isCount(cursor) || !isCount(number) || !isCount(made) || typeof hash !== 'string')
    return null
  return { cursor, number, made, hash }
}

/** An array of stored objects, or null. */
export function storedObjectsOf(entry: Json | undefined): readonly StoredObject[] | null {
  if (!Array.isArray(entry)) return null
  const objects = entry as readonly Json[]
  const isStored = objects.every((object) => {
    const fields = fieldsOf(object)
    return fields !== null && typeof fields['key'] === 'string' && fields['value'] !== undefined
  })
  return isStored ? (objects as unknown as readonly StoredObject[]) : null
}

/** The position after a record. */
export function advance(
  position: Position,
  record: Pick<StoreRecord, 'cursor' | 'number'>,
  hash: string,
): Position {
  const { cursor, number } = record
  return number === null ? { ...position, cursor, hash } : { cursor, number, made: cursor, hash }
}
