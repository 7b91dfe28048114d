import type { Json } from '../core/json.ts'
import { entriesFrom, getKey } from '../core/persistent-map.ts'
import type { Route, Upstream } from '../core/route/route.ts'
import { routesOf, type Table } from '../core/route/table.ts'
import type { StoredObject } from '../store/store.ts'
import type { ChangeItem } from './change.ts'
import { digestAfter, digestOfObjects, emptyDigest } from './digest.ts'

/** All that an owner of plain data has: what a source says that its input comes to. */
export interface WholeSet {
  readonly routes: readonly Route[]
  readonly upstreams: readonly Upstream[]
}

/** Tells what such an owner proposed from the digests of modules. */
const prefix = 'set:'

export const isWholeDigest = (proposed: string): boolean => proposed.startsWith(prefix)

/**
 * The change from what an owner of data has to what it shall have; empty where it proposed just that last, so that a
 * source which reads its input again does not undo what an operator did since. To be called with the newest table.
 */
export function replaceWhole(table: Table, owner: string, set: WholeSet): readonly ChangeItem[] {
  const proposed = ahead.get(set) ?? digestOfSet(set)
  if (getKey(table.proposals, owner) === proposed) return []
  const routes = new Set(set.routes.map(({ id }) => id))
  const upstreams = new Set(set.upstreams.map(({ name }) => name))
  return [
    {
      kind: 'edit',
      owner,
      putRoutes: set.routes,
      removeRoutes: [...routesOf(table, owner)].flatMap(({ id }) => (routes.has(id) ? [] : [id])),
      putUpstreams: set.upstreams,
      removeUpstreams: upstreamsOf(table, owner).flatMap(({ name }) =>
        upstreams.has(name) ? [] : [name],
      ),
      switches: [],
      proposed,
    },
  ]
}

/** Of a table that nobody changes any more: a status is asked for again and again. */
const known = new WeakMap<Table, Map<string, string>>()

/** The digest of what an owner has in a table. */
export function wholeDigestOf(table: Table, owner: string): string {
  const digests = known.get(table) ?? new Map<string, string>()
  known.set(table, digests)
  const digest =
    digests.get(owner) ??
    digestOfSet({ routes: [...routesOf(table, owner)], upstreams: upstreamsOf(table, owner) })
  digests.set(owner, digest)
  return digest
}

const upstreamsOf = (table: Table, owner: string): readonly Upstream[] =>
  [...entriesFrom(table.upstreams)].flatMap(([, one]) => (one.owner === owner ? [one] : []))

const objectsIn = ({ routes, upstreams }: WholeSet): readonly StoredObject[] => [
  ...routes.map((route) => ({ key: `route:${route.id}`, value: route as unknown as Json })),
  ...upstreams.map((one) => ({ key: `upstream:${one.name}`, value: one as unknown as Json })),
]

const digestOfSet = (set: WholeSet): string => prefix + digestOfObjects(objectsIn(set))

const ahead = new WeakMap<WholeSet, string>()

/**
 * Works out the digest of a large set before it is changed to, while everybody else is served: it is the larger part of
 * what `replaceWhole` costs, which has to run at once.
 */
export async function digestAhead(
  set: WholeSet,
  breathe: () => Promise<void> | undefined,
): Promise<void> {
  let digest = emptyDigest
  for (const { key, value } of objectsIn(set)) {
    digest = digestAfter(digest, [{ key, before: undefined, after: value }])
    const pause = breathe()
    if (pause !== undefined) await pause
  }
  ahead.set(set, prefix + digest)
}
