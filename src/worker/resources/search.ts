import { types } from 'node:util'
import type { HolderKind } from '../../core/leak.ts'

/** Where a search begins. */
export interface Root {
  readonly kind: HolderKind
  readonly name: string
  readonly value: unknown
  /** How many steps it goes from there. */
  readonly depth: number
}

/** A function that was looked for, and the way to it. */
export interface Found {
  readonly kind: HolderKind
  readonly path: string
  readonly callback: object
}

interface Step {
  readonly value: unknown
  readonly path: string
  readonly left: number
  readonly kind: HolderKind
}

/** Objects in one search, and what is looked at of one of them. */
const mostSteps = 20_000
const mostOfOne = 500
const mostFound = 200

/**
 * Searches what can be reached from the roots, breadth first, for functions. It calls nothing: no getter, no trap of a proxy.
 * `until`: on the clock of `performance.now`.
 */
export function search(
  roots: readonly Root[],
  isWanted: (callback: object) => boolean,
  until: number,
): readonly Found[] {
  const found: Found[] = []
  const seen = new Set<unknown>()
  const line: Step[] = roots.map(({ kind, name, value, depth }) => ({
    kind,
    value,
    path: name,
    left: depth,
  }))
  for (let at = 0; at < line.length && at < mostSteps; at += 1) {
    if (found.length >= mostFound || (at % 64 === 63 && performance.now() > until)) break
    const { kind, value, path, left } = line[at]!
    if (!isSearched(value) || seen.has(value)) continue
    seen.add(value)
    if (typeof value === 'function' && isWanted(value)) {
      found.push({ kind, path, callback: value })
      continue
    }
    if (left === 0) continue
    for (const [name, inner] of childrenOf(value))
      if (isSearched(inner) && line.length < mostSteps)
        line.push({ kind: kindOf(kind, name), value: inner, path: path + name, left: left - 1 })
  }
  return found
}

const isSearched = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) ||
  typeof value === 'function'

const kindOf = (kind: HolderKind, name: string): HolderKind =>
  kind === 'reference' && name.startsWith('.on(') ? 'listener' : kind

/** What an object refers to, and how that is written after its own name. */
function* childrenOf(value: object): Generator<readonly [string, unknown]> {
  if (types.isProxy(value)) return
  let left = mostOfOne
  if (types.isMap(value))
    for (const [key, inner] of Map.prototype.entries.call(value)) {
      if ((left -= 1) < 0) break
      yield [`.get(${nameOf(key)})`, inner]
      yield ['.keys()', key]
    }
  if (types.isSet(value))
    for (const inner of Set.prototype.values.call(value)) {
      if ((left -= 1) < 0) break
      yield [' (a Set)', inner]
    }
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length && at < mostOfOne; at += 1) {
      const inner = own(value, String(at))
      if (inner !== undefined) yield [`[${at}]`, inner]
    }
    return
  }
  for (const key of Reflect.ownKeys(value)) {
    if ((left -= 1) < 0) break
    if (typeof value === 'function' && (key === 'prototype' || key === 'caller')) continue
    const inner = own(value, key)
    if (!isSearched(inner)) continue
    if (key === '_events') yield* listenersOf(inner)
    else yield [typeof key === 'symbol' ? `[${String(key)}]` : `.${key}`, inner]
  }
  // An object of a module's class keeps the class.
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype !== null) yield ['', own(prototype, 'constructor')]
}

function* listenersOf(events: object): Generator<readonly [string, unknown]> {
  for (const key of Reflect.ownKeys(events)) {
    const inner = own(events, key)
    const name = `.on(${nameOf(key)})`
    if (Array.isArray(inner)) {
      for (const one of inner.slice(0, mostOfOne) as unknown[]) yield* listenerOf(name, one)
    } else yield* listenerOf(name, inner)
  }
}

function* listenerOf(name: string, listener: unknown): Generator<readonly [string, unknown]> {
  yield [name, listener]
  // What `once` put around it.
  if (typeof listener === 'function') yield [name, own(listener, 'listener')]
}

const nameOf = (key: unknown): string =>
  typeof key === 'string'
    ? `'${key.slice(0, 40)}'`
    : typeof key === 'symbol'
      ? String(key)
      : `a ${typeof key}`

const own = (value: object, key: PropertyKey): unknown => {
  try {
    return Reflect.getOwnPropertyDescriptor(value, key)?.value
  } catch {
    return undefined
  }
}
