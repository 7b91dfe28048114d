import type { Json } from '../json.ts'
import { readHeaderName, readHeaderValue, readStatuses } from './filter-fields.ts'
import { permissionsPolicy, secureDefaults, type MessageFilter } from './filter-message.ts'
import {
  fieldOf,
  readBoolean,
  readEntries,
  readInteger,
  readList,
  readName,
  readObject,
  readOneOf,
  readText,
  refuse,
  shown,
  type Input,
} from './input.ts'
import { fieldValueReason, maxFieldLength } from './message-field.ts'
import { expressionReason } from './predicate-parse.ts'
import { parseReplacement } from './replacement.ts'
import type { Fields, Read, Said } from './said.ts'
import { parseTemplate, templatePathReason } from './template.ts'

interface MessageKind {
  readonly fields: Fields
  readonly needed: readonly string[]
  readonly defaults: Said
  readonly isSingle: boolean
}

const maxListed = 64

const kind = (
  fields: Fields,
  needed: readonly string[] = [],
  defaults: Said = {},
  isSingle = false,
): MessageKind => ({ fields, needed, defaults, isSingle })

const requestHeader: Read = (field) => readHeaderName(field, true)
const responseHeader: Read = (field) => readHeaderName(field, false)
const replacement: Read = (field) => readText(field, 'a replacement', 0, maxFieldLength)

/** The kinds of `filter-message.ts`. */
export const messageKinds: Readonly<Record<MessageFilter['kind'], MessageKind>> = {
  'add-missing-request-headers': kind({ headers: readNamedValues }, ['headers']),
  'add-missing-response-header': kind({ name: responseHeader, value: readHeaderValue }, [
    'name',
    'value',
  ]),
  // What a client sends is copied where the gateway reads it later: not to where it writes itself.
  'map-request-header': kind({ from: readSentName, to: requestHeader }, ['from', 'to']),
  'set-host': kind({ host: readHost }, ['host']),
  'add-query-parameter': kind({ name: readParameter, value: readParameterValue }, [
    'name',
    'value',
  ]),
  'remove-query-parameter': kind({ name: readParameter }, ['name']),
  'rewrite-query-parameter': kind({ name: readParameter, replacement: readParameterValue }, [
    'name',
    'replacement',
  ]),
  'header-limit': kind(
    {
      bytes: (field) => readInteger(field, 'bytes', 1, 1_048_576),
      errorHeader: responseHeader,
    },
    [],
    { bytes: 16_000, errorHeader: null },
    true,
  ),
  'set-status': kind({ status: readStatus }, ['status']),
  'dedupe-response-header': kind(
    {
      names: readNames,
      keep: (field) => readOneOf(field, 'what is kept', ['first', 'last', 'unique']),
    },
    ['names'],
    { keep: 'first' },
  ),
  'rewrite-response-header': kind({ name: responseHeader, pattern: readExpression, replacement }, [
    'name',
    'pattern',
    'replacement',
  ]),
  'rewrite-location': kind(
    {
      stripVersion: (field) =>
        readOneOf(field, 'stripVersion', ['as-in-request', 'never', 'always']),
      header: responseHeader,
      host: readHost,
      protocols: readExpression,
    },
    [],
    { stripVersion: 'as-in-request', header: 'location', host: null, protocols: 'https?|ftps?' },
  ),
  'secure-headers': kind({ headers: readSecure }, [], { headers: {} }, true),
  breaker: kind(
    {
      name: (field) => readName(field, 'the name of a breaker'),
      statuses: readStatuses,
      forward: (field) => readText(field, 'a path', 1, maxFieldLength),
      resume: (field) => readBoolean(field, 'resume'),
    },
    ['name'],
    { statuses: [], forward: null, resume: false },
  ),
  'failure-headers': kind(
    {
      type: requestHeader,
      message: requestHeader,
      rootType: requestHeader,
      rootMessage: requestHeader,
    },
    [],
    {
      type: 'execution-exception-type',
      message: 'execution-exception-message',
      rootType: 'root-cause-exception-type',
      rootMessage: 'root-cause-exception-message',
    },
    true,
  ),
}

/** Any field that a client may send; what is of its connection is not there any more. */
function readSentName(input: Input): string | undefined {
  const text = readText(input, 'the name of a header', 1, 256)
  if (text?.toLowerCase() === 'host') return 'host'
  return text === undefined ? undefined : readHeaderName(input, true)
}

function readNamedValues(input: Input): Json | undefined {
  const items = readList(input, 'headers', 1, maxListed)
  return items?.flatMap((item) => {
    if (!readObject(item, 'a header', ['name', 'value'])) return []
    const name = readHeaderName(fieldOf(item, 'name'), true)
    const value = readHeaderValue(fieldOf(item, 'value'))
    return name === undefined || value === undefined ? [] : [{ name, value }]
  })
}

function readNames(input: Input): Json | undefined {
  const items = readList(input, 'names', 1, maxListed)
  return items && [...new Set(items.flatMap((item) => readHeaderName(item, false) ?? []))]
}

/** Host and port as in a URL. */
function readHost(input: Input): string | undefined {
  const text = readText(input, 'a host', 1, 261)
  const isHost = text === undefined || /^(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?$/.test(text)
  return isHost
    ? text?.toLowerCase()
    : refuse(input, `${shown(text)} is no host like a.example:8443`)
}

function readParameter(input: Input): string | undefined {
  return readWellFormed(input, 'the name of a parameter', 1)
}

function readParameterValue(input: Input): string | undefined {
  return readWellFormed(input, 'the value of a parameter', 0)
}

function readWellFormed(input: Input, what: string, least: number): string | undefined {
  const text = readText(input, what, least, maxFieldLength)
  if (text === undefined || !/\p{Surrogate}/u.test(text)) return text
  return refuse(input, `${what} has half of a character`)
}

function readStatus(input: Input): number | undefined {
  return readInteger(input, 'a status', 200, 599)
}

function readExpression(input: Input): string | undefined {
  const source = readText(input, 'a pattern', 1, 2048)
  const reason = source === undefined ? null : expressionReason(source)
  return reason === null ? source : refuse(input, reason)
}

const secureNames = [...Object.keys(secureDefaults), 'permissions-policy']

/** Fields by name: a text, true for what is usual, or false for none. */
function readSecure(input: Input): Json | undefined {
  const entries = readEntries(input, 'headers', maxListed)
  const said: Record<string, string | null> = {}
  for (const [key, field] of entries ?? []) {
    const name = key.toLowerCase()
    if (!secureNames.includes(name))
      refuse(field, `it has no header ${shown(key)}; known: ${secureNames.join(', ')}`)
    else said[name] = readSecureValue(field, name) ?? null
  }
  return entries && said
}

/** Null: the field is left out. */
function readSecureValue(field: Input, name: string): string | null | undefined {
  if (field.value === null || field.value === false) return null
  if (field.value === true) return secureDefaults[name] ?? permissionsPolicy
  const value = readText(field, `the value of ${name}`, 1, maxFieldLength)
  const reason = value === undefined ? null : fieldValueReason(name, value)
  return reason === null ? value : refuse(field, reason)
}

/** What fields say together. `checkTemplate` tells of params that a template has and the route has not. */
export function checkMessageFilter(
  input: Input,
  filter: MessageFilter,
  checkTemplate: (field: Input, text: string) => unknown,
): void {
  switch (filter.kind) {
    case 'add-missing-response-header':
    case 'add-query-parameter':
      checkTemplate(fieldOf(input, 'value'), filter.value)
      return
    case 'rewrite-query-parameter':
      checkTemplate(fieldOf(input, 'replacement'), filter.replacement)
      return
    case 'add-missing-request-headers': {
      const list = fieldOf(input, 'headers')
      for (const [at, { value }] of filter.headers.entries())
        checkTemplate({ ...list, pointer: `${list.pointer}/${at}/value`, value }, value)
      return
    }
    case 'rewrite-response-header': {
      const parts = parseReplacement(filter.replacement, filter.pattern)
      const text =
        typeof parts === 'string' ? '' : parts.filter((one) => typeof one === 'string').join('')
      const reason = typeof parts === 'string' ? parts : fieldValueReason('the replacement', text)
      if (reason !== null) refuse(fieldOf(input, 'replacement'), reason)
      return
    }
    case 'breaker': {
      if (filter.forward === null) return
      const field = fieldOf(input, 'forward')
      checkTemplate(field, filter.forward)
      const parts = parseTemplate(filter.forward)
      const reason = typeof parts === 'string' ? null : templatePathReason(parts)
      if (reason !== null) refuse(field, reason)
      return
    }
    case 'failure-headers': {
      const { type, message, rootType, rootMessage } = filter
      if (new Set([type, message, rootType, rootMessage]).size < 4)
        refuse(input, 'each of its headers has a name of its own')
      return
    }
    default:
      return
  }
}
