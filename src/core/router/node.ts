import type { Constraint } from './constraint.ts'
import type { Shape } from './params.ts'

/** What a leaf holds: one route of the table. Never changed but for its memo; a replace makes a new one. */
export interface Leaf<T> {
  readonly text: string
  readonly value: T
  readonly shape: Shape
  /** What is found again with it by whoever serves; nothing here reads it. Null: nobody has come yet. */
  memo: object | null
}

/** A constrained param that starts at a node. */
export interface ConstrainedEdge<L> {
  readonly constraint: Constraint
  readonly leaf: L | null
  readonly node: TreeNode<L> | null
}

/** The rare edges of a node. Never changed: a change makes a new one. */
export interface RareEdges<L> {
  /** Ordered by source, so that what a table answers does not depend on the order of its making. */
  readonly constrained: readonly ConstrainedEdge<L>[]
  readonly rest: L | null
}

/** Bits of `alt`. */
export const hasParam = 1
export const hasRare = 2

/**
 * A node of a blind compressed radix tree.
 *
 *     /repos/:owner/:repo and /rate      "/r" skip 2 ── 'a' "ate"     skip 3, leaf
 *                                                   └── 'e' "epos/"   skip 5, alt 1 ──param── "/" skip 1, alt 1, paramLeaf
 *
 * The elements are the child table: `node[code - node.min]` is the child whose label begins with that
 * char code, or null. A node knows how long its label is, not what to compare: `run` is compared once, as a
 * whole, where the static run ends.
 *
 * It is an array itself (one dependent load less per level) with one hidden class for every kind of
 * node: all fields set in the constructor in this order, no holes, never indexed out of range, no Array
 * method called on it (`Symbol.species`). Not frozen, because that would change its class; private to this
 * folder and the persistent map, and written only before it is published.
 */
export class TreeNode<L> extends Array<TreeNode<L> | null> {
  /** Length of the label of the edge into this node, its first char included. */
  declare skip: number
  /** Char code of element 0. */
  declare min: number
  /**
   * Text of the static run from the run's start to (at least) the end of this node; exactly to its end
   * where something is to be compared: a leaf or `alt !== 0`. Other nodes borrow a descendant's.
   */
  declare run: string
  /** What ends exactly here. */
  declare leaf: L | null
  /** `hasParam | hasRare`; 0 on most nodes, so that one test skips the rest. */
  declare alt: number
  /** What ends in a plain param that starts here. */
  declare paramLeaf: L | null
  /** First node of the run that follows a plain param starting here. */
  declare paramNode: TreeNode<L> | null
  declare rare: RareEdges<L> | null

  constructor(slots: number, skip: number, min: number, run: string) {
    super(slots === 0 ? 1 : slots)
    for (let index = 0; index < this.length; index += 1) this[index] = null
    // An array that was never longer has a hidden class of its own; a second one in the walk is a tenth of
    // a look-up.
    if (slots === 0) this.length = 0
    this.skip = skip
    this.min = min
    this.run = run
    this.leaf = null
    this.alt = 0
    this.paramLeaf = null
    this.paramNode = null
    this.rare = null
  }
}

/** A copy with the child table `[min, min + slots)`; children outside it are left behind. */
export function copyNode<L>(node: TreeNode<L>, min: number, slots: number): TreeNode<L> {
  const copy = new TreeNode<L>(slots, node.skip, min, node.run)
  copy.leaf = node.leaf
  copy.alt = node.alt
  copy.paramLeaf = node.paramLeaf
  copy.paramNode = node.paramNode
  copy.rare = node.rare
  const from = Math.max(node.min, min)
  const to = Math.min(node.min + node.length, min + slots)
  for (let code = from; code < to; code += 1) copy[code - min] = node[code - node.min] ?? null
  return copy
}

/** The child whose label begins with `code`, or null. */
export function childOf<L>(node: TreeNode<L>, code: number): TreeNode<L> | null {
  const index = code - node.min
  return index >= 0 && index < node.length ? (node[index] ?? null) : null
}
