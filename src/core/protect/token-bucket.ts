/** How much is let through: so many per second, and so many at once after a pause. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/** What is left of a rate at an instant. A state machine that takes `now`; plain data. */
export interface TokenBucket {
  readonly left: number
  /** Milliseconds. */
  readonly at: number
}

/** Whether one more is let through; if not, how long until it would be. */
export type Taken =
  | { readonly ok: true; readonly bucket: TokenBucket }
  | { readonly ok: false; readonly bucket: TokenBucket; readonly waitMs: number }

export function fullBucket({ burst }: Rate, now: number): TokenBucket {
  return { left: burst, at: now }
}

/** Takes one. A clock that went back gives nothing and takes nothing. */
export function takeToken({ perSecond, burst }: Rate, bucket: TokenBucket, now: number): Taken {
  const passed = Math.max(0, now - bucket.at)
  const left = Math.min(burst, bucket.left + (passed * perSecond) / 1000)
  if (left >= 1) return { ok: true, bucket: { left: left - 1, at: now } }
  return { ok: false, bucket: { left, at: now }, waitMs: ((1 - left) * 1000) / perSecond }
}
