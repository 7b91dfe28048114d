import { createHash } from 'node:crypto'
import {
  fullBucket,
  takeToken,
  type Rate,
  type TokenBucket,
} from '../../core/protect/token-bucket.ts'
import type { HashKey } from '../../core/route/upstream.ts'
import { codeReply } from '../problem-reply.ts'
import { hashKeyOf } from '../upstream/hash-key.ts'
import { before, type FilterMaker } from './filter.ts'
import { RecentMap } from './recent-map.ts'

/** More clients than that, or half as many others in between, and one is taken for new. */
const maxBuckets = 100_000

/** What a client writes may be long, and would be kept: of that, a digest. */
function bucketName(kind: HashKey['kind'], who: string | null): string {
  if (who === null || kind === 'client') return who ?? ''
  return createHash('sha256').update(who).digest('base64')
}

export const rateLimit: FilterMaker<'rate-limit'> = (settings, place) => {
  const { key, perSecond, burst, status, emptyStatus } = settings
  const rate: Rate = { perSecond, burst }
  const buckets = place.stateOf(() => new RecentMap<TokenBucket>(maxBuckets))
  return (next) => (exchange) => {
    // A copy is nobody's request: it takes no token, and is not refused for want of one.
    if (exchange.mirrored) return next(exchange)
    const said = key === null ? '' : hashKeyOf(key, exchange.transport)
    if (emptyStatus !== undefined && key !== null && (said ?? '') === '')
      return codeReply('TURNOUT_RATE_KEY_MISSING', {}, [], emptyStatus)
    const who = key === null ? '' : bucketName(key.kind, said)
    const now = performance.now()
    const taken = takeToken(rate, buckets.get(who) ?? fullBucket(rate, now), now)
    buckets.set(who, taken.bucket)
    if (taken.ok) return next(exchange)
    const seconds = Math.max(1, Math.ceil(taken.waitMs / 1000))
    const retryAfter = ['retry-after', String(seconds)]
    return codeReply('TURNOUT_TOO_MANY_REQUESTS', { rate: perSecond }, retryAfter, status)
  }
}

export const bodyLimit: FilterMaker<'body-limit'> = ({ bytes }) => {
  return (next) => (exchange) => {
    const length = exchange.transport.bodyLength()
    if (length !== null && length > bytes)
      return codeReply('TURNOUT_BODY_TOO_LARGE', { limit: bytes }, ['connection', 'close'])
    const outbound = exchange.outbound!
    outbound.maxBody = Math.min(bytes, outbound.maxBody ?? Infinity)
    return next(exchange)
  }
}

export const timeout: FilterMaker<'timeout'> = ({ connectMs, headersMs, idleMs, totalMs }) =>
  before(({ outbound }) => {
    outbound!.timeouts = {
      ...outbound!.timeouts,
      // Tables that were stored before it could be said do not say it.
      ...(typeof connectMs === 'number' && { connectMs }),
      ...(headersMs !== null && { headersMs }),
      ...(idleMs !== null && { idleMs }),
      ...(totalMs !== null && { totalMs }),
    }
  })

/** Whether one field, with all of its values, is larger. A name counts once for each time it is sent. */
function hasLarger(headers: readonly string[], bytes: number): boolean {
  let all = 0
  for (const text of headers) all += text.length
  if (all <= bytes) return false
  const sizes = new Map<string, number>()
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase()
    const size = (sizes.get(name) ?? 0) + name.length + headers[at + 1]!.length
    if (size > bytes) return true
    sizes.set(name, size)
  }
  return false
}

export const headerLimit: FilterMaker<'header-limit'> = ({ bytes, errorHeader }) =>
  before(({ transport }) => {
    if (!hasLarger(transport.headers(), bytes)) return undefined
    const told = errorHeader === null ? [] : [errorHeader, `a field is larger than ${bytes} bytes`]
    return codeReply('TURNOUT_FIELD_TOO_LARGE', { limit: bytes }, told)
  })
