import { TurnoutError } from './core/errors.ts'
import type { Rollouts } from './control/rollouts.ts'

const unknown = (id: string): Promise<never> =>
  Promise.reject(new TurnoutError('TURNOUT_ROLLOUT_UNKNOWN', { id }))

/** Of an instance that rolls nothing out. */
export const noRollouts: Rollouts = {
  list: () => [],
  find: () => null,
  measurements: () => [],
  start: () =>
    Promise.reject(
      new TurnoutError('TURNOUT_ROLLOUT_SUBJECT', {
        subject: 'It',
        reason: 'this instance rolls nothing out',
      }),
    ),
  pause: unknown,
  resume: unknown,
  promote: unknown,
  abort: unknown,
  versions: () => [],
}
