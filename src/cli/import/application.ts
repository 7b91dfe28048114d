import { problem, type Problem } from '../../core/errors.ts'
import type { SpringRoute, Written } from '../../core/route/spring-import.ts'
import { notCarried, partsOf, takeApart } from './definitions.ts'
import { fillPlaceholders, type Resolve } from './placeholders.ts'
import { plainName, restAfter, settingsOf, type Setting } from './tree.ts'

/** What a file says of routes. */
export interface Found {
  readonly routes: readonly SpringRoute[]
  /** What could not be carried. */
  readonly left: readonly Problem[]
  /** What the reader should know, and is not lost. */
  readonly notes: readonly Problem[]
}

export interface ApplicationOptions {
  readonly profiles: readonly string[]
  /** Null: placeholders are not filled in from the environment. */
  readonly environment: Resolve | null
}

/** Where routes of the gateway are, newest name first. */
const prefixes = ['spring.cloud.gateway.server.webflux', 'spring.cloud.gateway']

/** Reads the documents of an `application.yml`; the first part of a pointer is the number of the document. */
export function readApplication(
  documents: readonly unknown[],
  { profiles, environment }: ApplicationOptions,
): Found {
  const left: Problem[] = []
  const notes: Problem[] = []
  const active = documents.flatMap((value, at) => {
    const settings = [...settingsOf(value)].map((one) => ({
      ...one,
      pointer: `/${at}${one.pointer}`,
    }))
    const profile = settings.find(({ name }) =>
      ['spring.config.activate.on-profile', 'spring.profiles'].some(
        (key) => restAfter(name, key)?.length === 0,
      ),
    )
    const wanted = profile === undefined ? [] : listOf(profile.value)
    if (wanted.length === 0 || wanted.some((name) => profiles.includes(name))) return settings
    const isOurs = settings.some(({ name }) => gatewayName(name) !== null)
    if (isOurs)
      left.push(
        notCarried(
          `The document of the profile ${wanted.join(', ')}`,
          `the profile is not active; for it: --profile ${wanted[0]}`,
          profile!,
        ),
      )
    return []
  })
  const gateway = active.flatMap((one) => {
    const name = gatewayName(one.name)
    return name === null ? [] : [{ ...one, name }]
  })
  const lastOf = (name: string): Setting | null => {
    const all = gateway.filter((one) => plainName(one.name.join('.')) === plainName(name))
    // Of a list the newest document has the whole say.
    for (const one of all.slice(0, -1))
      left.push(notCarried(name, 'a later document says it anew', one))
    return all.at(-1) ?? null
  }
  const defaults = lastOf('default-filters')
  const routes = lastOf('routes')
  for (const { name, pointer } of gateway) {
    const text = name.join('.')
    if (['routes', 'defaultfilters'].includes(plainName(text))) continue
    left.push(notCarried(`spring.cloud.gateway.${text}`, reasonFor(plainName(text)), { pointer }))
  }
  const fill = (value: unknown, pointer: string): unknown =>
    filled(value, pointer, resolveIn(active, environment), left, notes)
  const written = partsOf(defaults, left)
  const filters = written.flatMap((one) => whole(one, fill))
  const isCut = filters.length < written.length
  const taken = takeApart(routes ?? { value: [], pointer: '' }, filters)
  left.push(...taken.left)
  return {
    routes: taken.routes.flatMap((route) => {
      const before = left.length
      const own = filledRoute(route, filters, fill)
      return own === null
        ? []
        : [{ ...own, isWhole: route.isWhole && !isCut && left.length === before }]
    }),
    left,
    notes,
  }
}

/** A name below the gateway's; null: it is none of the gateway's. */
function gatewayName(name: readonly string[]): readonly string[] | null {
  for (const prefix of prefixes) {
    const rest = restAfter(name, prefix)
    if (rest !== null) return rest
  }
  return null
}

const listOf = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? (value as readonly unknown[]).map(String) : String(value).split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '')

const reasonFor = (name: string): string => {
  if (name.startsWith('globalcors')) return 'say it with the filter cors on the routes'
  if (name.startsWith('httpclient')) return 'say it in the settings of an upstream, or with timeout'
  if (name.startsWith('server.webmvc') || name.startsWith('mvc'))
    return 'it is of the gateway on servlets, whose filters are others'
  if (name.startsWith('discovery')) return 'routes are not made of services that are found'
  return 'there is no such setting here'
}

/** Placeholders name variables, and properties of the same file. */
function resolveIn(settings: readonly Setting[], environment: Resolve | null): Resolve {
  const properties = new Map(
    settings.flatMap(({ name, value }) =>
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? [[plainName(name.join('.')), String(value)] as const]
        : [],
    ),
  )
  return (name) => environment?.(name) ?? properties.get(plainName(name))
}

type Fill = (value: unknown, pointer: string) => unknown

/** A part whose placeholders are filled in, or that is left. */
const whole = (one: Written, fill: Fill): readonly Written[] => {
  const value = fill(one.value, one.pointer)
  return value === undefined ? [] : [{ ...one, value }]
}

/** Null: where it goes is not known. */
function filledRoute(
  route: SpringRoute,
  defaults: readonly Written[],
  fill: Fill,
): SpringRoute | null {
  const done = new Set(defaults)
  const [uri] = whole(route.uri, fill)
  if (uri === undefined) return null
  return {
    ...route,
    uri,
    predicates: route.predicates.flatMap((one) => whole(one, fill)),
    filters: route.filters.flatMap((one) => (done.has(one) ? [one] : whole(one, fill))),
    rest: Object.fromEntries(
      Object.entries(route.rest).flatMap(([key, one]) => whole(one, fill).map((two) => [key, two])),
    ),
  }
}

/** A value with its placeholders filled in; undefined: one is not known. */
function filled(
  value: unknown,
  pointer: string,
  resolve: Resolve,
  left: Problem[],
  notes: Problem[],
): unknown {
  let isKnown = true
  const walk = (one: unknown): unknown => {
    if (Array.isArray(one)) return (one as readonly unknown[]).map(walk)
    if (typeof one === 'object' && one !== null)
      return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, walk(inner)]))
    if (typeof one !== 'string') return one
    const { text, unknown, defaulted } = fillPlaceholders(one, resolve)
    for (const { name, value: usual } of defaulted) {
      const values = { what: `\${${name}}`, value: JSON.stringify(usual) }
      notes.push(problem('TURNOUT_IMPORT_DEFAULT', values, { pointer }))
    }
    if (unknown.length === 0) return text
    isKnown = false
    const reason = 'nobody says what it is; with --env variables of the environment are filled in'
    left.push(notCarried(`\${${unknown[0]!}}`, reason, { pointer }))
    return one
  }
  const result = walk(value)
  return isKnown ? result : undefined
}
