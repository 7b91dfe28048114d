import { kindOf, readInteger, readList, readText, refuse, shown, type Input } from './input.ts'
import { isMethod } from './route-parts.ts'
import {
  fieldNameReason,
  fieldValueReason,
  maxFieldLength,
  requestFieldReason,
} from './message-field.ts'

/** Most values of one list of a filter. */
const maxListed = 64

/** A name of a header, in lower case. */
export function readHeaderName(input: Input, isOfRequest: boolean): string | undefined {
  const text = readText(input, 'the name of a header', 1, 256)
  if (text === undefined) return undefined
  const reason = isOfRequest ? requestFieldReason(text) : fieldNameReason(text)
  return reason === null ? text.toLowerCase() : refuse(input, reason)
}

/** A value of a header, as text or template. */
export function readHeaderValue(input: Input): string | undefined {
  const value = readText(input, 'the value of a header', 0, maxFieldLength)
  const reason = value === undefined ? null : fieldValueReason('the value', value)
  return reason === null ? value : refuse(input, reason)
}

/** Values of a list, each once. */
function readEach(
  input: Input,
  what: string,
  least: number,
  read: (item: Input) => string | undefined,
): readonly string[] | undefined {
  const values = new Set<string>()
  const items = readList(input, what, least, maxListed)
  for (const item of items ?? []) {
    const value = read(item)
    if (value === undefined) continue
    if (values.has(value)) refuse(item, `${shown(value)} stands there twice`)
    values.add(value)
  }
  return items && [...values]
}

const isAlone = (input: Input): boolean =>
  Array.isArray(input.value) && input.value.length === 1 && input.value[0] === '*'

/** Methods in upper case. */
export function readMethodList(input: Input): readonly string[] | undefined {
  return readEach(input, 'methods', 1, (item) => {
    const text = readText(item, 'a method', 1, 64)?.toUpperCase()
    if (text === undefined || isMethod(text)) return text
    return refuse(item, `${shown(text)} is no method`)
  })
}

/** The same, or `*` alone. */
export const readMethodsOrAny = (input: Input): readonly string[] | undefined =>
  isAlone(input) ? ['*'] : readMethodList(input)

/** Names of headers, or `*` alone. */
export const readNamesOrAny = (input: Input): readonly string[] | undefined =>
  isAlone(input)
    ? ['*']
    : readEach(input, 'names of headers', 0, (item) => {
        const text = readText(item, 'the name of a header', 1, 256)
        if (text === undefined || /^[\w!#$%&'+.^`|~-]+$/.test(text)) return text?.toLowerCase()
        return refuse(item, `${shown(text)} is no name of a header`)
      })

/** Origins as a browser writes them, or `*` alone. */
export const readOrigins = (input: Input): readonly string[] | undefined =>
  isAlone(input)
    ? ['*']
    : readEach(input, 'origins', 1, (item) => {
        const text = readText(item, 'an origin', 1, 512)
        if (text === undefined) return undefined
        const isOrigin =
          /^https?:\/\/[^/?#@\\]+$/i.test(text) && URL.canParse(text) && !/\s/.test(text)
        if (isOrigin) return new URL(text).origin
        return refuse(
          item,
          `${shown(text)} is no origin like https://example.org, and * stands alone`,
        )
      })

/** Statuses in order, each once; `5xx` is a hundred of them. */
export function readStatuses(input: Input): readonly number[] | undefined {
  const statuses = new Set<number>()
  const items = readList(input, 'statuses', 0, maxListed)
  for (const item of items ?? []) {
    const { value } = item
    const hundred = typeof value === 'string' ? /^([3-5])xx$/.exec(value)?.[1] : undefined
    if (hundred !== undefined)
      for (let at = 0; at < 100; at += 1) statuses.add(Number(hundred) * 100 + at)
    else if (typeof value === 'string')
      refuse(item, `a status is a number, or 3xx, 4xx or 5xx, not ${kindOf(value)}`)
    else {
      const status = readInteger(item, 'a status', 300, 599)
      if (status !== undefined) statuses.add(status)
    }
  }
  return items && [...statuses].sort((left, right) => left - right)
}

/** Statuses as an author would write them. */
export function renderStatuses(statuses: readonly number[]): readonly (number | string)[] {
  const isWhole = (hundred: number): boolean =>
    statuses.filter((status) => Math.floor(status / 100) === hundred).length === 100
  const whole = [3, 4, 5].filter(isWhole)
  return [
    ...statuses.filter((status) => !whole.includes(Math.floor(status / 100))),
    ...whole.map((hundred) => `${hundred}xx`),
  ]
}
