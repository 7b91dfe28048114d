import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import type { ReasonOptions, RolloutMove } from './commands.ts'
import { printMoved } from './print-rollout.ts'
import { demand, withInstance } from './reach.ts'

/** `rollout pause|resume|promote|abort ID`. */
export function moveRollout(
  options: ReasonOptions & { readonly id: string; readonly move: RolloutMove },
): Promise<number> {
  const { terminal, json, reason, id, move } = options
  return withInstance(options, async (client) => {
    const input = { params: { id }, query: { reason } }
    const asked = {
      pause: client.pauseRollout,
      resume: client.resumeRollout,
      promote: client.promoteRollout,
      abort: client.abortRollout,
    }[move]
    const { body } = await demand(asked(input))
    if (json) terminal.out(printEvent({ event: 'rollout', ...body }))
    else terminal.out(printMoved(body, terminal.paintOut))
    return exitCodes.ok
  })
}
