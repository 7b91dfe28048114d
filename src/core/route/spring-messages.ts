import type { Json } from '../json.ts'
import type { MessageFilter } from './filter-message.ts'
import { refuse, shown } from './input.ts'
import { expressionReason } from './predicate-parse.ts'
import { groupsOf } from './replacement.ts'
import { bindFields, gatherList, unsupported, type Arg, type Call } from './spring-args.ts'
import { draftOf, numberOf, paramsOf, type FilterDraft } from './spring-draft.ts'
import { javaReason, ofJava, replacementOfJava } from './spring-regex.ts'
import { bytesOf } from './spring-size.ts'
import { seriesOf, statusOf } from './spring-status.ts'

type Draft = (call: Call) => FilterDraft | undefined

const same = (text: string): Json => text
const trimmed = (text: string): string => text.trim()

/** Filters of a definition that change single parts of a message, by name. */
export const messageDrafts: ReadonlyMap<string, Draft> = new Map<string, Draft>([
  ['AddRequestHeadersIfNotPresent', draftMissing],
  ['AddRequestParameter', parameter('add-query-parameter', 'value')],
  ['RewriteRequestParameter', parameter('rewrite-query-parameter', 'replacement')],
  [
    'RemoveRequestParameter',
    (call) => draftOf('remove-query-parameter', bindFields(call, ['name'], 1), { name: same }),
  ],
  ['MapRequestHeader', draftMap],
  [
    'SetRequestHostHeader',
    (call) => draftOf('set-host', bindFields(call, ['host'], 1), { host: trimmed }),
  ],
  ['RequestHeaderSize', draftHeaderSize],
  [
    'SetStatus',
    (call) =>
      draftOf('set-status', bindFields(call, ['status'], 1), {
        status: (text) => statusOf(text) ?? numberOf(text),
      }),
  ],
  ['DedupeResponseHeader', draftDedupe],
  ['RewriteResponseHeader', draftRewriteHeader],
  ['RewriteLocationResponseHeader', draftLocation],
  ['CircuitBreaker', draftBreaker],
  ['FallbackHeaders', draftFallbackHeaders],
])

function parameter(kind: MessageFilter['kind'], value: string): Draft {
  return (call) =>
    draftOf(kind, bindFields(call, ['name', value], 2), { name: same, [value]: paramsOf })
}

/** `X-A:1,X-B:2`, whatever the keys of its arguments are. */
function draftMissing(call: Call): FilterDraft | undefined {
  const list = gatherList(call)
  const headers: { readonly name: string; readonly value: string }[] = []
  // A list in one argument has its own commas.
  const pairs = (list ?? []).flatMap(({ text, place }) =>
    text.split(',').flatMap((pair) => (pair.trim() === '' ? [] : [{ pair, place }])),
  )
  for (const { pair, place } of pairs) {
    const colon = pair.indexOf(':')
    if (colon < 1) return refuse(place, `${call.name} has name:value, not ${shown(pair.trim())}`)
    headers.push({
      name: pair.slice(0, colon).trim(),
      value: paramsOf(pair.slice(colon + 1).trim()),
    })
  }
  const filter = { kind: 'add-missing-request-headers', headers }
  return list && { filter, places: { headers: list[0] } }
}

function draftMap(call: Call): FilterDraft | undefined {
  const bound = bindFields(call, ['fromHeader', 'toHeader'], 2)
  const [from, to] = [bound?.get('fromHeader'), bound?.get('toHeader')]
  if (from === undefined || to === undefined) return undefined
  return {
    filter: { kind: 'map-request-header', from: from.text, to: to.text },
    places: { from, to },
  }
}

/** 16000 bytes where nothing is said. */
function draftHeaderSize(call: Call): FilterDraft | undefined {
  const bound = bindFields(call, ['maxSize', 'errorHeaderName'], 0, 1)
  if (bound === undefined) return undefined
  const [size, name] = [bound.get('maxSize'), bound.get('errorHeaderName')]
  const bytes = size === undefined ? 16_000 : bytesOf(size)
  return bytes === undefined
    ? undefined
    : {
        filter: { kind: 'header-limit', bytes, errorHeader: name?.text ?? 'errorMessage' },
        places: { bytes: size, errorHeader: name },
      }
}

const strategies: ReadonlyMap<string, string> = new Map([
  ['RETAIN_FIRST', 'first'],
  ['RETAIN_LAST', 'last'],
  ['RETAIN_UNIQUE', 'unique'],
])

function draftDedupe(call: Call): FilterDraft | undefined {
  const bound = bindFields(call, ['name', 'strategy'], 1)
  const [names, strategy] = [bound?.get('name'), bound?.get('strategy')]
  if (names === undefined) return undefined
  const keep = strategies.get(strategy?.text.trim().toUpperCase() ?? 'RETAIN_FIRST')
  if (keep === undefined)
    return refuse(
      strategy?.place ?? call.place,
      `a strategy is ${[...strategies.keys()].join(', ')}, not ${shown(strategy?.text ?? '')}`,
    )
  const filter = {
    kind: 'dedupe-response-header',
    names: names.text.split(/\s+/).filter((name) => name !== ''),
    keep,
  }
  return { filter, places: { names, keep: strategy } }
}

function draftRewriteHeader(call: Call): FilterDraft | undefined {
  const bound = bindFields(call, ['name', 'regexp', 'replacement'], 2)
  const [name, regexp] = [bound?.get('name'), bound?.get('regexp')]
  const replacement = bound?.get('replacement')
  if (name === undefined || regexp === undefined) return undefined
  if (replacement === undefined) return refuse(call.place, `${call.name} needs replacement`)
  const pattern = patternOf(regexp)
  if (pattern === undefined) return undefined
  return {
    filter: {
      kind: 'rewrite-response-header',
      name: name.text,
      pattern,
      replacement: replacementOfJava(replacement.text, groupsOf(pattern).count),
    },
    places: { name, pattern: regexp, replacement },
  }
}

/** An expression of Java as RE2 writes it, or undefined where it means something else there. */
function patternOf(arg: Arg): string | undefined {
  const pattern = ofJava(arg.text)
  const trouble = javaReason(arg.text) ?? expressionReason(pattern)
  if (trouble === null) return pattern
  return unsupported(arg.place, `The regular expression ${shown(arg.text)}`, trouble)
}

const stripping: ReadonlyMap<string, string> = new Map([
  ['AS_IN_REQUEST', 'as-in-request'],
  ['NEVER_STRIP', 'never'],
  ['ALWAYS_STRIP', 'always'],
])

function draftLocation(call: Call): FilterDraft | undefined {
  const names = ['stripVersion', 'locationHeaderName', 'hostValue', 'protocols']
  const args = call.args.map((arg) =>
    /^protocols-?regex$/i.test(arg.key) ? { ...arg, key: 'protocols' } : arg,
  )
  const bound = bindFields({ ...call, args }, names, 0)
  if (bound === undefined) return undefined
  const said = (name: string): Arg | undefined =>
    (bound.get(name)?.text.trim() ?? '') === '' ? undefined : bound.get(name)
  const [strip, header, host, protocols] = names.map(said)
  const stripVersion = stripping.get(strip?.text.trim().toUpperCase() ?? 'AS_IN_REQUEST')
  if (stripVersion === undefined)
    return refuse(
      strip?.place ?? call.place,
      `stripVersion is ${[...stripping.keys()].join(', ')}, not ${shown(strip?.text ?? '')}`,
    )
  const pattern = protocols === undefined ? null : patternOf(protocols)
  if (pattern === undefined) return undefined
  return {
    filter: {
      kind: 'rewrite-location',
      stripVersion,
      ...(header && { header: header.text.trim() }),
      ...(host && { host: host.text.trim() }),
      ...(pattern !== null && { protocols: pattern }),
    },
    places: { stripVersion: strip, header, host, protocols },
  }
}

/** Its breaker is kept for each route; of its time limit, `timeout` and the upstream are in charge. */
function draftBreaker(call: Call): FilterDraft | undefined {
  const names = ['name', 'fallbackUri', 'statusCodes', 'resumeWithoutError', 'routeId']
  // Lists come as `statusCodes.0` too.
  const codes = call.args.filter(({ key }) => /^status-?codes(?:$|[.[])/i.test(key))
  const others = call.args.filter((arg) => !codes.includes(arg))
  const bound = bindFields({ ...call, args: others }, names, 0, 1)
  if (bound === undefined) return undefined
  const [name, uri] = [bound.get('name'), bound.get('fallbackUri')]
  const [resume, routeId] = [bound.get('resumeWithoutError'), bound.get('routeId')]
  if (routeId !== undefined)
    return unsupported(
      routeId.place,
      'CircuitBreaker with routeId',
      'a breaker is kept for the route that it stands in',
    )
  const forward = uri === undefined ? null : forwardOf(uri)
  if (forward === undefined) return undefined
  const flag = resume?.text.trim().toLowerCase() ?? 'false'
  if (flag !== 'true' && flag !== 'false')
    return refuse(resume!.place, `resumeWithoutError is true or false, not ${shown(resume!.text)}`)
  const statuses: (string | number)[] = []
  for (const { text, place } of codes)
    for (const word of text.split(',').map(trimmed)) {
      if (word === '') continue
      const status = statusOf(word) ?? seriesOf(word)
      if (status === null) return refuse(place, `${shown(word)} is no name or number of a status`)
      statuses.push(status)
    }
  return {
    filter: {
      kind: 'breaker',
      name: name?.text.trim() || 'circuit-breaker',
      statuses,
      ...(forward !== null && { forward }),
      resume: flag === 'true',
    },
    places: { name, statuses: codes[0], forward: uri, resume },
  }
}

function forwardOf({ text, place }: Arg): string | undefined {
  const path = /^\s*forward:(?:\/\/)?(\/[^]*?)\s*$/.exec(text)?.[1]
  if (path !== undefined) return paramsOf(path)
  return unsupported(place, `A fallbackUri like ${shown(text)}`, 'it is forward: and a path')
}

function draftFallbackHeaders(call: Call): FilterDraft | undefined {
  const fields = {
    executionExceptionTypeHeaderName: 'type',
    executionExceptionMessageHeaderName: 'message',
    rootCauseExceptionTypeHeaderName: 'rootType',
    rootCauseExceptionMessageHeaderName: 'rootMessage',
  } as const
  const bound = bindFields(call, Object.keys(fields), 0, 0)
  if (bound === undefined) return undefined
  const said = Object.entries(fields).flatMap(([theirs, ours]) => {
    const arg = bound.get(theirs)
    return arg === undefined ? [] : [[ours, arg] as const]
  })
  return {
    filter: {
      kind: 'failure-headers',
      ...Object.fromEntries(said.map(([name, { text }]) => [name, text.trim()])),
    },
    places: Object.fromEntries(said),
  }
}
