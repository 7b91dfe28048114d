import { createHash } from 'node:crypto'
import type { Json } from '../core/json.ts'
import type { Table } from '../core/route/table.ts'
import type { StoredObject } from '../store/store.ts'
import { objectsOf, type ObjectChange } from '../core/route/objects.ts'

/**
 * The digest of a table: the sum, modulo 2^256, of the SHA-256 of each of its objects (Bellare and Micciancio, "A New
 * Paradigm for Collision-Free Hashing", AdHash). So the next table's digest costs what changed, and two tables that
 * say the same have one digest, whatever way they came about. Not part of it: the revision that touched an object,
 * and what sources proposed.
 */
const modulus = 1n << 256n

export const emptyDigest: string = '0'.repeat(64)

/** The digest of the table that follows one whose digest is known. */
export function digestAfter(digest: string, changes: readonly ObjectChange[]): string {
  let sum = BigInt(`0x${digest}`)
  for (const { key, before, after } of changes) {
    if (key.startsWith('proposal:')) continue
    if (before !== undefined) sum -= hashOf(key, before)
    if (after !== undefined) sum += hashOf(key, after)
  }
  return textOf(sum)
}

/** The digest of a whole table. */
export function digestOf(table: Table): string {
  return digestOfObjects(objectsOf(table))
}

/** The digest of some objects of a table, in any order. */
export function digestOfObjects(objects: Iterable<StoredObject>): string {
  let sum = 0n
  for (const { key, value } of objects) {
    if (!key.startsWith('proposal:')) sum += hashOf(key, value)
  }
  return textOf(sum)
}

const textOf = (sum: bigint): string =>
  (((sum % modulus) + modulus) % modulus).toString(16).padStart(64, '0')

const hashOf = (key: string, value: Json): bigint => {
  const text = `${key}\0${canonicalJson(withoutRevision(value))}`
  return BigInt(`0x${createHash('sha256').update(text).digest('hex')}`)
}

const withoutRevision = (value: Json): Json => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const { revision: _, ...rest } = value as Record<string, Json>
  return rest
}

const closures = new WeakMap<object, number>()
let closureCount = 0

/** JSON with sorted keys; a handler of this program, which says nothing in JSON, by a number of its own. */
function canonicalJson(value: Json): string {
  if (typeof value === 'function') {
    const known = closures.get(value)
    if (known !== undefined) return `closure ${known}`
    closureCount += 1
    closures.set(value, closureCount)
    return `closure ${closureCount}`
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonicalJson).join()}]`
  const object = value as Record<string, Json>
  const fields = Object.keys(object)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(object[name]!)}`)
  return `{${fields.join()}}`
}
