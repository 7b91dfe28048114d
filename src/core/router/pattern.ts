import { type Problem, problem } from '../errors.ts'
import { compileConstraint } from './constraint.ts'
import { canonicalPath, charClass, plain } from './path.ts'

/** What a pattern captures between two static runs. */
export type Edge =
  | { readonly kind: 'param'; readonly name: string }
  | { readonly kind: 'constrained'; readonly name: string; readonly source: string }
  | { readonly kind: 'rest'; readonly name: string }

/**
 * A parsed path pattern: static runs and what is captured between them, in turn.
 * `/repos/:owner/files/*path` has the runs `/repos/`, `/files/` and the edges `:owner`, `*path`. There is
 * a run before every edge; the last run is missing when the pattern ends in an edge.
 *
 * Runs are canonical text (`path.ts`), so that comparing them with a request proves that part of the
 * request canonical. A param is a whole segment, hence every run but the first begins with `/`.
 */
export interface Pattern {
  /** As the author wrote it. */
  readonly text: string
  readonly runs: readonly string[]
  readonly edges: readonly Edge[]
}

export type PatternResult =
  | { readonly pattern: Pattern; readonly problems: null }
  | { readonly pattern: null; readonly problems: readonly Problem[] }

/** Longest pattern, in UTF-16 code units. */
export const maxPatternLength = 2048
/** Most params of one pattern, the rest included: bounds the depth of backtracking. */
export const maxParams = 32

/** Most constraints of one pattern: each is compiled. */
const maxConstraints = 8

// No `-`: elsewhere `/:id-x` is a param and a suffix, so it must not silently be a longer name here.
const nameForm = /^[A-Za-z_$][\w$]*/

/**
 * Parses a path pattern.
 *
 * - static segments: any text of a path; `/caf\u00e9` and `/caf%C3%A9` are the same pattern
 * - `:name`: one whole segment, never empty
 * - `:name(regex)`: one whole segment whose decoded text the regular expression (RE2) matches as a whole
 * - `*name` as the last segment: the rest of the path, which may be empty; a bare `*` is named `*`.
 *   `/files/*rest` matches `/files/` and `/files/a/b`, not `/files`
 *
 * @returns the pattern, or every problem found (`TURNOUT_PATTERN_INVALID`).
 */
export function parsePattern(text: string): PatternResult {
  const problems: Problem[] = []
  const refuse = (reason: string): void => {
    const shown = text === '' ? '""' : text.length > 80 ? `${text.slice(0, 80)}...` : text
    problems.push(problem('TURNOUT_PATTERN_INVALID', { pattern: shown, reason }))
  }
  if (text.charCodeAt(0) !== 0x2f) refuse('it must begin with /')
  else if (text.length > maxPatternLength)
    refuse(`it is longer than ${maxPatternLength} characters`)
  if (problems.length > 0) return { pattern: null, problems }

  const runs: string[] = []
  const edges: Edge[] = []
  // The current run is `head`, then the text from `from` on.
  let head = ''
  let from = 0
  let at = 1
  let constraints = 0
  while (at <= text.length) {
    const first = text.charCodeAt(at)
    let end: number
    if (first === 0x3a || first === 0x2a) {
      end = first === 0x3a ? endOfParam(text, at) : endOfSegment(text, at)
      if (text.slice(at, end).includes('(') && (constraints += 1) > maxConstraints) {
        refuse(`it has more than ${maxConstraints} constraints`)
        break
      }
      const edge = first === 0x3a ? parseParam(text.slice(at, end)) : parseRest(text.slice(at, end))
      if (typeof edge === 'string') refuse(edge)
      else {
        runs.push(head + text.slice(from, at))
        edges.push(edge)
        head = ''
        from = end
        if (edge.kind === 'rest' && end < text.length)
          refuse(`*${edge.name} must be the last segment`)
      }
    } else {
      end = endOfSegment(text, at)
      if (!isPlain(text, at, end)) {
        const segment = text.slice(at, end)
        const canonical = canonicalSegment(segment)
        if (typeof canonical !== 'string') refuse(canonical.reason)
        else if (canonical !== segment) {
          head += text.slice(from, at) + canonical
          from = end
        }
      } else if (end === at && end < text.length) refuse('it has an empty segment (//)')
    }
    at = end + 1
  }
  if (from < text.length || head !== '') runs.push(head + text.slice(from))
  for (const reason of problemsOfNames(edges)) refuse(reason)
  return problems.length > 0
    ? { pattern: null, problems }
    : { pattern: { text, runs, edges }, problems: null }
}

/**
 * The pattern's shape: what decides its place in the tree, and nothing else. Equal for `/users/:id` and
 * `/users/:name`. Readable, not a pattern: `/users/:`, `/users/:(\d+)`, `/files/*`.
 */
export function shapeOf(pattern: Pattern): string {
  let shape = ''
  for (let index = 0; index < pattern.runs.length; index += 1) {
    const edge = pattern.edges[index]
    shape += pattern.runs[index] ?? ''
    if (edge?.kind === 'param') shape += ':'
    else if (edge?.kind === 'constrained') shape += `:(${edge.source})`
    else if (edge?.kind === 'rest') shape += '*'
  }
  return shape
}

function endOfSegment(text: string, at: number): number {
  const end = text.indexOf('/', at)
  return end < 0 ? text.length : end
}

/** Like `endOfSegment`, but a `/` inside the constraint's parentheses does not count. */
function endOfParam(text: string, at: number): number {
  let depth = 0
  let inClass = false
  for (let index = at; index < text.length; index += 1) {
    const char = text[index]
    if (depth > 0 && char === '\\') index += 1
    else if (inClass) inClass = char !== ']'
    else if (depth > 0 && char === '[') inClass = true
    else if (char === '(') depth += 1
    else if (char === ')') depth -= 1
    else if (char === '/' && depth <= 0) return index
  }
  return text.length
}

function parseParam(segment: string): Edge | string {
  const name = nameForm.exec(segment.slice(1))?.[0]
  if (name === undefined) {
    return `"${segment}" has no param name (a letter, _ or $, then letters, digits, _ or $)`
  }
  const tail = segment.slice(1 + name.length)
  if (tail === '') return { kind: 'param', name }
  if (!tail.startsWith('(') || !tail.endsWith(')')) {
    return `"${segment}" is not a whole segment: a param is the whole text between two slashes`
  }
  const source = tail.slice(1, -1)
  const constraint = compileConstraint(source)
  return typeof constraint === 'string' ? constraint : { kind: 'constrained', name, source }
}

function parseRest(segment: string): Edge | string {
  if (segment === '*') return { kind: 'rest', name: '*' }
  const name = segment.slice(1)
  return nameForm.exec(name)?.[0] === name
    ? { kind: 'rest', name }
    : `"${segment}" is not a rest: write *name, or * alone`
}

function isPlain(text: string, from: number, to: number): boolean {
  if (text.charCodeAt(from) === 0x2e && to > from) return false
  for (let at = from; at < to; at += 1) {
    const code = text.charCodeAt(at)
    if (charClass[code] !== plain || code === 0x3a || code === 0x2a) return false
  }
  return true
}

function canonicalSegment(segment: string): string | { readonly reason: string } {
  if (segment === '.' || segment === '..') return { reason: 'it has a dot segment (. or ..)' }
  if (/[:*]/.test(segment)) {
    return {
      reason: `"${segment}" is static text with : or *: a param or rest is a whole segment, and begins it`,
    }
  }
  if (/[{}]/.test(segment)) return { reason: `"${segment}" has braces: a param is written :name` }
  if (segment.includes('?')) {
    return { reason: `"${segment}" has a ?: a query or an optional param is not part of a pattern` }
  }
  let encoded: string
  try {
    // An author's text is Unicode; a request's code units are bytes.
    encoded = segment.replaceAll(/[^\0-\x7f]+/g, encodeURIComponent)
  } catch {
    return { reason: 'it is not well-formed Unicode' }
  }
  const canonical = canonicalPath(`/${encoded}`)
  if (canonical.path === null)
    return { reason: `"${segment}" is not valid in a path (${canonical.fault})` }
  const text = canonical.path.slice(1)
  // Escaped dots make a dot segment, which resolves to nothing.
  if (text === '') return { reason: 'it has a dot segment (. or ..)' }
  return text
}

function problemsOfNames(edges: readonly Edge[]): readonly string[] {
  if (edges.length === 0) return []
  const reasons: string[] = []
  const names = new Set<string>()
  for (const { name } of edges) {
    if (name === '__proto__') reasons.push('a param cannot be named __proto__')
    if (names.has(name)) reasons.push(`it has two params named ${name}`)
    names.add(name)
  }
  if (edges.length > maxParams) reasons.push(`it has more than ${maxParams} params`)
  return reasons
}
