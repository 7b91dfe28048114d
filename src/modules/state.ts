import { TurnoutError } from '../core/errors.ts'

/** A state that is there now, as `create` and `migrate` must give it; throws TURNOUT_STATE_ASYNC for a promise. */
export function synchronous(state: unknown): unknown {
  if (!(state instanceof Promise)) return state
  state.catch(() => undefined)
  throw new TurnoutError('TURNOUT_STATE_ASYNC')
}
