import { RE2JS } from 're2js'
import { canonicalPath } from '../../core/router/path.ts'
import { parseReplacement, type ReplacementPart } from '../../core/route/replacement.ts'
import type { FilterMaker } from './filter.ts'
import { before } from './filter.ts'
import { fillPath } from './template.ts'

/** Longest path that an expression is run on. */
const maxPath = 8192

export const stripPrefix: FilterMaker<'strip-prefix'> = ({ parts }) =>
  before(({ outbound }) => {
    let { path } = outbound!
    for (let left = parts; left > 0 && path !== '/'; left -= 1) {
      const slash = path.indexOf('/', 1)
      path = slash < 0 ? '/' : path.slice(slash)
    }
    outbound!.path = path
  })

export const addPrefix: FilterMaker<'add-prefix'> = ({ prefix }) => {
  const fill = fillPath(prefix)
  return before((exchange) => {
    const outbound = exchange.outbound!
    const front = fill(exchange).replace(/\/$/, '')
    outbound.path = front + outbound.path
  })
}

export const setPath: FilterMaker<'set-path'> = ({ template }) => {
  const fill = fillPath(template)
  return before((exchange) => {
    exchange.outbound!.path = fill(exchange)
  })
}

export const rewritePath: FilterMaker<'rewrite-path'> = ({ pattern, replacement }) => {
  const expression = RE2JS.compile(pattern)
  const parts = parseReplacement(replacement, pattern)
  if (typeof parts === 'string') throw new Error(`the replacement ${replacement}: ${parts}`)
  return before(({ outbound }) => {
    const { path } = outbound!
    if (path.length > maxPath) return
    const matcher = expression.matcher(path)
    let made = ''
    let end = 0
    while (matcher.find()) {
      made += path.slice(end, matcher.start())
      for (const part of parts) made += textOf(part, matcher)
      end = matcher.end()
    }
    if (end === 0 && made === '') return
    // Whatever was put together leaves in the one spelling, or as it came.
    const rewritten = canonicalPath(made + path.slice(end))
    if (rewritten.path !== null && rewritten.path.startsWith('/')) outbound!.path = rewritten.path
  })
}

const textOf = (part: ReplacementPart, matcher: { group(which: never): string | null }): string =>
  typeof part === 'string' ? part : (matcher.group(part.group as never) ?? '')
