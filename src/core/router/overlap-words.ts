import { spend } from '../effort.ts'
import { compileConstraint } from './constraint.ts'
import {
  type CodeSet,
  type Program,
  everyCode,
  intersection,
  programOf,
} from './overlap-expression.ts'

/** A segment that constraints accept, decoded; none; or `unknown` where that cannot be told. */
export type Word =
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown' }

const none: Word = { kind: 'none' }
const unknown: Word = { kind: 'unknown' }
/** No effort was left to tell; with more, it may be told another time. */
const exhausted: Word = { kind: 'unknown' }

/** Most pairs of steps that one search looks at. */
const maxPairs = 20_000
const maxKnown = 1_000

const anything: Program = {
  steps: [
    { kind: 'accept' },
    { kind: 'fork', next: [0, 2] },
    { kind: 'read', set: everyCode, next: 1 },
  ],
  first: 1,
}

/** Never in a segment: NUL, the backslash and halves of surrogate pairs (`path.ts`). */
const possible: CodeSet = [1, 0x5b, 0x5d, 0xd7ff, 0xe000, 0x10ffff]
/** An escaped slash is in a segment only where the gateway is told to keep it. */
const usual: CodeSet = [1, 0x2e, 0x30, 0x5b, 0x5d, 0xd7ff, 0xe000, 0x10ffff]
const dot = 0x2e
const graphic: CodeSet = [0x21, 0x7e]
const printable: CodeSet = [0x20, 0x7e]

const preferred = Array.from(
  'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_~!$+,;=@',
  (char) => char.charCodeAt(0),
)

const programs = new Map<string, Program | null>()
const words = new Map<string, Word>()
const texts = new Map<string, Word>()

function remember<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key)
  if (known !== undefined) return known
  const value = make()
  if (value === exhausted) return value
  // Bounded: hot updates may bring new sources for ever.
  if (map.size >= maxKnown) map.clear()
  map.set(key, value)
  return value
}

const understood = (source: string): Program | null =>
  remember(programs, source, () => {
    const program = programOf(source)
    spend(program?.steps.length ?? source.length)
    return program
  })

/**
 * The shortest segment that a constraint accepts, or that two accept both. Never empty and never a dot segment,
 * for no request has such a segment; one with a slash only when there is no other.
 */
export function commonWord(source: string, other: string | null = null): Word {
  if (other === null || other === source) {
    return remember(words, source, () => search([source]))
  }
  const [first, second] = source < other ? [source, other] : [other, source]
  return remember(words, `${first}\n${second}`, () => search([first, second]))
}

/**
 * The shortest text that a regular expression accepts, or that two accept both: any text, empty too. One of
 * printing characters where there is one.
 */
export function commonText(source: string, other: string = source): Word {
  const [first, second] = source < other ? [source, other] : [other, source]
  return remember(texts, `${first}\n${second}`, () =>
    search(first === second ? [first] : [first, second], [graphic, printable, everyCode], false),
  )
}

/** One source, or two that are to be told apart. */
function search(
  sources: readonly [string, string?],
  alphabets: readonly CodeSet[] = [usual, possible],
  isSegment = true,
): Word {
  if (!spend(1)) return exhausted
  const [first, second] = sources
  const left = understood(first)
  const right = second === undefined ? anything : understood(second)
  if (left === null || right === null) return unknown
  for (const alphabet of alphabets) {
    const found = shortest(left, right, alphabet, isSegment)
    if (found.kind === 'none') continue
    if (found === exhausted) return found
    // The engine that serves has the last word.
    const isAccepted =
      found.kind === 'word' &&
      sources.every((source) => source === undefined || isAcceptedBy(source, found.text))
    return isAccepted ? found : unknown
  }
  return none
}

const isAcceptedBy = (source: string, text: string): boolean => {
  const constraint = compileConstraint(source)
  return typeof constraint !== 'string' && constraint.accepts(text)
}

/** Reads that are next and whether the end may be here, without reading anything. */
interface Closure {
  readonly reads: readonly { readonly set: CodeSet; readonly next: number }[]
  readonly accepts: boolean
}

function closureOf({ steps }: Program, from: number, isStart: boolean, isEnd: boolean): Closure {
  const reads: { readonly set: CodeSet; readonly next: number }[] = []
  let accepts = false
  const seen = new Set([from])
  const pending = [from]
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const step = steps[at]
    const visit = (next: number): void => {
      if (seen.has(next)) return
      seen.add(next)
      pending.push(next)
    }
    if (step === undefined || step.kind === 'accept') accepts = true
    else if (step.kind === 'read') reads.push(step)
    else if (step.kind === 'fork') step.next.toReversed().forEach(visit)
    else if (step.kind === 'start' ? isStart : isEnd) visit(step.next)
  }
  return { reads, accepts }
}

/** Where a search is; the text is kept as a chain of code points. */
interface Pair {
  readonly left: number
  readonly right: number
  /** What was read: nothing, `.`, `..`, or a segment. */
  readonly read: 0 | 1 | 2 | 3
  readonly code: number
  readonly before: Pair | null
}

/** Breadth first through the product of both automata. */
function shortest(left: Program, right: Program, alphabet: CodeSet, isSegment: boolean): Word {
  // Where dots are like other characters, the state that tells them apart is passed over.
  const read = isSegment ? 0 : 3
  const first: Pair = { left: left.first, right: right.first, read, code: 0, before: null }
  const queue: Pair[] = [first]
  const seen = new Set<number>()
  const closures = [new Map<number, Closure>(), new Map<number, Closure>()] as const
  const readsOf = (
    side: 0 | 1,
    program: Program,
    at: number,
    isStart: boolean,
  ): Closure['reads'] => {
    const known = closures[side].get(at)
    if (known !== undefined && !isStart) return known.reads
    const closure = closureOf(program, at, isStart, false)
    if (!isStart) closures[side].set(at, closure)
    return closure.reads
  }
  for (let index = 0; index < queue.length; index += 1) {
    const pair = queue[index] ?? first
    const isStart = index === 0
    if (
      pair.read === 3 &&
      closureOf(left, pair.left, isStart, true).accepts &&
      closureOf(right, pair.right, isStart, true).accepts
    )
      return { kind: 'word', text: textOf(pair) }
    const [reads, others] = [
      readsOf(0, left, pair.left, isStart),
      readsOf(1, right, pair.right, isStart),
    ]
    if (!spend(reads.length * others.length + reads.length + others.length + 1)) return exhausted
    for (const mine of reads) {
      for (const other of others) {
        const set = intersection(intersection(mine.set, other.set), alphabet)
        for (const code of codesOf(set, pair.read)) {
          const read = readAfter(pair.read, code)
          const key = (mine.next * right.steps.length + other.next) * 4 + read
          if (seen.has(key)) continue
          seen.add(key)
          queue.push({ left: mine.next, right: other.next, read, code, before: pair })
        }
      }
    }
    if (queue.length > maxPairs) return unknown
  }
  return none
}

const readAfter = (read: Pair['read'], code: number): Pair['read'] =>
  code !== dot || read === 3 ? 3 : ((read + 1) as 1 | 2 | 3)

/** One code point that reads best; a dot beside it while only dots were read. */
function codesOf(set: CodeSet, read: Pair['read']): readonly number[] {
  const has = (code: number): boolean => {
    for (let at = 0; at < set.length; at += 2) {
      if (code >= (set[at] ?? 0) && code <= (set[at + 1] ?? 0)) return true
    }
    return false
  }
  const codes: number[] = []
  const isDot = has(dot)
  const other = preferred.find(has) ?? firstBut(set, dot)
  if (other !== undefined) codes.push(other)
  if (isDot && (other === undefined || read !== 3)) codes.push(dot)
  return codes
}

/** The first of a set that prints, else the first. */
function firstBut(set: CodeSet, but: number): number | undefined {
  let found: number | undefined
  for (let at = 0; at < set.length; at += 2) {
    const [from, to] = [set[at] ?? 0, set[at + 1] ?? 0]
    for (const code of [Math.max(from, 0x20), Math.max(from, 0xe9), from, from + 1]) {
      if (code > to || code === but) continue
      if (code >= 0x20 && code !== 0x7f) return code
      found ??= code
    }
  }
  return found
}

function textOf(pair: Pair): string {
  const codes: number[] = []
  for (let at = pair; at.before !== null; at = at.before) codes.push(at.code)
  return String.fromCodePoint(...codes.toReversed())
}

const sampled = Array.from('az09AZ-~.é', (char) => char.charCodeAt(0))
const maxQueue = 500
const longest = 70

/** Segments for any param: short and long, of letters, digits, marks and others. */
export const anyWords: readonly string[] = [
  'x~',
  'x',
  'q',
  '7',
  '-',
  'Z',
  'é',
  '~x-7Z_é!',
  '~'.repeat(longest),
  'x'.repeat(300),
]

/**
 * Up to `limit` different segments that a constraint accepts: the shortest, some long ones, and `anyWords` where they
 * fit. Control characters only where nothing else fits.
 *
 * @returns null where the constraint is not understood and nothing was found.
 */
export function someWords(source: string, limit: number): readonly string[] | null {
  const program = understood(source)
  const found = new Set<string>()
  if (program !== null) {
    enumerate(program, limit, found)
    lengthen(program, found)
    const shortestOne = commonWord(source)
    if (shortestOne.kind === 'word') found.add(shortestOne.text)
  }
  const accepted = [...anyWords, ...found].filter(
    (text) => !isDotSegment(text) && isAcceptedBy(source, text),
  )
  return accepted.length === 0 && commonWord(source).kind !== 'none' ? null : [...new Set(accepted)]
}

const isDotSegment = (text: string): boolean => text === '.' || text === '..'

const samplesOf = (set: CodeSet): readonly number[] => {
  const codes = sampled.filter((code) => intersection(set, [code, code]).length > 0)
  const first = firstBut(intersection(set, usual), dot)
  return codes.length > 0 || first === undefined ? codes : [first]
}

/** Shortest first; unlike a search it comes to a step again with another text. */
function enumerate(program: Program, limit: number, found: Set<string>): void {
  const queue = [{ at: program.first, text: '' }]
  for (let index = 0; index < queue.length && found.size < limit; index += 1) {
    const { at, text } = queue[index] ?? { at: 0, text: '' }
    if (text !== '' && !isDotSegment(text) && closureOf(program, at, false, true).accepts)
      found.add(text)
    for (const { set, next } of closureOf(program, at, index === 0, false).reads) {
      if (queue.length > maxQueue) break
      for (const code of samplesOf(set))
        queue.push({ at: next, text: text + String.fromCodePoint(code) })
    }
  }
}

/** Goes round the first loop that it meets, for constraints that others take up to a length. */
function lengthen(program: Program, found: Set<string>): void {
  let at = program.first
  let text = ''
  for (let length = 0; length < longest; length += 1) {
    const [read] = closureOf(program, at, length === 0, false).reads
    const code = samplesOf(read?.set ?? [])[0]
    if (read === undefined || code === undefined) return
    text += String.fromCodePoint(code)
    at = read.next
    if (closureOf(program, at, false, true).accepts) found.add(text)
  }
}
