import type { TurnoutError } from '../core/errors.ts'
import { fullBucket, takeToken, type Rate, type TokenBucket } from '../core/protect/token-bucket.ts'
import { retryAfter } from './authenticate.ts'
import { refusal } from './refusal.ts'

/** Changes, of each token and of all: how many per second, and how many at once. */
export interface ChangeGate {
  /**
   * Lets one change of a token in, or not; returns what gives its place back.
   *
   * @throws TurnoutError TURNOUT_RATE_LIMITED or TURNOUT_CHANGES_WAITING, with Retry-After
   */
  enter(token: string, now: number): () => void
}

// More than there can be tokens.
const maxBuckets = 2_000

export interface ChangeRates {
  /** Of one token. */
  readonly changes: Rate
  /** Of all tokens together. */
  readonly allChanges: Rate
  /** Changes that may be under way at once. */
  readonly waiting: number
}

export function createChangeGate({ changes, allChanges, waiting: most }: ChangeRates): ChangeGate {
  const buckets = new Map<string, TokenBucket>()
  let all: TokenBucket | null = null
  let waiting = 0
  // Made once: in a storm of changes most of the work would be the stacks of these errors.
  const limits = new Map<string, TurnoutError>()
  const limited = (whose: string, { perSecond }: Rate, waitMs: number): TurnoutError => {
    const headers = retryAfter(waitMs)
    const key = `${whose} ${headers['retry-after']}`
    const error =
      limits.get(key) ?? refusal('TURNOUT_RATE_LIMITED', { whose, rate: perSecond }, headers)
    limits.set(key, error)
    return error
  }
  return {
    enter: (token, now) => {
      if (waiting >= most) throw refusal('TURNOUT_CHANGES_WAITING', { most }, retryAfter(1_000))
      const own = takeToken(changes, buckets.get(token) ?? fullBucket(changes, now), now)
      if (!own.ok) throw limited('One token', changes, own.waitMs)
      const shared = takeToken(allChanges, all ?? fullBucket(allChanges, now), now)
      if (!shared.ok) throw limited('All tokens together', allChanges, shared.waitMs)
      all = shared.bucket
      buckets.delete(token)
      buckets.set(token, own.bucket)
      if (buckets.size > maxBuckets) buckets.delete(buckets.keys().next().value!)
      waiting += 1
      return () => {
        waiting -= 1
      }
    },
  }
}
