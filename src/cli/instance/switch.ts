import type { PublishAnswer } from '../../admin/answers.ts'
import { plainLine } from '../../core/plain-text.ts'
import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import type { ReasonOptions } from './commands.ts'
import { demand, withInstance } from './reach.ts'

/** `enable` and `disable`: routes of any owner switched on or off, in one revision. */
export function switchRoutes(
  options: ReasonOptions & { readonly routes: readonly string[]; readonly enabled: boolean },
): Promise<number> {
  const { terminal, json, reason, routes, enabled } = options
  return withInstance(options, async (client) => {
    const word = enabled ? 'enable' : 'disable'
    const body = { [word]: routes, reason: `${word} ${routes.join(', ')}`.slice(0, 1_000) }
    const answer = await demand(client.change({ body, query: { reason } }))
    const { revision, isChanged } = answer.body as PublishAnswer
    if (json) {
      terminal.out(printEvent({ event: 'switched', routes, enabled, revision, isChanged }))
      return exitCodes.ok
    }
    const was = isChanged ? 'is' : 'was already'
    for (const route of routes)
      terminal.out(
        `${terminal.paintOut('green', '✓')} ${plainLine(route)} ${was} ${enabled ? 'on' : 'off'}, revision ${revision}\n`,
      )
    return exitCodes.ok
  })
}
