import { besideName, renamed } from '../core/route/module-versions.ts'
import type { FileLoad, FileModule } from './loader.ts'

/** What a folder of modules has under one name: a file, or files that are versions side by side. */
export interface Entry {
  readonly path: string
  readonly versions?: readonly { readonly version: string; readonly path: string }[]
}

/** `inputs`: every file that was read or looked for, also when it failed. */
export type EntryLoad = FileLoad & {
  /** Other versions, that stand beside the first one. */
  readonly beside?: readonly FileModule[]
}

/** Loads every file of an entry; one that fails refuses them all. `version`: what its file is called. */
export async function loadEntry(
  { path, versions }: Entry,
  load: (file: string, version: string | null) => Promise<FileLoad>,
): Promise<EntryLoad> {
  if (versions === undefined) return await load(path, null)
  const loads = await Promise.all(versions.map((one) => load(one.path, one.version)))
  const inputs = loads.flatMap((one) => one.inputs)
  const failed = loads.flatMap((one) => (one.ok ? [] : [one]))
  const [first, ...beside] = loads.flatMap((one) => (one.ok ? [sideBySide(one.module)] : []))
  if (failed.length === 0 && first !== undefined) return { ok: true, module: first, beside, inputs }
  const [digest] = failed.flatMap((one) => one.digest ?? [])
  return {
    ok: false,
    problems: failed.flatMap(({ problems }) => problems),
    inputs,
    ...(digest !== undefined && { digest }),
  }
}

const sideBySide = (module: FileModule): FileModule => {
  const { name, version } = module.reference
  return { ...module, ...renamed(module, besideName(name, version)) }
}
