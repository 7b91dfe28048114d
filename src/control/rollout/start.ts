import { TurnoutError } from '../../core/errors.ts'
import { entriesFrom, getKey } from '../../core/persistent-map.ts'
import type { Plan } from '../../core/rollout/plan.ts'
import { isOver, type Rollout, type Subject } from '../../core/rollout/rollout.ts'
import { besideName, inServiceOf } from '../../core/route/module-versions.ts'
import {
  moduleNameOf,
  type ModuleReference,
  type Route,
  type Upstream,
} from '../../core/route/route.ts'
import { modulesOf, sameObject, sameRoute, type Table } from '../../core/route/table.ts'
import { sameJson } from '../../core/same-json.ts'
import { compareVersions } from '../../core/version/version.ts'
import { editOf, type ChangeItem, type LoadedModule } from '../change.ts'
import type { Who } from '../control.ts'
import type { RolloutStart } from '../rollouts.ts'
import { beside, moduleShape, withBeside } from './module-shape.ts'
import { canaryName, sharedPair } from './route-shape.ts'
import { edits, routesTo, twinOf } from './upstream-shape.ts'

/** What a rollout begins with. */
export interface Beginning {
  readonly plan: Plan
  readonly who: Who
  /** Milliseconds since the epoch. */
  readonly now: number
  /** A module may go to a lower version. */
  readonly isFree: boolean
}

/** What the table gets. */
export interface Started {
  readonly id: string
  readonly items: readonly ChangeItem[]
}

/**
 * The change with which a rollout begins: both versions in the table, the canary in the isolation zone. Pure.
 *
 * @throws TurnoutError TURNOUT_ROLLOUT_RUNNING, TURNOUT_ROLLOUT_SUBJECT or TURNOUT_VERSION_LOWER
 */
export function startOf(table: Table, what: RolloutStart, beginning: Beginning): Started {
  switch (what.kind) {
    case 'module':
      return ofModule(table, what.module, what.version, beginning)
    case 'loaded':
      return ofLoaded(table, what.loaded, beginning)
    case 'route':
      return ofRoute(table, what.route, beginning)
    case 'upstream':
      return ofUpstream(table, what.upstream, beginning)
    default:
      return what satisfies never
  }
}

function ofModule(table: Table, module: string, version: string, beginning: Beginning): Started {
  const subject = `module ${module}`
  refuseRunning(table, module)
  const canary = getKey(table.modules, besideName(module, version))
  if (canary === undefined) throw refused(subject, `there is no version ${version} beside it`)
  const stable = inServiceOf(others(table, canary))
  if (stable === undefined) throw refused(subject, 'no other version is in service')
  refuseLower(module, stable, version, beginning)
  const rollout = begin({ kind: 'module', module }, module, beginning, {
    owner: canary.owner,
    stable: stable.version,
    canary: version,
  })
  return { id: module, items: moduleShape.share(table, rollout) }
}

/** Versions of the module beside this one; another one that waits in the isolation zone is none of them. */
const others = (table: Table, canary: ModuleReference): readonly ModuleReference[] =>
  [...modulesOf(table, canary.owner)].filter(
    (one) =>
      moduleNameOf(one) === moduleNameOf(canary) &&
      one.name !== canary.name &&
      one.traffic?.weight !== 0,
  )

function ofLoaded(table: Table, loaded: LoadedModule, beginning: Beginning): Started {
  const module = moduleNameOf(loaded.reference)
  const subject = `module ${module}`
  refuseRunning(table, module)
  const { version, digest } = loaded.reference
  const stable = inService(table, module)
  if (stable === undefined) throw refused(subject, 'no version of it is in service')
  if (stable.digest === digest) throw refused(subject, 'this is what is in service')
  const name = besideName(module, version)
  const there = getKey(table.modules, name)
  if (there !== undefined && there.digest !== digest)
    throw refused(subject, `another ${version} stands beside it`)
  const { owner } = stable
  refuseLower(module, stable, version, beginning)
  const rollout = begin({ kind: 'module', module }, module, beginning, {
    owner,
    stable: stable.version,
    canary: version,
  })
  const added = beside(loaded, module, owner)
  const { key } = beginning.plan
  const share = { weight: 100, ...(key !== undefined && { key }) }
  return {
    id: module,
    items: [
      {
        kind: 'reshape',
        owner,
        label: module,
        loaded: [added],
        reshape: withBeside(added, stable.name, () => share),
        putRollouts: [rollout],
      },
    ],
  }
}

/**
 * A version beside the one in service, in the isolation zone.
 *
 * @throws TurnoutError TURNOUT_ROLLOUT_SUBJECT
 */
export function besideItem(table: Table, loaded: LoadedModule): ChangeItem {
  const module = moduleNameOf(loaded.reference)
  const stable = inService(table, module)
  if (stable === undefined) throw refused(`module ${module}`, 'no version of it is in service')
  const { owner } = stable
  const added = beside(loaded, module, owner)
  const reshape = withBeside(added, stable.name, (traffic) => traffic ?? { weight: 100 })
  return { kind: 'reshape', owner, label: module, loaded: [added], reshape, putRollouts: [] }
}

/** The version of a module, of whatever owner, that serves who asks for none. */
export function inService(table: Table, module: string): ModuleReference | undefined {
  const named = getKey(table.modules, module)
  if (named !== undefined) return named
  // A folder of versions belongs to whoever has the module's own name at its end.
  const owners = new Set<string>()
  for (const [, reference] of modulesNamed(table, module)) owners.add(reference.owner)
  const versions = [...owners].flatMap((owner) =>
    [...modulesOf(table, owner)].filter((one) => moduleNameOf(one) === module),
  )
  return inServiceOf(versions)
}

function* modulesNamed(
  table: Table,
  module: string,
): Generator<readonly [string, ModuleReference]> {
  for (const entry of entriesFrom(table.modules, besideName(module, '')))
    if (moduleNameOf(entry[1]) === module) yield entry
}

function ofRoute(table: Table, route: Route, beginning: Beginning): Started {
  const subject = `route ${route.id}`
  refuseRunning(table, route.id)
  const stable = getKey(table.routes, route.id)
  if (stable === undefined) throw refused(subject, 'there is no route of that id')
  if (stable.owner !== route.owner)
    throw new TurnoutError('TURNOUT_OWNER_DIFFERS', { item: subject, owner: stable.owner })
  if (sameRoute({ ...route, revision: 0 }, { ...stable, revision: 0 }))
    throw refused(subject, 'this is what is in service')
  if (stable.target.kind === 'module' || stable.target.kind === 'closure')
    throw refused(subject, 'its handler is code: roll out the module')
  if (!sameJson(stable.methods, route.methods) || !sameJson(stable.paths, route.paths))
    throw refused(subject, 'the two must have the same methods and paths')
  refuseShares(subject, [stable, route])
  const rollout = begin({ kind: 'route', route: route.id }, route.id, beginning, {
    owner: stable.owner,
    stable: `revision ${stable.revision}`,
    canary: 'canary',
  })
  const canary = { ...route, id: canaryName(route.id) }
  const put = sharedPair({ stable, canary }, rollout)
  return { id: route.id, items: [{ ...editOf(stable.owner, put, []), putRollouts: [rollout] }] }
}

function ofUpstream(table: Table, upstream: Upstream, beginning: Beginning): Started {
  const { name } = upstream
  const subject = `upstream ${name}`
  refuseRunning(table, name)
  const stable = getKey(table.upstreams, name)
  if (stable === undefined) throw refused(subject, 'there is no upstream of that name')
  if (stable.owner !== upstream.owner)
    throw new TurnoutError('TURNOUT_OWNER_DIFFERS', { item: subject, owner: stable.owner })
  if (sameObject(stable, upstream)) throw refused(subject, 'this is what is in service')
  const routes = routesTo(table, name)
  if (routes.length === 0) throw refused(subject, 'no route leads there')
  refuseShares(subject, routes)
  const rollout = begin({ kind: 'upstream', upstream: name }, name, beginning, {
    owner: stable.owner,
    stable: `revision ${stable.revision}`,
    canary: 'canary',
  })
  const put = routes.flatMap((route) =>
    sharedPair({ stable: route, canary: twinOf(route, name) }, rollout),
  )
  const putUpstreams = [{ ...upstream, name: canaryName(name) }]
  return { id: name, items: edits(rollout, { put, remove: [], putUpstreams }) }
}

function refuseLower(
  module: string,
  { version: serving }: ModuleReference,
  version: string,
  { isFree }: Beginning,
): void {
  if (isFree || compareVersions(version, serving) >= 0) return
  throw new TurnoutError('TURNOUT_VERSION_LOWER', { module, version, serving })
}

function refuseShares(subject: string, routes: readonly Route[]): void {
  const weighted = routes.find(({ selection }) => (selection?.weight ?? null) !== null)
  if (weighted !== undefined) throw refused(subject, `route ${weighted.id} has a weight of its own`)
}

const refused = (subject: string, reason: string): TurnoutError =>
  new TurnoutError('TURNOUT_ROLLOUT_SUBJECT', { subject, reason })

/** First, for what stands under a rollout has shares and versions that no author gave it. */
function refuseRunning({ rollouts }: Table, id: string): void {
  const running = getKey(rollouts, id)
  if (running !== undefined && !isOver(running))
    throw new TurnoutError('TURNOUT_ROLLOUT_RUNNING', { id })
}

function begin(
  subject: Subject,
  id: string,
  { plan, who, now }: Beginning,
  names: Pick<Rollout, 'owner' | 'stable' | 'canary'>,
): Rollout {
  return {
    id,
    subject,
    ...names,
    plan,
    status: 'running',
    step: 0,
    stepSince: now,
    weight: 0,
    cohort: null,
    startedAt: now,
    endedAt: null,
    ...who,
    revision: 0,
  }
}
