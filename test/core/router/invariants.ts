import assert from 'node:assert/strict'
import { type TreeNode, hasParam, hasRare } from '../../../src/core/router/node.ts'

/** Walks a whole tree and fails where it breaks what `node.ts` promises. Returns its nodes. */
export function checkTree<L>(tree: TreeNode<L> | null): Set<TreeNode<L>> {
  const seen = new Set<TreeNode<L>>()
  if (tree !== null) {
    checkNode(tree, '', seen)
    assert.equal(labelOf(tree, 0)[0], '/')
  }
  return seen
}

const labelOf = <L>(node: TreeNode<L>, before: number): string =>
  node.run.slice(before, before + node.skip)

/** The texts of what ends in the run below a node. */
function runsBelow<L>(node: TreeNode<L>): Set<string> {
  const runs = new Set<string>()
  for (const index of node.keys()) {
    const child = node[index]
    if (!child) continue
    if (child.leaf !== null || child.alt !== 0) runs.add(child.run)
    for (const run of runsBelow(child)) runs.add(run)
  }
  return runs
}

function checkRun<L>(node: TreeNode<L>, seen: Set<TreeNode<L>>): void {
  checkNode(node, '', seen)
  assert.equal(node.run[0], '/', 'a run after a param begins with /')
}

function checkNode<L>(node: TreeNode<L>, above: string, seen: Set<TreeNode<L>>): void {
  assert.ok(!seen.has(node), 'a node has one parent')
  seen.add(node)
  assert.ok(node.skip >= 1, 'a label is not empty')
  const end = above.length + node.skip
  assert.ok(node.run.length >= end)
  const text = node.run.slice(0, end)
  assert.ok(text.startsWith(above), 'the run holds the text above')
  const isEnd = node.leaf !== null || node.alt !== 0
  if (isEnd) assert.equal(node.run, text, 'the run is exact where it is compared')
  assert.equal((node.alt & hasParam) !== 0, node.paramLeaf !== null || node.paramNode !== null)
  assert.equal((node.alt & hasRare) !== 0, node.rare !== null)
  const children = [...node.keys()].filter((index) => node[index] !== null)
  for (const index of node.keys()) assert.ok(Object.hasOwn(node, index), 'no holes')
  if (node.length > 0) {
    assert.equal(children[0], 0, 'the table has no null in front')
    assert.equal(children.at(-1), node.length - 1, 'nor at the end')
  }
  assert.ok(isEnd || children.length > 1, 'no needless node')
  for (const index of children) {
    const child = node[index]!
    assert.equal(child.run.charCodeAt(end), node.min + index, 'the slot is the first char')
    checkNode(child, text, seen)
  }
  if (!isEnd) {
    // Else a removed route's text would be kept alive.
    assert.ok(runsBelow(node).has(node.run), 'an inner node borrows a text of its own subtree')
  }
  if (node.paramNode !== null) checkRun(node.paramNode, seen)
  if (node.rare !== null) {
    const { constrained, rest } = node.rare
    assert.ok(rest !== null || constrained.length > 0)
    const sources = constrained.map(({ constraint }) => constraint.source)
    assert.deepEqual(sources, [...new Set(sources)].sort(), 'ordered by source')
    for (const edge of constrained) {
      assert.ok(edge.leaf !== null || edge.node !== null)
      if (edge.node !== null) checkRun(edge.node, seen)
    }
  }
}
