import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve, sep } from 'node:path'
import { type Problem, problem } from '../core/errors.ts'
import { suggest } from '../core/suggest.ts'

/** The names a config may have, in no order: two in one folder are a problem. */
export const configNames: readonly string[] = ['ts', 'js', 'mjs', 'json', 'yaml', 'yml'].map(
  (extension) => `turnout.config.${extension}`,
)

/** A file to read, none at all, or why not. */
export type Found =
  | { readonly ok: true; readonly file: string | null }
  | { readonly ok: false; readonly problems: readonly Problem[] }

const listFolder = async (folder: string): Promise<readonly string[]> => {
  try {
    return await readdir(folder)
  } catch {
    return []
  }
}

/**
 * The folders that are looked through: from `start` up to the working directory. A `start` outside the
 * working directory has no such way up: itself, the folder it is in, and the working directory.
 */
export function configFolders(start: string, workingDirectory: string): readonly string[] {
  const top = resolve(workingDirectory)
  const first = resolve(start)
  if (first !== top && !first.startsWith(top.endsWith(sep) ? top : top + sep))
    return [...new Set([first, dirname(first), top])]
  const folders = [first]
  for (let folder = first; folder !== top;) {
    folder = dirname(folder)
    folders.push(folder)
  }
  return folders
}

/** The nearest config, or the one that is named. */
export async function findConfig(
  named: string | undefined,
  start: string,
  workingDirectory: string,
): Promise<Found> {
  if (named !== undefined) {
    const file = resolve(workingDirectory, named)
    if ((await stat(file).catch(() => undefined)) !== undefined) return { ok: true, file }
    const near = suggest(basename(file), await listFolder(dirname(file)))
    const hint = near === undefined ? '' : `; did you mean \`${join(dirname(named), near)}\`?`
    return { ok: false, problems: [problem('TURNOUT_CONFIG_NOT_FOUND', { file: named, hint })] }
  }
  for (const folder of configFolders(start, workingDirectory)) {
    const present = new Set(await listFolder(folder))
    const files = configNames.filter((name) => present.has(name)).map((name) => join(folder, name))
    if (files.length > 1)
      return {
        ok: false,
        problems: [problem('TURNOUT_CONFIG_AMBIGUOUS', { files: files.join(', ') })],
      }
    if (files[0] !== undefined) return { ok: true, file: files[0] }
  }
  return { ok: true, file: null }
}

/** How a config of this name is read; undefined when it is none that Turnout knows. */
export function configKind(file: string): 'data' | 'code' | undefined {
  const extension = extname(file)
  if (['.json', '.yaml', '.yml'].includes(extension)) return 'data'
  if (['.ts', '.js', '.mjs'].includes(extension)) return 'code'
  return undefined
}
