import { type Leaf, type TreeNode, childOf } from './node.ts'
import { maxAlternatives } from './walk.ts'

/** What took a segment of the path; in the order in which they are tried. */
export type SegmentKind = 'static' | 'constrained' | 'param' | 'rest'

/** A leaf that serves the path, and what each of its segments was taken by. */
export interface Way<T> {
  readonly leaf: Leaf<T>
  readonly kinds: readonly SegmentKind[]
}

/** A constrained param that refused a segment. */
export interface Refusal {
  /** The segment as the constraint saw it, decoded. */
  readonly segment: string
  readonly source: string
}

/** Everything that a path meets in a tree. */
export interface Exploration<T> {
  /** Every leaf that serves the path, the most specific first. */
  readonly ways: readonly Way<T>[]
  /** How many segments the tree could follow. */
  readonly depth: number
  /** What the tree would have taken there: the beginnings of segments, `:`, `:(source)`, `*`. */
  readonly expected: readonly string[]
  readonly refused: readonly Refusal[]
}

/** A place in a run: `at` chars of it are read, and `node` lies at `[start, start + skip)` of it. */
export interface Cursor<T> {
  readonly node: TreeNode<Leaf<T>>
  readonly start: number
  readonly at: number
}

const maxExpected = 12

/**
 * Follows a canonical path through a tree segment by segment, along every alternative and not only until
 * the first leaf. Plain and slow: it is for explanations, and a second opinion on `walk.ts` in tests. Gives up
 * after as many alternatives as a walk.
 */
export function explore<T>(tree: TreeNode<Leaf<T>> | null, path: string): Exploration<T> {
  const segments = path.split('/').slice(1)
  const ways: Way<T>[] = []
  const refused: Refusal[] = []
  const expected = new Set<string>()
  let depth = 0
  let visits = 0

  const note = (cursor: Cursor<T>, index: number): void => {
    if (index < depth) return
    if (index > depth) expected.clear()
    depth = index
    const { rare, paramLeaf, paramNode } = edgesAt(cursor)
    for (const text of nextSegments(cursor)) expected.add(text)
    for (const { constraint } of rare?.constrained ?? []) expected.add(`:(${constraint.source})`)
    if (paramLeaf !== null || paramNode !== null) expected.add(':')
    if (rare !== null && rare.rest !== null) expected.add('*')
  }

  const visit = (cursor: Cursor<T> | null, index: number, kinds: readonly SegmentKind[]): void => {
    visits += 1
    if (cursor === null || visits > maxAlternatives) return
    const segment = segments[index] ?? ''
    const isLast = index === segments.length - 1
    const { rare, paramLeaf, paramNode } = edgesAt(cursor)
    note(cursor, index)

    const follow = (
      kind: SegmentKind,
      leaf: Leaf<T> | null,
      next: () => Cursor<T> | null,
    ): void => {
      const cursor = isLast && leaf !== null ? null : next()
      if (!isLast) visit(cursor, index + 1, [...kinds, kind])
      else if (leaf !== null) ways.push({ leaf, kinds: [...kinds, kind] })
      else if (cursor !== null) note(cursor, index + 1)
    }
    const below = advance(cursor, segment)
    const isEnd = below !== null && below.at === below.start + below.node.skip
    follow('static', isEnd ? below.node.leaf : null, () => below && advance(below, '/'))
    if (segment !== '') {
      const text = decodeURIComponent(segment)
      for (const { constraint, leaf, node } of rare?.constrained ?? []) {
        if (constraint.accepts(text)) follow('constrained', leaf, () => begin(node, '/'))
        else refused.push({ segment: text, source: constraint.source })
      }
      follow('param', paramLeaf, () => begin(paramNode, '/'))
    }
    if (rare !== null && rare.rest !== null) {
      ways.push({ leaf: rare.rest, kinds: [...kinds, 'rest'] })
    }
  }
  visit(begin(tree, '/'), 0, [])
  return { ways, depth, expected: [...expected].slice(0, maxExpected), refused }
}

const noEdges = { rare: null, paramLeaf: null, paramNode: null }

/** What can be captured at a cursor: something only where its node ends. */
export function edgesAt<T>({
  node,
  start,
  at,
}: Cursor<T>): Pick<TreeNode<Leaf<T>>, 'rare' | 'paramLeaf' | 'paramNode'> {
  return at === start + node.skip ? node : noEdges
}

/** The place after `text` in the run that starts at a node, or null. */
export function begin<T>(node: TreeNode<Leaf<T>> | null, text: string): Cursor<T> | null {
  return node === null ? null : advance({ node, start: 0, at: 0 }, text)
}

/** Reads static text, comparing every char. */
export function advance<T>(cursor: Cursor<T>, text: string): Cursor<T> | null {
  let { node, start, at } = cursor
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (at === start + node.skip) {
      const child = childOf(node, code)
      if (child === null) return null
      node = child
      start = at
    } else if (node.run.charCodeAt(at) !== code) return null
    at += 1
  }
  return { node, start, at }
}

/** The static segments that begin at a cursor, the first few; a long common beginning ends in `...`. */
function nextSegments<T>({ node, start, at }: Cursor<T>): readonly string[] {
  const found: string[] = []
  const pending = [{ node, end: start + node.skip }]
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    const label = next.node.run.slice(at, next.end)
    const stop = label.indexOf('/')
    if (stop >= 0) found.push(label.slice(0, stop))
    else {
      if (next.node.leaf !== null && label !== '') found.push(label)
      for (let index = 0; index < next.node.length; index += 1) {
        const child = next.node[index]
        if (child) pending.push({ node: child, end: next.end + child.skip })
      }
    }
    if (found.length + pending.length > 4 * maxExpected) {
      found.push(...pending.map(({ node, end }) => `${node.run.slice(at, end).split('/')[0]}...`))
      break
    }
  }
  return found
}
