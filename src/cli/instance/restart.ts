import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import type { ReasonOptions } from './commands.ts'
import { demand, withInstance } from './reach.ts'

/** `restart`: replaces the worker processes one after the other. */
export function restart(options: ReasonOptions): Promise<number> {
  const { terminal, json, reason } = options
  return withInstance(options, async (client) => {
    const { body } = await demand(client.restartWorkers({ query: { reason } }))
    const serving = body.items.filter(({ state }) => state === 'serving')
    if (json) terminal.out(printEvent({ event: 'restarted', workers: serving }))
    else if (serving.length === 0)
      terminal.out('no worker processes: one process does everything\n')
    else
      for (const { worker, pid, revision } of serving)
        terminal.out(
          `${terminal.paintOut('green', '✓')} worker ${worker} is process ${pid}, revision ${revision}\n`,
        )
    return exitCodes.ok
  })
}
