import type { Json } from '../json.ts'
import { accessKinds } from './access-kinds.ts'
import { bodyKinds } from './body-kinds.ts'
import {
  readHeaderName,
  readHeaderValue,
  readMethodList,
  readMethodsOrAny,
  readNamesOrAny,
  readOrigins,
  readStatuses,
} from './filter-fields.ts'
import { messageKinds } from './filter-kinds-message.ts'
import { duration, flag, integer, kind, number, type FilterKind } from './filter-kind.ts'
import type { Filter } from './filter.ts'
import { readKeyOrAll } from './hash-key-parse.ts'
import {
  isPlainObject,
  kindOf,
  readJson,
  readName,
  readOneOf,
  readText,
  refuse,
  refuseKind,
  type Input,
} from './input.ts'
import { maxFieldLength } from './message-field.ts'
import { expressionReason } from './predicate-parse.ts'
import { maxInteger } from './selection-parse.ts'
import { readRedirect, readRespond, redirects } from './target-parse.ts'
import { pathReason } from './template.ts'
import { defaultBulkhead } from './upstream.ts'

const longestWait = 60_000
/** Most characters of the args of a module's filter as JSON, and most objects and lists inside each other. */
const maxArgs = 16_384
const maxArgsDepth = 16

const header = (isOfRequest: boolean): FilterKind =>
  kind({ name: (field) => readHeaderName(field, isOfRequest), value: readHeaderValue }, [
    'name',
    'value',
  ])
const removed = (isOfRequest: boolean): FilterKind =>
  kind({ name: (field) => readHeaderName(field, isOfRequest) }, ['name'])

/** Every kind of filter. Defaults of a repeat are few and short ones, of requests that may be sent twice. */
export const filterKinds: Readonly<Record<Filter['kind'], FilterKind>> = {
  'strip-prefix': kind({ parts: integer('parts', 1, 64) }, [], { parts: 1 }),
  'add-prefix': kind({ prefix: readPrefix }, ['prefix']),
  'rewrite-path': kind(
    {
      pattern: readExpression,
      replacement: (field) => readText(field, 'a replacement', 0, maxFieldLength),
    },
    ['pattern', 'replacement'],
  ),
  'set-path': kind({ template: (field) => readText(field, 'a template', 1, maxFieldLength) }, [
    'template',
  ]),
  'set-request-header': header(true),
  'add-request-header': header(true),
  'remove-request-header': removed(true),
  'set-response-header': header(false),
  'add-response-header': header(false),
  'remove-response-header': removed(false),
  'preserve-host': kind({}, [], {}, true),
  redirect: kind(
    {
      status: readRedirectStatus,
      location: readLocation,
      query: (field) => readOneOf(field, 'what becomes of the query', ['drop', 'append']),
    },
    ['location'],
    { status: 302 },
    true,
  ),
  timeout: kind(
    {
      connectMs: duration('connectMs'),
      headersMs: duration('headersMs'),
      idleMs: duration('idleMs'),
      totalMs: duration('totalMs'),
    },
    [],
    { connectMs: null, headersMs: null, idleMs: null, totalMs: null },
    true,
  ),
  retry: kind(
    {
      retries: integer('retries', 1, 10),
      statuses: readStatuses,
      onFailure: flag('onFailure'),
      methods: readMethodList,
      firstBackoffMs: duration('firstBackoffMs', longestWait),
      maxBackoffMs: duration('maxBackoffMs', longestWait),
      factor: number('factor', 1, 10),
      jitter: number('jitter', 0, 1),
      budgetPercent: number('budgetPercent', 0, 1000),
    },
    [],
    {
      retries: 3,
      statuses: [502, 503, 504],
      onFailure: true,
      methods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'],
      firstBackoffMs: 5,
      maxBackoffMs: 1_000,
      factor: 2,
      jitter: 1,
      budgetPercent: 20,
    },
    true,
  ),
  'rate-limit': kind(
    {
      perSecond: number('perSecond', 0.001, 1_000_000),
      burst: integer('burst', 1, maxInteger),
      key: readKeyOrAll,
      status: integer('status', 400, 599),
      emptyStatus: integer('emptyStatus', 400, 599),
    },
    ['perSecond'],
    { key: { kind: 'client' } },
  ),
  bulkhead: kind(
    {
      maxConcurrentCalls: integer('maxConcurrentCalls', 1, 1_000_000),
      maxWaitDuration: duration('maxWaitDuration', longestWait),
      maxWaitingCalls: integer('maxWaitingCalls', 0, 1_000_000),
    },
    [],
    { ...defaultBulkhead },
    true,
  ),
  cors: kind(
    {
      origins: readOrigins,
      methods: readMethodsOrAny,
      headers: readNamesOrAny,
      exposed: readNamesOrAny,
      credentials: flag('credentials'),
      maxAgeSeconds: integer('maxAgeSeconds', 0, 86_400),
    },
    ['origins'],
    {
      methods: ['GET', 'HEAD', 'POST'],
      headers: [],
      exposed: [],
      credentials: false,
      maxAgeSeconds: 1_800,
    },
    true,
  ),
  'body-limit': kind({ bytes: integer('bytes', 0, Number.MAX_SAFE_INTEGER) }, ['bytes'], {}, true),
  mirror: kind(
    {
      upstream: (field) => readName(field, 'the name of an upstream'),
      percent: number('percent', 0, 100),
      maxBodyBytes: integer('maxBodyBytes', 0, 1_048_576),
    },
    ['upstream'],
    { percent: 100, maxBodyBytes: 65_536 },
  ),
  fault: kind(
    {
      delayMs: duration('delayMs', 300_000),
      delayPercent: number('delayPercent', 0, 100),
      abortStatus: integer('abortStatus', 200, 599),
      abortPercent: number('abortPercent', 0, 100),
    },
    [],
    { delayMs: 0, delayPercent: 100, abortStatus: 0, abortPercent: 100 },
  ),
  fallback: kind(
    {
      respond: readAnswer,
      upstream: (field) => readName(field, 'the name of an upstream'),
    },
    [],
    { respond: null, upstream: null },
    true,
  ),
  module: kind(
    {
      module: (field) => readName(field, 'the name of a module'),
      name: (field) => readName(field, 'the name of a filter'),
      args: readArgs,
    },
    ['module', 'name'],
    { args: {} },
  ),
  ...messageKinds,
  ...accessKinds,
  ...bodyKinds,
}

function readArgs(input: Input): Json | undefined {
  if (!isPlainObject(input.value)) return refuseKind(input, 'args', 'an object')
  return readJson(input, 'args', maxArgsDepth, maxArgs)
}

function readPrefix(input: Input): string | undefined {
  const prefix = readText(input, 'a prefix', 1, 2048)
  if (prefix === undefined) return undefined
  const isSlashed = prefix.endsWith('/')
    ? 'a prefix does not end in /: a path begins with it'
    : null
  const reason = isSlashed ?? pathReason(prefix)
  return reason === null ? prefix : refuse(input, reason)
}

function readExpression(input: Input): string | undefined {
  const source = readText(input, 'a pattern', 1, 2048)
  const reason = source === undefined ? null : expressionReason(source)
  return reason === null ? source : refuse(input, reason)
}

function readRedirectStatus(input: Input): number | undefined {
  const { value } = input
  if (typeof value === 'number' && redirects.includes(value)) return value
  return refuse(input, `a redirect is ${redirects.join(', ')}, not ${kindOf(value)}`)
}

/** Checked like that of a target. */
function readLocation(input: Input): string | undefined {
  const { value, pointer, problems } = input
  const at = pointer.replace(/\/location$/, '')
  return readRedirect({ value: { location: value }, pointer: at, problems })?.location
}

function readAnswer(input: Input): Json | undefined {
  const answer = readRespond(input)
  return answer && { status: answer.status, headers: answer.headers, body: answer.body }
}
