import type { Json } from '../../core/json.ts'
import type { BodyFilter } from '../../core/route/body-filter.ts'
import {
  parseBodyTemplate,
  templateFormat,
  type BodyPart,
  type Placeholder,
} from '../../core/route/body-template.ts'
import { queryValueOf } from '../../core/route/facts.ts'
import { parseStrictJson } from '../../core/strict-json.ts'
import type { Exchange } from '../exchange.ts'

type Templated = Extract<BodyFilter, { readonly contentType: string }>

/** Makes a body of an exchange and of the body that was read; null: there is none. */
export type BodyFill = (
  exchange: Exchange,
  read: Uint8Array | null,
) => { readonly body: string } | { readonly reason: string }

const maxDepth = 64
/** Longest body that is made. */
const maxMade = 1_048_576

type Found = Json | undefined

const partsOf = ({ body, contentType }: Templated): readonly BodyPart[] => {
  const parts = parseBodyTemplate(body, templateFormat(contentType) ?? 'text')
  if (typeof parts === 'string') throw new Error(`the template of a body: ${parts}`)
  return parts
}

const isOfBody = (part: BodyPart): part is Placeholder =>
  typeof part !== 'string' && part.source === 'body'

/** Whether a template asks for the body that it replaces. */
export const readsBody = (settings: Templated): boolean => partsOf(settings).some(isOfBody)

export function fillBody(settings: Templated): BodyFill {
  const parts = partsOf(settings)
  const isJson = templateFormat(settings.contentType) === 'json'
  const isStrict = settings.missing === 'refuse'
  const isRead = parts.some(isOfBody)
  // Who asks for all of a body takes what is no JSON as a text.
  const isTextTaken = parts.filter(isOfBody).every(({ name }) => name === '')
  return (exchange, read) => {
    const body =
      isRead && read !== null && read.byteLength > 0
        ? parseBody(read, isTextTaken)
        : { value: undefined }
    if ('reason' in body) return body
    let made = ''
    for (const part of parts) {
      if (typeof part === 'string') made += part
      else {
        const found = valueOf(part, exchange, body.value)
        if (found === undefined && isStrict) return { reason: `${nameOf(part)} is missing` }
        made += isJson ? jsonText(found, part.isInString) : plainText(found)
      }
      if (made.length > maxMade) return { reason: 'it would be too long' }
    }
    return { body: made }
  }
}

const nameOf = ({ source, name }: Placeholder): string =>
  name === '' ? source : `${source} ${name.slice(0, 60)}`

function parseBody(
  read: Uint8Array,
  isTextTaken: boolean,
): { readonly value: Json } | { readonly reason: string } {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(read)
  } catch {
    return { reason: 'its body is not UTF-8' }
  }
  const parsed = parseStrictJson(text, maxDepth)
  if (parsed.ok) return { value: parsed.value }
  return isTextTaken ? { value: text } : { reason: 'its body is no JSON' }
}

function valueOf({ source, name }: Placeholder, exchange: Exchange, body: Found): Found {
  const { params, transport } = exchange
  switch (source) {
    case 'param':
      return Object.hasOwn(params, name) ? params[name] : undefined
    case 'query':
      return queryValueOf(transport, name)
    case 'header':
      return transport.header(name)
    case 'body':
      return at(body, name)
    default:
      return source satisfies never
  }
}

/** The value at a JSON pointer; nothing but own fields of what was sent. */
function at(body: Found, pointer: string): Found {
  if (pointer === '') return body
  let value: Found = body
  for (const token of pointer.slice(1).split('/')) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof value !== 'object' || value === null) return undefined
    if (Array.isArray(value) && !/^(?:0|[1-9]\d{0,8})$/.test(key)) return undefined
    value = Object.hasOwn(value, key) ? (value as { readonly [key: string]: Json })[key] : undefined
  }
  return value
}

/** A value for a place of JSON, or for the inside of one of its texts. */
function jsonText(value: Found, isInString: boolean): string {
  if (!isInString) return JSON.stringify(value ?? null)
  return JSON.stringify(plainText(value)).slice(1, -1)
}

const plainText = (value: Found): string => {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}
