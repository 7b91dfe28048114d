import { connectionFields } from '../http/fields.ts'
import { shown } from './input.ts'

export const maxFieldLength = 8192

/** Why a text is no name of a header that an author may write, or null. */
export function fieldNameReason(text: string): string | null {
  if (!/^[\w!#$%&'*+.^`|~-]{1,256}$/.test(text)) return `${shown(text)} is no name of a header`
  const name = text.toLowerCase()
  return connectionFields.has(name) ? `${name} is written by the gateway` : null
}

/** Why a text is no value of a header, or null. */
export function fieldValueReason(name: string, value: string): string | null {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
    ? null
    : `${name} has line breaks, control characters or some beyond Latin-1`
}
