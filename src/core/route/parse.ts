import type { Problem } from '../errors.ts'
import type { Json } from '../json.ts'
import { parsePattern, shapeOf } from '../router/pattern.ts'
import { anyMethod } from '../router/router.ts'
import {
  fieldOf,
  hasField,
  maxProblems,
  readInteger,
  readList,
  readObject,
  readText,
  refuse,
  refuseKind,
  shown,
  type Input,
} from './input.ts'
import { isMethod, readEnabled, readIdentity, readMetadata, type At } from './route-parts.ts'
import type { Route, Endpoint, Upstream } from './route.ts'
import { maxInteger, readSelection, renderSelection, selectionKeys } from './selection-parse.ts'
import { isSpring, readSpring, springKeys } from './spring.ts'
import { readOrigin, readTarget, renderTarget } from './target-parse.ts'

export type RouteResult =
  | { readonly route: Route; readonly problems: null }
  | { readonly route: null; readonly problems: readonly Problem[] }

export type UpstreamResult =
  | { readonly upstream: Upstream; readonly problems: null }
  | { readonly upstream: null; readonly problems: readonly Problem[] }

/** Most paths and methods of one route. */
const maxPlaces = 32
const maxEndpoints = 256

const routeKeys: readonly string[] = [
  'id',
  'methods',
  'path',
  'paths',
  ...selectionKeys,
  'enabled',
  'metadata',
  'target',
]

/**
 * Reads a route from JSON, in our own shape or as a Spring Cloud Gateway definition; its revision is 0.
 *
 * @returns the route, or every problem found, each with a pointer, up to 100.
 */
export function parseRoute(value: unknown, at: At): RouteResult {
  const input: Input = { value, pointer: at.pointer, problems: [] }
  const route = isSpring(value) ? readSpring(input, at) : readRoute(input, at)
  return route === undefined || input.problems.length > 0
    ? { route: null, problems: input.problems }
    : { route, problems: null }
}

/** Reads an upstream from JSON; its revision is 0. */
export function parseUpstream(value: unknown, at: At): UpstreamResult {
  const input: Input = { value, pointer: at.pointer, problems: [] }
  const upstream = readUpstream(input, at)
  return upstream === undefined || input.problems.length > 0
    ? { upstream: null, problems: input.problems }
    : { upstream, problems: null }
}

/** The route in our own shape, which `parseRoute` reads; of a module's or a closure's without a target. */
export function renderRoute(route: Route): Json {
  const { id, methods, paths, selection, enabled, metadata } = route
  const target = renderTarget(route.target)
  const [path = ''] = paths
  return {
    id,
    ...(methods[0] !== anyMethod && { methods }),
    ...(paths.length === 1 ? { path } : { paths }),
    ...renderSelection(selection),
    ...(!enabled && { enabled }),
    ...(metadata !== null && { metadata }),
    ...(target !== null && { target }),
  }
}

/** The upstream as `parseUpstream` reads it. */
export function renderUpstream({ name, endpoints, metadata }: Upstream): Json {
  return {
    name,
    endpoints: endpoints.map(({ url, weight }) => ({ url, weight })),
    ...(metadata !== null && { metadata }),
  }
}

function readRoute(input: Input, at: At): Route | undefined {
  if (!readObject(input, 'a route', [...routeKeys, ...springKeys])) return undefined
  for (const key of springKeys) {
    if (!routeKeys.includes(key) && hasField(input, key))
      refuse(
        fieldOf(input, key),
        `${key} is of a Spring Cloud Gateway definition, which has no path, methods or target`,
      )
  }
  const id = readIdentity(input, 'id', 'the id of a route', at.id)
  const methods = hasField(input, 'methods') ? readMethods(fieldOf(input, 'methods')) : [anyMethod]
  const paths = readPaths(input)
  const selection = readSelection(input)
  const enabled = readEnabled(input)
  const metadata = readMetadata(input)
  const target = readTarget(fieldOf(input, 'target'))
  if (id === undefined || methods === undefined || paths === undefined) return undefined
  if (enabled === undefined || metadata === undefined || target === undefined) return undefined
  return {
    id,
    owner: at.owner,
    methods,
    paths,
    target,
    selection,
    enabled,
    metadata,
    definition: null,
    revision: 0,
  }
}

/** Method tokens in upper case, each once; `*` alone. */
function readMethods(input: Input): readonly string[] | undefined {
  const methods = new Set<string>()
  const items = readList(input, 'methods', 1, maxPlaces)
  for (const item of items ?? []) {
    const text = readText(item, 'a method', 1, 64)?.toUpperCase()
    if (text === undefined) continue
    const isAny = text === anyMethod && items?.length === 1
    if (methods.has(text)) refuse(item, `the method ${shown(text)} stands there twice`)
    else if (text === anyMethod && !isAny) refuse(item, '* is any method, and stands alone')
    else if (!isAny && !isMethod(text)) refuse(item, `${shown(text)} is no method`)
    methods.add(text)
  }
  return items && [...methods]
}

/** `path`, or `paths`: patterns of different shapes. */
function readPaths(input: Input): readonly string[] | undefined {
  const [path, paths] = [fieldOf(input, 'path'), fieldOf(input, 'paths')]
  if (hasField(input, 'path') === hasField(input, 'paths'))
    return refuse(input, 'a route has either path or paths')
  const items = hasField(input, 'path') ? [path] : readList(paths, 'paths', 1, maxPlaces)
  const shapes = new Map<string, string>()
  for (const item of items ?? []) {
    if (typeof item.value !== 'string') refuseKind(item, 'a path', 'a text')
    else {
      const { pattern, problems } = parsePattern(item.value)
      const before = pattern === null ? undefined : shapes.get(shapeOf(pattern))
      if (pattern === null) noteAll(item, problems)
      else if (before !== undefined)
        refuse(item, `${shown(item.value)} is the same place as ${shown(before)}`)
      else shapes.set(shapeOf(pattern), item.value)
    }
  }
  return items && [...shapes.values()]
}

/** Notes problems that were found in a part, at the part's place. */
function noteAll({ problems, pointer }: Input, found: readonly Problem[]): void {
  for (const one of found) if (problems.length < maxProblems) problems.push({ ...one, pointer })
}

function readUpstream(input: Input, at: At): Upstream | undefined {
  if (!readObject(input, 'an upstream', ['name', 'endpoints', 'metadata'])) return undefined
  const name = readIdentity(input, 'name', 'the name of an upstream', at.id)
  const endpoints = readEndpoints(fieldOf(input, 'endpoints'))
  const metadata = readMetadata(input)
  if (name === undefined || endpoints === undefined || metadata === undefined) return undefined
  return { name, owner: at.owner, endpoints, metadata, revision: 0 }
}

/** `{ url, weight? }` or the URL alone; each address once. */
function readEndpoints(input: Input): readonly Endpoint[] | undefined {
  const endpoints = new Map<string, Endpoint>()
  const items = readList(input, 'endpoints', 1, maxEndpoints)
  for (const item of items ?? []) {
    const isText = typeof item.value === 'string'
    if (!isText && !readObject(item, 'an endpoint', ['url', 'weight'])) continue
    const url = readOrigin(isText ? item : fieldOf(item, 'url'))
    const weight = hasField(item, 'weight')
      ? readInteger(fieldOf(item, 'weight'), 'a weight', 0, maxInteger)
      : 1
    if (url === undefined || weight === undefined) continue
    if (endpoints.has(url)) refuse(item, `the endpoint ${url} stands there twice`)
    endpoints.set(url, { url, weight })
  }
  return items && [...endpoints.values()]
}
