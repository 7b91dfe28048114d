import type { Problem } from '../errors.ts'
import type { Json } from '../json.ts'
import { parsePattern, shapeOf } from '../router/pattern.ts'
import { anyMethod } from '../router/router.ts'
import {
  fieldOf,
  hasField,
  noteAll,
  readList,
  readObject,
  readText,
  refuse,
  refuseKind,
  shown,
  type Input,
} from './input.ts'
import { readFilters, renderFilter } from './filter-parse.ts'
import { readLifecycle, renderLifecycle } from './lifecycle-parse.ts'
import { isMethod, readEnabled, readIdentity, readMetadata, type At } from './route-parts.ts'
import type { Route } from './route.ts'
import { readSelection, renderSelection, selectionKeys } from './selection-parse.ts'
import { readStreams, renderStreams } from './stream-parse.ts'
import { isSpring, readSpring, springKeys } from './spring.ts'
import { readTarget, renderTarget } from './target-parse.ts'
import { sharedParams } from './template.ts'

export type RouteResult =
  | { readonly route: Route; readonly problems: null }
  | { readonly route: null; readonly problems: readonly Problem[] }

export { parseUpstream, renderUpstream, type UpstreamResult } from './upstream-parse.ts'

/** Most paths and methods of one route. */
const maxPlaces = 32

const routeKeys: readonly string[] = [
  'id',
  'methods',
  'path',
  'paths',
  ...selectionKeys,
  'enabled',
  'metadata',
  'target',
  'filters',
  'streams',
  'lifecycle',
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

/** The route in our own shape, which `parseRoute` reads; of a module's or a closure's without a target. */
export function renderRoute(route: Route): Json {
  const { id, methods, paths, selection, enabled, metadata, filters, streams, lifecycle } = route
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
    ...(filters !== undefined && { filters: filters.map(renderFilter) }),
    ...(streams !== undefined && { streams: renderStreams(streams) }),
    ...(lifecycle !== undefined && { lifecycle: renderLifecycle(lifecycle) }),
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
  const before = input.problems.length
  const paths = readPaths(input)
  // Of paths with problems of their own nothing is known.
  const params = paths === undefined || input.problems.length > before ? null : sharedParams(paths)
  const selection = readSelection(input)
  const enabled = readEnabled(input)
  const metadata = readMetadata(input)
  const target = readTarget(fieldOf(input, 'target'))
  const filters = hasField(input, 'filters') ? readFilters(fieldOf(input, 'filters'), params) : []
  const streams = hasField(input, 'streams') ? readStreams(fieldOf(input, 'streams')) : undefined
  const lifecycle = hasField(input, 'lifecycle')
    ? readLifecycle(fieldOf(input, 'lifecycle'))
    : undefined
  if (id === undefined || methods === undefined || paths === undefined) return undefined
  if (enabled === undefined || metadata === undefined || target === undefined) return undefined
  return {
    id,
    owner: at.owner,
    methods,
    paths,
    target,
    ...(filters && filters.length > 0 && { filters }),
    ...(streams && { streams }),
    ...(lifecycle && { lifecycle }),
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
