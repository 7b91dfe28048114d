import { connectionFields } from '../http/fields.ts'
import { shown } from './input.ts'

export const maxFieldLength = 8192

/** Why a text is no name of a header that an author may write, or null. */
export function fieldNameReason(text: string): string | null {
  if (!/^[\w!#$%&'*+.^`|~-]{1,256}$/.test(text)) return `${shown(text)} is no name of a header`
  const name = text.toLowerCase()
  return connectionFields.has(name) ? `${name} is written by the gateway` : null
}

/** Headers of a request that the gateway writes itself, and what to do instead. */
const ownOfRequest: ReadonlyMap<string, string> = new Map([
  [
    'host',
    'host is that of the endpoint, with preserve-host that of the client, or what set-host says',
  ],
  ['expect', 'expect is answered by the gateway'],
  ['http2-settings', 'http2-settings belongs to a connection'],
])

/** Why a text is no name of a header that may be set or removed on a request that is sent on, or null. */
export function requestFieldReason(text: string): string | null {
  return fieldNameReason(text) ?? ownOfRequest.get(text.toLowerCase()) ?? null
}

/** Why a text is no value of a header, or null. */
export function fieldValueReason(name: string, value: string): string | null {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
    ? null
    : `${name} has line breaks, control characters or some beyond Latin-1`
}
