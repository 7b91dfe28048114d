import { withVary } from '../../core/http/fields.ts'
import type { CorsFilter } from '../../core/route/filter.ts'
import type { Exchange } from '../exchange.ts'
import { Reply } from '../reply.ts'
import { after, type FilterMaker } from './filter.ts'

const preflightVary = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'

/**
 * The CORS protocol of the Fetch standard (section 3.2). A preflight is answered here; an origin that is not allowed gets
 * the answer without the fields that would let a page read it. Credentials are for origins that are named: of `*` the
 * standard does not allow them, and an answer that repeats whatever origin asks would give them to everybody.
 */
export const cors: FilterMaker<'cors'> = (settings) => {
  const isAny = settings.origins.includes('*')
  const known = new Set(settings.origins)

  const allowed = (origin: string | undefined): string[] => {
    if (isAny) return ['access-control-allow-origin', '*']
    if (origin === undefined || !known.has(origin)) return []
    const fields = ['access-control-allow-origin', origin]
    if (settings.credentials) fields.push('access-control-allow-credentials', 'true')
    return fields
  }
  const expose =
    settings.exposed.length > 0
      ? ['access-control-expose-headers', settings.exposed.join(', ')]
      : []

  const readable = ({ status, headers, body }: Reply, { transport }: Exchange): Reply => {
    const own = allowed(transport.header('origin'))
    // One word on who may read it: ours.
    const kept = fieldsWhere(headers, (name) => !name.startsWith('access-control-'))
    // What does not depend on who asks may be kept for all; everything else may not, of no origin neither.
    const fields = isAny ? kept : withVary(kept, 'Origin')
    return new Reply(status, [...fields, ...own, ...(own.length > 0 ? expose : [])], body)
  }
  const read = after(readable)

  return (next) => {
    const goOn = read(next)
    return (exchange) =>
      isPreflight(exchange)
        ? preflightReply(settings, allowed(exchange.transport.header('origin')), exchange)
        : goOn(exchange)
  }
}

const isPreflight = ({ method, transport }: Exchange): boolean =>
  method === 'OPTIONS' &&
  transport.header('origin') !== undefined &&
  transport.header('access-control-request-method') !== undefined

function preflightReply(settings: CorsFilter, own: string[], { transport }: Exchange): Reply {
  const vary = ['vary', preflightVary]
  if (own.length === 0) return new Reply(403, vary, '')
  // `*` does not hold with credentials, nor for Authorization: what is asked for is repeated.
  const listed = (names: readonly string[], asked: string): string =>
    names.includes('*') ? (transport.header(asked) ?? '') : names.join(', ')
  const methods = listed(settings.methods, 'access-control-request-method')
  const names = listed(settings.headers, 'access-control-request-headers')
  return new Reply(
    204,
    [
      ...own,
      ...vary,
      ...(methods === '' ? [] : ['access-control-allow-methods', methods]),
      ...(names === '' ? [] : ['access-control-allow-headers', names]),
      'access-control-max-age',
      String(settings.maxAgeSeconds),
    ],
    null,
  )
}

const fieldsWhere = (headers: readonly string[], isKept: (name: string) => boolean): string[] =>
  headers.filter((_, at) => isKept(headers[at - (at % 2)]!.toLowerCase()))
