import { fullBucket, takeToken, type Rate, type TokenBucket } from '../core/protect/token-bucket.ts'
import { retryAfter } from './authenticate.ts'
import { refusal } from './refusal.ts'

/** Changes of tokens: how many per second, and how many at once. */
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

export function createChangeGate(rate: Rate, most: number): ChangeGate {
  const buckets = new Map<string, TokenBucket>()
  let waiting = 0
  return {
    enter: (token, now) => {
      const taken = takeToken(rate, buckets.get(token) ?? fullBucket(rate, now), now)
      buckets.delete(token)
      buckets.set(token, taken.bucket)
      if (buckets.size > maxBuckets) buckets.delete(buckets.keys().next().value!)
      if (!taken.ok)
        throw refusal('TURNOUT_RATE_LIMITED', { rate: rate.perSecond }, retryAfter(taken.waitMs))
      if (waiting >= most) throw refusal('TURNOUT_CHANGES_WAITING', { most }, retryAfter(1_000))
      waiting += 1
      return () => {
        waiting -= 1
      }
    },
  }
}
