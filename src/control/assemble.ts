import { problem, type Problem } from '../core/errors.ts'
import { deleteKey, getKey, setKey } from '../core/persistent-map.ts'
import type { ConflictPolicy } from '../core/route/conflict.ts'
import { referencesOf } from '../core/route/references.ts'
import { routesOfModules, type ListedModule } from '../core/route/module-routes.ts'
import { sideBySide } from '../core/route/module-versions.ts'
import type { Rollout } from '../core/rollout/rollout.ts'
import type { ModuleReference, Route, Upstream } from '../core/route/route.ts'
import {
  addRoutes,
  editOwned,
  listedModulesOf,
  modulesOf,
  replaceOwned,
  sameObject,
  sameRoute,
  setModule,
  setRollout,
  setUpstream,
  switchRoute,
  usersOf,
  type Refusal,
  type Table,
} from '../core/route/table.ts'
import type { Edit, LoadedModule, Reshape } from './change.ts'
import { unknownFilters, usedFilters } from './filter-references.ts'
import { heldBy } from './rollout/held.ts'

/** What one owner of a change set asks for, after loading. */
export interface Proposal {
  readonly owner: string
  readonly label: string
  /** Modules that are new. */
  readonly modules: readonly LoadedModule[]
  /** What the owner has from now on; null: these modules. */
  readonly reshape: Reshape | null
  /** Null: the owner's routes are what its modules list. Else the rest of its set stays. */
  readonly edit: Edit | null
  /** Of a source: the digest of its input, to be remembered; null: not from a source. */
  readonly proposed: string | null
  readonly rollouts: readonly Rollout[]
}

export interface Assembled {
  readonly table: Table
  /** Owners that were left out, and why. */
  readonly refused: ReadonlyMap<string, readonly Problem[]>
}

/**
 * The next table, whose number is `revision`: every proposal that can stand beside the others and beside what is
 * there. What owners give up is taken out first, so that a route may move between owners in one change. A refused
 * owner keeps what it has, which may stand in the way of another one: so the rest is tried again until nothing more
 * is refused.
 */
export function assemble(
  base: Table,
  proposals: readonly Proposal[],
  policy: ConflictPolicy,
  revision: number,
): Assembled {
  const refused = new Map<string, readonly Problem[]>()
  for (;;) {
    const round = proposals.filter(({ owner }) => !refused.has(owner))
    const result = assembleRound(base, round, policy, revision)
    if (result.refused.size === 0) return { table: result.table, refused }
    for (const [owner, problems] of result.refused) refused.set(owner, problems)
  }
}

function assembleRound(
  base: Table,
  round: readonly Proposal[],
  policy: ConflictPolicy,
  revision: number,
): Assembled {
  const refused = new Map<string, readonly Problem[]>()
  let table = base
  const parts = round.map((proposal) => {
    const left = takeOut(table, proposal)
    table = left.table
    return { proposal, ...left, added: left.added.map((route) => ({ ...route, revision })) }
  })
  const isStep = round.some(({ rollouts }) => rollouts.length > 0)
  for (const { proposal } of parts) {
    const held = isStep || proposal.edit === null ? [] : heldBy(base, proposal.edit)
    if (held.length > 0) {
      refused.set(proposal.owner, held)
      continue
    }
    const put = putUpstreams(table, proposal, revision)
    if (put.problems.length > 0) refused.set(proposal.owner, put.problems)
    else table = put.table
  }
  for (const { proposal, modules, added } of parts) {
    if (refused.has(proposal.owner)) continue
    const touched = modules.map((one) => {
      const before = getKey(base.modules, one.name)
      return isUntouched(proposal, before, one) ? before! : { ...one, revision }
    })
    const put = putIn(table, proposal, touched, added, policy, revision)
    if (put.problems.length > 0) refused.set(proposal.owner, put.problems)
    else table = put.table
  }
  for (const { proposal, added } of parts) {
    if (refused.has(proposal.owner)) continue
    const rest = dropUpstreams(table, proposal)
    const problems = [
      ...rest.problems,
      ...unknownUpstreams(rest.table, added),
      ...unknownFilters(rest.table, added),
      ...usedFilters(base, rest.table, modulesBefore(base, proposal)),
    ]
    if (problems.length > 0) refused.set(proposal.owner, problems)
    else table = remembered(rest.table, proposal)
  }
  return { table, refused }
}

interface TakenOut {
  readonly table: Table
  /** What the owner has from now on. */
  readonly modules: readonly ModuleReference[]
  readonly added: readonly Route[]
}

/** The table without what an owner gives up, and what it wants instead. */
function takeOut(table: Table, proposal: Proposal): TakenOut {
  const { owner, edit, reshape, proposed } = proposal
  if (edit === null) {
    const now = listedModulesOf(table, owner)
    const listed: readonly ListedModule[] =
      reshape === null ? sideBySide(now, proposal.modules) : reshape(now)
    const { kept, added } = replaceOwned(table, owner, routesOfModules(owner, listed))
    const gone = now.map(({ reference }) => reference.name)
    return {
      table: gone.reduce((next, name) => setModule(next, name, null), kept),
      modules: listed.map(({ reference }) => reference),
      added,
    }
  }
  const put = edit.putRoutes.filter((route) => {
    const known = getKey(table.routes, route.id)
    return known === undefined || !sameRoute(known, route)
  })
  const { kept, added } = editOwned(table, owner, put, edit.removeRoutes)
  const isOwn = (id: string): boolean => getKey(table.routes, id)?.owner === owner
  const forgotten = proposed === null ? edit.removeRoutes.filter(isOwn) : []
  const switchedOff = forgotten.reduce(deleteKey, kept.switchedOff)
  return { table: { ...kept, switchedOff }, modules: [], added }
}

/** The modules that an owner gives up or replaces. */
const modulesBefore = (base: Table, { owner, edit }: Proposal): readonly string[] =>
  edit === null ? [...modulesOf(base, owner)].map(({ name }) => name) : []

interface Step {
  readonly table: Table
  readonly problems: readonly Problem[]
}

/** Before the routes that name them. */
function putUpstreams(table: Table, { owner, edit }: Proposal, revision: number): Step {
  const problems: Problem[] = []
  let next = table
  for (const upstream of edit?.putUpstreams ?? []) {
    const known = getKey(next.upstreams, upstream.name)
    if (known !== undefined && known.owner !== owner) problems.push(ofOther(known))
    else if (known === undefined || !sameObject(known, upstream))
      next = setUpstream(next, upstream.name, { ...upstream, revision })
  }
  return { table: next, problems }
}

const ofOther = ({ name, owner }: Upstream): Problem =>
  problem('TURNOUT_OWNER_DIFFERS', { item: `upstream ${name}`, owner })

/** A version that stays as it was; not one that is loaded again, because its code was gone. */
const isUntouched = (
  { modules }: Proposal,
  before: ModuleReference | undefined,
  now: ModuleReference,
): boolean =>
  before !== undefined &&
  sameObject(before, now) &&
  !modules.some(({ reference }) => reference.name === now.name)

function putIn(
  table: Table,
  { edit, rollouts }: Proposal,
  modules: readonly ModuleReference[],
  added: readonly Route[],
  policy: ConflictPolicy,
  revision: number,
): Step {
  const taken = modules
    .map(({ name }) => getKey(table.modules, name))
    .find((found) => found !== undefined)
  if (taken !== undefined) return { table, problems: [nameTaken(taken)] }
  const put = addRoutes(table, added, policy)
  const refusals: Refusal[] = [...put.refusals]
  let next = modules.reduce(
    (all, reference) => setModule(all, reference.name, reference),
    put.table,
  )
  next = rollouts.reduce((all, one) => setRollout(all, { ...one, revision }), next)
  for (const { route, enabled } of edit?.switches ?? []) {
    const switched = switchRoute(next, route, enabled, policy)
    refusals.push(...switched.refusals)
    next = switched.table
  }
  return { table: next, problems: refusals.map((one) => one.problem) }
}

const nameTaken = (taken: ModuleReference): Problem =>
  problem('TURNOUT_MODULE_NAME_TAKEN', { module: taken.name, owner: taken.owner })

/** After the routes that named them. */
function dropUpstreams(table: Table, { owner, edit }: Proposal): Step {
  const problems: Problem[] = []
  let next = table
  for (const name of edit?.removeUpstreams ?? []) {
    const known = getKey(next.upstreams, name)
    if (known === undefined) continue
    if (known.owner !== owner) problems.push(ofOther(known))
    const [user] = usersOf(next, name)
    if (user !== undefined)
      problems.push(
        problem('TURNOUT_UPSTREAM_USED', { upstream: name, route: user.id, owner: user.owner }),
      )
    next = setUpstream(next, name, null)
  }
  return { table: next, problems }
}

/** Routes that name an upstream which the table does not have. */
export function unknownUpstreams(table: Table, routes: readonly Route[]): readonly Problem[] {
  return routes.flatMap((route) =>
    referencesOf(route)
      .filter((upstream) => getKey(table.upstreams, upstream) === undefined)
      .map((upstream) => problem('TURNOUT_UPSTREAM_UNKNOWN', { route: route.id, upstream })),
  )
}

const remembered = (table: Table, { owner, proposed }: Proposal): Table =>
  proposed === null || getKey(table.proposals, owner) === proposed
    ? table
    : { ...table, proposals: setKey(table.proposals, owner, proposed) }
