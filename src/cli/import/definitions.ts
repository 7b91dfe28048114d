import { problem, type Problem } from '../../core/errors.ts'
import { pointerTo } from '../../core/route/input.ts'
import type { SpringRoute, Written } from '../../core/route/spring-import.ts'
import { fieldNamed, isMapping, plainName, settingsOf } from './tree.ts'

/** Takes what is written apart; what is no part of a definition is told. */
export interface TakenApart {
  readonly routes: readonly SpringRoute[]
  readonly left: readonly Problem[]
}

const known = ['id', 'uri', 'predicates', 'filters', 'metadata', 'order', 'enabled']

/**
 * Takes definitions apart: routes of a config, or of an actuator.
 *
 * @param defaults Filters of every route.
 */
export function takeApart(list: Written, defaults: readonly Written[]): TakenApart {
  const left: Problem[] = []
  const ids = new Set<string>()
  const items = Array.isArray(list.value) ? (list.value as readonly unknown[]) : []
  if (!Array.isArray(list.value)) left.push(notCarried('routes', 'it is no list', list))
  const routes = items.flatMap((item, at): SpringRoute[] => {
    const pointer = pointerTo(list.pointer, at)
    if (!isMapping(item)) {
      left.push(notCarried(`routes[${at}]`, 'it is no mapping', { pointer }))
      return []
    }
    const field = (name: string): Written | null => fieldNamed(item, pointer, name)
    for (const key of Object.keys(item))
      if (!known.some((name) => plainName(name) === plainName(key)))
        left.push(notCarried(key, 'a route has no such key', { pointer: pointerTo(pointer, key) }))
    const id = freeId(field('id')?.value, at, ids)
    const uri = field('uri')
    if (uri === null) {
      left.push(notCarried(`The route ${id}`, 'it has no uri', { pointer }))
      return []
    }
    const before = left.length
    const own = (name: string): readonly Written[] => partsOf(field(name), left)
    const rest = ['metadata', 'order', 'enabled'].flatMap((name) => {
      const found = field(name)
      return found === null || found.value === null ? [] : [[name, found] as const]
    })
    const [predicates, filters] = [own('predicates'), own('filters')]
    return [
      {
        id,
        pointer,
        uri,
        predicates,
        filters: interleaved(defaults, filters),
        rest: Object.fromEntries(rest),
        isWhole: left.length === before,
      },
    ]
  })
  return { routes, left }
}

/** Predicates or filters, each with its arguments in one level. */
export function partsOf(list: Written | null, left: Problem[]): readonly Written[] {
  if (list === null || list.value === null || list.value === undefined) return []
  if (!Array.isArray(list.value)) {
    left.push(notCarried(list.pointer.split('/').at(-1)!, 'it is no list', list))
    return []
  }
  return (list.value as readonly unknown[]).map((value, at) => ({
    value: isMapping(value) ? flatCall(value) : value,
    pointer: pointerTo(list.pointer, at),
  }))
}

/** `args: {a: {b: 1}}` is `a.b`, as Spring binds it; an empty or missing one is none. */
function flatCall(call: Readonly<Record<string, unknown>>): unknown {
  const rest = Object.fromEntries(
    Object.entries(call).map(([key, value]) => [plainName(key) === 'args' ? 'args' : key, value]),
  )
  const { args } = rest
  if (args === undefined) return rest
  if (args === null) return { ...rest, args: {} }
  if (!isMapping(args)) return rest
  const flat = Object.entries(args).flatMap(([key, value]) =>
    Array.isArray(value)
      ? value.map((one: unknown, at) => [value.length === 1 ? key : `${key}.${at}`, one] as const)
      : isMapping(value)
        ? [...settingsOf(value)].map((one) => [`${key}.${one.name.join('.')}`, one.value] as const)
        : [[key, value] as const],
  )
  return { ...rest, args: Object.fromEntries(flat) }
}

/** Spring gives both lists an order by position, and the default ones come first where it is the same. */
function interleaved(defaults: readonly Written[], own: readonly Written[]): readonly Written[] {
  return Array.from({ length: Math.max(defaults.length, own.length) }, (_, at) => at).flatMap(
    (at) => [defaults[at], own[at]].filter((one) => one !== undefined),
  )
}

function freeId(given: unknown, at: number, ids: Set<string>): string {
  const text = typeof given === 'string' || typeof given === 'number' ? String(given) : ''
  const wanted = text === '' ? `route-${at + 1}` : text
  let id = wanted
  for (let number = 2; ids.has(id); number += 1) id = `${wanted}-${number}`
  ids.add(id)
  return id
}

export const notCarried = (
  what: string,
  reason: string,
  { pointer }: { readonly pointer: string },
): Problem => problem('TURNOUT_IMPORT_LEFT', { what, reason }, { pointer })
