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

/** The value of a field by its name in lower case, of several as `node:http` gives it. */
export function readField(fields: readonly string[], name: string): string | undefined {
  if (singles.has(name)) return fieldValue(fields, name)
  return joinedValue(fields, name, name === 'cookie' ? '; ' : ', ')
}
