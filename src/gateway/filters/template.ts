import { parseTemplate, type TemplatePart } from '../../core/route/template.ts'
import type { Exchange } from '../exchange.ts'

/** Text from a template and the params of an exchange. */
export type Fill = (exchange: Exchange) => string

/** A param is decoded: it may hold anything, a line break too. */
type Encode = (value: string, isRest: boolean, path: string) => string

/** Percent-encodes what may not stand in a segment; only a rest has slashes that separate. */
const inPath: Encode = (value, isRest, path) => {
  if (!isRest) return encodeURIComponent(value)
  const segments = value.split('/')
  // It keeps its `%2F` and is decoded otherwise: only the path itself tells that from `%252F`.
  return value.includes('%2F')
    ? path.split('/').slice(-segments.length).join('/')
    : segments.map(encodeURIComponent).join('/')
}
/** A field has what prints. */
const inField: Encode = (value) => value.replaceAll(/[^ -~]+/g, encodeURIComponent)

/** Whether a param is the rest of the pattern that matched. */
const isRest = (name: string, pattern: string): boolean =>
  pattern.endsWith(name === '*' ? '/*' : `/*${name}`)

const fillWith = (text: string, encode: Encode): Fill => {
  const parts = parseTemplate(text)
  if (typeof parts === 'string') throw new Error(`the template ${text}: ${parts}`)
  const [only] = parts
  if (parts.length === 0) return () => ''
  if (parts.length === 1 && typeof only === 'string') return () => only
  const textOf = (part: TemplatePart, { params, path, pattern }: Exchange): string => {
    if (typeof part === 'string') return part
    const { param } = part
    return Object.hasOwn(params, param) ? encode(params[param]!, isRest(param, pattern), path) : ''
  }
  return (exchange) => parts.map((part) => textOf(part, exchange)).join('')
}

export const fillPath = (text: string): Fill => fillWith(text, inPath)
export const fillField = (text: string): Fill => fillWith(text, inField)
/** Whatever comes of it is encoded as a whole. */
export const fillText = (text: string): Fill => fillWith(text, (value) => value)
