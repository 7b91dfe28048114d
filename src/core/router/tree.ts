import { compileConstraint } from './constraint.ts'
import {
  type ConstrainedEdge,
  type RareEdges,
  TreeNode,
  childOf,
  copyNode,
  hasParam,
  hasRare,
} from './node.ts'
import type { Edge } from './pattern.ts'

/** Where something lies in a tree: static runs and the edges between them (`pattern.ts`). */
export interface Place {
  readonly runs: readonly string[]
  readonly edges: readonly Edge[]
}

/**
 * Which nodes a change may write to. `fresh` are the nodes it has made itself, so that a batch copies
 * each node at most once; `own` means that all are (a tree built from nothing); neither: a single change.
 */
export interface Edit {
  readonly own: boolean
  readonly fresh: Set<object> | null
  /** Runs after a param, most of which a large table has thousands of times. */
  readonly texts: Map<string, string> | null
}

export const singleEdit: Edit = { own: false, fresh: null, texts: null }
export const buildEdit = (): Edit => ({ own: true, fresh: null, texts: new Map() })
export const batchEdit = (): Edit => ({ own: false, fresh: new Set(), texts: new Map() })

type MaybeNode<L> = TreeNode<L> | null

function made<L>(edit: Edit, node: TreeNode<L>): TreeNode<L> {
  edit.fresh?.add(node)
  return node
}

function writable<L>(edit: Edit, node: TreeNode<L>): TreeNode<L> {
  if (edit.own || edit.fresh?.has(node) === true) return node
  return made(edit, copyNode(node, node.min, node.length))
}

/** The node, writable, with a slot for `code`. */
function widened<L>(edit: Edit, node: TreeNode<L>, code: number): TreeNode<L> {
  if (node.length === 0) return made(edit, copyNode(node, code, 1))
  const min = Math.min(node.min, code)
  const slots = Math.max(node.min + node.length, code + 1) - min
  if (slots === node.length) return writable(edit, node)
  return made(edit, copyNode(node, min, slots))
}

function runAt(edit: Edit, place: Place, index: number): string {
  const run = place.runs[index] ?? ''
  if (index === 0 || edit.texts === null) return run
  const known = edit.texts.get(run)
  if (known !== undefined) return known
  edit.texts.set(run, run)
  return run
}

/**
 * Puts `leaf` at a place, over what is there. The old tree stays as it was; everything off the path is
 * shared with it.
 *
 *     before  "/users/" ── ...        after putting /us  "/us" leaf ── 'e' "ers/" ── ...
 */
export function putLeaf<L>(edit: Edit, tree: MaybeNode<L>, place: Place, leaf: L): TreeNode<L> {
  return putRun(edit, tree, 0, runAt(edit, place, 0), place, 0, leaf)
}

/** `before` = chars of the run above this node; `index` = which run of the place `text` is. */
function putRun<L>(
  edit: Edit,
  node: MaybeNode<L>,
  before: number,
  text: string,
  place: Place,
  index: number,
  leaf: L,
): TreeNode<L> {
  if (node === null) {
    const fresh = made(edit, new TreeNode<L>(0, text.length - before, 0, text))
    return putEnd(edit, fresh, text, place, index, leaf)
  }
  const end = before + node.skip
  const stop = Math.min(end, text.length)
  let same = before
  while (same < stop && node.run.charCodeAt(same) === text.charCodeAt(same)) same += 1
  if (same < end) return splitAt(edit, node, before, same, text, place, index, leaf)
  if (end === text.length) return putEnd(edit, writable(edit, node), text, place, index, leaf)
  const code = text.charCodeAt(end)
  const child = putRun(edit, childOf(node, code), end, text, place, index, leaf)
  const copy = widened(edit, node, code)
  copy[code - copy.min] = child
  return copy
}

function splitAt<L>(
  edit: Edit,
  node: TreeNode<L>,
  before: number,
  same: number,
  text: string,
  place: Place,
  index: number,
  leaf: L,
): TreeNode<L> {
  const lower = writable(edit, node)
  const lowerCode = lower.run.charCodeAt(same)
  lower.skip = before + lower.skip - same
  const ends = same === text.length
  const code = ends ? lowerCode : text.charCodeAt(same)
  const min = Math.min(code, lowerCode)
  const upper = made(
    edit,
    new TreeNode<L>(Math.abs(code - lowerCode) + 1, same - before, min, text),
  )
  upper[lowerCode - min] = lower
  if (ends) return putEnd(edit, upper, text, place, index, leaf)
  upper[code - min] = putRun<L>(edit, null, same, text, place, index, leaf)
  return upper
}

/** Puts what follows the run that ends at `node`, which is writable. */
function putEnd<L>(
  edit: Edit,
  node: TreeNode<L>,
  text: string,
  place: Place,
  index: number,
  leaf: L,
): TreeNode<L> {
  node.run = text
  const edge = place.edges[index]
  if (edge === undefined) {
    node.leaf = leaf
    return node
  }
  if (edge.kind === 'rest') {
    node.alt |= hasRare
    node.rare = { constrained: node.rare?.constrained ?? [], rest: leaf }
    return node
  }
  const next = index + 1
  const isLast = place.runs.length === next
  if (edge.kind === 'param') {
    node.alt |= hasParam
    if (isLast) node.paramLeaf = leaf
    else {
      const run = runAt(edit, place, next)
      node.paramNode = putRun(edit, node.paramNode, 0, run, place, next, leaf)
    }
    return node
  }
  node.alt |= hasRare
  const list = node.rare?.constrained ?? []
  const known = list.find(({ constraint }) => constraint.source === edge.source)
  const constraint = known?.constraint ?? compiledOf(edge.source)
  const changed: ConstrainedEdge<L> = isLast
    ? { constraint, leaf, node: known?.node ?? null }
    : {
        constraint,
        leaf: known?.leaf ?? null,
        node: putRun(edit, known?.node ?? null, 0, runAt(edit, place, next), place, next, leaf),
      }
  node.rare = { constrained: withEdge(list, changed), rest: node.rare?.rest ?? null }
  return node
}

function compiledOf(source: string): ConstrainedEdge<never>['constraint'] {
  const constraint = compileConstraint(source)
  if (typeof constraint === 'string') throw new TypeError(constraint)
  return constraint
}

function withEdge<L>(
  list: readonly ConstrainedEdge<L>[],
  edge: ConstrainedEdge<L>,
): readonly ConstrainedEdge<L>[] {
  const source = edge.constraint.source
  const others = list.filter(({ constraint }) => constraint.source !== source)
  const at = others.findIndex(({ constraint }) => constraint.source > source)
  return at < 0 ? [...others, edge] : [...others.slice(0, at), edge, ...others.slice(at)]
}

/** What lies at a place, or null. */
export function leafAt<L>(tree: MaybeNode<L>, place: Place): L | null {
  let node = tree
  for (let index = 0; ; index += 1) {
    const end = endOfRun(node, place.runs[index] ?? '')
    if (end === null) return null
    const edge = place.edges[index]
    if (edge === undefined) return end.leaf
    if (edge.kind === 'rest') return end.rare?.rest ?? null
    const isLast = place.runs.length === index + 1
    if (edge.kind === 'param') {
      if (isLast) return end.paramLeaf
      node = end.paramNode
    } else {
      const known = end.rare?.constrained.find(
        ({ constraint }) => constraint.source === edge.source,
      )
      if (isLast) return known?.leaf ?? null
      node = known?.node ?? null
    }
  }
}

/** The node where a run that starts at `node` ends exactly, or null. */
function endOfRun<L>(first: MaybeNode<L>, text: string): MaybeNode<L> {
  let node = first
  let end = 0
  while (node !== null) {
    end += node.skip
    if (end > text.length) return null
    if (end === text.length) {
      // An inner node's run is longer than itself; nothing lies there.
      return node.run === text ? node : null
    }
    node = childOf(node, text.charCodeAt(end))
  }
  return null
}

/** Takes away what lies at a place, where something must lie (`leafAt`); null when nothing is left. */
export function dropLeaf<L>(edit: Edit, tree: TreeNode<L>, place: Place): MaybeNode<L> {
  return dropRun(edit, tree, 0, place, 0)
}

function dropRun<L>(
  edit: Edit,
  node: MaybeNode<L>,
  before: number,
  place: Place,
  index: number,
): MaybeNode<L> {
  if (node === null) return null
  const text = place.runs[index] ?? ''
  const end = before + node.skip
  if (end === text.length) return tidy(edit, dropEnd(edit, writable(edit, node), place, index))
  const code = text.charCodeAt(end)
  const child = dropRun(edit, childOf(node, code), end, place, index)
  const copy = writable(edit, node)
  copy[code - copy.min] = child
  return tidy(edit, copy)
}

function dropEnd<L>(edit: Edit, node: TreeNode<L>, place: Place, index: number): TreeNode<L> {
  const edge = place.edges[index]
  const next = index + 1
  const isLast = place.runs.length === next
  if (edge === undefined) node.leaf = null
  else if (edge.kind === 'param') {
    if (isLast) node.paramLeaf = null
    else node.paramNode = dropRun(edit, node.paramNode, 0, place, next)
    if (node.paramLeaf === null && node.paramNode === null) node.alt &= ~hasParam
  } else if (node.rare !== null) {
    node.rare =
      edge.kind === 'rest'
        ? { ...node.rare, rest: null }
        : withoutEdge(edit, node.rare, edge.source, place, next)
    if (node.rare.rest === null && node.rare.constrained.length === 0) {
      node.rare = null
      node.alt &= ~hasRare
    }
  }
  return node
}

function withoutEdge<L>(
  edit: Edit,
  rare: RareEdges<L>,
  source: string,
  place: Place,
  next: number,
): RareEdges<L> {
  const constrained = rare.constrained.flatMap((known) => {
    if (known.constraint.source !== source) return [known]
    const left: ConstrainedEdge<L> =
      place.runs.length === next
        ? { ...known, leaf: null }
        : { ...known, node: dropRun(edit, known.node, 0, place, next) }
    return left.leaf === null && left.node === null ? [] : [left]
  })
  return { constrained, rest: rare.rest }
}

/** What a writable node becomes after it lost something: itself, its only child, or nothing. */
function tidy<L>(edit: Edit, node: TreeNode<L>): MaybeNode<L> {
  let first = 0
  let last = node.length - 1
  while (first <= last && node[first] === null) first += 1
  while (last >= first && node[last] === null) last -= 1
  const only = node[first] ?? null
  const isEnd = node.leaf !== null || node.alt !== 0
  if (!isEnd) {
    if (only === null) return null
    if (first === last) {
      const child = writable(edit, only)
      child.skip += node.skip
      return child
    }
    // The text that was removed must not be kept alive by an inner node.
    node.run = only.run
  }
  const slots = last - first + 1
  if (slots === node.length) return node
  return made(edit, copyNode(node, slots === 0 ? 0 : node.min + first, slots))
}

/** Every leaf, static before constrained before param before rest at each node. */
export function* leavesOf<L>(tree: MaybeNode<L>): Generator<L> {
  if (tree === null) return
  const pending: (TreeNode<L> | { readonly found: L })[] = [tree]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if ('found' in next) {
      yield next.found
      continue
    }
    if (next.leaf !== null) yield next.leaf
    // Last in, first out.
    const rare = next.rare
    if (rare !== null && rare.rest !== null) pending.push({ found: rare.rest })
    if (next.paramNode !== null) pending.push(next.paramNode)
    if (next.paramLeaf !== null) pending.push({ found: next.paramLeaf })
    if (rare !== null) {
      for (let index = rare.constrained.length - 1; index >= 0; index -= 1) {
        const edge = rare.constrained[index]
        if (edge?.node) pending.push(edge.node)
        if (edge?.leaf) pending.push({ found: edge.leaf })
      }
    }
    for (let index = next.length - 1; index >= 0; index -= 1) {
      const child = next[index]
      if (child) pending.push(child)
    }
  }
}
