import { joinedValue, fieldValue } from '../../core/http/fields.ts'

/** Fields of which `node:http` takes the first where there are several; of others it joins the values. */
const singles: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'content-length',
  'content-type',
  'etag',
  'expires',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'retry-after',
  'server',
  'user-agent',
])

const isBlank = (code: number): boolean => code === 32 || code === 9

/** The fields of a head that was read already, flat, from the first one on to the empty line. */
export function readFields(head: string, from: number): string[] {
  const fields: string[] = []
  const end = head.length - 2
  let at = from
  while (at < end) {
    const colon = head.indexOf(':', at)
    const line = head.indexOf('\r', colon)
    let first = colon + 1
    let last = line
    while (first < last && isBlank(head.charCodeAt(first))) first++
    while (last > first && isBlank(head.charCodeAt(last - 1))) last--
    fields.push(head.slice(at, colon), head.slice(first, last))
    at = line + 2
  }
  return fields
}

/** The value of a field by its name in lower case, of several as `node:http` gives it. */
export function readField(fields: readonly string[], name: string): string | undefined {
  if (singles.has(name)) return fieldValue(fields, name)
  return joinedValue(fields, name, name === 'cookie' ? '; ' : ', ')
}
