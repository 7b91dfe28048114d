import type { Json } from '../json.ts'
import { suggest } from '../suggest.ts'
import { readFilter } from './filter-parse.ts'
import type { Filter } from './filter.ts'
import { noteAll, refuse, shown, type Input } from './input.ts'
import { expressionReason } from './predicate-parse.ts'
import { groupsOf } from './replacement.ts'
import { bindFields, unsupported, type Call } from './spring-args.ts'
import { refusedFilters, springFilters } from './spring-names.ts'
import { javaReason, ofJava, replacementOfJava } from './spring-regex.ts'
import { draftOf, numberOf, paramsOf, type FilterDraft } from './spring-draft.ts'
import { draftCache, draftRateLimit, draftSize } from './spring-limits.ts'
import { messageDrafts } from './spring-messages.ts'
import { draftRetry } from './spring-retry.ts'
import { draftSecure } from './spring-secure.ts'
import { statusOf } from './spring-status.ts'

type Draft = (call: Call) => FilterDraft | undefined

/** Filters of a definition that can be said here, by name. */
const drafts: ReadonlyMap<string, Draft> = new Map<string, Draft>([
  ['AddRequestHeader', headerDraft('add-request-header')],
  ['SetRequestHeader', headerDraft('set-request-header')],
  ['RemoveRequestHeader', removalDraft('remove-request-header')],
  ['AddResponseHeader', draftAddResponseHeader],
  ['SetResponseHeader', headerDraft('set-response-header')],
  ['RemoveResponseHeader', removalDraft('remove-response-header')],
  ['PrefixPath', draftPrefix],
  ['PreserveHostHeader', (call) => draftOf('preserve-host', bindFields(call, [], 0), {})],
  ['RedirectTo', draftRedirect],
  ['RequestRateLimiter', draftRateLimit],
  ['RequestSize', draftSize],
  ['Retry', draftRetry],
  ['RewritePath', draftRewrite],
  ['SetPath', draftSetPath],
  ['StripPrefix', draftStrip],
  ['SecureHeaders', draftSecure],
  ...messageDrafts,
  ['LocalResponseCache', draftCache],
])

/** Names of the filters of Spring that are taken. */
export const translatedFilters: readonly string[] = [...drafts.keys()].sort()

/**
 * Reads a filter of a definition, or notes why not.
 *
 * @param params Names that templates may use; null: not known, for predicates have problems of their own.
 */
export function readSpringFilter(
  call: Call,
  params: ReadonlySet<string> | null,
): Filter | undefined {
  const { name, place } = call
  const draft = drafts.get(name)
  if (draft === undefined) {
    const near = suggest(name, springFilters)
    const unknown = near === undefined ? 'it is unknown' : `it is unknown; did you mean ${near}?`
    const known = refusedFilters.get(name) ?? 'it is not yet available'
    return unsupported(
      place,
      `The filter ${shown(name)}`,
      springFilters.includes(name) ? known : unknown,
    )
  }
  const drafted = draft(call)
  if (drafted === undefined) return undefined
  const own: Input = { value: drafted.filter, pointer: '', problems: [] }
  const filter = readFilter(own, params)
  for (const problem of own.problems) {
    const field = problem.pointer?.split('/')[1] ?? ''
    noteAll(drafted.places[field]?.place ?? place, [problem])
  }
  return filter
}

const same = (text: string): Json => text

function headerDraft(kind: Filter['kind']): Draft {
  return (call) =>
    draftOf(kind, bindFields(call, ['name', 'value'], 2), { name: same, value: paramsOf })
}

function removalDraft(kind: Filter['kind']): Draft {
  return (call) => draftOf(kind, bindFields(call, ['name'], 1), { name: same })
}

function draftAddResponseHeader(call: Call): FilterDraft | undefined {
  const bound = bindFields(call, ['name', 'value', 'override'], 2)
  const override = bound?.get('override')
  const flag = override?.text.trim().toLowerCase() ?? 'true'
  if (flag !== 'true' && flag !== 'false')
    return refuse(override!.place, `override is true or false, not ${shown(override!.text)}`)
  const kind = flag === 'true' ? 'add-response-header' : 'add-missing-response-header'
  return draftOf(kind, bound, { name: same, value: paramsOf })
}

/** Of the path that Spring puts in front, one slash at the end is none of ours. */
function draftPrefix(call: Call): FilterDraft | undefined {
  return draftOf('add-prefix', bindFields(call, ['prefix'], 1), { prefix: same })
}

function draftRedirect(call: Call): FilterDraft | undefined {
  const bound = bindFields(call, ['status', 'url', 'includeRequestParams'], 2)
  const [url, params] = [bound?.get('url'), bound?.get('includeRequestParams')]
  const flag = params?.text.trim().toLowerCase() ?? 'false'
  if (flag !== 'true' && flag !== 'false')
    return refuse(
      params!.place,
      `includeRequestParams is true or false, not ${shown(params!.text)}`,
    )
  const drafted = draftOf('redirect', bound, { status: (text) => statusOf(text) ?? text })
  return (
    drafted && {
      filter: {
        ...drafted.filter,
        location: url?.text ?? '',
        query: flag === 'true' ? 'append' : 'drop',
      },
      places: { ...drafted.places, location: url },
    }
  )
}

function draftRewrite(call: Call): FilterDraft | undefined {
  const bound = bindFields(call, ['regexp', 'replacement'], 1)
  const [regexp, replacement] = [bound?.get('regexp'), bound?.get('replacement')]
  if (regexp === undefined) return undefined
  if (replacement === undefined) return refuse(call.place, `${call.name} needs replacement`)
  const pattern = ofJava(regexp.text)
  const trouble = javaReason(regexp.text) ?? expressionReason(pattern)
  if (trouble !== null)
    return unsupported(regexp.place, `The regular expression ${shown(regexp.text)}`, trouble)
  return {
    filter: {
      kind: 'rewrite-path',
      pattern,
      replacement: replacementOfJava(replacement.text, groupsOf(pattern).count),
    },
    places: { pattern: regexp, replacement },
  }
}

function draftSetPath(call: Call): FilterDraft | undefined {
  return draftOf('set-path', bindFields(call, ['template'], 1), { template: paramsOf })
}

function draftStrip(call: Call): FilterDraft | undefined {
  return draftOf('strip-prefix', bindFields(call, ['parts'], 0), { parts: numberOf })
}

/** Metadata by which Spring sets deadlines of a route; an answer's that is negative is none. */
export function readSpringTimeout(metadata: Input): Filter | null | undefined {
  const connectMs = readMs(metadata, 'connect-timeout', (ms) =>
    ms >= 0 ? null : 'connect-timeout is ms of 0 to 86400000, with 0 for none',
  )
  const headersMs = readMs(metadata, 'response-timeout', (ms) =>
    ms > 0 || ms < 0 ? null : 'response-timeout is ms of 1 to 86400000, or negative for none',
  )
  if (connectMs === undefined || headersMs === undefined) return undefined
  if (connectMs === null && headersMs === null) return null
  return { kind: 'timeout', connectMs, headersMs, idleMs: null, totalMs: null }
}

/** Whole ms under a key, as a number or a text; null: it is not there. */
function readMs(
  metadata: Input,
  key: string,
  reasonOf: (ms: number) => string | null,
): number | null | undefined {
  const given = (metadata.value as Readonly<Record<string, unknown>>)[key]
  if (given === undefined) return null
  const ms = typeof given === 'number' ? given : typeof given === 'string' ? textMs(given) : NaN
  const reason = reasonOf(Number.isInteger(ms) && ms <= longestMs ? ms : NaN)
  if (reason === null) return Math.max(ms, 0)
  return refuse({ ...metadata, pointer: `${metadata.pointer}/${key}` }, reason)
}

const longestMs = 86_400_000

const textMs = (text: string): number => (/^-?\d{1,15}$/.test(text.trim()) ? Number(text) : NaN)
