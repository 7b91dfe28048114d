import { Reply } from '../reply.ts'
import type { Exchange } from '../exchange.ts'
import type { FilterMaker } from './filter.ts'

/**
 * The CORS protocol of the Fetch standard (section 3.2). A preflight is answered here; an origin that is not allowed gets
 * the answer without the fields that would let a page read it.
 */
export const cors: FilterMaker<'cors'> = (settings) => {
  const { origins, methods, headers, exposed, credentials, maxAgeSeconds } = settings
  const isAny = origins.includes('*')
  const known = new Set(origins)

  const allowed = (origin: string): string[] => {
    if (!isAny && !known.has(origin)) return []
    const named = isAny && !credentials ? '*' : origin
    return [
      'access-control-allow-origin',
      named,
      ...(credentials ? ['access-control-allow-credentials', 'true'] : []),
    ]
  }
  const preflight = (exchange: Exchange, origin: string): Reply => {
    const own = allowed(origin)
    const vary = ['vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers']
    if (own.length === 0) return new Reply(403, vary, '')
    const asked = exchange.transport.header('access-control-request-headers')
    const names = headers.includes('*') ? (asked ?? '') : headers.join(', ')
    return new Reply(
      204,
      [
        ...own,
        ...vary,
        'access-control-allow-methods',
        methods.join(', '),
        ...(names === '' ? [] : ['access-control-allow-headers', names]),
        'access-control-max-age',
        String(maxAgeSeconds),
      ],
      null,
    )
  }
  const readable = ({ status, headers, body }: Reply, origin: string): Reply => {
    const kept: string[] = []
    // One word on who may read it: ours.
    for (let at = 0; at < headers.length; at += 2)
      if (!headers[at]!.toLowerCase().startsWith('access-control-'))
        kept.push(headers[at]!, headers[at + 1]!)
    const expose = exposed.length > 0 ? ['access-control-expose-headers', exposed.join(', ')] : []
    return new Reply(status, [...kept, ...allowed(origin), ...expose, 'vary', 'Origin'], body)
  }
  return (next) => (exchange) => {
    const { transport, method } = exchange
    const origin = transport.header('origin')
    if (origin === undefined) return next(exchange)
    const isPreflight =
      method === 'OPTIONS' && transport.header('access-control-request-method') !== undefined
    if (isPreflight) return preflight(exchange, origin)
    const reply = next(exchange)
    return reply instanceof Promise
      ? reply.then((late) => readable(late, origin))
      : readable(reply, origin)
  }
}
