import { maxPatternLength } from '../router/pattern.ts'
import { expressionOf, javaReason } from './spring-regex.ts'

/** Our patterns that together take what a pattern of Spring takes, or why there are none. */
export type PathTranslation =
  | { readonly paths: readonly string[]; readonly reason: null }
  | { readonly paths: null; readonly reason: string }

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'any' | 'one' }
  | { readonly kind: 'variable'; readonly name: string; readonly source: string | null }
type Segment = readonly Piece[] | { readonly rest: string }

/**
 * Translates a path pattern of Spring: `{name}`, `{name:regex}`, `*`, `?`, and `**` or `{*name}` at the end.
 *
 * - `/a/**` takes `/a` too: two patterns
 * - `/a/*` takes `/a/` too, as Spring's last `*` does
 * - `v{major}` and `*.html` become a constrained param of the whole segment
 *
 * @param isSlashOptional Whether one more slash at the end is taken.
 */
export function translatePath(text: string, isSlashOptional: boolean): PathTranslation {
  const no = (reason: string): PathTranslation => ({ paths: null, reason })
  if (!text.startsWith('/')) return no('it must begin with /')
  if (text.length > maxPatternLength) return no(`it is longer than ${maxPatternLength} characters`)
  if (text.includes('${')) return no('${...} stands for a property of Spring')
  const cut = cutSegments(text)
  if (typeof cut === 'string') return no(cut)
  const segments: Segment[] = []
  const names = new Set<string>()
  for (const [at, one] of cut.entries()) {
    const segment = parseSegment(one, names)
    if (typeof segment === 'string') return no(segment)
    if ('rest' in segment && at < cut.length - 1)
      return no(`${one} stands before the end: ${one} takes the rest of a path`)
    if (one === '' && at < cut.length - 1) return no('it has an empty segment (//)')
    segments.push(segment)
  }
  return { paths: [...pathsOf(segments, isSlashOptional)], reason: null }
}

function* pathsOf(segments: readonly Segment[], isSlashOptional: boolean): Generator<string> {
  const nameFor = namer()
  const words = segments.map((segment, at) =>
    'rest' in segment
      ? `*${segment.rest === '' ? '' : nameFor(segment.rest)}`
      : wordOf(segment, at + 1, nameFor),
  )
  const whole = `/${words.join('/')}`
  const last = segments.at(-1) ?? []
  const before = `/${words.slice(0, -1).join('/')}`
  if ('rest' in last) {
    if (before !== '/') yield before
    yield whole
    return
  }
  if (isStar(last)) yield before === '/' ? '/' : `${before}/`
  yield whole
  if (isSlashOptional && last.length > 0) yield `${whole}/`
}

const isStar = (pieces: readonly Piece[]): boolean =>
  pieces.length === 1 && pieces[0]?.kind === 'any'

/** A segment of our pattern. */
function wordOf(
  pieces: readonly Piece[],
  position: number,
  nameFor: (name: string) => string,
): string {
  const [first] = pieces
  if (first === undefined) return ''
  if (pieces.length === 1 && first.kind === 'variable')
    return `:${nameFor(first.name)}${first.source === null ? '' : `(${first.source})`}`
  if (isStar(pieces)) return `:${nameFor(`_${position}`)}`
  const text = pieces.map((piece) => (piece.kind === 'text' ? piece.text : '')).join('')
  const isText = pieces.every(({ kind }) => kind === 'text')
  // A pattern of Spring is compared with the decoded segment; a colon would begin a param.
  if (isText && !text.includes(':')) return text.replaceAll('%', '%25').replaceAll('#', '%23')
  return `:${nameFor(`_${position}`)}(${pieces.map(expressionOfPiece).join('')})`
}

function expressionOfPiece(piece: Piece): string {
  switch (piece.kind) {
    case 'text':
      return expressionOf(piece.text)
    case 'any':
      return '.*'
    case 'one':
      return '.'
    case 'variable':
      return piece.source === null ? '.*' : `(?:${piece.source})`
    default:
      return piece satisfies never
  }
}

/** Names of Spring may have dashes and letters beyond ASCII; two that become one are told apart by a number. */
function namer(): (name: string) => string {
  const taken = new Set<string>()
  return (name) => {
    const base = name.replaceAll(/[^\w$]/g, '_')
    let free = base
    for (let count = 2; taken.has(free); count += 1) free = `${base}_${count}`
    taken.add(free)
    return free
  }
}

/** Cuts at slashes outside of braces. */
function cutSegments(text: string): readonly string[] | string {
  const segments: string[] = []
  let depth = 0
  let from = 1
  for (let at = 1; at < text.length; at += 1) {
    const char = text[at]
    if (depth > 0 && char === '\\') at += 1
    else if (char === '{') depth += 1
    else if (char === '}') depth -= 1
    else if (char === '/' && depth > 0) return 'a brace is not closed before the next /'
    else if (char === '/') {
      segments.push(text.slice(from, at))
      from = at + 1
    }
    if (depth < 0) return 'a brace is closed that was not opened'
  }
  if (depth > 0) return 'a brace is not closed'
  return [...segments, text.slice(from)]
}

const nameForm = /^[\p{L}\p{Nl}\p{Sc}\p{Pc}][\p{L}\p{Nl}\p{Nd}\p{Sc}\p{Pc}\p{Mn}\p{Mc}-]*$/u

/** `names` has those of the segments before, for a pattern has each once. */
function parseSegment(segment: string, names: Set<string>): Segment | string {
  if (segment === '**') return { rest: '' }
  const rest = /^\{\*([^{}]*)\}$/.exec(segment)?.[1]
  if (rest !== undefined) return takeName(rest, names) ?? { rest }
  const pieces: Piece[] = []
  let at = 0
  while (at < segment.length) {
    const char = segment[at]
    if (char === '{') {
      const end = endOfBrace(segment, at)
      const variable = parseVariable(segment.slice(at + 1, end))
      if (typeof variable === 'string') return variable
      const trouble = takeName(variable.name, names)
      if (trouble !== null) return trouble
      pieces.push(variable)
      at = end + 1
    } else if (char === '*' || char === '?') {
      // Stars side by side are one.
      if (char === '?' || pieces.at(-1)?.kind !== 'any')
        pieces.push({ kind: char === '*' ? 'any' : 'one' })
      at += 1
    } else {
      const text = /^[^{*?]+/.exec(segment.slice(at))?.[0] ?? ''
      // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
      if (/[\\\u0000-\u001f\u007f]/.test(text)) return 'it has a backslash or a control character'
      pieces.push({ kind: 'text', text })
      at += text.length
    }
  }
  return pieces
}

function endOfBrace(segment: string, from: number): number {
  let depth = 0
  for (let at = from; at < segment.length; at += 1) {
    if (segment[at] === '\\') at += 1
    else if (segment[at] === '{') depth += 1
    else if (segment[at] === '}') depth -= 1
    if (depth === 0) return at
  }
  return segment.length
}

function parseVariable(text: string): Extract<Piece, { readonly kind: 'variable' }> | string {
  const colon = text.indexOf(':')
  const name = colon < 0 ? text : text.slice(0, colon)
  if (name.startsWith('*')) return `{${name}} is not a whole segment`
  if (colon < 0) return { kind: 'variable', name, source: null }
  const source = text.slice(colon + 1)
  if (source === '') return `{${name}:} has no regular expression`
  return javaReason(source) ?? { kind: 'variable', name, source }
}

/** Why a name cannot be taken, or null. */
function takeName(name: string, names: Set<string>): string | null {
  if (!nameForm.test(name))
    return `"${name.slice(0, 40)}" is no name of a variable (a letter, _ or $, then letters, digits, _, $ or -)`
  if (names.has(name)) return `it has two variables named ${name}`
  names.add(name)
  return null
}
