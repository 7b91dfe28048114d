import { TreeNode, childOf } from './router/node.ts'
import {
  type Edit,
  batchEdit,
  buildEdit,
  dropLeaf,
  leafAt,
  putLeaf,
  singleEdit,
} from './router/tree.ts'

/** What a map can hold: anything but null and undefined. */
export type MapValue = NonNullable<unknown>

/**
 * A map from strings to values that never changes: `setKey` and `deleteKey` make a new one that shares all but
 * one path with the old one, which stays valid for ever. The router's tree without params, so an index of a
 * million keys costs microseconds and about 2 KB per kept version.
 */
export interface PersistentMap<V extends MapValue> {
  readonly size: number
  readonly tree: TreeNode<V> | null
}

/** One step of a batch; without a value the key is deleted. */
export interface MapChange<V extends MapValue> {
  readonly key: string
  readonly value?: V
}

/**
 * Longest key in UTF-16 code units. A change recurses once per node on its path, of which there are at most
 * as many as the encoded key has chars.
 */
export const maxKeyLength = 1024

export const emptyMap: PersistentMap<never> = Object.freeze({ size: 0, tree: null })

/** Child tables are as wide as the range of their chars, so the tree holds printable ASCII only. */
const encodeKey = (key: string): string => {
  if (key.length > maxKeyLength) {
    throw new RangeError(`a key of a persistent map has at most ${maxKeyLength} characters`)
  }
  return /^[ -$&-~]*$/.test(key)
    ? key
    : key.replaceAll(/[^ -$&-~]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const decodeKey = (text: string): string =>
  text.includes('%')
    ? text.replaceAll(/%([0-9a-f]{4})/g, (_, code: string) =>
        String.fromCharCode(parseInt(code, 16)),
      )
    : text

const placeOf = (key: string) => ({ runs: [encodeKey(key)], edges: [] })

/** Undefined also for a key that no map can hold. */
export function getKey<V extends MapValue>(map: PersistentMap<V>, key: string): V | undefined {
  if (key.length > maxKeyLength) return undefined
  return leafAt(map.tree, placeOf(key)) ?? undefined
}

/** @throws RangeError for a key longer than `maxKeyLength`, as `editMap` does. */
export function setKey<V extends MapValue>(
  map: PersistentMap<V>,
  key: string,
  value: V,
): PersistentMap<V> {
  return changed(singleEdit, map, { key, value })
}

/** The same map when it has no such key. */
export function deleteKey<V extends MapValue>(
  map: PersistentMap<V>,
  key: string,
): PersistentMap<V> {
  return key.length > maxKeyLength ? map : changed(singleEdit, map, { key })
}

/** Many changes as one: each node is copied at most once. Later changes see earlier ones. */
export function editMap<V extends MapValue>(
  map: PersistentMap<V>,
  changes: Iterable<MapChange<V>>,
): PersistentMap<V> {
  const edit = map.tree === null ? buildEdit() : batchEdit()
  let result = map
  for (const change of changes) result = changed(edit, result, change)
  return result
}

function changed<V extends MapValue>(
  edit: Edit,
  map: PersistentMap<V>,
  { key, value }: MapChange<V>,
): PersistentMap<V> {
  const place = placeOf(key)
  const isThere = leafAt(map.tree, place) !== null
  if (value !== undefined) {
    return { size: map.size + (isThere ? 0 : 1), tree: putLeaf(edit, map.tree, place, value) }
  }
  if (map.tree === null || !isThere) return map
  return { size: map.size - 1, tree: dropLeaf(edit, map.tree, place) }
}

/** Every entry whose key begins with `prefix`, in an order that depends on the keys only. */
export function* entriesFrom<V extends MapValue>(
  map: PersistentMap<V>,
  prefix = '',
): Generator<readonly [key: string, value: V]> {
  const text = encodeKey(prefix)
  let node = map.tree
  let end = node?.skip ?? 0
  while (node !== null && end < text.length) {
    node = childOf(node, text.charCodeAt(end))
    end += node?.skip ?? 0
  }
  // The descent looked at one char per node only.
  if (node === null || !node.run.startsWith(text)) return
  yield* entriesBelow(node)
}

function* entriesBelow<V extends MapValue>(
  node: TreeNode<V>,
): Generator<readonly [key: string, value: V]> {
  const pending = [node]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.leaf !== null) yield [decodeKey(next.run), next.leaf]
    for (let index = next.length - 1; index >= 0; index -= 1) {
      const child = next[index]
      if (child) pending.push(child)
    }
  }
}

/**
 * The entries whose keys come after `key` (which need not be there) in the order of `entriesFrom`: a page goes on
 * where the one before ended, whatever was put in or taken out meanwhile, and costs its own length only.
 */
export function* entriesAfter<V extends MapValue>(
  map: PersistentMap<V>,
  key: string,
): Generator<readonly [key: string, value: V]> {
  const text = encodeKey(key)
  const pending = map.tree === null ? [] : [{ node: map.tree, end: map.tree.skip, isAfter: false }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, end } = next
    const common = node.run.slice(0, end)
    const isOnPath = !next.isAfter && text.startsWith(common)
    if (!next.isAfter && !isOnPath && common < text) continue
    if (node.leaf !== null && !isOnPath) yield [decodeKey(node.run), node.leaf]
    for (let index = node.length - 1; index >= 0; index -= 1) {
      const child = node[index]
      if (!child) continue
      const isBefore = isOnPath && end < text.length && node.min + index < text.charCodeAt(end)
      if (!isBefore) pending.push({ node: child, end: end + child.skip, isAfter: !isOnPath })
    }
  }
}

/** One key that two maps hold differently; undefined: it is not there. */
export type MapDifference<V> = readonly [key: string, before: V | undefined, after: V | undefined]

/**
 * How one map becomes another. Parts that both share are not looked at, so two maps of one descent cost what was
 * changed between them. Values are compared by identity.
 */
export function* diffMaps<V extends MapValue>(
  before: PersistentMap<V>,
  after: PersistentMap<V>,
): Generator<MapDifference<V>> {
  yield* differences(before.tree, before.tree?.skip ?? 0, after.tree, after.tree?.skip ?? 0)
}

type MaybeNode<V> = TreeNode<V> | null

/** `leftEnd` and `rightEnd`: where the nodes end in their keys. Recursion is as deep as a key is long, at most. */
function* differences<V extends MapValue>(
  left: MaybeNode<V>,
  leftEnd: number,
  right: MaybeNode<V>,
  rightEnd: number,
): Generator<MapDifference<V>> {
  if (left === right) return
  if (left === null || right === null) {
    yield* allOf(left, (value) => [value, undefined])
    yield* allOf(right, (value) => [undefined, value])
    return
  }
  const end = Math.min(leftEnd, rightEnd)
  if (!sameBeginning(left.run, right.run, end)) {
    yield* allOf(left, (value) => [value, undefined])
    yield* allOf(right, (value) => [undefined, value])
    return
  }
  if (leftEnd === rightEnd) {
    if (left.leaf !== right.leaf) {
      const key = decodeKey((left.leaf === null ? right : left).run.slice(0, end))
      yield [key, left.leaf ?? undefined, right.leaf ?? undefined]
    }
    const from = Math.min(left.min, right.min)
    const to = Math.max(left.min + left.length, right.min + right.length)
    for (let code = from; code < to; code += 1) {
      const one = childOf(left, code)
      const other = childOf(right, code)
      yield* differences(one, end + (one?.skip ?? 0), other, end + (other?.skip ?? 0))
    }
    return
  }
  // One of the two ends earlier: what it holds beside the way to the other is only there.
  const isLeft = leftEnd < rightEnd
  const [short, long] = isLeft ? [left, right] : [right, left]
  const only = (value: V): [V | undefined, V | undefined] =>
    isLeft ? [value, undefined] : [undefined, value]
  if (short.leaf !== null) yield [decodeKey(short.run.slice(0, end)), ...only(short.leaf)]
  const way = long.run.charCodeAt(end)
  for (let index = 0; index < short.length; index += 1) {
    const child = short[index] ?? null
    if (child !== null && short.min + index !== way) yield* allOf(child, only)
  }
  const child = childOf(short, way)
  const childEnd = end + (child?.skip ?? 0)
  yield* isLeft
    ? differences(child, childEnd, long, rightEnd)
    : differences(long, leftEnd, child, childEnd)
}

const sameBeginning = (left: string, right: string, size: number): boolean =>
  left === right || left.slice(0, size) === right.slice(0, size)

function* allOf<V extends MapValue>(
  node: MaybeNode<V>,
  sides: (value: V) => [V | undefined, V | undefined],
): Generator<MapDifference<V>> {
  if (node === null) return
  for (const [key, value] of entriesBelow(node)) yield [key, ...sides(value)]
}
