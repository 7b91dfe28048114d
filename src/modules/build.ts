import type { BuildContext, BuildResult, Message, Plugin } from 'esbuild'
import { existsSync, readFileSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { codeFrame } from '../core/code-frame.ts'
import { problem, type Place, type Problem } from '../core/errors.ts'
import { thrownMessage } from '../core/thrown.ts'
import { digestArtifact, type Artifact, type ArtifactExternal } from './artifact.ts'
import { externalVersion, isSelf } from './resolve.ts'
import { banner, writeScript } from './script.ts'
import { parseSourceMap, printSourceMap } from './source-map.ts'

/** What a build ends with. `inputs` are absolute paths of what was read, and of what was looked for and missing. */
export type BuildOutcome =
  | { readonly ok: true; readonly artifact: Artifact; readonly inputs: readonly string[] }
  | {
      readonly ok: false
      readonly problems: readonly Problem[]
      readonly inputs: readonly string[]
    }

/** Builds modules; keeps what makes the next build of the same file fast. */
export interface Builder {
  /** Builds one entry file (an existing file, any of `.ts .mts .cts .tsx .js .mjs .cjs .jsx`). */
  readonly build: (entryFile: string) => Promise<BuildOutcome>
  /** Frees everything; builds that run are awaited. */
  readonly close: () => Promise<void>
}

export interface BuilderOptions {
  /** How many entry files keep their state between builds; the least recently built loses it. Default 32. */
  readonly kept?: number
}

interface Entry {
  readonly context: Promise<BuildContext>
  readonly seen: Set<string>
  /** Builds of one entry run one after the other: esbuild would answer a second call with the first one's result. */
  queue: Promise<unknown>
  running: number
}

const target = 'node20.19'

/** Opens a builder. esbuild works in a process of its own, shared with other users of it in this process. */
export function createBuilder(options: BuilderOptions = {}): Builder {
  const kept = options.kept ?? 32
  const entries = new Map<string, Entry>()

  const open = (file: string): Entry => {
    const entry = entries.get(file) ?? openEntry(file)
    // Re-inserting keeps the map in order of use.
    entries.delete(file)
    entries.set(file, entry)
    for (const [other, { running, context }] of entries) {
      if (entries.size <= kept) break
      if (running > 0 || other === file) continue
      entries.delete(other)
      void disposeContext(context)
    }
    return entry
  }

  return {
    build: async (entryFile) => {
      const given = resolve(entryFile)
      let file: string
      try {
        // As Node does for ES modules: a module is where its file really is.
        file = await realpath(given)
        if (extname(file) === '') throw new Error('it has no file extension')
      } catch (error) {
        const reason = thrownMessage(error)
        const missing = problem('TURNOUT_MODULE_FILE_MISSING', { file: given, reason })
        return { ok: false, problems: [missing], inputs: [given] }
      }
      const entry = open(file)
      entry.running += 1
      const run = entry.queue.then(() => buildEntry(file, entry))
      entry.queue = run.catch(() => undefined)
      try {
        const outcome = await run
        return given === file ? outcome : { ...outcome, inputs: [given, ...outcome.inputs] }
      } finally {
        entry.running -= 1
      }
    },
    close: async () => {
      const all = [...entries.values()]
      entries.clear()
      await Promise.all(
        all.map(async (entry) => {
          await entry.queue
          await disposeContext(entry.context)
        }),
      )
    },
  }
}

async function disposeContext(opened: Promise<BuildContext>): Promise<void> {
  // A context that could not be opened has nothing to free; its build has reported why.
  const context = await opened.catch(() => undefined)
  await context?.dispose()
}

function openEntry(file: string): Entry {
  const seen = new Set<string>()
  const folder = dirname(file)
  // Loaded with the first module: a gateway of upstreams builds nothing.
  const opened = import('esbuild').then(({ context }) =>
    context({
      entryPoints: [file],
      absWorkingDir: folder,
      // Never written; it makes the map's sources relative to the entry's folder.
      outfile: join(folder, `${basename(file)}.built.js`),
      write: false,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target,
      packages: 'external',
      jsx: 'automatic',
      sourcemap: 'external',
      sourcesContent: true,
      metafile: true,
      banner: { js: banner },
      logLevel: 'silent',
      plugins: [recordReads(seen)],
    }),
  )
  return { context: opened, seen, queue: Promise.resolve(), running: 0 }
}

/** A failed build has no metafile, and it is the one whose files must be watched. */
function recordReads(seen: Set<string>): Plugin {
  return {
    name: 'turnout-reads',
    setup(build) {
      build.onLoad({ filter: /.*/ }, ({ path, namespace }) => {
        if (namespace === 'file') seen.add(path)
        return undefined
      })
    },
  }
}

async function buildEntry(file: string, entry: Entry): Promise<BuildOutcome> {
  entry.seen.clear()
  entry.seen.add(file)
  let result: BuildResult
  try {
    result = await (await entry.context).rebuild()
  } catch (error) {
    const messages = (error as { readonly errors?: readonly Message[] }).errors
    if (messages === undefined || messages.length === 0) {
      const reason = thrownMessage(error)
      const failed = problem('TURNOUT_MODULE_BUILD_FAILED', { file, reason })
      return { ok: false, problems: [failed], inputs: listInputs(entry.seen) }
    }
    for (const message of messages) {
      for (const path of missingPaths(message, dirname(file))) entry.seen.add(path)
    }
    const problems = messages.map((message) => messageProblem(message, file))
    return { ok: false, problems, inputs: listInputs(entry.seen) }
  }
  return { ok: true, artifact: await makeArtifact(file, result), inputs: listInputs(entry.seen) }
}

async function makeArtifact(file: string, result: BuildResult): Promise<Artifact> {
  const outputs = result.outputFiles ?? []
  const text = (ending: string): string =>
    outputs.find((output) => output.path.endsWith(ending))?.text ?? ''
  const bundleMap = parseSourceMap(text('.map'))
  const inputs = Object.values(result.metafile?.inputs ?? {})
  const commonJs = inputs.some((input) => input.format === 'cjs')
  const { script, map, imports, parameters } = await writeScript(
    text('.js'),
    bundleMap,
    target,
    commonJs,
  )
  const specifiers = inputs
    .flatMap((input) => input.imports)
    .filter((used) => used.external === true && !isBuiltin(used.path) && !isSelf(used.path))
    .map((used) => used.path)
  const parentUrl = pathToFileURL(file).href
  const externals = [...new Set(specifiers)].toSorted().map((specifier): ArtifactExternal => {
    const version = externalVersion(specifier, parentUrl)
    return version === undefined ? { specifier } : { specifier, version }
  })
  const content = {
    script,
    map: printSourceMap(map),
    sources: map.sources,
    imports,
    parameters,
    externals,
  }
  return { digest: digestArtifact(content), ...content }
}

/** Everything a watcher should watch: what was read or missed, and the tsconfig that governs each file. */
function listInputs(seen: ReadonlySet<string>): readonly string[] {
  const folders = new Map<string, string | undefined>()
  const configOf = (folder: string): string | undefined => {
    if (!folders.has(folder)) {
      const path = join(folder, 'tsconfig.json')
      const parent = dirname(folder)
      const found = existsSync(path) ? path : parent === folder ? undefined : configOf(parent)
      folders.set(folder, found)
    }
    return folders.get(folder)
  }
  const configs = [...seen].map((path) => configOf(dirname(path)))
  return [...new Set([...seen, ...configs.filter((path) => path !== undefined)])]
}

const extensions = ['', '.tsx', '.ts', '.jsx', '.js', '.json']

/** Where esbuild looked for a local import that it did not find. */
function missingPaths(message: Message, folder: string): readonly string[] {
  const specifier = /^Could not resolve "(\.{0,2}\/[^"]*)"/.exec(message.text)?.[1]
  if (specifier === undefined || message.location === null) return []
  const path = resolve(folder, dirname(message.location.file), specifier)
  const typed = /\.[mc]?jsx?$/.test(path)
    ? [path.replace(/js(x?)$/, 'ts$1'), path.replace(/jsx?$/, 'tsx')]
    : []
  const indexes = extensions.slice(1).map((extension) => join(path, `index${extension}`))
  return [...extensions.map((extension) => path + extension), ...typed, ...indexes]
}

function messageProblem(message: Message, file: string): Problem {
  const isMissing = /^(Could not resolve|No matching export)/.test(message.text)
  const place = messagePlace(message, dirname(file))
  return problem(
    isMissing ? 'TURNOUT_MODULE_IMPORT_MISSING' : 'TURNOUT_MODULE_BUILD_FAILED',
    { file: place?.file ?? file, reason: message.text },
    place === undefined ? {} : { place },
  )
}

function messagePlace({ location }: Message, folder: string): Place | undefined {
  if (location === null) return undefined
  const file = resolve(folder, location.file)
  // esbuild counts columns in bytes of UTF-8.
  const column =
    Buffer.from(location.lineText).subarray(0, location.column).toString('utf8').length + 1
  return { file, line: location.line, column, frame: frameOf(file, location, column) }
}

function frameOf(
  file: string,
  location: { readonly line: number; readonly lineText: string },
  column: number,
): string {
  try {
    const text = readFileSync(file, 'utf8')
    if (text.split(/\r?\n/)[location.line - 1] === location.lineText)
      return codeFrame(text, location.line, column)
  } catch {
    // The file went away since it was built: the line that esbuild saw is left.
  }
  return codeFrame(`${'\n'.repeat(location.line - 1)}${location.lineText}`, location.line, column)
}
