import { compileConstraint } from './constraint.ts'
import { type Cursor, advance, begin, edgesAt } from './explore.ts'
import type { Leaf, TreeNode } from './node.ts'
import { charClass, plain } from './path.ts'
import type { Pattern } from './pattern.ts'
import { commonWord } from './overlap-words.ts'

/** One segment of a pattern. */
export type Token =
  | { readonly kind: 'static'; readonly text: string }
  | { readonly kind: 'param' }
  | { readonly kind: 'constrained'; readonly source: string }
  | { readonly kind: 'rest' }

/** A leaf that a pattern meets. */
export interface Overlap<T> {
  readonly leaf: Leaf<T>
  /** A canonical path of both, or of the longer one; null where a constraint cannot be told. */
  readonly path: string | null
}

/** Told of each overlap; true ends the walk. */
export type Report<T> = (overlap: Overlap<T>) => boolean

const param: Token = { kind: 'param' }
const rest: Token = { kind: 'rest' }

/** The segments of a pattern; a trailing slash is an empty static one. */
export function tokensOf({ runs, edges }: Pattern): readonly Token[] {
  return runs.flatMap((run, index) => {
    const edge = edges[index]
    const texts = run.split('/').slice(1)
    if (edge !== undefined) texts.pop()
    const tokens = texts.map((text): Token => ({ kind: 'static', text }))
    if (edge?.kind === 'constrained') tokens.push({ kind: 'constrained', source: edge.source })
    else if (edge !== undefined) tokens.push(edge.kind === 'param' ? param : rest)
    return tokens
  })
}

let visits = 0

/** How many places the last walk looked at: what tests count instead of time. */
export function placesVisited(): number {
  return visits
}

/** Segments of a witness as they stand in a path; null is one that cannot be told. */
type Words = readonly (string | null)[]

const pathOf = (words: Words): string | null =>
  words.includes(null) ? null : `/${words.join('/')}`

/** A decoded segment as it stands in a canonical path. */
export const encoded = (text: string): string =>
  Array.from(text, (char) =>
    charClass[char.charCodeAt(0)] === plain ? char : encodeURIComponent(char),
  ).join('')

const ofSources = (source: string, other: string | null): string | null | false => {
  const found = commonWord(source, other)
  return found.kind === 'word' ? encoded(found.text) : found.kind === 'unknown' ? null : false
}

/** A segment that both tokens take; null where it cannot be told, false where there is none. */
function meeting(token: Token, other: Token): string | null | false {
  if (other.kind === 'static')
    return token.kind === 'static' ? same(token, other) : meeting(other, token)
  if (token.kind === 'static') {
    if (token.text === '') return false
    if (other.kind !== 'constrained') return token.text
    const constraint = compileConstraint(other.source)
    const accepts =
      typeof constraint !== 'string' && constraint.accepts(decodeURIComponent(token.text))
    return accepts && token.text
  }
  if (token.kind !== 'constrained')
    return other.kind === 'constrained' ? meeting(other, token) : 'x'
  return ofSources(token.source, other.kind === 'constrained' ? other.source : null)
}

const same = (token: { readonly text: string }, other: { readonly text: string }): string | false =>
  token.text === other.text && token.text

/** Segments that tokens take by themselves, or false where there are none. */
function wordsOf(tokens: readonly Token[]): Words | false {
  const words: (string | null)[] = []
  for (const token of tokens) {
    const found =
      token.kind === 'static' ? token.text : token.kind === 'rest' ? '' : meeting(token, param)
    if (found === false) return false
    words.push(found)
  }
  return words
}

/** The static segments that begin at a place, with what ends there and where the path goes on. */
function* staticsAt<T>(
  { node, start, at }: Cursor<T>,
  isSkipped: Crossing<T>['isSkipped'],
): Generator<{
  readonly text: string
  readonly leaf: Leaf<T> | null
  readonly next: Cursor<T> | null
}> {
  const pending: Cursor<T>[] = [{ node, start, at }]
  for (let here = pending.pop(); here !== undefined; here = pending.pop()) {
    if (isSkipped(here.node)) continue
    visits += 1
    const end = here.start + here.node.skip
    const slash = here.node.run.slice(here.at, end).indexOf('/')
    if (slash >= 0) {
      const stop = here.at + slash
      const text = here.node.run.slice(at, stop)
      yield { text, leaf: null, next: { ...here, at: stop + 1 } }
      continue
    }
    const { leaf } = here.node
    if (leaf !== null) yield { text: here.node.run.slice(at, end), leaf, next: null }
    for (let index = here.node.length - 1; index >= 0; index -= 1) {
      const child = here.node[index]
      if (child) pending.push({ node: child, start: end, at: end })
    }
  }
}

interface Crossing<T> {
  /** The pattern's, without a slash at the end where that makes no difference. */
  readonly tokens: readonly Token[]
  readonly whole: readonly Token[]
  /** Whether a path that goes on below the other's counts. */
  readonly isPrefix: boolean
  /** Nodes with nothing below that is looked for. */
  readonly isSkipped: (node: TreeNode<Leaf<T>>) => boolean
  readonly report: Report<T>
}

const overlapping = <T>(tokens: readonly Token[], report: Report<T>): Crossing<T> => ({
  tokens,
  whole: tokens,
  isPrefix: false,
  isSkipped: () => false,
  report,
})

/** Everything in a tree that crosses tokens from `index` on; true when the report has had enough. */
function cross<T>(
  crossing: Crossing<T>,
  cursor: Cursor<T> | null,
  index: number,
  words: Words,
): boolean {
  if (cursor === null || crossing.isSkipped(cursor.node)) return false
  visits += 1
  const { tokens, whole, isPrefix, report } = crossing
  // Below a whole prefix everything crosses, as below a rest.
  const token = tokens[index] ?? rest
  const isRest = token.kind === 'rest'
  const { rare, paramLeaf, paramNode } = edgesAt(cursor)

  const tell = (leaf: Leaf<T>, taken: Words, from: number): boolean => {
    const left = wordsOf(whole.slice(from))
    return left !== false && report({ leaf, path: pathOf([...taken, ...left]) })
  }
  const take = (
    word: string | null | false,
    leaf: Leaf<T> | null,
    next: () => Cursor<T> | null,
  ): boolean => {
    if (word === false) return false
    const taken = [...words, word]
    const isLast = index === tokens.length - 1
    if (leaf !== null) {
      if (isRest && report({ leaf, path: pathOf(taken) })) return true
      if (!isRest && (isLast || isPrefix) && tell(leaf, taken, index + 1)) return true
    }
    if (isRest) return cross(crossing, next(), index, taken)
    if (isLast && !isPrefix) return false
    return cross(crossing, next(), index + 1, taken)
  }

  const ended = isPrefix && !isRest ? leafAtSlash(cursor) : null
  if (ended !== null && tell(ended, words, index)) return true
  if (token.kind === 'static') {
    const below = advance(cursor, token.text)
    const leaf = below !== null && isAtEnd(below) ? below.node.leaf : null
    // The empty segment after a trailing slash was told of above.
    const isTold = ended !== null && token.text === ''
    if (take(token.text, isTold ? null : leaf, () => below && advance(below, '/'))) return true
  } else {
    for (const { text, leaf, next } of staticsAt(cursor, crossing.isSkipped)) {
      const word = isRest ? text : meeting({ kind: 'static', text }, token)
      if (take(word, leaf, () => next)) return true
    }
  }
  for (const { constraint, leaf, node } of rare?.constrained ?? []) {
    const other: Token = { kind: 'constrained', source: constraint.source }
    if (take(meeting(isRest ? param : token, other), leaf, () => begin(node, '/'))) return true
  }
  if (paramLeaf !== null || paramNode !== null) {
    const word = meeting(isRest ? param : token, param)
    if (take(word, paramLeaf, () => begin(paramNode, '/'))) return true
  }
  if (rare === null || rare.rest === null) return false
  if (isRest) return report({ leaf: rare.rest, path: pathOf([...words, '']) })
  return tell(rare.rest, words, index)
}

const isAtEnd = <T>({ node, start, at }: Cursor<T>): boolean => at === start + node.skip

const leafAtSlash = <T>(cursor: Cursor<T>): Leaf<T> | null =>
  isAtEnd(cursor) ? cursor.node.leaf : null

/**
 * Finds what a pattern overlaps where specificity does not decide: at the first segment in which both differ, both
 * are constrained params. Follows the pattern's own place, and leaves it only at such segments; a pattern without
 * constraints costs nothing.
 */
export function findAmbiguous<T>(
  tree: TreeNode<Leaf<T>> | null,
  pattern: Pattern,
  report: Report<T>,
): boolean {
  visits = 0
  if (!pattern.edges.some(({ kind }) => kind === 'constrained')) return false
  const tokens = tokensOf(pattern)
  const crossing = overlapping(tokens, report)
  const words: (string | null)[] = []
  let cursor = begin(tree, '/')
  for (let index = 0; cursor !== null; index += 1) {
    const token = tokens[index]
    if (token === undefined || token.kind === 'rest') return false
    visits += 1
    const { rare, paramNode } = edgesAt(cursor)
    const word = token.kind === 'static' ? token.text : meeting(token, param)
    if (word === false) return false
    let next: Cursor<T> | null = null
    if (token.kind === 'static') {
      const below = advance(cursor, token.text)
      next = below && advance(below, '/')
    } else if (token.kind === 'param') next = begin(paramNode, '/')
    else {
      for (const edge of rare?.constrained ?? []) {
        const { source } = edge.constraint
        if (source === token.source) next = begin(edge.node, '/')
        else if (crossAt(crossing, edge, index, words, ofSources(token.source, source))) return true
      }
    }
    words.push(word)
    cursor = next
  }
  return false
}

function crossAt<T>(
  crossing: Crossing<T>,
  { leaf, node }: { readonly leaf: Leaf<T> | null; readonly node: TreeNode<Leaf<T>> | null },
  index: number,
  words: Words,
  word: string | null | false,
): boolean {
  visits += 1
  if (word === false) return false
  const taken = [...words, word]
  if (index < crossing.tokens.length - 1) return cross(crossing, begin(node, '/'), index + 1, taken)
  return leaf !== null && crossing.report({ leaf, path: pathOf(taken) })
}

/**
 * Finds every route whose path a pattern crosses at a segment boundary: one is a prefix of the other, or both
 * take one path. A slash at the end makes no difference.
 */
export function findCrossing<T>(
  tree: TreeNode<Leaf<T>> | null,
  pattern: Pattern,
  isSkipped: Crossing<T>['isSkipped'],
  report: Report<T>,
): boolean {
  visits = 0
  const whole = tokensOf(pattern)
  const lastToken = whole.at(-1)
  const isOpen = lastToken?.kind === 'static' && lastToken.text === ''
  const tokens = isOpen ? whole.slice(0, -1) : whole
  return cross({ tokens, whole, isPrefix: true, isSkipped, report }, begin(tree, '/'), 0, [])
}

/** Finds every route that serves a path that the pattern serves too, whichever comes first. */
export function findOverlapping<T>(
  tree: TreeNode<Leaf<T>> | null,
  pattern: Pattern,
  report: Report<T>,
): boolean {
  visits = 0
  return cross(overlapping(tokensOf(pattern), report), begin(tree, '/'), 0, [])
}

/**
 * A path that a pattern serves by itself, with the names of its params in their places; null where a constraint cannot
 * be told, or takes nothing.
 */
export function pathFor(pattern: Pattern): string | null {
  const tokens = tokensOf(pattern)
  const words = wordsOf(tokens)
  if (words === false) return null
  const names = pattern.edges.map(({ name }) => name)
  const named = tokens.map(({ kind }, index) => {
    const name = kind === 'static' ? undefined : names.shift()
    return name === undefined || kind === 'constrained' ? (words[index] ?? null) : name
  })
  return pathOf(named)
}
