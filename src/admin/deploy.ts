import type { ChangeItem, LoadedModule } from '../control/change.ts'
import { TurnoutError, problem, type Problem } from '../core/errors.ts'
import { getKey } from '../core/persistent-map.ts'
import type { ModuleReference } from '../core/route/route.ts'
import type { Table } from '../core/route/table.ts'
import { adminOwner, type AdminContext } from './context.ts'
import { demandOwner } from './precondition.ts'
import { invalidInput } from './refusal.ts'
import type { ModuleUpload } from './upload.ts'

/** Each uploaded module has an owner of its own, so that one replaces another as a whole. */
export const ownerOfModule = (name: string): string => `${adminOwner}:${name}`

/**
 * Loads what was uploaded before its change walks: nobody else waits for it. Rejects with every problem, each at its
 * place in the body.
 */
export async function loadUploads(
  context: AdminContext,
  uploads: readonly ModuleUpload[],
  pointer: string | null,
  isPlan: boolean = false,
): Promise<readonly LoadedModule[]> {
  const outcomes = await Promise.all(
    uploads.map((upload) => context.loadUpload(upload, { isPlan })),
  )
  const problems: Problem[] = []
  const loaded: LoadedModule[] = []
  for (const [at, outcome] of outcomes.entries()) {
    const place = pointer === null ? '/artifact' : `${pointer}/${at}/artifact`
    if (!outcome.ok) {
      problems.push(...outcome.problems.map((found) => ({ ...found, pointer: place })))
      continue
    }
    const { reference } = outcome.module
    if (loaded.some((one) => one.reference.name === reference.name)) {
      const reason = `the module ${reference.name} stands twice`
      problems.push(problem('TURNOUT_INPUT_VALUE', { pointer: place, reason }, { pointer: place }))
    }
    const owner = ownerOfModule(reference.name)
    loaded.push({ ...outcome.module, reference: { ...reference, owner } })
  }
  if (problems.length > 0) throw invalidInput(problems)
  return loaded
}

/** The item of a change set for a module that is loaded already. */
export function deployItem(module: LoadedModule): ChangeItem {
  const { name, owner } = module.reference
  return {
    kind: 'module',
    owner,
    label: name,
    load: () => Promise.resolve({ ok: true, module }),
  }
}

/** A module that was uploaded. @throws TurnoutError when there is none, or its source is another */
export function demandModule({ modules }: Table, name: string): ModuleReference {
  const there = getKey(modules, name)
  if (there === undefined)
    throw new TurnoutError('TURNOUT_ITEM_UNKNOWN', { noun: 'module', id: name })
  demandOwner({ ...there, id: name }, ownerOfModule(name))
  return there
}
