import { setTimeout as sleep } from 'node:timers/promises'
import { TurnoutError } from '../../core/errors.ts'
import { RefusedError } from '../instance/reach.ts'

const waitsMs = [250, 500, 1_000, 2_000, 4_000]

/** Does again, a few times, what failed because the instance did not answer or had too much to do. */
export async function persist<Result>(attempt: () => Promise<Result>): Promise<Result> {
  for (const waitMs of waitsMs) {
    try {
      return await attempt()
    } catch (error) {
      if (!isPassing(error)) throw error
      await sleep(waitMs)
    }
  }
  return attempt()
}

const isPassing = (error: unknown): boolean =>
  error instanceof RefusedError
    ? error.refused.status === 429 || error.refused.status === 503
    : error instanceof TurnoutError && error.code === 'TURNOUT_ADMIN_UNREACHABLE'
