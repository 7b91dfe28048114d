import { RE2JS } from 're2js'
import type { Exchange } from '../exchange.ts'
import { codeReply } from '../problem-reply.ts'
import type { Reply } from '../reply.ts'
import type { FilterMaker } from './filter.ts'
import { before } from './filter.ts'
import { replacer } from './replace.ts'
import { sentPath } from './sent-path.ts'
import { fillPath } from './template.ts'

/** Longest path that an expression is run on, and that is made. */
const maxPath = 16_384

export const stripPrefix: FilterMaker<'strip-prefix'> = ({ parts }) =>
  before(({ outbound }) => {
    let { path } = outbound!
    for (let left = parts; left > 0 && path !== '/'; left -= 1) {
      const slash = path.indexOf('/', 1)
      path = slash < 0 ? '/' : path.slice(slash)
    }
    outbound!.path = path
  })

/** Takes a path that was put together, or refuses the request: an upstream is never asked for another one instead. */
function take({ outbound, path }: Exchange, made: string): Reply | undefined {
  const sent = made.length > maxPath ? null : sentPath(made, path)
  if (sent === null) return codeReply('TURNOUT_SENT_PATH_INVALID')
  outbound!.path = sent
  return undefined
}

export const addPrefix: FilterMaker<'add-prefix'> = ({ prefix }) => {
  const fill = fillPath(prefix)
  return before((exchange) => take(exchange, fill(exchange) + exchange.outbound!.path))
}

export const setPath: FilterMaker<'set-path'> = ({ template }) => {
  const fill = fillPath(template)
  return before((exchange) => take(exchange, fill(exchange)))
}

export const rewritePath: FilterMaker<'rewrite-path'> = ({ pattern, replacement }) => {
  const replace = replacer(RE2JS.compile(pattern), replacement, pattern, maxPath)
  return before((exchange) => {
    const { path } = exchange.outbound!
    if (path.length > maxPath) return codeReply('TURNOUT_SENT_PATH_INVALID')
    const made = replace(path)
    return made === null ? undefined : take(exchange, made)
  })
}
