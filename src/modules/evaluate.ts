import { realpathSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { dirname, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { compileFunction } from 'node:vm'
import { problem, type Problem } from '../core/errors.ts'
import { thrownError, thrownMessage } from '../core/thrown.ts'
import type { Artifact, ArtifactImport, ArtifactParameter } from './artifact.ts'
import { isSelf, resolveExternal } from './resolve.ts'
import {
  errorPlace,
  mapStack,
  registerScript,
  sourcePlace,
  unregisterScript,
} from './source-map.ts'
import type { TimerName } from './own-timers.ts'
import type { Trace } from './trace.ts'

/** A module's exports, as `import * as` gives them: null prototype, live getters. */
export type ModuleExports = Readonly<Record<string, unknown>>

export type EvaluateOutcome =
  | { readonly ok: true; readonly exports: ModuleExports }
  | { readonly ok: false; readonly problem: Problem }

export interface EvaluateOptions {
  /** Absolute path of the author's entry file: what imports and `import.meta` are relative to. */
  readonly file: string
  /** How long top-level awaits may take, imports of packages included. Default 5,000; 0 is no limit. */
  readonly timeoutMs?: number
  /** Gives up waiting when aborted. */
  readonly signal?: AbortSignal
  /**
   * Called once the garbage collector has found that no code of this load can run any more. Must not
   * refer to the module's exports, or it keeps them alive.
   */
  readonly onFreed?: () => void
  /** Told what the load is made of; its code gets timers that are known there. */
  readonly trace?: Trace | null
}

interface Load {
  readonly script: string
  readonly onFreed: (() => void) | undefined
}

const freed = new FinalizationRegistry<Load>(({ script, onFreed }) => {
  unregisterScript(script)
  onFreed?.()
})

/**
 * Runs an artifact and gives its exports. Each call is a new instance with its own state; packages
 * and builtins are Node's own and shared. Whatever goes wrong is a problem, not a throw. An endless
 * loop cannot be stopped here: rehearse first.
 */
export async function evaluate(
  artifact: Artifact,
  options: EvaluateOptions,
): Promise<EvaluateOutcome> {
  const file = realFile(options.file)
  const { timeoutMs = 5000, signal, trace = null } = options
  const stop = stopAfter(timeoutMs, signal)
  try {
    const work = load(artifact, file, trace === null ? options.onFreed : freeing(trace), trace)
    const ended = await Promise.race([work, stop.stopped])
    if (ended === 'aborted') {
      const reason = 'the load was given up'
      return { ok: false, problem: problem('TURNOUT_MODULE_LOAD_FAILED', { file, reason }) }
    }
    if (ended !== 'timeout') return ended
    const reason = 'a top-level await has not settled'
    return {
      ok: false,
      problem: problem('TURNOUT_MODULE_LOAD_TIMEOUT', { file, timeoutMs, reason }),
    }
  } finally {
    stop.clear()
  }
}

/** Resolves (never rejects) when the time is up or the signal aborts; `clear` lets go of both. */
function stopAfter(
  timeoutMs: number,
  signal: AbortSignal | undefined,
): { readonly stopped: Promise<'timeout' | 'aborted'>; readonly clear: () => void } {
  let clear = (): void => undefined
  const stopped = new Promise<'timeout' | 'aborted'>((done) => {
    const onAbort = (): void => done('aborted')
    const timer = timeoutMs > 0 ? setTimeout(() => done('timeout'), timeoutMs) : undefined
    if (signal?.aborted === true) onAbort()
    signal?.addEventListener('abort', onAbort)
    clear = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  })
  return { stopped, clear }
}

function realFile(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    // An artifact from the history may outlive its file.
    return file
  }
}

/** Refers to nothing that the load keeps alive. */
function freeing({ light }: Trace): () => void {
  return () => {
    light.isFreed = true
  }
}

async function load(
  artifact: Artifact,
  file: string,
  onFreed: (() => void) | undefined,
  trace: Trace | null,
): Promise<EvaluateOutcome> {
  const namespaces: object[] = []
  const sourceUrl = (source: number): string =>
    pathToFileURL(resolve(dirname(file), artifact.sources[source] ?? '')).href
  for (const dependency of artifact.imports) {
    const outcome = await importDependency(artifact, file, dependency, sourceUrl)
    if ('code' in outcome) return { ok: false, problem: outcome }
    namespaces.push(outcome.namespace)
  }
  const script = registerScript(artifact, file)
  let registered = false
  try {
    const exports: Record<string, unknown> = Object.create(null) as Record<string, unknown>
    // Every closure of the module has this function in its scope chain, so its collection is theirs.
    const publish = (getters: Record<string, () => unknown>): void =>
      defineExports(exports, getters, artifact, namespaces)
    freed.register(publish, { script, onFreed })
    registered = true
    const given = givenNames(artifact, trace)
    const code = compile(artifact, script, given)
    if (trace !== null) {
      trace.compiled(script, artifact, code)
      trace.packages = packagesOf(artifact, namespaces)
    }
    const values = artifact.parameters.map((parameter) => {
      const value = parameterValue(parameter, publish, namespaces, sourceUrl)
      if (trace === null || parameter.gives !== 'binding') return value
      const { specifier = '' } = artifact.imports[parameter.import] ?? {}
      return trace.binding(specifier, parameter.imported, value)
    })
    const own = given.map((name) => trace!.given[name])
    await (code(...values, ...own) as Promise<void>)
    return { ok: true, exports }
  } catch (error) {
    return { ok: false, problem: loadProblem(error, file) }
  } finally {
    if (!registered) unregisterScript(script)
  }
}

/**
 * Compiles without V8's compilation cache, which on Node 22 and later keeps the text of every
 * version until memory runs short. The switch is for the whole process, so it is on for this one
 * synchronous call only.
 */
function compile(
  artifact: Artifact,
  script: string,
  given: readonly string[],
): (...values: unknown[]) => unknown {
  const names = [...artifact.parameters.map((parameter) => parameter.name), ...given]
  setFlagsFromString('--no-compilation-cache')
  try {
    return compileFunction(artifact.script, names, { filename: script }) as (
      ...values: unknown[]
    ) => unknown
  } finally {
    setFlagsFromString('--compilation-cache')
  }
}

/** What its code gets in place of Node's own; a name that it imports is its own already. */
function givenNames(artifact: Artifact, trace: Trace | null): readonly TimerName[] {
  if (trace === null) return []
  const taken = new Set(artifact.parameters.map(({ name }) => name))
  return (Object.keys(trace.given) as TimerName[]).filter((name) => !taken.has(name))
}

/** Without what comes with Node. */
const packagesOf = (
  { imports }: Artifact,
  namespaces: readonly object[],
): ReadonlyMap<string, object> =>
  new Map(
    imports.flatMap(({ specifier }, at) =>
      isBuiltin(specifier) || isSelf(specifier) ? [] : [[specifier, namespaces[at]!] as const],
    ),
  )

function parameterValue(
  parameter: ArtifactParameter,
  publish: (getters: Record<string, () => unknown>) => void,
  namespaces: readonly object[],
  sourceUrl: (source: number) => string,
): unknown {
  switch (parameter.gives) {
    case 'exports':
      return publish
    case 'namespace':
      return namespaces[parameter.import]
    case 'binding':
      return (namespaces[parameter.import] as Record<string, unknown>)[parameter.imported]
    case 'dynamicImport':
      return importer(sourceUrl(parameter.source))
    case 'meta':
      return importMeta(sourceUrl(parameter.source))
    case 'require':
    default:
      return moduleRequire(sourceUrl(0))
  }
}

function importer(parentUrl: string) {
  return async (specifier: unknown, options?: ImportCallOptions): Promise<unknown> =>
    import(resolveExternal(String(specifier), parentUrl), options)
}

function importMeta(url: string): object {
  const filename = fileURLToPath(url)
  return Object.assign(Object.create(null) as object, {
    dirname: dirname(filename),
    filename,
    resolve: (specifier: string): string => resolveExternal(specifier, url),
    url,
  })
}

/** `require` for local CommonJS files; `turnout` is the running package here too. */
function moduleRequire(parentUrl: string): NodeJS.Require {
  const own = createRequire(import.meta.url)
  const theirs = createRequire(parentUrl)
  const choose = (id: string): unknown => (isSelf(id) ? own(id) : theirs(id))
  return Object.assign(choose, theirs)
}

function defineExports(
  exports: Record<string, unknown>,
  getters: Record<string, () => unknown>,
  artifact: Artifact,
  namespaces: readonly object[],
): void {
  for (const [name, get] of Object.entries(getters)) {
    Object.defineProperty(exports, name, { enumerable: true, get })
  }
  artifact.imports.forEach(({ star }, index) => {
    if (!star) return
    const namespace = namespaces[index] as Record<string, unknown>
    for (const name of Object.keys(namespace)) {
      if (name === 'default' || name in exports) continue
      Object.defineProperty(exports, name, { enumerable: true, get: () => namespace[name] })
    }
  })
  Object.defineProperty(exports, Symbol.toStringTag, { value: 'Module' })
  Object.preventExtensions(exports)
}

async function importDependency(
  artifact: Artifact,
  file: string,
  dependency: ArtifactImport,
  sourceUrl: (source: number) => string,
): Promise<{ readonly namespace: object } | Problem> {
  const { specifier, attributes, names, position } = dependency
  const parentUrl = sourceUrl(position.source)
  const missing = (reason: string): Problem =>
    problem(
      'TURNOUT_MODULE_DEPENDENCY_MISSING',
      { specifier, file: fileURLToPath(parentUrl), reason },
      { place: sourcePlace(artifact, file, position) },
    )
  let namespace: object
  try {
    const options = Object.keys(attributes).length === 0 ? undefined : { with: attributes }
    namespace = (await import(resolveExternal(specifier, parentUrl), options)) as object
  } catch (error) {
    if (isResolutionError(error)) return missing((error as Error).message)
    const place = errorPlace(error) ?? sourcePlace(artifact, file, position)
    return { ...loadProblem(error, file), place }
  }
  const absent = names.find((name) => !(name in namespace))
  return absent === undefined ? { namespace } : missing(`it has no export named "${absent}"`)
}

function isResolutionError(error: unknown): boolean {
  const code = (thrownError(error) as { code?: string } | null)?.code
  return (
    code !== undefined &&
    /^(ERR_(MODULE_NOT_FOUND|PACKAGE_\w+|INVALID_(MODULE_SPECIFIER|PACKAGE_\w+)|UNSUPPORTED_(DIR_IMPORT|RESOLVE_REQUEST)|UNKNOWN_BUILTIN_MODULE)|MODULE_NOT_FOUND)$/.test(
      code,
    )
  )
}

/** `TypeError: ...` of an error, without its stack. */
function printed(error: unknown): string {
  try {
    return mapStack(String(error))
  } catch {
    return thrownMessage(error)
  }
}

function loadProblem(error: unknown, file: string): Problem {
  const place = errorPlace(error)
  const [reason = ''] = printed(error).split('\n')
  return problem(
    'TURNOUT_MODULE_LOAD_FAILED',
    { file, reason },
    {
      ...(place === undefined ? {} : { place }),
      ...(thrownError(error) === null ? {} : { stack: mapStack(error) }),
    },
  )
}
