import { SourceMap } from 'node:module'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { codeFrame } from '../core/code-frame.ts'
import type { Place } from '../core/errors.ts'
import { thrownError } from '../core/thrown.ts'
import type { Artifact } from './artifact.ts'

/** A map as esbuild writes it. */
export interface SourceMapData {
  readonly version: number
  readonly sources: readonly string[]
  readonly sourcesContent: readonly string[]
  readonly mappings: string
  readonly names: readonly string[]
}

/** Reads a map. Its `sources` are URLs by the standard; in the data they are plain relative paths. */
export function parseSourceMap(text: string): SourceMapData {
  const data = JSON.parse(text) as SourceMapData
  return { ...data, sources: data.sources.map((source) => decodeURIComponent(source)) }
}

/** Writes a map, the reverse of `parseSourceMap`. */
export function printSourceMap(data: SourceMapData): string {
  const encode = (source: string): string => source.split('/').map(encodeURIComponent).join('/')
  return JSON.stringify({ ...data, sources: data.sources.map(encode) })
}

/** A position in an author's file; line and column count from 1. */
export interface OriginalPosition {
  readonly source: number
  readonly line: number
  readonly column: number
}

/** Looks up positions of one script. Parsing happens here, so make one per use and drop it. */
export type PositionFinder = (line: number, column: number) => OriginalPosition | undefined

/** Reads a map; the finder takes and gives lines and columns that count from 1. */
export function openSourceMap(data: SourceMapData): PositionFinder {
  // Numbers in place of names: a name may come twice, and an index is what callers need.
  const map = new SourceMap({
    file: '',
    version: data.version,
    sources: data.sources.map((_, index) => String(index)),
    sourcesContent: [],
    names: [],
    mappings: data.mappings,
    sourceRoot: '',
  })
  return (line, column) => {
    const entry = map.findEntry(line - 1, column - 1)
    if (!('originalSource' in entry)) return undefined
    return {
      source: Number(entry.originalSource),
      line: entry.originalLine + 1,
      column: entry.originalColumn + 1,
    }
  }
}

interface LoadedScript {
  readonly artifact: Artifact
  readonly file: string
  find?: PositionFinder
  loads: number
}

// Scripts whose code may still run, by the name that V8 prints in their frames. Entries leave when
// the code they belong to is collected, so this never outgrows what is alive.
const loaded = new Map<string, LoadedScript>()

/** The name a module's code has in raw stack frames: no file of the disk, so that nobody reads it as one. */
export function scriptName(artifact: Artifact, file: string): string {
  return `${pathToFileURL(file).href.replace(/^file:/, 'turnout:')}?${artifact.digest.slice(0, 12)}`
}

/** Makes the frames of a script mappable; every call is paired with one `unregisterScript`. */
export function registerScript(artifact: Artifact, file: string): string {
  const name = scriptName(artifact, file)
  const script = loaded.get(name)
  if (script === undefined) loaded.set(name, { artifact, file, loads: 1 })
  else script.loads += 1
  return name
}

/** Gives back one `registerScript`; the map is freed with the last. */
export function unregisterScript(name: string): void {
  const script = loaded.get(name)
  if (script === undefined) return
  script.loads -= 1
  if (script.loads === 0) loaded.delete(name)
}

/** How many scripts are alive as far as the garbage collector has told. */
export function loadedScripts(): number {
  return loaded.size
}

// Stacks as they were before `installStackMapping` rewrote them: only these tell a module's frames.
const rawStacks = new WeakMap<Error, string>()

const framePattern = /turnout:\/\/\/\S*?\?[0-9a-f]{12}:\d+:\d+/g

function stackText(error: unknown): string {
  if (typeof error === 'string') return error
  try {
    return String(error instanceof Error ? (error.stack ?? error) : error)
  } catch {
    return 'a value that cannot be printed'
  }
}

function locate(
  frame: string,
): { readonly script: LoadedScript; readonly position: OriginalPosition } | undefined {
  const [, name, line, column] = /^(.*):(\d+):(\d+)$/.exec(frame) ?? []
  const script = name === undefined ? undefined : loaded.get(name)
  if (script === undefined) return undefined
  script.find ??= openSourceMap(parseSourceMap(script.artifact.map))
  const position = script.find(Number(line), Number(column))
  return position === undefined ? undefined : { script, position }
}

const sourceFile = (script: LoadedScript, source: number): string =>
  resolve(dirname(script.file), script.artifact.sources[source] ?? '')

/**
 * The stack of an error with every frame of a loaded module rewritten to the author's file, line
 * and column. Frames of other code, and of modules that are gone, stay as they are.
 */
export function mapStack(error: unknown): string {
  return stackText(error).replaceAll(framePattern, (frame) => {
    const found = locate(frame)
    if (found === undefined) return frame
    const { source, line, column } = found.position
    return `${sourceFile(found.script, source)}:${line}:${column}`
  })
}

/** The script of a module in whose code an error was made, or through whose code it came; null: none that it tells. */
export function scriptOf(error: unknown): string | null {
  const text = stackText(error)
  const thrown = thrownError(error)
  const [frame] = ((thrown && rawStacks.get(thrown)) ?? text).match(framePattern) ?? []
  return frame === undefined ? null : frame.replace(/:\d+:\d+$/, '')
}

/** `FILE:LINE:COLUMN` of the author for a frame as V8 gives it; null: its module is gone, or it is no module's. */
export function authorLine(frame: string): string | null {
  const found = locate(frame)
  if (found === undefined) return null
  const { source, line, column } = found.position
  return `${sourceFile(found.script, source)}:${line}:${column}`
}

/** The topmost place of an error in an author's file, with its code frame. */
export function errorPlace(error: unknown): Place | undefined {
  const text = stackText(error)
  const thrown = thrownError(error)
  const raw = thrown === null ? undefined : rawStacks.get(thrown)
  for (const [frame] of (raw ?? text).matchAll(framePattern)) {
    const found = locate(frame)
    if (found === undefined) continue
    return sourcePlace(found.script.artifact, found.script.file, found.position)
  }
  return undefined
}

/** A position of an artifact as a place in the author's file, with its code frame. */
export function sourcePlace(artifact: Artifact, file: string, position: OriginalPosition): Place {
  const { source, line, column } = position
  const data = parseSourceMap(artifact.map)
  return {
    file: resolve(dirname(file), artifact.sources[source] ?? ''),
    line,
    column,
    frame: codeFrame(data.sourcesContent[source] ?? '', line, column),
  }
}

/** A call site; `toString` prints it as V8 does, which its declared type does not say. */
interface CallSite {
  readonly toString: () => string
}

type PrepareStackTrace = (error: Error, trace: readonly CallSite[]) => unknown

/**
 * Makes `error.stack` itself name the author's files, for all code of this process. It sets
 * `Error.prepareStackTrace`, so only a process of our own may call it, never a host's. A previous
 * hook still formats; only its text is mapped. Returns what takes it back.
 */
export function installStackMapping(): () => void {
  const target = Error as unknown as { prepareStackTrace?: PrepareStackTrace }
  const previous = target.prepareStackTrace
  const hook: PrepareStackTrace = (error, trace) => {
    const text =
      previous === undefined
        ? [errorHeader(error), ...trace.map((site) => `    at ${site.toString()}`)].join('\n')
        : previous(error, trace)
    if (typeof text !== 'string') return text
    const mapped = mapStack(text)
    if (mapped !== text) rawStacks.set(error, text)
    return mapped
  }
  target.prepareStackTrace = hook
  return () => {
    if (target.prepareStackTrace !== hook) return
    if (previous === undefined) delete target.prepareStackTrace
    else target.prepareStackTrace = previous
  }
}

function errorHeader(error: Error): string {
  try {
    return Error.prototype.toString.call(error)
  } catch {
    return 'Error'
  }
}
