import { parseTemplate, type TemplatePart } from '../../core/route/template.ts'
import type { Exchange } from '../exchange.ts'

/** Text from a template and the params of an exchange. */
export type Fill = (exchange: Exchange) => string

/** Percent-encodes what may not stand in a path; a rest keeps its slashes. */
const inPath = (value: string): string => value.split('/').map(encodeURIComponent).join('/')
/** A decoded param may hold anything, a line break too; a field has what prints. */
const inField = (value: string): string => value.replaceAll(/[^ -~]+/g, encodeURIComponent)

const fillWith = (text: string, encode: (value: string) => string): Fill => {
  const parts = parseTemplate(text)
  if (typeof parts === 'string') throw new Error(`the template ${text}: ${parts}`)
  const [only] = parts
  if (parts.length === 0) return () => ''
  if (parts.length === 1 && typeof only === 'string') return () => only
  const textOf = (part: TemplatePart, { params }: Exchange): string => {
    if (typeof part === 'string') return part
    return Object.hasOwn(params, part.param) ? encode(params[part.param]!) : ''
  }
  return (exchange) => parts.map((part) => textOf(part, exchange)).join('')
}

export const fillPath = (text: string): Fill => fillWith(text, inPath)
export const fillField = (text: string): Fill => fillWith(text, inField)
