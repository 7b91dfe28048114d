import type { Json } from '../json.ts'
import { sameJson } from '../same-json.ts'
import { suggest } from '../suggest.ts'
import { checkAccess, noteBehindCache } from './access-kinds.ts'
import { checkBody } from './body-kinds.ts'
import { renderStatuses } from './filter-fields.ts'
import { filterKinds } from './filter-kinds.ts'
import { checkMessageFilter, messageKinds } from './filter-kinds-message.ts'
import type { MessageFilter } from './filter-message.ts'
import type { Filter, RetryFilter } from './filter.ts'
import { renderKeyOrAll } from './hash-key-parse.ts'
import { fieldOf, kindOf, readList, refuse, refuseKind, type Input } from './input.ts'
import { parseReplacement } from './replacement.ts'
import { readSaid } from './said.ts'
import { renderRespond } from './target-parse.ts'
import { parseTemplate, pathReason, templatePathReason, type TemplatePart } from './template.ts'

/** Most filters of one route. */
export const maxFilters = 32

const kinds = Object.keys(filterKinds) as readonly Filter['kind'][]

/**
 * Reads the filters of a route of our own shape; undefined where they are no list.
 *
 * @param params Names that templates may use; null: not known, for the paths have problems of their own.
 */
export function readFilters(
  input: Input,
  params: ReadonlySet<string> | null,
): readonly Filter[] | undefined {
  const items = readList(input, 'filters', 0, maxFilters)
  const filters = items?.map((item) => readFilter(item, params))
  noteTwice(items ?? [], filters ?? [])
  return filters?.flatMap((filter) => filter ?? [])
}

/** Notes every second filter of a kind of which a route has one, and such as stand in the wrong place. */
export function noteTwice(
  places: readonly Input[],
  filters: readonly (Filter | undefined)[],
): void {
  noteBehindCache(
    places,
    filters.map((filter) => filter?.kind),
  )
  const seen = new Set<string>()
  for (const [at, filter] of filters.entries()) {
    const place = places[at]
    if (filter === undefined || place === undefined || !filterKinds[filter.kind].isSingle) continue
    if (seen.has(filter.kind)) refuse(place, `a route has one filter of the kind ${filter.kind}`)
    seen.add(filter.kind)
  }
}

/** Reads a filter, `{ kind, ... }`, and fills in what it leaves out; undefined where it has problems. */
export function readFilter(input: Input, params: ReadonlySet<string> | null): Filter | undefined {
  const before = input.problems.length
  const field = fieldOf(input, 'kind')
  const kind = kinds.find((one) => one === field.value)
  if (kind === undefined) return refuseFilter(input, field)
  const { fields, needed, defaults } = filterKinds[kind]
  const said = readSaid(
    input,
    `a filter of the kind ${kind}`,
    { kind: () => kind, ...fields },
    needed,
  )
  if (said === undefined || input.problems.length > before) return undefined
  const filled = { kind, ...defaults, ...said }
  // The table of kinds has the fields of the type, and no others.
  const filter = {
    ...filled,
    ...(kind === 'rate-limit' && { burst: said['burst'] ?? Math.ceil(Number(said['perSecond'])) }),
  } as unknown as Filter
  if (isMessageFilter(filter))
    checkMessageFilter(input, filter, (field, text) => checkTemplate(field, text, params))
  else checkFilter(input, filter, params)
  return input.problems.length > before ? undefined : filter
}

const isMessageFilter = (filter: Filter): filter is MessageFilter =>
  Object.hasOwn(messageKinds, filter.kind)

function refuseFilter(input: Input, field: Input): undefined {
  const { value } = input
  if (typeof value === 'string')
    return refuse(
      input,
      `a filter is an object with a kind; ${kindOf(value)} is of a Spring Cloud Gateway definition`,
    )
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuseKind(input, 'a filter', 'an object')
  if (typeof field.value !== 'string') return refuseKind(field, 'the kind of a filter', 'a text')
  const near = suggest(field.value, kinds)
  const hint = near === undefined ? `known: ${kinds.join(', ')}` : `did you mean ${near}?`
  return refuse(field, `there is no filter of the kind ${kindOf(field.value).slice(9)}; ${hint}`)
}

/** What fields say together, or need to know of the route. */
function checkFilter(input: Input, filter: Filter, params: ReadonlySet<string> | null): void {
  switch (filter.kind) {
    case 'set-path': {
      const parts = checkTemplate(fieldOf(input, 'template'), filter.template, params)
      const reason = parts === undefined ? null : templatePathReason(parts)
      if (reason !== null) refuse(fieldOf(input, 'template'), reason)
      return
    }
    case 'set-request-header':
    case 'add-request-header':
    case 'set-response-header':
    case 'add-response-header':
      checkTemplate(fieldOf(input, 'value'), filter.value, params)
      return
    case 'rewrite-path': {
      const field = fieldOf(input, 'replacement')
      const parts = parseReplacement(filter.replacement, filter.pattern)
      if (typeof parts === 'string') refuse(field, parts)
      else {
        // A slash more, so that it may begin anywhere in a path; slashes side by side are one in the end.
        const text = parts.map((part) => (typeof part === 'string' ? part : 'x')).join('')
        const reason = pathReason(`/x${text.replaceAll(/\/+/g, '/')}`)
        if (reason !== null) refuse(field, reason)
      }
      return
    }
    case 'timeout':
      if (
        [filter.connectMs, filter.headersMs, filter.idleMs, filter.totalMs].every(
          (ms) => ms === null,
        )
      )
        refuse(input, 'a timeout has connectMs, headersMs, idleMs or totalMs')
      return
    case 'retry':
      if (filter.firstBackoffMs > filter.maxBackoffMs)
        refuse(input, `maxBackoffMs (${filter.maxBackoffMs}) is less than firstBackoffMs`)
      if (filter.statuses.length === 0 && !filter.onFailure)
        refuse(input, 'a retry has statuses, or repeats on failure')
      return
    case 'cors': {
      const all = [filter.origins, filter.methods, filter.headers, filter.exposed]
      if (filter.credentials && all.some(([first]) => first === '*'))
        refuse(
          input,
          'with credentials, * means nothing to a browser: name origins, methods and headers',
        )
      return
    }
    case 'fault':
      if (filter.delayMs === 0 && filter.abortStatus === 0)
        refuse(input, 'a fault has delayMs or abortStatus')
      return
    case 'fallback':
      if ((filter.respond === null) === (filter.upstream === null))
        refuse(input, 'a fallback has either respond or upstream')
      return
    case 'key-auth':
    case 'basic-auth':
    case 'jwt':
    case 'ip-filter':
      checkAccess(input, filter)
      return
    case 'compress':
    case 'response-cache':
    case 'request-template':
    case 'response-template':
      checkBody(input, filter, params)
      return
    default:
      return
  }
}

function checkTemplate(
  field: Input,
  text: string,
  params: ReadonlySet<string> | null,
): readonly TemplatePart[] | undefined {
  const parts = parseTemplate(text)
  if (typeof parts === 'string') return refuse(field, parts)
  for (const part of parts) {
    if (typeof part === 'string' || params === null || params.has(part.param)) continue
    const known = params.size === 0 ? 'none' : [...params].join(', ')
    refuse(field, `{${part.param}} is no param of every path of the route; these are: ${known}`)
  }
  return parts
}

/** The filter as `readFilter` reads it, without what holds anyway. */
export function renderFilter(filter: Filter): Json {
  const { defaults } = filterKinds[filter.kind]
  const fields: readonly (readonly [string, Json])[] = Object.entries(filter)
  const said = fields.filter(([name, value]) => {
    const usual = defaults[name]
    return usual === undefined || !sameJson(value, usual)
  })
  return Object.fromEntries(said.map(([name, value]) => [name, renderField(filter, name, value)]))
}

function renderField(filter: Filter, name: string, value: Json): Json {
  if (name === 'key' && filter.kind === 'rate-limit') return renderKeyOrAll(value)
  if (name === 'statuses') return renderStatuses(value as RetryFilter['statuses'])
  if (filter.kind === 'fallback' && name === 'respond' && filter.respond !== null)
    return renderRespond(filter.respond)
  return value
}
