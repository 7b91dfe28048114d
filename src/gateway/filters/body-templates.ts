import type { ErrorCode } from '../../core/errors.ts'
import { fieldValue, withoutField } from '../../core/http/fields.ts'
import type { Exchange } from '../exchange.ts'
import { codeReply } from '../problem-reply.ts'
import { Reply, handled } from '../reply.ts'
import { fillBody, readsBody, type BodyFill } from './fill-body.ts'
import type { FilterMaker } from './filter.ts'
import { wholeAnswer, wholeRequest, type Whole } from './whole-body.ts'

/** Fields of a body that is not sent any more. */
const ofBody: ReadonlySet<string> = new Set([
  'accept-ranges',
  'content-digest',
  'content-encoding',
  'content-length',
  'content-md5',
  'content-range',
  'content-type',
  'digest',
  'etag',
  'repr-digest',
])

/** Methods whose requests have no body that means something (RFC 9110 section 9.3). */
const bodyless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT'])

const withType = (headers: readonly string[], type: string): string[] => {
  const kept = headers.filter((_, at) => !ofBody.has(headers[at - (at % 2)]!.toLowerCase()))
  return [...kept, 'content-type', type]
}

/** The body that a template makes, or the answer that says why it cannot. */
function made(
  fill: BodyFill,
  exchange: Exchange,
  read: Whole | null,
  code: Extract<ErrorCode, 'TURNOUT_TEMPLATE_REQUEST' | 'TURNOUT_TEMPLATE_ANSWER'>,
): Uint8Array | Reply {
  if (read === 'broken') return codeReply(code, { reason: 'its body broke off' })
  if (read === 'long') return codeReply(code, { reason: 'its body is too long' })
  const text = fill(exchange, read)
  return 'reason' in text ? codeReply(code, { reason: text.reason }) : Buffer.from(text.body)
}

/** The upstream is sent a body of the route's own. */
export const requestTemplate: FilterMaker<'request-template'> = (settings) => {
  const { contentType, maxBytes } = settings
  const fill = fillBody(settings)
  const isRead = readsBody(settings)
  return (next) => {
    const go = (exchange: Exchange, read: Whole | null): ReturnType<typeof next> => {
      // Nothing may be left of a connection whose body was not read to its end.
      if (read === 'long')
        return codeReply('TURNOUT_BODY_TOO_LARGE', { limit: maxBytes }, ['connection', 'close'])
      const body = made(fill, exchange, read, 'TURNOUT_TEMPLATE_REQUEST')
      if (body instanceof Reply) return body
      const outbound = exchange.outbound!
      outbound.headers = withType(outbound.headers, contentType)
      outbound.body = body
      return next(exchange)
    }
    return (exchange) => {
      const { transport, method, outbound } = exchange
      if (bodyless.has(method)) return next(exchange)
      if (outbound!.body !== null) return go(exchange, isRead ? outbound!.body : null)
      if (isRead && isEncoded(outbound!.headers))
        return codeReply('TURNOUT_TEMPLATE_REQUEST', { reason: 'its body is encoded' })
      const length = transport.bodyLength()
      if (length === 0) return go(exchange, null)
      if (length !== null && length > maxBytes) return go(exchange, 'long')
      // One that the template does not ask for is read away all the same: nobody else will.
      return wholeRequest(exchange, maxBytes).then((read) =>
        go(exchange, isRead || typeof read === 'string' ? read : null),
      )
    }
  }
}

/** The client is sent a body of the route's own. */
export const responseTemplate: FilterMaker<'response-template'> = (settings) => {
  const { contentType, maxBytes, when } = settings
  const fill = fillBody(settings)
  const isRead = readsBody(settings)
  const isMeant = (status: number): boolean =>
    status < 300 ? when !== 'error' : status >= 400 && when !== 'success'

  const changed = (reply: Reply, exchange: Exchange): Reply | Promise<Reply> => {
    const { status, headers } = reply
    if (reply === handled || status === 204 || !isMeant(status)) return reply
    if (exchange.method === 'HEAD') return new Reply(status, withType(headers, contentType), null)
    if (isRead && isEncoded(headers)) {
      cancel(reply)
      return codeReply('TURNOUT_TEMPLATE_ANSWER', { reason: 'its body is encoded' })
    }
    const finish = (read: Whole | null): Reply => {
      const body = made(fill, exchange, read, 'TURNOUT_TEMPLATE_ANSWER')
      return body instanceof Reply ? body : new Reply(status, withType(headers, contentType), body)
    }
    if (!isRead) {
      cancel(reply)
      return finish(null)
    }
    const read = wholeAnswer(reply, maxBytes)
    return read instanceof Promise ? read.then(finish) : finish(read)
  }

  return (next) => (exchange) => {
    const outbound = exchange.outbound!
    // A part, or what only this client can decode, cannot be put into a template.
    const { headers } = outbound
    if (isRead || headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'range')) {
      outbound.headers = ['range', 'if-range', 'accept-encoding'].reduce(withoutField, headers)
      outbound.headers.push('accept-encoding', 'identity')
    }
    const reply = next(exchange)
    return reply instanceof Promise
      ? reply.then((late) => changed(late, exchange))
      : changed(reply, exchange)
  }
}

const isEncoded = (headers: readonly string[]): boolean =>
  (fieldValue(headers, 'content-encoding') ?? 'identity').toLowerCase() !== 'identity'

function cancel({ body }: Reply): void {
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) return
  if ('flow' in body) body.cancel('its body is not needed')
  else
    body[Symbol.asyncIterator]()
      .return?.()
      .catch(() => undefined)
}
