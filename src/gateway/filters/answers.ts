import { RE2JS } from 're2js'
import { fieldValue } from '../../core/http/fields.ts'
import { secureDefaults, type LocationFilter } from '../../core/route/filter-message.ts'
import { acceptorOf } from '../../core/route/predicate.ts'
import { isBodySource } from '../body-source.ts'
import type { Exchange } from '../exchange.ts'
import { Reply } from '../reply.ts'
import { after, copied, type FilterMaker } from './filter.ts'
import { replacer } from './replace.ts'
import { valuesOf } from './headers.ts'

/** Longest value of a field that an expression is run on, and that is made. */
const maxValue = 16_384

/** Status codes whose answers have no body. */
const isBodyless = (status: number): boolean => status === 204 || status === 205 || status === 304

export const setStatus: FilterMaker<'set-status'> = ({ status }) =>
  after(({ headers, body }) => {
    if (!isBodyless(status)) return new Reply(status, [...headers], body)
    if (isBodySource(body)) body.cancel('its answer has no body')
    return new Reply(status, [...headers], status === 205 ? '' : null)
  })

/** Values of a field, which keep their place; what is not among `kept` goes. */
function withValues(
  reply: Reply,
  lower: string,
  kept: (value: string, at: number) => boolean,
): Reply {
  const { headers } = reply
  const fields: string[] = []
  let count = 0
  for (let at = 0; at < headers.length; at += 2) {
    const [name, value] = [headers[at]!, headers[at + 1]!]
    if (name.toLowerCase() === lower && !kept(value, count++)) continue
    fields.push(name, value)
  }
  return new Reply(reply.status, fields, reply.body)
}

export const dedupe: FilterMaker<'dedupe-response-header'> = ({ names, keep }) =>
  after((reply) =>
    names.reduce((changed, lower) => {
      const values = valuesOf(changed.headers, lower)
      if (values.length < 2) return changed
      if (keep === 'unique')
        return withValues(changed, lower, (value, at) => values.indexOf(value) === at)
      const kept = keep === 'first' ? 0 : values.length - 1
      return withValues(changed, lower, (_, at) => at === kept)
    }, reply),
  )

/** What a value may not have, so that one field stays one. */
const isValue = (text: string): boolean =>
  text.length <= maxValue && /^[\t\x20-\x7e\x80-\xff]*$/.test(text)

export const rewriteHeader: FilterMaker<'rewrite-response-header'> = (settings) => {
  const { name, pattern, replacement } = settings
  const replace = replacer(RE2JS.compile(pattern), replacement, pattern, maxValue)
  return after((reply) => {
    if (fieldValue(reply.headers, name) === undefined) return reply
    const fields = reply.headers.map((text, at) => {
      if (at % 2 === 0 || reply.headers[at - 1]!.toLowerCase() !== name) return text
      if (text.length > maxValue) return text
      const made = replace(text)
      return made !== null && isValue(made) ? made : text
    })
    return new Reply(reply.status, fields, reply.body)
  })
}

/**
 * `http://object-service.prod.example/v2/some/object/id` becomes `http://api.example/some/object/id`: its host is the one
 * that the client asked for. A location of another scheme, or without a host and a path, is left alone.
 */
export const rewriteLocation: FilterMaker<'rewrite-location'> = (settings) => {
  const isProtocol = acceptorOf(settings.protocols)
  return after((reply, exchange) => {
    const location = reply.header(settings.header)
    const host = settings.host ?? exchange.transport.header('host')
    if (location === undefined || host === undefined || location.length > maxValue) return reply
    const [, scheme, path] =
      /^([a-z][a-z\d+.-]*):\/\/[^:/?#]+(?::\d+)?(\/[^]*)$/i.exec(location) ?? []
    if (scheme === undefined || path === undefined || !isProtocol(scheme)) return reply
    const rest = doesStrip(settings, exchange) ? path.replace(/^\/v\d+(?=\/)/, '') : path
    return copied(reply).setHeader(settings.header, `${scheme}://${host}${rest}`)
  })
}

const doesStrip = ({ stripVersion }: LocationFilter, { path }: Exchange): boolean =>
  stripVersion === 'always' || (stripVersion === 'as-in-request' && !/^\/v\d+\//.test(path))

export const secureHeaders: FilterMaker<'secure-headers'> = ({ headers }) => {
  const said = Object.entries({ ...secureDefaults, ...headers })
  return after((reply) => {
    const changed = copied(reply)
    for (const [name, value] of said)
      if (value !== null && changed.header(name) === undefined) changed.appendHeader(name, value)
    return changed
  })
}
