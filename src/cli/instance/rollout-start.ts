import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import type { RolloutStartOptions } from './commands.ts'
import { printMoved, shellWord } from './print-rollout.ts'
import { demand, report, withInstance } from './reach.ts'
import { followRollout } from './rollout-follow.ts'
import { readRolloutInput } from './rollout-input.ts'

/** `rollout start`: a version beside the one in service, by a plan. */
export async function startRollout(options: RolloutStartOptions): Promise<number> {
  const { terminal, json, reason, subject, planFile, follow } = options
  const read = await readRolloutInput(subject, planFile, terminal)
  if (!read.ok) {
    for (const one of read.problems) report(options, one)
    return read.isUsage ? exitCodes.usage : exitCodes.failed
  }
  const { body, placeOf } = read
  return withInstance(
    options,
    async (client) => {
      const started = (await demand(client.startRollout({ body, query: { reason } }))).body
      if (follow) return followRollout(client, started.id, options)
      if (json) terminal.out(printEvent({ event: 'rollout', ...started }))
      else {
        terminal.out(printMoved(started, terminal.paintOut))
        terminal.out(`To look at it: turnout rollout status ${shellWord(started.id)} --follow\n`)
      }
      return exitCodes.ok
    },
    { placeOf },
  )
}
