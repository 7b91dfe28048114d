import { init, parse, type Export, type Import } from 'es-module-lexer'
import { isBuiltin } from 'node:module'
import type { ArtifactImport, ArtifactParameter, SourcePosition } from './artifact.ts'
import { isSelf } from './resolve.ts'
import {
  openSourceMap,
  parseSourceMap,
  printSourceMap,
  type PositionFinder,
  type SourceMapData,
} from './source-map.ts'

/** What `writeScript` makes of a bundle. */
export interface Script {
  readonly script: string
  readonly map: SourceMapData
  readonly imports: readonly ArtifactImport[]
  readonly parameters: readonly ArtifactParameter[]
}

interface Binding {
  /** Name in the dependency, or `*` for its namespace. */
  readonly imported: string
  readonly local: string
}

/** First line of every bundle: ours to fill, so that all other lines keep their numbers. */
export const banner = '//'

/**
 * Turns an ES bundle into the body of a function that returns a promise, because a function can be
 * garbage-collected and a module of Node's own loader cannot. Lines and columns stay as they are:
 *
 *     // (banner)                           return (async () => { "use strict"; $a({ default: () => h })
 *     import { x } from "pkg"                        (spaces; x is $an0.x below: a live binding)
 *     x(import.meta.url, import("y"))       (0, $an0.x)($am0       .url, $ai0   ("y"))
 *     export { h as default }                        (spaces)
 *                                           })()
 *
 * @param bundle esbuild's ES output, whose first line is `banner` (after a hashbang, if any)
 * @param commonJs whether a local CommonJS file is in it, which needs `require`
 */
export async function writeScript(
  bundle: string,
  bundleMap: SourceMapData,
  target: string,
  commonJs: boolean,
): Promise<Script> {
  await init()
  const [statements, exported] = parse(bundle)
  const mark = freeName(bundle)
  const position = positionOf(bundle, bundleMap)

  const parameters: ArtifactParameter[] = [{ name: mark, gives: 'exports' }]
  const imports: ArtifactImport[] = []
  const bindings = new Map<Import, readonly Binding[]>()
  const live: Record<string, string> = {}
  const blanks: { readonly start: number; readonly end: number }[] = []
  for (const statement of statements) {
    if (statement.type !== 'static' && statement.type !== 'reexport-star') continue
    const clause = bundle.slice(statement.importStart, statement.start - 1)
    const names = statement.type === 'static' ? parseClause(clause) : []
    const index = imports.length
    bindings.set(statement, names)
    blanks.push({ start: statement.importStart, end: statementEnd(bundle, statement.importEnd) })
    imports.push({
      specifier: statement.specifier,
      attributes: Object.fromEntries(statement.attributes ?? []),
      names: names.map((name) => name.imported).filter((name) => name !== '*'),
      star: statement.type === 'reexport-star',
      position: position(statement.importStart),
    })
    // Builtins and our own package never rebind an export, and most modules import little else.
    const isLive = !isBuiltin(statement.specifier) && !isSelf(statement.specifier)
    const namespace = `${mark}n${index}`
    let needsNamespace = false
    for (const { imported, local } of names) {
      if (imported === '*') {
        parameters.push({ name: local, gives: 'namespace', import: index })
      } else if (isLive && /^[\w$]+$/.test(imported)) {
        live[local] = `${namespace}.${imported}`
        needsNamespace = true
      } else {
        parameters.push({ name: local, gives: 'binding', import: index, imported })
      }
    }
    if (needsNamespace) parameters.push({ name: namespace, gives: 'namespace', import: index })
  }

  for (const start of new Set(exported.map((entry) => entry.exportStart))) {
    const clause = /^export\s*\{[^}]*\}\s*;?/.exec(bundle.slice(start))
    if (clause !== null) blanks.push({ start, end: start + clause[0].length })
  }
  const getters = exported
    .filter((entry) => entry.type !== 'reexport-all')
    .map((entry) => {
      const local = localName(entry, statements, bindings)
      return `${JSON.stringify(entry.name)}: () => ${live[local] ?? local}`
    })

  let code = blank(bundle, blanks)
  let map = bundleMap
  if (Object.keys(live).length > 0) {
    ;[code, map] = await bindLive(code, map, live, target)
    map = addSources(map, bundleMap)
  }
  const opening = `return (async () => { "use strict"; ${mark}({ ${getters.join(', ')} });`
  const body = replaceDynamic(code, mark, map, parameters)
  if (commonJs) parameters.push({ name: 'require', gives: 'require' })
  return {
    script: `${putOpening(body, opening)}\n})()`,
    map,
    imports: imports.map((entry) => ({
      ...entry,
      position: {
        ...entry.position,
        source: map.sources.indexOf(bundleMap.sources[entry.position.source] ?? ''),
      },
    })),
    parameters,
  }
}

/** A file that only imports leaves no code, so the second map would not know it. */
function addSources(map: SourceMapData, from: SourceMapData): SourceMapData {
  const absent = from.sources.flatMap((source, index) =>
    map.sources.includes(source) || from.sources.indexOf(source) !== index ? [] : [index],
  )
  return {
    ...map,
    sources: [...map.sources, ...absent.map((index) => from.sources[index] ?? '')],
    sourcesContent: [
      ...map.sourcesContent,
      ...absent.map((index) => from.sourcesContent[index] ?? ''),
    ],
  }
}

/**
 * Replaces imported names by properties of their namespace, as ES modules mean them: an export that
 * its package assigns later is seen. esbuild does it, since it knows scopes.
 */
async function bindLive(
  code: string,
  map: SourceMapData,
  live: Record<string, string>,
  target: string,
): Promise<[string, SourceMapData]> {
  const inline = Buffer.from(printSourceMap(map)).toString('base64')
  const { transform } = await import('esbuild')
  const result = await transform(
    `${code}\n//# sourceMappingURL=data:application/json;base64,${inline}`,
    {
      define: live,
      banner,
      format: 'esm',
      platform: 'node',
      target,
      sourcemap: 'external',
      sourcesContent: true,
      sourcefile: 'bundle.js',
      logLevel: 'silent',
    },
  )
  return [result.code, parseSourceMap(result.map)]
}

/** `import.meta` and `import(` become parameters of the file that they stand in, padded to the same width. */
function replaceDynamic(
  code: string,
  mark: string,
  map: SourceMapData,
  parameters: ArtifactParameter[],
): string {
  const [statements] = parse(code)
  const position = positionOf(code, map)
  const named = new Set<string>()
  const pieces: string[] = []
  let from = 0
  for (const statement of statements) {
    if (statement.type !== 'dynamic' && statement.type !== 'import-meta') continue
    const isMeta = statement.type === 'import-meta'
    const keyword = isMeta ? 'import.meta' : 'import'
    const { source } = position(statement.importStart)
    const name = `${mark}${isMeta ? 'm' : 'i'}${source.toString(36)}`
    pieces.push(code.slice(from, statement.importStart), name.padEnd(keyword.length))
    from = statement.importStart + keyword.length
    if (named.has(name)) continue
    named.add(name)
    parameters.push({ name, gives: isMeta ? 'meta' : 'dynamicImport', source })
  }
  return pieces.join('') + code.slice(from)
}

const clausePattern =
  /(?:\*\s*as\s+(?<namespace>[^\s,{}]+))|(?<braces>\{[^}]*\})|(?<default>[^\s,{}*]+)/g

/** `import def, * as ns from`, `import { a, b as c, "d e" as f } from`: as esbuild prints them. */
function parseClause(clause: string): readonly Binding[] {
  const found: Binding[] = []
  const text = clause.replace(/^import\b/, '').replace(/\bfrom\s*$/, '')
  for (const { groups = {} } of text.matchAll(clausePattern)) {
    if (groups['namespace'] !== undefined) found.push({ imported: '*', local: groups['namespace'] })
    if (groups['default'] !== undefined)
      found.push({ imported: 'default', local: groups['default'] })
    for (const [, quoted, plain, local] of (groups['braces'] ?? '').matchAll(
      /(?:("(?:[^"\\]|\\.)*")|([^\s,{}"]+))(?:\s+as\s+([^\s,{}]+))?/g,
    )) {
      const imported = quoted === undefined ? (plain ?? '') : (JSON.parse(quoted) as string)
      found.push({ imported, local: local ?? imported })
    }
  }
  return found
}

/** The local name behind an export; an import that is exported again has one too. */
function localName(
  entry: Exclude<Export, { type: 'reexport-all' }>,
  statements: readonly Import[],
  bindings: ReadonlyMap<Import, readonly Binding[]>,
): string {
  if (entry.type === 'direct') return entry.localName ?? entry.name
  const statement = statements[entry.importIndex]
  const imported = entry.importName ?? '*'
  const names = (statement === undefined ? undefined : bindings.get(statement)) ?? []
  return names.find((name) => name.imported === imported)?.local ?? entry.name
}

const statementEnd = (code: string, end: number): number => (code[end] === ';' ? end + 1 : end)

function blank(code: string, ranges: readonly { start: number; end: number }[]): string {
  const pieces: string[] = []
  let from = 0
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    pieces.push(code.slice(from, start), code.slice(start, end).replaceAll(/[^\n]/g, ' '))
    from = end
  }
  return pieces.join('') + code.slice(from)
}

/** Puts the opening where the banner is; a hashbang before it becomes a comment. */
function putOpening(code: string, opening: string): string {
  if (!code.startsWith('#!')) return opening + code.slice(code.indexOf('\n'))
  const [hashbang = '', , ...rest] = code.split('\n')
  return [`//${hashbang.slice(2)}`, opening, ...rest].join('\n')
}

/** A short name that occurs nowhere in the code: two characters keep `import` wide enough for it. */
function freeName(code: string): string {
  const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
  for (let prefix = '$'; ; prefix += '$') {
    for (const letter of letters) if (!code.includes(prefix + letter)) return prefix + letter
  }
}

/** Where an offset of the code is in the author's sources. */
function positionOf(code: string, map: SourceMapData): (offset: number) => SourcePosition {
  // Reading a map costs more than all the rest here, and some modules never ask.
  let find: PositionFinder | undefined
  return (offset) => {
    find ??= openSourceMap(map)
    const before = code.slice(0, offset)
    const line = before.split('\n').length
    const column = offset - before.lastIndexOf('\n')
    return find(line, column) ?? { source: 0, line: 1, column: 1 }
  }
}
