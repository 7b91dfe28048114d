import { getKey } from '../../core/persistent-map.ts'
import type { Rollout } from '../../core/rollout/rollout.ts'
import type { Route, Upstream } from '../../core/route/route.ts'
import { usersOf, type Table } from '../../core/route/table.ts'
import { editOf, type ChangeItem } from '../change.ts'
import { canaryName, sharedPair, sidesOf, withoutShare, type Pair } from './route-shape.ts'
import type { Shape } from './shape.ts'

/**
 * Other settings of an upstream: it stands beside the one that is there, and each route that leads there has a twin that
 * leads to it.
 */
export const upstreamShape: Shape = {
  share: (table, rollout) =>
    edits(rollout, {
      put: pairsOf(table, rollout).flatMap((pair) => sharedPair(pair, rollout)),
      remove: [],
    }),

  finish: (table, rollout) => {
    const { stable, canary } = upstreamsOf(table, rollout)
    return edits(rollout, {
      ...withoutTwins(table, rollout),
      ...(stable !== undefined &&
        canary !== undefined && {
          putUpstreams: [{ ...canary, name: stable.name }],
          removeUpstreams: [canary.name],
        }),
    })
  },

  withdraw: (table, rollout) => {
    const { canary } = upstreamsOf(table, rollout)
    return edits(rollout, {
      ...withoutTwins(table, rollout),
      ...(canary !== undefined && { removeUpstreams: [canary.name] }),
    })
  },

  sides: (table, rollout) => {
    const pairs = pairsOf(table, rollout)
    return pairs.length === 0 ? null : sidesOf(pairs)
  },
}

interface Edits {
  readonly put: readonly Route[]
  readonly remove: readonly Route[]
  readonly putUpstreams?: readonly Upstream[]
  readonly removeUpstreams?: readonly string[]
}

/** Its routes may have several owners: each edits its own. */
export function edits(
  rollout: Rollout,
  { put, remove, putUpstreams = [], removeUpstreams = [] }: Edits,
): readonly ChangeItem[] {
  const owners = new Set([rollout.owner, ...[...put, ...remove].map(({ owner }) => owner)])
  return [...owners].map((owner) => {
    const own = <One extends { readonly owner: string }>(all: readonly One[]): readonly One[] =>
      all.filter((one) => one.owner === owner)
    const item = editOf(
      owner,
      own(put),
      own(remove).map(({ id }) => id),
    )
    const isOwner = owner === rollout.owner
    return {
      ...item,
      ...(isOwner && { putUpstreams, removeUpstreams, putRollouts: [rollout] }),
    }
  })
}

/** The twin of a route that leads to the canary. */
export const twinOf = (route: Route, upstream: string): Route => ({
  ...route,
  id: canaryName(route.id),
  target:
    route.target.kind === 'upstream'
      ? { ...route.target, upstream: canaryName(upstream) }
      : route.target,
})

/** Routes whose target is an upstream; not those that only copy or fall back to it. */
export const routesTo = (table: Table, upstream: string): readonly Route[] =>
  [...usersOf(table, upstream)].filter(
    ({ target }) => target.kind === 'upstream' && target.upstream === upstream,
  )

function upstreamsOf(
  { upstreams }: Table,
  { subject }: Rollout,
): { readonly stable: Upstream | undefined; readonly canary: Upstream | undefined } {
  const name = subject.kind === 'upstream' ? subject.upstream : ''
  return { stable: getKey(upstreams, name), canary: getKey(upstreams, canaryName(name)) }
}

function pairsOf(table: Table, { subject }: Rollout): readonly Pair[] {
  if (subject.kind !== 'upstream') return []
  return routesTo(table, subject.upstream).flatMap((stable) => {
    const canary = getKey(table.routes, canaryName(stable.id))
    return canary === undefined ? [] : [{ stable, canary }]
  })
}

function withoutTwins(table: Table, rollout: Rollout): Edits {
  const pairs = pairsOf(table, rollout)
  return {
    put: pairs.map(({ stable }) => withoutShare(stable, false)),
    remove: pairs.map(({ canary }) => canary),
  }
}
