import {
  type Document,
  Lexer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
  parseDocument,
} from 'yaml'
import { type ErrorCode, type Problem, problem } from '../core/errors.ts'
import { type Locate, type ReadResult, placeAt, reasonOf } from './source.ts'

const locateIn =
  (document: Document): Locate =>
  (path, part) => {
    let node: unknown = document.contents
    let key: unknown
    for (const segment of path) {
      if (isAlias(node)) node = node.resolve(document)
      key = undefined
      if (isSeq(node)) {
        node = node.items[Number(segment)]
        continue
      }
      if (!isMap(node)) return undefined
      const pair = node.items.find(
        (item) => isScalar(item.key) && String(item.key.value) === String(segment),
      )
      if (pair === undefined) return undefined
      key = pair.key
      node = pair.value
    }
    const range = (value: unknown): number | undefined =>
      (value as { readonly range?: readonly number[] | null } | null | undefined)?.range?.[0]
    // The value of `port:` with nothing behind it starts on the next line; its key says more.
    const isEmpty = isScalar(node) && node.value === null && node.source === ''
    return part === 'key' || isEmpty ? (range(key) ?? range(node)) : (range(node) ?? range(key))
  }

const DEEPEST = 100

// The lexer's marks for the start of a document, an error and a plain scalar are not in the text.
const isMark = (lexeme: string): boolean => ['\u0002', '\u0018', '\u001F'].includes(lexeme)

/**
 * Where the text nests deeper than any config. The parser recurses, and near the end of the stack V8
 * may end the whole process instead of throwing; the lexer does not recurse.
 */
const findTooDeep = (text: string): number | undefined => {
  // In block style each level costs at least one column of indentation or one indicator.
  const block = new RegExp(`^(?:[ \\t]|[-?:](?=\\s)){${DEEPEST * 2},}[^\\s#]`, 'm').exec(text)
  if (block !== null) return block.index
  let depth = 0
  let offset = 0
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme === '[' || lexeme === '{') depth += 1
    else if (lexeme === ']' || lexeme === '}') depth -= 1
    if (depth > DEEPEST) return Math.min(offset, text.length)
    if (!isMark(lexeme)) offset += lexeme.length
  }
  return undefined
}

/** Reads JSON and YAML with one parser, whose nodes know where they stand (YAML 1.2 holds JSON). */
export function readData(
  file: string,
  text: string,
  code: ErrorCode = 'TURNOUT_CONFIG_SYNTAX',
): ReadResult {
  const syntax = (reason: string, offset: number): ReadResult => ({
    ok: false,
    problems: [problem(code, { file, reason }, { place: placeAt(file, text, offset) })],
  })
  if (file.endsWith('.json') && text.trim() === '') return syntax('the file is empty', 0)
  const tooDeep = findTooDeep(text)
  if (tooDeep !== undefined) return syntax('it is nested too deep', tooDeep)
  try {
    const document = parseDocument(text, { prettyErrors: false })
    // Warnings are tags that nobody resolves: the value would not be what it says.
    const [finding] = [...document.errors, ...document.warnings]
    if (finding !== undefined) return syntax(reasonOf(finding), finding.pos[0])
    // A file of nothing but comments says nothing, which is a config.
    const value: unknown = document.contents === null ? {} : document.toJS({ maxAliasCount: 100 })
    return { ok: true, value, locate: locateIn(document) }
  } catch (error) {
    // Too many aliases.
    return syntax(reasonOf(error), 0)
  }
}

/** The documents of one text, each with the way to its places; one of nothing but comments is null. */
export type DocumentsResult =
  | {
      readonly ok: true
      readonly documents: readonly { readonly value: unknown; readonly locate: Locate }[]
    }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Reads YAML of several documents, divided by `---`. */
export function readDocuments(file: string, text: string, code: ErrorCode): DocumentsResult {
  const syntax = (reason: string, offset: number): DocumentsResult => ({
    ok: false,
    problems: [problem(code, { file, reason }, { place: placeAt(file, text, offset) })],
  })
  const tooDeep = findTooDeep(text)
  if (tooDeep !== undefined) return syntax('it is nested too deep', tooDeep)
  try {
    const parsed = parseAllDocuments(text, { prettyErrors: false })
    const list = Array.isArray(parsed) ? (parsed as Document[]) : []
    const [finding] = list.flatMap(({ errors, warnings }) => [...errors, ...warnings])
    if (finding !== undefined) return syntax(reasonOf(finding), finding.pos[0])
    const documents = list.map((document) => ({
      value: document.contents === null ? null : (document.toJS({ maxAliasCount: 100 }) as unknown),
      locate: locateIn(document),
    }))
    return { ok: true, documents }
  } catch (error) {
    return syntax(reasonOf(error), 0)
  }
}
