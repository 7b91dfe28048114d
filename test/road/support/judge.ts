import { isValidRoute, isValidUpstream } from '../../core/route/valid-definition.ts'

/*
 * What the admin API must say of a body, said a second time: on the oracle of the definitions, and never through the
 * parser. What is served by an accepted route is said here, too, for those that can be read at a glance.
 */

type Fields = Readonly<Record<string, unknown>>

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text)

/** Whether it may stand in a body at all: no keys that reach a prototype, no halves of characters, no great depth. */
export function isPlainJson(value: unknown, depth: number = 0): boolean {
  if (typeof value === 'string') return isWellFormed(value)
  if (typeof value !== 'object' || value === null) return true
  return (
    depth < 32 &&
    Object.entries(value).every(
      ([key, part]) =>
        !['__proto__', 'constructor', 'prototype'].includes(key) &&
        isWellFormed(key) &&
        isPlainJson(part, depth + 1),
    )
  )
}

/** Upstreams that a route may name; it may name no filter of a module. */
const upstreamsThere = ['users']

const namesKnown = (route: unknown): boolean => {
  if (!isFields(route)) return true
  const { target, filters } = route
  const parts: readonly unknown[] = [target, ...(Array.isArray(filters) ? filters : [])]
  return parts.every((part) => {
    // No module is there whose filters a route could name.
    if (isFields(part) && part['kind'] === 'module') return false
    const upstream = isFields(part) ? (part['upstream'] ?? undefined) : undefined
    return upstream === undefined || upstreamsThere.some((one) => one === upstream)
  })
}

export const isAcceptedRoute = (value: unknown): boolean =>
  isFields(value) && isValidRoute(value) && namesKnown(value)

const onlyHas = (value: Fields, keys: readonly string[]): boolean =>
  Object.keys(value).every((key) => keys.includes(key))

const isIdList = (value: unknown): boolean =>
  Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== '')

/** Whether a change of several objects is accepted by an instance that has none of them; a removal cannot be. */
export function isAcceptedChange(value: unknown): boolean {
  if (!isFields(value) || !onlyHas(value, ['routes', 'upstreams', 'reason'])) return false
  const { routes, upstreams, reason } = value
  const isReason = reason === undefined || (typeof reason === 'string' && reason.length <= 1_000)
  return (
    isReason &&
    isEdits(routes, 'id', isAcceptedRoute) &&
    isEdits(upstreams, 'name', (one) => isFields(one) && isValidUpstream(one))
  )
}

function isEdits(value: unknown, id: string, isValid: (one: unknown) => boolean): boolean {
  if (value === undefined) return true
  if (!isFields(value) || !onlyHas(value, ['put', 'remove'])) return false
  const { put = [], remove = [] } = value
  if (!Array.isArray(put) || !put.every(isValid)) return false
  const ids = put.map((one) => (one as Fields)[id])
  const areNew =
    new Set(ids).size === ids.length && !ids.some((one) => upstreamsThere.includes(String(one)))
  return areNew && isIdList(remove) && (remove as readonly string[]).length === 0
}

/** RFC 7396, for the oracle. */
export function merged(base: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch
  const result: Record<string, unknown> = isFields(base) ? { ...base } : {}
  for (const [key, part] of Object.entries(patch)) {
    if (part === null) delete result[key]
    else result[key] = merged(result[key], part)
  }
  return result
}

/** A status of who is asked elsewhere, where nobody is: 502, 503 or 504. */
export const unreachable = 502

/** A request that a route surely serves, and what it must be answered. */
export interface Served {
  readonly path: string
  readonly status: number
  readonly body: string | null
  readonly location: string | null
}

/** Null: that takes more than a glance. */
export function servedOf(route: unknown): Served | null {
  if (!isFields(route) || (route['enabled'] ?? true) !== true) return null
  if (
    ['version', 'labels', 'weight', 'paths', 'filters'].some((key) => (route[key] ?? null) !== null)
  )
    return null
  const { methods, predicates, target, uri, path } = route
  if (!isHere(isFields(target) ? target['uri'] : uri)) return null
  if (methods !== undefined && !JSON.stringify(methods).toUpperCase().includes('"GET"')) return null
  const calls = Array.isArray(predicates) ? predicates : []
  const found = uri === undefined ? (calls.length === 0 ? path : null) : springPath(calls)
  if (typeof found !== 'string') return null
  if (!/^(?:\/(?:[a-z]{1,20}|:[a-z]+(?:\(\\d\+\))?))+(?:\/\*[a-z]*)?$/.test(found)) return null
  const asked = found
    .replaceAll(/:[a-z]+\(\\d\+\)/g, '7')
    .replaceAll(/:[a-z]+/g, 'zz')
    .replaceAll(/\*[a-z]*/g, 'x/y')
  const isOver = hasEnded(route['lifecycle'])
  if (isOver === null) return null
  if (isOver) return { path: asked, status: 410, body: null, location: null }
  return { path: asked, ...answerOf(uri, isFields(target) ? target : {}) }
}

/** Whether a version is over; null: nobody can say how its instant is meant. */
function hasEnded(lifecycle: unknown): boolean | null {
  if (!isFields(lifecycle)) return false
  if (lifecycle['state'] === 'retired') return true
  if (lifecycle['gone'] !== true) return false
  const sunset = Date.parse(String(lifecycle['sunsetAt']))
  return Number.isNaN(sunset) ? null : sunset <= Date.now()
}

/** Whether it leads to a port of this machine, where nobody is. What is elsewhere is nobody's to ask. */
const isHere = (uri: unknown): boolean => uri === undefined || uri === 'http://127.0.0.1:9001'

const springPath = (calls: readonly unknown[]): unknown => {
  const [call] = calls
  if (calls.length !== 1 || !isFields(call) || call['name'] !== 'Path') return null
  const values = isFields(call['args']) ? Object.values(call['args']) : []
  return values.length === 1 && /^[a-z/]+$/.test(String(values[0])) ? values[0] : null
}

function answerOf(uri: unknown, target: Fields): Omit<Served, 'path'> {
  const nothing = { body: null, location: null }
  const { respond, redirect } = target
  if (uri === undefined && isFields(respond)) {
    const { status = 200, body = '' } = respond
    return { ...nothing, status: Number(status), body: String(body) }
  }
  if (uri === undefined && isFields(redirect)) {
    const { status = 302, location } = redirect
    return { status: Number(status ?? 302), body: null, location: String(location) }
  }
  return { ...nothing, status: unreachable }
}
