import type { LogFields } from './logger.ts'

/** Characters of a line at most, its end included. */
export const longestLine = 16_384

const cutMark = '…[cut]'
const redacted = '"[redacted]"'
const deepest = 6
const mostItems = 100
const longestText = 8_192
/** Names that were looked at once are known; more than so many are nobody's usual ones. */
const mostNames = 1_000

const secretParts: readonly string[] = [
  'authorization',
  'cookie',
  'password',
  'passwd',
  'passphrase',
  'token',
  'secret',
  'apikey',
  'privatekey',
  'credential',
]

/** A field by its name: how a line says it, and whether its values are for nobody's eyes. */
interface FieldName {
  readonly json: string
  readonly isSecret: boolean
}

/** Knows the names of fields. */
export type Names = (name: string) => FieldName

/** `x-api-key`, `apiKey` and `API_KEY` are one name. */
const plainName = (name: string): string => name.toLowerCase().replaceAll(/[^\da-z]/g, '')

/** Secret are those that have one of the usual words, or of `more`, in their names. */
export function createNames(more: readonly string[] = []): Names {
  const parts = [...secretParts, ...more.map(plainName).filter((part) => part !== '')]
  const known = new Map<string, FieldName>()
  return (name) => {
    let found = known.get(name)
    if (found === undefined) {
      const plain = plainName(name)
      const json = JSON.stringify(name.length > 256 ? name.slice(0, 256) + cutMark : name)
      found = { json: `,${json}:`, isSecret: parts.some((part) => plain.includes(part)) }
      if (known.size < mostNames) known.set(name, found)
    }
    return found
  }
}

/** What is still free of a line, and what is being written around a value. */
interface Line {
  left: number
  isCut: boolean
  readonly around: object[]
  readonly names: Names
}

/** Users and passwords in addresses. */
const withoutUserinfo = (text: string): string =>
  text.includes('@') && text.includes('://') ? text.replaceAll(/:\/\/[^\s/?#]*@/g, '://') : text

/** Text that JSON says as it is, and no address. */
const isPlain = /^[ !#-?A-[\]-~]*$/

function textOf(value: string, line: Line): string {
  if (value.length < 200 && value.length < line.left && isPlain.test(value)) {
    line.left -= value.length + 2
    return `"${value}"`
  }
  const most = Math.min(longestText, line.left)
  // An address that goes beyond the cut is still known as one.
  const seen = withoutUserinfo(value.length > most + 1_024 ? value.slice(0, most + 1_024) : value)
  let json = JSON.stringify(seen)
  if (json.length > most || seen.length < value.length) {
    line.isCut = true
    let end = Math.max(0, Math.min(seen.length, most - cutMark.length - 2))
    json = JSON.stringify(seen.slice(0, end) + cutMark)
    // Escapes are up to six times as long.
    while (json.length > most && end > 0) {
      end = Math.floor(end / 2)
      json = JSON.stringify(seen.slice(0, end) + cutMark)
    }
  }
  line.left -= json.length
  return json
}

/** Null: it has no value that is worth a field. */
function valueOf(value: unknown, line: Line): string | null {
  switch (typeof value) {
    case 'string':
      return textOf(value, line)
    case 'number':
    case 'boolean': {
      const text = String(value)
      line.left -= text.length
      return typeof value === 'boolean' || Number.isFinite(value) ? text : `"${text}"`
    }
    case 'bigint':
    case 'symbol':
      return textOf(String(value), line)
    case 'function':
      return textOf('[function]', line)
    case 'undefined':
      return null
    case 'object':
      if (value === null) return 'null'
      try {
        return objectOf(value, line)
      } catch {
        return textOf(unreadable, line)
      }
    default:
      return null
  }
}

function objectOf(value: object, line: Line): string | null {
  if (line.around.includes(value)) return textOf('[circular]', line)
  if (line.around.length >= deepest) return textOf('[deep]', line)
  line.around.push(value)
  const { length } = line.around
  try {
    if (value instanceof Error) return fieldsOf(errorFields(value), line)
    if (ArrayBuffer.isView(value)) return textOf(`[${value.byteLength} bytes]`, line)
    const { toJSON } = value as { readonly toJSON?: unknown }
    if (typeof toJSON === 'function') return valueOf(toJSON.call(value), line)
    if (value instanceof Map) return fieldsOf(Object.fromEntries(value), line)
    if (Array.isArray(value) || value instanceof Set) return listOf([...value], line)
    return fieldsOf(value, line)
  } finally {
    line.around.length = length - 1
  }
}

const errorFields = (error: Error): object => {
  const { name, message, stack, cause } = error
  const own = Object.keys(error).filter((key) => !(key in Error.prototype) && key !== 'stack')
  const rest = Object.fromEntries(own.map((key) => [key, reading(error, key)]))
  return { type: name, message, stack, ...(cause === undefined ? {} : { cause }), ...rest }
}

function listOf(list: readonly unknown[], line: Line): string {
  const parts: string[] = []
  line.left -= 2
  for (const item of list) {
    if (parts.length === mostItems || line.left <= 0) {
      line.isCut = true
      parts.push(`"[${list.length - parts.length} more]"`)
      break
    }
    parts.push(valueOf(item, line) ?? 'null')
    line.left -= 1
  }
  return `[${parts.join(',')}]`
}

const unreadable = '[unreadable]'

const reading = (value: object, key: string): unknown => {
  try {
    return (value as Readonly<Record<string, unknown>>)[key]
  } catch {
    return unreadable
  }
}

const fieldsOf = (value: object, line: Line): string => {
  line.left -= 2
  return `{${membersOf(value, line).slice(1)}}`
}

/** Members with a comma before each. */
function membersOf(value: object, line: Line): string {
  let text = ''
  let count = 0
  for (const key of Object.keys(value)) {
    count += 1
    if (count > mostItems || line.left <= 0) {
      line.isCut = true
      break
    }
    text += memberOf(key, reading(value, key), line)
  }
  return text
}

function memberOf(key: string, value: unknown, line: Line): string {
  if (value === undefined) return ''
  const { json: name, isSecret } = line.names(key)
  line.left -= name.length
  if (isSecret && value !== null && typeof value !== 'boolean') {
    line.left -= redacted.length
    return name + redacted
  }
  const json = valueOf(value, line)
  return json === null ? '' : name + json
}

/** What every line has; a field of that name gets another one. */
const reserved: ReadonlySet<string> = new Set([
  'timestamp',
  'level',
  'service_name',
  'trace_id',
  'message',
])

const isTraceId = (value: unknown): value is string =>
  typeof value === 'string' && /^[\da-f]{32}$/.test(value)

/** What a line begins with. */
export interface LineHead {
  readonly timestamp: number
  readonly level: string
  /** As JSON. */
  readonly service: string
  /** Where no field says one. */
  readonly traceId: string
  /** Members behind the message, as JSON with a comma before each. */
  readonly own?: string
}

/**
 * A line of the log: JSON whatever the fields are, never longer than `longestLine`, secrets left out. What had no place is
 * cut, and the line says so.
 */
export function logLine(
  { timestamp, level, service, traceId, own = '' }: LineHead,
  message: string,
  fields: LogFields,
  names: Names,
): string {
  const line: Line = { left: longestLine - 256, isCut: false, around: [], names }
  const said = reading(fields, 'trace_id')
  const id = isTraceId(said) ? said : traceId
  let text = `{"timestamp":${timestamp},"level":"${level}","service_name":${service},"trace_id":"${id}"`
  text += `,"message":${textOf(message, line)}${own}`
  try {
    for (const key of Object.keys(fields)) {
      if (line.left <= 0) {
        line.isCut = true
        break
      }
      if (key === 'trace_id' && isTraceId(said)) continue
      text += memberOf(reserved.has(key) ? `field_${key}` : key, reading(fields, key), line)
    }
  } catch {
    text += ',"log_failure":true'
  }
  return line.isCut ? `${text},"line_cut":true}\n` : `${text}}\n`
}

/** The same as a value that can go to another process. */
export function plainFields(fields: LogFields, names: Names): LogFields {
  const line: Line = { left: longestLine - 256, isCut: false, around: [], names }
  try {
    const text = fieldsOf(fields, line)
    return JSON.parse(text) as LogFields
  } catch {
    return { log_failure: true }
  }
}
