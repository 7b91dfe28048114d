import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { type Problem, problem } from '../core/errors.ts'
import { suggest } from '../core/suggest.ts'

/** A folder that exists, or why it is none. */
export type FolderResult =
  | { readonly ok: true; readonly directory: string }
  | { readonly ok: false; readonly problem: Problem }

const kindOf = (path: string): 'folder' | 'file' | undefined => {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'file'
  } catch {
    return undefined
  }
}

const foldersIn = (path: string): readonly string[] => {
  try {
    return readdirSync(path).filter((name) => kindOf(join(path, name)) === 'folder')
  } catch {
    return []
  }
}

/**
 * The folder that a command names. A mistyped command reads as a folder to the parser, so the names of
 * commands are suggested too.
 */
export function findFolder(
  named: string,
  workingDirectory: string,
  commands: readonly string[],
): FolderResult {
  const directory = resolve(workingDirectory, named)
  const kind = kindOf(directory)
  if (kind === 'folder') return { ok: true, directory }
  const refuse = (reason: string): FolderResult => ({
    ok: false,
    problem: problem('TURNOUT_FOLDER_NOT_FOUND', { reason }),
  })
  const parent = dirname(directory)
  if (kind === 'file') {
    const shown = relative(workingDirectory, parent) || '.'
    return refuse(`${named} is a file; Turnout serves the folder that it is in: ${shown}`)
  }
  const near = suggest(basename(directory), foldersIn(parent))
  if (near !== undefined)
    return refuse(`There is no folder ${named}; did you mean \`${join(dirname(named), near)}\`?`)
  const command = /[/\\.]/.test(named) ? undefined : suggest(named, commands)
  const hint = command === undefined ? '' : `; did you mean the command \`turnout ${command}\`?`
  return refuse(`There is no folder ${named}${hint}`)
}
