import { problem, type Problem } from '../core/errors.ts'
import { getKey } from '../core/persistent-map.ts'
import type { ConflictPolicy } from '../core/route/conflict.ts'
import type { ModuleReference, Route } from '../core/route/route.ts'
import {
  addRoutes,
  editOwned,
  modulesOf,
  replaceOwned,
  setModule,
  type Table,
} from '../core/route/table.ts'
import type { AppliedChange, LoadedModule } from './change.ts'

/** What one owner of a change set asks for, after loading. */
export interface Proposal {
  readonly owner: string
  readonly label: string
  /** Modules that the owner has from now on. */
  readonly modules: readonly LoadedModule[]
  /** Null: the owner's routes are what its modules list. Else the rest of its set stays. */
  readonly edit: { readonly put: readonly Route[]; readonly remove: readonly string[] } | null
}

export interface Assembled {
  readonly table: Table
  readonly changes: readonly AppliedChange[]
  /** Owners that were left out, and why. */
  readonly refused: ReadonlyMap<string, readonly Problem[]>
}

/**
 * The next table: every proposal that can stand beside the others and beside what is there. What owners give up is
 * taken out first, so that a route may move between owners in one change. A refused owner keeps what it has, which
 * may stand in the way of another one: so the rest is tried again until nothing more is refused.
 */
export function assemble(
  base: Table,
  proposals: readonly Proposal[],
  policy: ConflictPolicy,
): Assembled {
  const refused = new Map<string, readonly Problem[]>()
  for (;;) {
    const round = proposals.filter(({ owner }) => !refused.has(owner))
    const result = assembleRound(base, round, policy)
    if (result.refused.size === 0) return { ...result, refused }
    for (const [owner, problems] of result.refused) refused.set(owner, problems)
  }
}

const assembleRound = (
  base: Table,
  round: readonly Proposal[],
  policy: ConflictPolicy,
): Assembled => {
  const refused = new Map<string, readonly Problem[]>()
  const changes: AppliedChange[] = []
  let table = base
  const parts = round.map((proposal) => {
    const { owner, edit } = proposal
    const { kept, added, removed } =
      edit === null
        ? replaceOwned(table, owner, routesOfModules(proposal))
        : editOwned(table, owner, edit.put, edit.remove)
    if (edit !== null) {
      table = kept
      return { proposal, before: [], added, removed }
    }
    const before = [...modulesOf(base, proposal.owner)]
    table = before.reduce((next, { name }) => setModule(next, name, null), kept)
    return { proposal, before, added, removed }
  })
  for (const { proposal, before, added, removed } of parts) {
    const { owner, modules } = proposal
    const taken = modules
      .map(({ reference }) => getKey(table.modules, reference.name))
      .find((found) => found !== undefined)
    if (taken !== undefined) {
      refused.set(owner, [nameTaken(taken)])
      continue
    }
    const result = addRoutes(table, added, policy)
    if (result.refusals.length > 0) {
      refused.set(
        owner,
        result.refusals.map((one) => one.problem),
      )
      continue
    }
    table = modules.reduce(
      (next, { reference }) => setModule(next, reference.name, reference),
      result.table,
    )
    const references = modules.map(({ reference }) => reference)
    changes.push(...changesOf(owner, before, references, added, removed))
  }
  return { table, changes, refused }
}

const routesOfModules = ({ owner, modules }: Proposal): readonly Route[] =>
  modules.flatMap(({ reference, routes }) =>
    routes.map(({ id, method, path }): Route => ({
      id,
      owner,
      method,
      path,
      target: { kind: 'module', module: reference.name },
    })),
  )

const nameTaken = (taken: ModuleReference): Problem =>
  problem('TURNOUT_MODULE_NAME_TAKEN', { module: taken.name, owner: taken.owner })

const changesOf = (
  owner: string,
  before: readonly ModuleReference[],
  now: readonly ModuleReference[],
  added: readonly Route[],
  removed: readonly Route[],
): AppliedChange[] => {
  const names = [...new Set([...before, ...now].map(({ name }) => name))]
  if (names.length === 0) {
    return [change(owner, null, null, null, added, removed)]
  }
  return names.map((name) => {
    const isOf = ({ target }: Route): boolean => target.kind === 'module' && target.module === name
    return change(
      owner,
      name,
      before.find((one) => one.name === name)?.version ?? null,
      now.find((one) => one.name === name)?.version ?? null,
      added.filter(isOf),
      removed.filter(isOf),
    )
  })
}

const change = (
  owner: string,
  module: string | null,
  from: string | null,
  to: string | null,
  added: readonly Route[],
  removed: readonly Route[],
): AppliedChange => {
  // A handler that was replaced stands in both lists; it is neither a new route nor one that is gone.
  const gone = new Set(removed.map(({ id }) => id))
  const fresh = new Set(added.map(({ id }) => id))
  return {
    owner,
    module,
    from,
    to,
    added: [...fresh].filter((id) => !gone.has(id)),
    removed: [...gone].filter((id) => !fresh.has(id)),
  }
}
