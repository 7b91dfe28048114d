import * as nodes from './node.ts'
import type { TreeNode } from './node.ts'
import type { Captures } from './params.ts'
import * as paths from './path.ts'
import { maxParams } from './pattern.ts'

// V8 loads an imported binding from its cell at every use and folds only a module's own constants; here that
// is a tenth of a look-up.
const { charClass, plain, slash, query, dirty } = paths
const { hasParam } = nodes
const spans: Captures = new Int32Array(2 * (maxParams + 1))

/**
 * Where the captures of the last walk lie. Integers only, so that no old tree is kept alive by it, and a
 * backtrack undoes nothing. Valid until the next walk; the walk is synchronous.
 */
export const captures: Captures = spans

/**
 * Most alternatives that one walk tries. A tree of d levels that each hold a static segment and a param
 * has up to 2^d ways through it; no honest table comes near.
 */
export const maxAlternatives = 10_000

/** The walk found a capture that `canonicalPath` would touch (raw walks only). */
const stoppedDirty = 1
/** The walk tried `maxAlternatives`. */
export const stoppedExhausted = 2

let stopped = 0
let alternatives = 0
let isRaw = false
let pathEnd = 0
let choose: ((leaf: unknown) => unknown) | null = null

/** Why the last walk ended early; then its result means nothing. 0: it did not. */
export function whyStopped(): number {
  return stopped
}

/** Where the path part of the last walk's match ends in its text. */
export function matchEnd(): number {
  return pathEnd
}

/** How many alternatives the last walk tried: what tests count instead of time. */
export function alternativesTried(): number {
  return alternatives
}

/**
 * Finds the most specific leaf for a text: at each segment static before constrained before param before
 * rest, with backtracking.
 *
 * `raw`: the text is a raw request target. The walk ends at `?`, and only captures without anything that
 * `canonicalPath` would touch are taken (else it stops, see `lookup.ts`). Not raw: the text is a
 * canonical path, which may have escapes.
 *
 * Why blind descent is right: on the way down only the first char of each label is looked at, so chars
 * may be passed over that differ from the tree's. But every edge that is taken and every leaf that is
 * returned is preceded by a comparison of the whole current run, and positions are right for every text
 * whose runs compare equal. A wrong guess can only end in null at a comparison, and the search goes on
 * at the last choice as that of a comparing radix tree would. Each node is entered at most once.
 *
 * `chooser` is asked at each leaf that the text ends in, and answers with the leaf to return; where it answers null
 * the leaf does not match and the walk goes on. It must not walk.
 */
export function walkTree<L>(
  tree: TreeNode<L> | null,
  text: string,
  raw: boolean,
  chooser: ((leaf: L) => L | null) | null = null,
): L | null {
  stopped = 0
  alternatives = 0
  isRaw = raw
  choose = chooser as typeof choose
  return tree === null ? null : walk(tree, text, text.length, tree.skip, 0, 0)
}

/** `length` = end of the path as far as known, `start` = where the current run began, `count` = captures. */
function walk<L>(
  from: TreeNode<L>,
  text: string,
  length: number,
  at: number,
  start: number,
  count: number,
): L | null {
  let node = from
  for (;;) {
    if (at >= length) {
      if (at > length) return null
      if (node.leaf === null) {
        if (node.rare === null || node.rare.rest === null) return null
        if (!isRun(text, start, node.run, at - start)) return null
        return emptyRest(node.rare.rest, at, count)
      }
      if (start === 0 && text.length === at) {
        if (text !== node.run) return null
      } else if (!isRun(text, start, node.run, at - start)) return null
      pathEnd = at
      const leaf = chosen(node.leaf)
      if (leaf !== null || node.rare === null || node.rare.rest === null) return leaf
      return emptyRest(node.rare.rest, at, count)
    }

    const code = text.charCodeAt(at)
    const index = code - node.min
    const child = index >= 0 && index < node.length ? node[index]! : null
    const alt = node.alt
    if (child !== null) {
      if (alt === 0) {
        node = child
        at += child.skip
        continue
      }
      if (isExhausted()) return null
      const found = walk(child, text, length, at + child.skip, start, count)
      if (found !== null || stopped !== 0) return found
    } else if (code === 0x3f) {
      // Only after a failed child look-up: `?` lies inside the table of a node with `/` and `a`.
      length = at
      continue
    }
    if (alt === 0 || !isRun(text, start, node.run, at - start)) return null

    // A segment is captured: find its end. An empty one (`//`) is in no canonical path; a dot may begin a
    // dot segment.
    let kind = charClass[code]
    if (kind === slash) return null
    if (code === 0x2e && isRaw) return stop(stoppedDirty)
    let end = at
    while (kind === plain) {
      end += 1
      if (end >= length) break
      kind = charClass[text.charCodeAt(end)]
    }
    if (kind === query) length = end
    else if (kind === dirty) {
      if (isRaw) return stop(stoppedDirty)
      end = segmentEnd(text, end, length)
    }

    spans[2 * count] = at
    spans[2 * count + 1] = end
    const rare = node.rare
    if (rare !== null && rare.constrained.length > 0) {
      const found = walkConstrained(node, text, length, at, end, count)
      if (found !== null || stopped !== 0) return found
      spans[2 * count] = at
      spans[2 * count + 1] = end
    }
    if ((alt & hasParam) !== 0) {
      if (end === length) {
        if (node.paramLeaf !== null) {
          pathEnd = length
          const leaf = chosen(node.paramLeaf)
          if (leaf !== null) return leaf
        }
      } else if (node.paramNode !== null) {
        const next = node.paramNode
        if (rare === null) {
          node = next
          start = end
          at = end + next.skip
          count += 1
          continue
        }
        if (isExhausted()) return null
        const found = walk(next, text, length, end + next.skip, end, count + 1)
        if (found !== null || stopped !== 0) return found
      }
    }
    if (rare === null || rare.rest === null) return null
    length = isRaw ? restEnd(text, end, length) : length
    if (length < 0) return stop(stoppedDirty)
    spans[2 * count] = at
    spans[2 * count + 1] = length
    pathEnd = length
    return chosen(rare.rest)
  }
}

const chosen = <L>(leaf: L): L | null => (choose === null ? leaf : (choose(leaf) as L | null))

/** A rest that takes nothing. */
function emptyRest<L>(rest: L, at: number, count: number): L | null {
  spans[2 * count] = at
  spans[2 * count + 1] = at
  pathEnd = at
  return chosen(rest)
}

function walkConstrained<L>(
  node: TreeNode<L>,
  text: string,
  length: number,
  at: number,
  end: number,
  count: number,
): L | null {
  const segment = decodeURIComponent(text.substring(at, end))
  for (const { constraint, leaf, node: next } of node.rare?.constrained ?? []) {
    if (end === length ? leaf === null : next === null) continue
    // A long segment is charged for its length, so that constraints tried again and again stay bounded.
    alternatives += segment.length >> 6
    if (isExhausted()) return null
    if (!constraint.accepts(segment)) continue
    spans[2 * count] = at
    spans[2 * count + 1] = end
    if (end === length) {
      pathEnd = length
      const picked = leaf === null ? null : chosen(leaf)
      if (picked !== null) return picked
      continue
    }
    if (next === null) continue
    const found = walk(next, text, length, end + next.skip, end, count + 1)
    if (found !== null || stopped !== 0) return found
  }
  return null
}

function stop(why: number): null {
  stopped = why
  return null
}

function isExhausted(): boolean {
  alternatives += 1
  if (alternatives <= maxAlternatives) return false
  stopped = stoppedExhausted
  return true
}

/** Whether `run`, which is `size` long, lies in `text` at `start`; a run after a capture begins with `/`. */
function isRun(text: string, start: number, run: string, size: number): boolean {
  // Measured: up to three chars a loop is cheaper than a substring.
  if (size > 3) return text.substring(start, start + size) === run
  for (let index = start === 0 ? 0 : 1; index < size; index += 1) {
    if (text.charCodeAt(start + index) !== run.charCodeAt(index)) return false
  }
  return true
}

function segmentEnd(text: string, from: number, length: number): number {
  const end = text.indexOf('/', from)
  return end < 0 || end > length ? length : end
}

/** Where a rest whose first segment ends at `from` ends, or -1 when it may not be canonical. */
function restEnd(text: string, from: number, length: number): number {
  for (let at = from; at < length; at += 1) {
    const kind = charClass[text.charCodeAt(at)]
    if (kind === plain) continue
    if (kind === query) return at
    if (kind === dirty) return -1
    const next = text.charCodeAt(at + 1)
    if (next === 0x2f || next === 0x2e) return -1
  }
  return length
}
