import { thrownMessage } from '../../core/thrown.ts'
import { isProxy, isAnyArrayBuffer, isBoxedPrimitive } from 'node:util/types'

/** What a copy has the kind of. Instances of other classes would arrive without their methods. */
const kinds: ReadonlySet<unknown> = new Set([
  Object.prototype,
  Array.prototype,
  Map.prototype,
  Set.prototype,
  Date.prototype,
  RegExp.prototype,
  null,
])

const isBytes = (value: object): boolean =>
  isAnyArrayBuffer(value) ? !(value instanceof SharedArrayBuffer) : ArrayBuffer.isView(value)

const entriesOf = (value: object): Iterable<readonly [unknown, unknown]> => {
  if (value instanceof Map) return mapEntries(value)
  if (value instanceof Set) return Array.from(value, (one: unknown, at) => [at, one] as const)
  return Object.entries(value)
}

function* mapEntries(map: Map<unknown, unknown>): Generator<readonly [unknown, unknown]> {
  for (const [key, value] of map) {
    if (typeof key === 'object') yield ['a key', key]
    yield [String(key), value]
  }
}

/** Why a value cannot be copied to another process as it is; null: it can. */
export function uncloneableReason(value: unknown): string | null {
  try {
    return reasonOf(value)
  } catch (error) {
    // A getter of the value.
    return `it cannot be read: ${thrownMessage(error)}`
  }
}

function reasonOf(value: unknown): string | null {
  const seen = new Set<object>()
  const left: { readonly value: unknown; readonly place: string }[] = [{ value, place: '' }]
  for (let one = left.pop(); one !== undefined; one = left.pop()) {
    const { value, place } = one
    const at = place === '' ? 'it' : place
    if (typeof value === 'function' || typeof value === 'symbol')
      return `${at} is a ${typeof value}`
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    if (isProxy(value)) return `${at} is a proxy`
    if (isBytes(value)) continue
    const kind: unknown = Object.getPrototypeOf(value)
    if (!kinds.has(kind) || isBoxedPrimitive(value)) {
      const { name } = (kind as { constructor?: { name?: string } } | null)?.constructor ?? {}
      return `${at} is an instance of ${name ?? 'a class'}`
    }
    for (const [key, inner] of entriesOf(value)) {
      left.push({ value: inner, place: place === '' ? String(key) : `${place}.${String(key)}` })
    }
  }
  return null
}
