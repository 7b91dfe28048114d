import { type Message, type Plugin, build } from 'esbuild'
import { resolve as resolveModule } from 'import-meta-resolve'
import { readFileSync } from 'node:fs'
import { SourceMap, type SourceMapPayload, isBuiltin } from 'node:module'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { codeFrame } from '../core/code-frame.ts'
import { type Place, type Problem, problem } from '../core/errors.ts'
import { locateKey } from './locate-key.ts'
import { type ReadResult, reasonOf } from './source.ts'

const ownIndex = new URL(
  import.meta.url.endsWith('.ts') ? '../index.ts' : '../index.js',
  import.meta.url,
).href

/**
 * Names every package by its absolute URL, so that the script runs from a `data:` URL: nothing is
 * written beside the config, which may stand in a read-only or watched folder. `turnout` is this very
 * copy, so that a config works where nothing is installed.
 */
const externalPackages: Plugin = {
  name: 'external-packages',
  setup(context) {
    context.onResolve({ filter: /^[^./#]/ }, ({ path, kind, importer }) => {
      if (kind === 'entry-point' || isAbsolute(path) || path.startsWith('file:')) return undefined
      if (isBuiltin(path) || kind.startsWith('require')) return { path, external: true }
      if (path === 'turnout') return { path: ownIndex, external: true }
      try {
        return { path: resolveModule(path, pathToFileURL(importer).href), external: true }
      } catch {
        // An alias of tsconfig, or missing: esbuild follows the one and reports the other.
        return undefined
      }
    })
  },
}

const placeOf = (file: string, line: number, column: number): Place => {
  let frame = ''
  try {
    frame = codeFrame(readFileSync(file, 'utf8'), line, column)
  } catch {
    // The place is known though its text is gone.
  }
  return { file, line, column, ...(frame === '' ? {} : { frame }) }
}

const syntaxProblem = (file: string, { text, location }: Message): Problem => {
  if (location === null) return problem('TURNOUT_CONFIG_SYNTAX', { file, reason: text })
  // esbuild counts columns from 0 and in bytes.
  const column = Buffer.from(location.lineText).subarray(0, location.column).toString().length + 1
  const place = placeOf(resolve(dirname(file), location.file), location.line, column)
  return problem('TURNOUT_CONFIG_SYNTAX', { file, reason: text }, { place })
}

/** The stack with the author's files in it, Node's own frames left out, and its first place. */
const mapStack = (
  error: unknown,
  scriptName: string,
  url: string,
  map: SourceMap,
  file: string,
): { readonly stack?: string; readonly place?: Place } => {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return {}
  let place: Place | undefined
  const stack = error.stack
    .replaceAll(url, file)
    .split('\n')
    .filter((line) => !/^\s+at .*\(?node:internal\//.test(line))
    .map((line) =>
      line.replace(
        new RegExp(`${scriptName}:(\\d+):(\\d+)`),
        (whole, lineNumber: string, column: string) => {
          const entry = map.findEntry(Number(lineNumber) - 1, Number(column) - 1)
          if (!('originalSource' in entry)) return whole
          const source = resolve(dirname(file), entry.originalSource)
          place ??= placeOf(source, entry.originalLine + 1, entry.originalColumn + 1)
          return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
        },
      ),
    )
    .join('\n')
  return place === undefined ? { stack } : { stack, place }
}

let loads = 0

const evaluate = async (url: string, timeoutMs: number): Promise<unknown> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((settle) => {
    timer = setTimeout(() => settle('late'), timeoutMs)
  })
  try {
    return await Promise.race([import(url), late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Reads a config in TypeScript or JavaScript: its local imports in one script, its packages as Node
 * resolves them. Every call evaluates anew.
 */
export async function readCode(file: string, text: string, timeoutMs: number): Promise<ReadResult> {
  const folder = dirname(file)
  const fileUrl = pathToFileURL(file).href
  const failed = (...problems: readonly Problem[]): ReadResult => ({ ok: false, problems })

  let code: string
  let map: SourceMap
  try {
    const result = await build({
      stdin: {
        contents: text,
        sourcefile: file,
        resolveDir: folder,
        loader: file.endsWith('.ts') ? 'ts' : 'js',
      },
      absWorkingDir: folder,
      outfile: join(folder, 'turnout.config.out.js'),
      bundle: true,
      write: false,
      sourcemap: 'external',
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      logLevel: 'silent',
      define: {
        'import.meta.url': JSON.stringify(fileUrl),
        'import.meta.dirname': JSON.stringify(folder),
        'import.meta.filename': JSON.stringify(file),
        __dirname: JSON.stringify(folder),
        __filename: JSON.stringify(file),
      },
      // esbuild calls `require` for what CommonJS sources ask; a module has none of its own.
      banner: {
        js: `import { createRequire as turnoutCreateRequire } from 'node:module'; const require = turnoutCreateRequire(${JSON.stringify(fileUrl)});`,
      },
      plugins: [externalPackages],
    })
    const output = (end: string): string =>
      result.outputFiles.find(({ path }) => path.endsWith(end))?.text ?? ''
    code = output('.js')
    map = new SourceMap(JSON.parse(output('.map')) as SourceMapPayload)
  } catch (error) {
    const errors = (error as { readonly errors?: readonly Message[] }).errors ?? []
    if (errors.length > 0) return failed(...errors.map((message) => syntaxProblem(file, message)))
    return failed(problem('TURNOUT_CONFIG_SYNTAX', { file, reason: reasonOf(error) }))
  }

  loads += 1
  // The name makes stacks readable, and its number makes the URL one that Node has not cached.
  const scriptName = `turnout-config-${loads}`
  const script = `${code}\n//# sourceURL=${scriptName}`
  const url = `data:text/javascript;base64,${Buffer.from(script).toString('base64')}`
  try {
    const loaded = await evaluate(url, timeoutMs)
    if (loaded === 'late') return failed(problem('TURNOUT_CONFIG_TIMEOUT', { file, timeoutMs }))
    const { default: value } = loaded as { readonly default?: unknown }
    if (value === undefined)
      return failed(problem('TURNOUT_CONFIG_EXPORT', { file, reason: 'it has no default export' }))
    return { ok: true, value, locate: (path) => locateKey(text, path) }
  } catch (error) {
    const reason = error instanceof Error ? reasonOf(error).replaceAll(url, file) : inspect(error)
    return failed(
      problem(
        'TURNOUT_CONFIG_THREW',
        { file, reason },
        mapStack(error, scriptName, url, map, file),
      ),
    )
  }
}
