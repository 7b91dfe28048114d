import { problem } from '../core/errors.ts'
import { getKey } from '../core/persistent-map.ts'
import { inServiceOf } from '../core/route/module-versions.ts'
import { moduleNameOf, type ModuleReference } from '../core/route/route.ts'
import { modulesOf, type Table } from '../core/route/table.ts'
import { compareVersions } from '../core/version/version.ts'
import type { Problem } from '../core/errors.ts'
import type { Proposal } from './assemble.ts'
import type { ChangeItem, ChangeSet, LoadedModule, Rejection } from './change.ts'

/** A change set after loading: what goes on, and what was refused already. */
export interface Loaded {
  readonly proposals: readonly Proposal[]
  readonly rejections: readonly Rejection[]
}

export interface LoadContext {
  /** The newest table, whenever it is asked for. */
  readonly table: () => Table
  /** Code that lives only in this process may be named. */
  readonly isVolatile: boolean
  readonly isLive: (reference: ModuleReference) => boolean
  /** A module that goes to a lower version needs a reason. */
  readonly isOrdered: boolean
}

/**
 * Builds and rehearses all modules of a change set, and drops what is not news: for a source what it proposed last,
 * for everybody else what is served.
 */
export async function loadItems(
  items: readonly ChangeItem[],
  { isProposal = false, isReasoned = false }: Pick<ChangeSet, 'isProposal' | 'isReasoned'>,
  { table, isVolatile, isLive, isOrdered }: LoadContext,
): Promise<Loaded> {
  const rejections: Rejection[] = []
  const proposals: Proposal[] = []
  const refuse = (item: Labelled, problems: readonly Problem[], digest: string | null): void => {
    rejections.push(rejectionOf(table(), item, problems, digest))
  }
  await Promise.all(
    items.map(async (item, at) => {
      const lastProposed = (): string | undefined => getKey(table().proposals, item.owner)
      if (item.kind === 'edit') {
        proposals[at] = proposalOf(item, [], null)
        return
      }
      if (item.kind === 'remove') {
        const isKnown = isProposal && lastProposed() === ''
        if (!isKnown) proposals[at] = proposalOf(item, [], isProposal ? '' : null)
        return
      }
      if (item.kind === 'reshape') {
        proposals[at] = proposalOf(item, item.loaded, null)
        return
      }
      const outcome = await item.load()
      if (!outcome.ok) return refuse(item, outcome.problems, outcome.digest ?? null)
      const modules = [outcome.module, ...(outcome.beside ?? [])]
      if (modules.some(({ save }) => save === null) && !isVolatile)
        return refuse(item, [problem('TURNOUT_CLOSURE_DURABLE')], null)
      const serves = ({ reference: { name, digest } }: LoadedModule): boolean => {
        const serving = getKey(table().modules, name)
        // What answers 503 because its code was gone comes back when it is sent again.
        return serving?.digest === digest && serving.owner === item.owner && isLive(serving)
      }
      const served = [...modulesOf(table(), item.owner)].length
      const isServing = served === modules.length && modules.every(serves)
      const digest = proposedDigest(modules.map(({ reference }) => reference))
      if (isProposal ? lastProposed() === digest : isServing) return
      const lower = isOrdered && !isReasoned ? lowerVersion(table(), item.owner, modules) : null
      if (lower !== null) return refuse(item, [lower], modules[0]!.reference.digest)
      proposals[at] = proposalOf(item, modules, isProposal ? digest : null)
    }),
  )
  return { proposals: proposals.filter((one) => one !== undefined), rejections }
}

export const proposalOf = (
  item: ChangeItem,
  modules: readonly LoadedModule[],
  proposed: string | null,
): Proposal => ({
  owner: item.owner,
  label: item.kind === 'module' || item.kind === 'reshape' ? item.label : item.owner,
  modules,
  reshape: item.kind === 'reshape' ? item.reshape : null,
  edit: item.kind === 'edit' ? item : null,
  proposed: item.kind === 'edit' ? (item.proposed ?? proposed) : proposed,
  rollouts: item.kind === 'edit' || item.kind === 'reshape' ? (item.putRollouts ?? []) : [],
})

/** A replacement that goes back behind what is in service. One that adds a version beside it does not. */
function lowerVersion(
  table: Table,
  owner: string,
  modules: readonly LoadedModule[],
): Problem | null {
  const after = inServiceOf(modules.map(({ reference }) => reference))
  const before = inServiceOf([...modulesOf(table, owner)])
  if (after === undefined || before === undefined) return null
  const isKept = modules.some(({ reference }) => reference.name === before.name)
  if (modules.length > 1 && isKept) return null
  if (compareVersions(after.version, before.version) >= 0) return null
  const values = { module: moduleNameOf(after), version: after.version, serving: before.version }
  return problem('TURNOUT_VERSION_LOWER', values)
}

/** What a source proposes, as one text. */
export const proposedDigest = (references: readonly ModuleReference[]): string =>
  references
    .map(({ digest }) => digest)
    .sort()
    .join()

/** Whoever is refused, and what they are called in reports. */
export interface Labelled {
  readonly owner: string
  readonly label?: string
}

/** A refusal, with what the owner goes on serving. */
export function rejectionOf(
  table: Table,
  { owner, label = owner }: Labelled,
  problems: readonly Problem[],
  digest: string | null,
): Rejection {
  const [serving] = [...modulesOf(table, owner)]
  return { owner, label, serving: serving?.version ?? null, problems, digest }
}
