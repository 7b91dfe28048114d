import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { problem, type Problem } from '../core/errors.ts'
import { compareVersions, isVersion } from '../core/version/version.ts'
import { inChunks } from './fingerprint.ts'

/** One route module of a served folder. */
export interface ModuleEntry {
  /** `users` for `users.ts`, `shop` for `shop/index.ts`. */
  readonly name: string
  /** Absolute path of the file a build starts from; of versions: the folder that they are in. */
  readonly path: string
  /** Versions side by side, lowest first: `users/1.3.0.ts` and `users/2.0.0.ts`. Not there: one file, one version. */
  readonly versions?: readonly ModuleFile[]
}

/** One version of a module. */
export interface ModuleFile {
  /** SemVer: what the file is called. */
  readonly version: string
  readonly path: string
}

/** Every path that an entry stands for. */
export const pathsOf = ({ path, versions = [] }: ModuleEntry): readonly string[] => [
  path,
  ...versions.map((one) => one.path),
]

/** Whether two entries of one name are the same files. */
export const isSameEntry = (left: ModuleEntry, right: ModuleEntry): boolean =>
  pathsOf(left).join('\0') === pathsOf(right).join('\0')

/** What is in a served folder now. */
export interface ModuleScan {
  /** Sorted by name. */
  readonly modules: readonly ModuleEntry[]
  readonly problems: readonly Problem[]
  /** Names that have a problem: neither there nor gone. What was served under them is served on. */
  readonly held: ReadonlySet<string>
  /** The folder itself could not be read: nothing can be said about any module. */
  readonly isMissing: boolean
  /** Absolute paths of the folders below that are, or may become, a module. */
  readonly folders: readonly string[]
}

const codeFile = /^(.+)\.[cm]?[jt]s$|^(.+)\.[jt]sx$/
const notModule = /^[._]|^node_modules$|^turnout\.config\.|\.d\.[cm]?ts$|\.(test|spec)\./

/**
 * Whether a name may belong to a module. Not: `_x`, dotfiles, `node_modules`, `*.d.ts`, `*.test.*`, `*.spec.*`.
 * Editors' temporary files (`users.ts~`, `#users.ts#`, `.users.ts.swp`, `4913`) fall out because they start with
 * a dot or do not end like code.
 */
export const isCandidate = (name: string): boolean => !notModule.test(name)

const moduleNameOf = (file: string): string | undefined => {
  const match = isCandidate(file) ? codeFile.exec(file) : null
  return match?.[1] ?? match?.[2]
}

interface Candidate {
  readonly name: string
  readonly path: string
  readonly problem?: Problem
  readonly folder?: string
  readonly versions?: readonly ModuleFile[]
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error)

const unreadable = (name: string, file: string, reason: string): Candidate => ({
  name,
  path: file,
  problem: problem('TURNOUT_FILES_UNREADABLE', { file, reason }),
})

const scanFolder = async (name: string, folder: string): Promise<Candidate[]> => {
  let files: string[]
  try {
    files = await readdir(folder)
  } catch (error) {
    const code = codeOf(error)
    return code === 'ENOENT' ? [] : [{ ...unreadable(name, folder, code), folder }]
  }
  const named = files.flatMap((file) => {
    const found = moduleNameOf(file)
    return found === undefined ? [] : [{ found, file }]
  })
  const indexes = named.filter(({ found }) => found === 'index').map(({ file }) => file)
  if (indexes.length > 0) return indexes.map((file) => ({ name, path: join(folder, file), folder }))
  if (named.length === 0) return [{ name: '', path: folder, folder }]
  if (named.every(({ found }) => isVersion(found))) return [versionsIn(name, folder, named)]
  const missing = problem('TURNOUT_FILES_INDEX_MISSING', { directory: folder })
  return [{ name, path: folder, problem: missing, folder }]
}

const versionsIn = (
  name: string,
  folder: string,
  named: readonly { readonly found: string; readonly file: string }[],
): Candidate => {
  const versions = named
    .map(({ found, file }) => ({ version: found, path: join(folder, file) }))
    .sort((left, right) => compareVersions(left.version, right.version))
  const twice = versions.find(({ version }, at) => versions[at + 1]?.version === version)
  if (twice === undefined) return { name, path: folder, folder, versions }
  const files = versions.filter(({ version }) => version === twice.version).map(({ path }) => path)
  const values = { name: `${name} ${twice.version}`, files: files.join(', ') }
  return { name, path: folder, folder, problem: problem('TURNOUT_FILES_NAME_TAKEN', values) }
}

const entryOf = ({ name, path, versions }: Candidate): ModuleEntry => ({
  name,
  path,
  ...(versions !== undefined && { versions }),
})

const scanEntry = async (
  directory: string,
  entry: { name: string; kind: 'file' | 'folder' | 'link' | 'other' },
): Promise<Candidate[]> => {
  if (!isCandidate(entry.name)) return []
  const path = join(directory, entry.name)
  const name = moduleNameOf(entry.name)
  let { kind } = entry
  if (kind === 'link') {
    try {
      const target = await stat(path)
      kind = target.isDirectory() ? 'folder' : target.isFile() ? 'file' : 'other'
    } catch (error) {
      return name === undefined ? [] : [unreadable(name, path, codeOf(error))]
    }
  }
  if (kind === 'folder') return scanFolder(entry.name, path)
  if (name === undefined) return []
  return kind === 'file' ? [{ name, path }] : [unreadable(name, path, 'not a regular file')]
}

/**
 * Lists the route modules of a folder: each code file (`.ts .mts .cts .tsx .js .mjs .cjs .jsx`), each folder with an
 * index file, and each folder whose code files are called by their versions, which stand side by side. Any other folder whose own files hold code is a problem; one without code is silently
 * no module. Two entries of one name are a problem that names both, and neither is a module. Links are followed.
 *
 * Never throws: a folder that cannot be read is the problem `TURNOUT_FILES_DIRECTORY_MISSING`.
 */
export async function scanModules(directory: string): Promise<ModuleScan> {
  let entries
  try {
    entries = await readdir(directory, { withFileTypes: true })
  } catch (error) {
    const missing = problem('TURNOUT_FILES_DIRECTORY_MISSING', { directory, reason: codeOf(error) })
    return { modules: [], problems: [missing], held: new Set(), isMissing: true, folders: [] }
  }
  const found = await inChunks(entries, (entry) => {
    const kind = entry.isFile()
      ? 'file'
      : entry.isDirectory()
        ? 'folder'
        : entry.isSymbolicLink()
          ? 'link'
          : 'other'
    return scanEntry(directory, { name: entry.name, kind })
  })
  const byName = new Map<string, Candidate[]>()
  const folders = new Set<string>()
  for (const candidate of found.flat()) {
    if (candidate.folder !== undefined) folders.add(candidate.folder)
    if (candidate.name === '') continue
    const same = byName.get(candidate.name)
    if (same === undefined) byName.set(candidate.name, [candidate])
    else same.push(candidate)
  }
  const modules: ModuleEntry[] = []
  const problems: Problem[] = []
  const held = new Set<string>()
  for (const name of [...byName.keys()].sort()) {
    const candidates = byName.get(name) ?? []
    const troubles = candidates.flatMap((candidate) => candidate.problem ?? [])
    const [first] = candidates
    if (candidates.length > 1) {
      const files = candidates
        .map(({ path }) => path)
        .sort()
        .join(', ')
      troubles.push(problem('TURNOUT_FILES_NAME_TAKEN', { name, files }))
    }
    if (troubles.length > 0) held.add(name)
    else if (first !== undefined) modules.push(entryOf(first))
    problems.push(...troubles)
  }
  return { modules, problems, held, isMissing: false, folders: [...folders].sort() }
}
