import type { RetryFilter } from '../route/filter.ts'

export type BackoffSettings = Pick<
  RetryFilter,
  'firstBackoffMs' | 'maxBackoffMs' | 'factor' | 'jitter'
>

/**
 * Milliseconds before a repeat (the first is 1): `firstBackoffMs` times `factor` for each one before, at most
 * `maxBackoffMs`; the part `jitter` of it is drawn by chance, so that those that failed together do not come back
 * together.
 */
export function backoffMs(settings: BackoffSettings, repeat: number, random: () => number): number {
  const { firstBackoffMs, maxBackoffMs, factor, jitter } = settings
  if (firstBackoffMs <= 0) return 0
  const full = Math.min(maxBackoffMs, firstBackoffMs * factor ** (repeat - 1))
  return full * (1 - jitter) + full * jitter * random()
}
