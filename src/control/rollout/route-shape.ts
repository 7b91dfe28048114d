import { getKey } from '../../core/persistent-map.ts'
import type { Rollout } from '../../core/rollout/rollout.ts'
import { noSelection, type Route, type Selection, type Weight } from '../../core/route/route.ts'
import { selectionOf } from '../../core/route/selection-parse.ts'
import type { Table } from '../../core/route/table.ts'
import { editOf, type ChangeItem } from '../change.ts'
import { canaryLabels } from './module-shape.ts'
import type { Shape } from './shape.ts'

/** The canary of a route, or of an upstream, while both stand side by side. */
export const canaryName = (name: string): string => `${name}@canary`

/** Of either of the two, what the stable one is called. */
export const stableName = (name: string): string => name.replace(/@canary$/, '')

const groupPrefix = 'rollout:'

/** Whether a share was given by a rollout. */
export const isOfRollout = ({ group }: Weight): boolean => group.startsWith(groupPrefix)

/** Another definition of a route, beside the one that is there. */
export const routeShape: Shape = {
  share: (table, rollout) => edit(rollout, shared(routesOf(table, rollout), rollout), []),

  finish: (table, rollout) => {
    const routes = routesOf(table, rollout)
    if (routes === null) return edit(rollout, [], [])
    const { stable, canary } = routes
    return edit(rollout, [{ ...withoutShare(canary, true), id: stable.id }], [canary.id])
  },

  withdraw: (table, rollout) => {
    const routes = routesOf(table, rollout)
    if (routes === null) return edit(rollout, [], [])
    return edit(rollout, [withoutShare(routes.stable, false)], [routes.canary.id])
  },

  sides: (table, rollout) => {
    const routes = routesOf(table, rollout)
    return routes === null ? null : sidesOf([routes])
  },
}

/** Two routes that serve the same requests. */
export interface Pair {
  readonly stable: Route
  readonly canary: Route
}

export const sidesOf = (pairs: readonly Pair[]): ReturnType<Shape['sides']> => ({
  stable: pairs.map(({ stable }) => ({ kind: 'route', route: stable })),
  canary: pairs.map(({ canary }) => ({ kind: 'route', route: canary })),
  pairs: pairs.map(({ stable, canary }) => ({ stable: stable.id, canary: canary.id })),
})

function routesOf({ routes }: Table, { subject }: Rollout): Pair | null {
  if (subject.kind !== 'route') return null
  const stable = getKey(routes, subject.route)
  const canary = getKey(routes, canaryName(subject.route))
  return stable === undefined || canary === undefined ? null : { stable, canary }
}

const edit = (
  rollout: Rollout,
  put: readonly Route[],
  remove: readonly string[],
): readonly ChangeItem[] => [{ ...editOf(rollout.owner, put, remove), putRollouts: [rollout] }]

const shared = (pair: Pair | null, rollout: Rollout): readonly Route[] =>
  pair === null ? [] : sharedPair(pair, rollout)

/** Both with the shares that a rollout says. */
export function sharedPair(
  { stable, canary }: Pair,
  { id, weight, cohort, plan: { key } }: Pick<Rollout, 'id' | 'weight' | 'cohort' | 'plan'>,
): readonly Route[] {
  const of = (side: 'stable' | 'canary', own: number, ofCohort: number): Weight => ({
    group: groupPrefix + id,
    side,
    weight: own,
    ...(key !== undefined && { key }),
    ...(cohort !== null && { cohort: { predicates: cohort.predicates, weight: ofCohort } }),
  })
  const cohortWeight = cohort?.weight ?? 0
  // Whoever asks for its version, or a range with it, still gets it when it has no share of the rest.
  const isFree = weight === 100 && versionOf(stable) !== versionOf(canary)
  return [
    selected(stable, { weight: isFree ? null : of('stable', 100 - weight, 100 - cohortWeight) }),
    selected(canary, {
      weight: of('canary', weight, cohortWeight),
      labels: { ...canary.selection?.labels, ...canaryLabels },
    }),
  ]
}

const versionOf = ({ selection }: Route): string | null => selection?.version ?? null

/** A route as its author wrote it. */
export function withoutShare(route: Route, isCanary: boolean): Route {
  if (!isCanary) return selected(route, { weight: null })
  const { canary: _, ...labels } = route.selection?.labels ?? {}
  return selected(route, { weight: null, labels })
}

const selected = (route: Route, given: Partial<Selection>): Route => ({
  ...route,
  selection: selectionOf({ ...(route.selection ?? noSelection), ...given }),
})
