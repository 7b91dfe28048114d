import { problem, type Problem } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import { getKey, type PersistentMap } from '../core/persistent-map.ts'
import { isOver, type Rollout } from '../core/rollout/rollout.ts'
import { changesBetween, partOf, tableAfter, type StoredObject } from '../core/route/objects.ts'
import type { Route } from '../core/route/route.ts'
import { usersOf, type Table } from '../core/route/table.ts'
import { sameJson } from '../core/same-json.ts'
import { unknownUpstreams } from './assemble.ts'
import { unknownFilters, usedFilters } from './filter-references.ts'

/** An object as it shall be; undefined: gone. */
interface Wish {
  readonly key: string
  readonly value: Json | undefined
}

export interface Restored {
  readonly table: Table
  readonly problems: readonly Problem[]
  /** Objects that somebody else has changed since, and that stay as they are. */
  readonly left: readonly string[]
}

/** The current table with every object as in an earlier one; what sources proposed stays remembered. */
export function restoreTable(current: Table, earlier: Table, revision: number): Restored {
  const wishes = [...changesBetween(current, earlier)].flatMap(({ key, before, after }) =>
    isSameContent(before, after) ? [] : [{ key, value: after }],
  )
  return { ...apply(current, wishes, revision), left: [] }
}

/**
 * The current table without what one revision did: objects that are still as it left them become what they were
 * before; those that others changed since stay.
 */
export function takeBackChange(
  current: Table,
  before: Table,
  after: Table,
  revision: number,
): Restored {
  const undone = [...changesBetween(after, before)]
  const touched = undone.filter(({ key, before: done }) => !isSame(valueAt(current, key), done))
  const left = new Set(touched.map(({ key }) => key))
  // Routes of a module are what its code lists: where the module stays, they stay as they are.
  for (const { key, before: done, after: wanted } of undone) {
    const modules = [moduleOf(key, done), moduleOf(key, wanted)]
    if (modules.some((name) => name !== null && left.has(`module:${name}`))) left.add(key)
  }
  const wishes = undone
    .filter(({ key }) => !left.has(key))
    .map(({ key, after: value }) => ({ key, value }))
  return { ...apply(current, wishes, revision), left: [...left] }
}

/** The module that serves a route; null where it is no route, or of no module. */
function moduleOf(key: string, value: Json | undefined): string | null {
  if (value === undefined || partOf(key).part !== 'route') return null
  const { target } = value as unknown as Route
  return target.kind === 'module' ? target.module : null
}

/** Going back is no order to go on: a rollout that was under way then waits for somebody. */
const heldBack = (rollout: Rollout): Rollout =>
  isOver(rollout)
    ? rollout
    : { ...rollout, status: 'paused', reason: 'an earlier table was restored' }

/** The revision that touched an object last is no part of what it says. */
const isSameContent = (left: Json | undefined, right: Json | undefined): boolean =>
  isObject(left) && isObject(right) && sameJson({ ...left, revision: 0 }, { ...right, revision: 0 })

const isObject = (value: Json | undefined): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isSame = (left: Json | undefined, right: Json | undefined): boolean =>
  left === undefined || right === undefined ? left === right : sameJson(left, right)

function valueAt(table: Table, key: string): Json | undefined {
  const { part, name } = partOf(key)
  const maps = {
    route: table.routes,
    upstream: table.upstreams,
    module: table.modules,
    off: table.switchedOff,
    proposal: table.proposals,
    rollout: table.rollouts,
  }
  const map = maps[part as keyof typeof maps] as unknown as PersistentMap<NonNullable<Json>>
  return getKey(map, name)
}

function apply(
  current: Table,
  wishes: readonly Wish[],
  revision: number,
): Pick<Restored, 'table' | 'problems'> {
  const put: StoredObject[] = []
  const remove: string[] = []
  for (const { key, value } of wishes) {
    // What was proposed was proposed, whatever is restored.
    if (partOf(key).part === 'proposal') continue
    if (value === undefined) remove.push(key)
    else put.push({ key, value: touchedBy(revision, key, value) })
  }
  // The policy may be stricter today than when these routes stood side by side.
  const { table, refusals } = tableAfter(current, { put, remove })
  const names = (part: string, keys: readonly string[]): readonly string[] =>
    keys.map(partOf).flatMap((one) => (one.part === part ? [one.name] : []))
  const changed = wishes.map(({ key }) => key)
  // Also where one of them was refused: every problem is told at once.
  const routes = put.flatMap(({ key, value }) =>
    partOf(key).part === 'route' ? [value as unknown as Route] : [],
  )
  const problems = [
    ...refusals.map((refusal) => refusal.problem),
    ...unknownUpstreams(table, routes),
    ...unknownFilters(table, routes),
    ...usedFilters(current, table, names('module', changed)),
    ...names('upstream', remove).flatMap((name) => {
      const [user] = usersOf(table, name)
      return user === undefined
        ? []
        : [problem('TURNOUT_UPSTREAM_USED', { upstream: name, route: user.id, owner: user.owner })]
    }),
  ]
  return { table, problems }
}

/** An object of an earlier table as the next revision has it. */
function touchedBy(revision: number, key: string, value: Json): Json {
  const { part } = partOf(key)
  if (!isObject(value)) return value
  const object = part === 'rollout' ? heldBack(value as unknown as Rollout) : value
  return { ...(object as { readonly [key: string]: Json }), revision }
}
