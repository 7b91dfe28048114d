import type { Json } from '../json.ts'
import { anyMethod } from '../router/router.ts'
import { maxFilters, noteTwice } from './filter-parse.ts'
import type { Filter } from './filter.ts'
import {
  fieldOf,
  hasField,
  isPlainObject,
  note,
  readInteger,
  readJson,
  readList,
  readObject,
  refuseKind,
  refuse,
  shown,
  type Input,
} from './input.ts'
import { readEnabled, readIdentity, readMetadata, type At, type Metadata } from './route-parts.ts'
import type { Route } from './route.ts'
import { maxInteger, maxPredicates, selectionOf } from './selection-parse.ts'
import { isWithoutExpression, readCall } from './spring-args.ts'
import { readSpringFilter, readSpringTimeout } from './spring-filters.ts'
import { draftPredicate, type Draft } from './spring-predicates.ts'
import { sharedParams } from './template.ts'
import { parseUri } from './uri.ts'

/** The keys of a definition. */
export const springKeys: readonly string[] = [
  'id',
  'uri',
  'predicates',
  'filters',
  'metadata',
  'order',
  'enabled',
]

/** Keys that only a route of our own shape has. */
const ownKeys: readonly string[] = [
  'methods',
  'path',
  'paths',
  'version',
  'labels',
  'weight',
  'target',
  'streams',
  'lifecycle',
]

const maxDepth = 20
const maxDefinition = 65_536

/** Whether a route is written as a Spring Cloud Gateway definition and not in our own shape. */
export function isSpring(value: unknown): boolean {
  if (!isPlainObject(value)) return false
  const has = (key: string): boolean => Object.hasOwn(value, key)
  if (ownKeys.some(has)) return false
  if (has('uri') || has('filters')) return true
  const predicates: unknown = has('predicates') ? value['predicates'] : null
  return Array.isArray(predicates) && predicates.some(isSpringPredicate)
}

const isSpringPredicate = (value: unknown): boolean =>
  typeof value === 'string' ||
  (isPlainObject(value) && !Object.hasOwn(value, 'kind') && Object.hasOwn(value, 'name'))

/**
 * Reads a route from a Spring Cloud Gateway definition, which it keeps; problems are noted.
 *
 * Where the two differ and it is not refused: of a parameter or cookie that is sent several times the first counts, and
 * a header is one joined value (Spring tries each); `After` holds from the very instant on; a weight is drawn among the
 * routes of a place; what follows a `;` in a segment is part of it; regular expressions are RE2's, where `.` takes more
 * line ends and `\s` no vertical tab; repeats have a budget, and a limit of requests is kept for each client's address.
 */
export function readSpring(input: Input, at: At): Route | undefined {
  if (!readObject(input, 'a definition', springKeys)) return undefined
  const id = readIdentity(input, 'id', 'the id of a route', at.id)
  const uri = readUri(fieldOf(input, 'uri'))
  const draft = readPredicates(input)
  const metadata = readMetadata(input)
  const filters = readFilters(input, draft, metadata ?? null)
  if (metadata) noteExpressions(fieldOf(input, 'metadata'), metadata)
  const enabled = readEnabled(input)
  const order = hasField(input, 'order')
    ? readInteger(fieldOf(input, 'order'), 'an order', -maxInteger - 1, maxInteger)
    : 0
  // Its parts are free of what the whole would be refused for, but for its size.
  if (input.problems.length > 0) return undefined
  const definition = readJson(input, 'a definition', maxDepth, maxDefinition)
  if (definition === undefined || id === undefined || uri === undefined) return undefined
  if (metadata === undefined || enabled === undefined || order === undefined) return undefined
  const { methods, paths, predicates, version, weight } = draft
  return {
    id,
    owner: at.owner,
    methods: methods ?? [anyMethod],
    paths: paths ?? ['/*'],
    target: { kind: 'uri', uri },
    ...(filters.length > 0 && { filters }),
    selection: selectionOf({ predicates, ...version, weight, order }),
    enabled,
    metadata,
    definition,
    revision: 0,
  }
}

/** Spring sends the request's own path, so that of the URI does not count. */
function readUri(input: Input): string | undefined {
  if (typeof input.value !== 'string') return refuseKind(input, 'the uri', 'a text')
  if (!isWithoutExpression(input, input.value)) return undefined
  const { origin, reason } = parseUri(input.value)
  if (origin !== null) return origin
  note(input, 'TURNOUT_URI_FORBIDDEN', { uri: shown(input.value), reason })
  return undefined
}

function readPredicates(input: Input): Draft {
  const draft: Draft = { predicates: [], methods: null, paths: null, version: null, weight: null }
  const items = hasField(input, 'predicates')
    ? readList(fieldOf(input, 'predicates'), 'predicates', 0, maxPredicates)
    : []
  for (const item of items ?? []) {
    const call = readCall(item, 'predicate')
    if (call !== undefined) draftPredicate(call, draft)
  }
  return draft
}

/** The filters in order; those of metadata are around them. */
function readFilters(input: Input, draft: Draft, metadata: Metadata | null): readonly Filter[] {
  const items = hasField(input, 'filters')
    ? readList(fieldOf(input, 'filters'), 'filters', 0, maxFilters)
    : []
  // Of paths with problems of their own nothing is known.
  const isKnown = input.problems.length === 0
  const params = isKnown ? sharedParams(draft.paths ?? []) : null
  const filters = (items ?? []).map((item) => {
    const call = readCall(item, 'filter')
    return call && readSpringFilter(call, params)
  })
  noteTwice(items ?? [], filters)
  const timeout = metadata === null ? null : readSpringTimeout(fieldOf(input, 'metadata'))
  if (timeout && filters.length === maxFilters)
    refuse(
      fieldOf(input, 'filters'),
      `with a timeout in metadata it has at most ${maxFilters - 1} of them`,
    )
  return [...(timeout ? [timeout] : []), ...filters.flatMap((filter) => filter ?? [])]
}

/** Notes every expression of Spring's language in a value, also in keys. */
function noteExpressions(place: Input, value: Json): void {
  if (typeof value === 'string') isWithoutExpression(place, value)
  if (typeof value !== 'object' || value === null) return
  for (const [key, item] of Object.entries(value)) {
    const field = Array.isArray(value)
      ? { ...place, pointer: `${place.pointer}/${key}` }
      : fieldOf(place, key)
    if (isWithoutExpression(field, key)) noteExpressions(field, item)
  }
}
