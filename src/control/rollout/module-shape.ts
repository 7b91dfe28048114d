import { getKey } from '../../core/persistent-map.ts'
import type { Rollout } from '../../core/rollout/rollout.ts'
import type { ListedModule } from '../../core/route/module-routes.ts'
import {
  besideName,
  inServiceOf,
  renamed,
  versionsOf,
  withTraffic,
} from '../../core/route/module-versions.ts'
import type { ModuleReference, Traffic } from '../../core/route/route.ts'
import { listedModulesOf, type Table } from '../../core/route/table.ts'
import { isVersion } from '../../core/version/version.ts'
import type { ChangeItem, LoadedModule, Reshape } from '../change.ts'
import type { Shape } from './shape.ts'

/** By which requests reach a canary, whatever its share is. */
export const canaryLabels = { canary: 'true' } as const

/** Names of the two versions in a table; null: it has not both. */
function namesOf(
  { modules }: Table,
  { subject, stable, canary }: Rollout,
): { readonly stable: string; readonly canary: string } | null {
  if (subject.kind !== 'module') return null
  const { module } = subject
  const named = getKey(modules, module)
  const other = besideName(module, stable)
  const stableName =
    named?.version === stable ? module : getKey(modules, other) === undefined ? null : other
  const canaryName = besideName(module, canary)
  const isThere = getKey(modules, canaryName) !== undefined && canaryName !== stableName
  return stableName === null || !isThere ? null : { stable: stableName, canary: canaryName }
}

/**
 * Versions of a module.
 *
 *     a file replaced     users            users  users@2.0.0           users (the code of 2.0.0)
 *     versions in files   users@1.3.0      users@1.3.0  users@2.0.0     users@1.3.0  users@2.0.0 (serves who asks for none)
 */
export const moduleShape: Shape = {
  share: (table, rollout) => {
    return reshaped(table, rollout, (names) => (listed) => {
      if (listed.reference.name === names.canary)
        return labelled(withTraffic(listed, shareOf(rollout, false)), true)
      if (listed.reference.name !== names.stable) return listed
      // Whoever asks for its version, or a range with it, still gets it when it has no share of the rest.
      const isFree = rollout.weight === 100 && isToldByVersion(rollout)
      return withTraffic(listed, isFree ? null : shareOf(rollout, true))
    })
  },

  finish: (table, rollout) =>
    reshaped(table, rollout, (names, module, now) => (listed) => {
      const { name } = listed.reference
      const isLone = names.stable === module
      if (name === names.stable) return isLone ? null : withTraffic(listed, null)
      if (name !== names.canary) return listed
      if (isLone) return labelled(withTraffic(renamed(listed, module), null), false)
      const isHighest = highestIs(now, name)
      return labelled(withTraffic(listed, isHighest ? null : { weight: 100 }), false)
    }),

  withdraw: (table, rollout) =>
    reshaped(table, rollout, (names, module) => (listed) => {
      const { name } = listed.reference
      const isLone = names.stable === module
      if (name === names.stable) return withTraffic(listed, isLone ? null : { weight: 100 })
      if (name !== names.canary) return listed
      return isLone ? null : withTraffic(listed, { weight: 0 })
    }),

  sides: (table, rollout) => {
    const names = namesOf(table, rollout)
    const stable = names === null ? undefined : getKey(table.modules, names.stable)
    const canary = names === null ? undefined : getKey(table.modules, names.canary)
    if (stable === undefined || canary === undefined) return null
    return {
      stable: [{ kind: 'module', reference: stable }],
      canary: [{ kind: 'module', reference: canary }],
      pairs: pairsOf(table, stable, canary),
    }
  },
}

/** The same version beside the one in service, in the isolation zone. */
export function beside(loaded: LoadedModule, module: string, owner: string): LoadedModule {
  const { version } = loaded.reference
  const moved = renamed(loaded, besideName(module, version))
  const { reference, routes } = labelled(withTraffic(moved, { weight: 0 }), true)
  return { ...loaded, reference: { ...reference, owner, module }, routes }
}

/** The owner's versions with one more, beside the one in service, which has a share from now on. */
export const withBeside =
  (
    added: LoadedModule,
    stable: string,
    shareFrom: (traffic: Traffic | undefined) => Traffic,
  ): Reshape =>
  (now) => [
    ...now
      .filter(({ reference }) => reference.name !== added.reference.name)
      .map((one) =>
        one.reference.name === stable ? withTraffic(one, shareFrom(one.reference.traffic)) : one,
      ),
    added,
  ]

/** What a version shall be; null: gone. */
type Change = (listed: ListedModule) => ListedModule | null

function reshaped(
  table: Table,
  rollout: Rollout,
  changeFor: (
    names: { readonly stable: string; readonly canary: string },
    module: string,
    now: readonly ListedModule[],
  ) => Change,
): readonly ChangeItem[] {
  const { subject, owner, id } = rollout
  const names = namesOf(table, rollout)
  const putRollouts = [rollout]
  if (names === null || subject.kind !== 'module')
    return [{ kind: 'reshape', owner, label: id, loaded: [], reshape: (now) => now, putRollouts }]
  const { module } = subject
  const reshape: Reshape = (now) => {
    const change = changeFor(names, module, versionsOf(now, module))
    return now.flatMap((listed) => change(listed) ?? [])
  }
  return [{ kind: 'reshape', owner, label: id, loaded: [], reshape, putRollouts }]
}

/** The share of one side, of all clients and of those of a cohort. */
function shareOf({ weight, cohort, plan: { key } }: Rollout, isStable: boolean): Traffic {
  const of = (canary: number): number => (isStable ? 100 - canary : canary)
  return {
    weight: of(weight),
    ...(key !== undefined && { key }),
    ...(cohort !== null && {
      cohort: { predicates: cohort.predicates, weight: of(cohort.weight) },
    }),
  }
}

function labelled(listed: ListedModule, isCanary: boolean): ListedModule {
  const { labels: _, ...reference } = listed.reference
  return { ...listed, reference: isCanary ? { ...reference, labels: canaryLabels } : reference }
}

const isToldByVersion = ({ stable, canary }: Rollout): boolean =>
  stable !== canary && isVersion(stable) && isVersion(canary)

const highestIs = (versions: readonly ListedModule[], name: string): boolean =>
  inServiceOf(versions.map((one) => withTraffic(one, null).reference))?.name === name

function pairsOf(
  table: Table,
  stable: ModuleReference,
  canary: ModuleReference,
): readonly { readonly stable: string; readonly canary: string }[] {
  const listed = listedModulesOf(table, canary.owner)
  const routesOf = ({ name }: ModuleReference): ListedModule['routes'] =>
    listed.find(({ reference }) => reference.name === name)?.routes ?? []
  const there = new Map(routesOf(stable).map((one) => [`${one.method} ${one.path}`, one.id]))
  return routesOf(canary).flatMap(({ id, method, path }) => {
    const pair = there.get(`${method} ${path}`)
    return pair === undefined ? [] : [{ stable: pair, canary: id }]
  })
}
