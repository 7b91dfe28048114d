import { cacheDirectives, secondsOf } from '../../core/http/cache-control.ts'
import { fieldValue, joinedValue } from '../../core/http/fields.ts'
import { isEventStream } from '../observe/event-stream.ts'
import type { Reply } from '../reply.ts'

const cacheable: ReadonlySet<number> = new Set([200, 206, 301])
/** Fields by which an answer may vary. */
const maxVary = 16

export interface Terms {
  readonly vary: readonly string[]
  readonly bornAt: number
  readonly until: number
}

/** For how long an answer may be kept, and for whom; null: not at all. */
export function termsOf(
  reply: Reply,
  isShared: boolean,
  timeToLiveMs: number,
  now: number,
): Terms | null {
  const { status, headers } = reply
  if (!cacheable.has(status) || isEventStream(headers)) return null
  if (fieldValue(headers, 'set-cookie') !== undefined) return null
  const said = cacheDirectives(joinedValue(headers, 'cache-control'))
  if (['no-store', 'no-cache', 'private'].some((name) => said.has(name))) return null
  // RFC 9111 section 3.5: what one client was let in for is for others only where the answer says so.
  const isPublic = ['public', 's-maxage', 'must-revalidate'].some((name) => said.has(name))
  if (!isShared && !isPublic) return null
  const vary = (joinedValue(headers, 'vary') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
  if (vary.includes('*') || vary.length > maxVary) return null
  const ageMs = Number(/^\d{1,10}$/.exec(fieldValue(headers, 'age') ?? '0')?.[0] ?? 0) * 1000
  const seconds =
    secondsOf(said, 's-maxage') ?? secondsOf(said, 'max-age') ?? expirySeconds(headers)
  const lifeMs = Math.min(timeToLiveMs, seconds === null ? Infinity : seconds * 1000 - ageMs)
  if (lifeMs <= 0) return null
  return { vary: [...new Set(vary)].sort(), bornAt: now - ageMs, until: now + lifeMs }
}

/** From `Date` to `Expires`; one that is no date has passed. */
function expirySeconds(headers: readonly string[]): number | null {
  const text = fieldValue(headers, 'expires')
  if (text === undefined) return null
  const from = Date.parse(fieldValue(headers, 'date') ?? '')
  const left = Date.parse(text) - (Number.isNaN(from) ? Date.now() : from)
  return Number.isNaN(left) ? 0 : Math.max(0, left / 1000)
}
