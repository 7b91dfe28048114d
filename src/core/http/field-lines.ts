import { isBlank } from './head-bytes.ts'

/**
 * The fields of a head: flat (name, value, name, value), or as whole lines `name: value\r\n`, each complete and checked. Lines of
 * an answer have a `date` among them, and nothing of its connection, or of where its body ends.
 */
export type Fields = string[] | string

/** The flat list of lines, names in their own spelling; a list is given back as it is. */
export function fieldList(fields: Fields): string[] {
  if (typeof fields !== 'string') return fields
  const list: string[] = []
  for (let at = 0; at < fields.length;) {
    const end = fields.indexOf('\r', at)
    const colon = fields.indexOf(':', at)
    let first = colon + 1
    let last = end
    while (first < last && isBlank(fields.charCodeAt(first))) first++
    while (last > first && isBlank(fields.charCodeAt(last - 1))) last--
    list.push(fields.slice(at, colon), fields.slice(first, last))
    at = end + 2
  }
  return list
}
