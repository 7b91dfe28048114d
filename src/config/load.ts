import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type Problem, problem } from '../core/errors.ts'
import { type CheckResult, checkConfig } from './check.ts'
import { configKind, findConfig } from './find.ts'
import { type ResolvedConfig, defaultConfig } from './schema.ts'
import { type ReadResult, reasonOf } from './source.ts'

/** A config and the file it came from (null: none was found), or everything that is wrong with it. */
export type LoadResult =
  | { readonly ok: true; readonly config: ResolvedConfig; readonly file: string | null }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Where to look. */
export interface LoadOptions {
  /** What --config says, relative to the working directory. */
  readonly file?: string | undefined
  /** The served directory: the search starts here and ends at the working directory. */
  readonly startDirectory: string
  /** Default: the process's own. */
  readonly workingDirectory?: string
  /** How long a config in code may take to load, in ms. Default 10,000. */
  readonly timeoutMs?: number
}

const LARGEST_BYTES = 1_048_576

const readText = async (file: string): Promise<string> => {
  // A pipe that nobody writes to would block a plain open for ever, and the thread that it runs on.
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const status = await handle.stat()
    if (!status.isFile()) throw new Error('it is not a file')
    if (status.size > LARGEST_BYTES) throw new Error('it is over 1 MiB')
    return (await handle.readFile('utf8')).replace(/^\uFEFF/, '')
  } finally {
    await handle.close()
  }
}

/** Finds, reads and checks the config. No config at all is a config of defaults. */
export async function loadConfig(options: LoadOptions): Promise<LoadResult> {
  const { startDirectory, workingDirectory = process.cwd(), timeoutMs = 10_000 } = options
  const found = await findConfig(options.file, startDirectory, workingDirectory)
  if (!found.ok) return found
  const { file } = found
  if (file === null) return { ok: true, config: defaultConfig, file }

  const unreadable = (reason: string): LoadResult => ({
    ok: false,
    problems: [problem('TURNOUT_CONFIG_UNREADABLE', { file, reason })],
  })
  const kind = configKind(file)
  if (kind === undefined) return unreadable('its extension is none of ts, js, mjs, json, yaml, yml')
  let text: string
  try {
    text = await readText(file)
  } catch (error) {
    return unreadable(reasonOf(error))
  }
  // Both readers stand on large packages, and most starts need neither.
  const read: ReadResult =
    kind === 'data'
      ? (await import('./read-data.ts')).readData(file, text)
      : await (await import('./read-code.ts')).readCode(file, text, timeoutMs)
  if (!read.ok) return read
  let checked: CheckResult
  try {
    checked = checkConfig({ file, text, kind, value: read.value, locate: read.locate })
  } catch (error) {
    // A getter of a config in code.
    const found = problem('TURNOUT_CONFIG_THREW', { file, reason: reasonOf(error) })
    return { ok: false, problems: [found] }
  }
  if (!checked.ok) return checked
  return { ok: true, config: withPaths(checked.config, dirname(file)), file }
}

/** What a config names is relative to it. */
function withPaths(config: ResolvedConfig, directory: string): ResolvedConfig {
  const { data, admin, tracing } = config
  const setup = typeof tracing === 'object' ? tracing.setup : undefined
  const tls = admin?.tls
  const absolute = (files: { readonly key: string; readonly cert: string }) => ({
    key: resolve(directory, files.key),
    cert: resolve(directory, files.cert),
  })
  return {
    ...config,
    ...(data === undefined ? {} : { data: resolve(directory, data) }),
    ...(typeof tracing === 'object' &&
      setup !== undefined && { tracing: { ...tracing, setup: resolve(directory, setup) } }),
    ...(config.tls === undefined ? {} : { tls: absolute(config.tls) }),
    ...(admin === null || tls === undefined
      ? {}
      : {
          admin: {
            ...admin,
            tls: absolute(tls),
          },
        }),
  }
}
