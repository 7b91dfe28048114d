import type { RolloutItem } from '../../admin/answers.ts'
import type { AdminClient } from '../../admin/client.ts'
import { problem } from '../../core/errors.ts'
import { isOver } from '../../core/rollout/rollout.ts'
import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import type { InstanceOptions } from './commands.ts'
import { printRollout, printRollouts } from './print-rollout.ts'
import { demand, report, withInstance } from './reach.ts'
import { followRollout } from './rollout-follow.ts'

/** `rollout status [ID]`: all that is known of one, or of those under way. */
export function rolloutStatus(
  options: InstanceOptions & { readonly id: string | null; readonly follow: boolean },
): Promise<number> {
  const { terminal, json, id, follow } = options
  return withInstance(options, async (client) => {
    if (id !== null && follow) return followRollout(client, id, options)
    const items =
      id === null
        ? (await allRollouts(client)).filter((item) => !isOver(item))
        : [(await demand(client.getRollout({ params: { id } }))).body]
    if (follow) {
      const [only, ...others] = items
      if (only !== undefined && others.length === 0) return followRollout(client, only.id, options)
      const names = items.map((item) => item.id).join(', ')
      const reason =
        only === undefined ? 'No rollout is under way.' : `Name one that is under way: ${names}.`
      report(options, problem('TURNOUT_USAGE', { reason }))
      return exitCodes.usage
    }
    if (json) for (const item of items) terminal.out(printEvent({ event: 'rollout', ...item }))
    else if (items.length === 0) terminal.out('no rollout is under way\n')
    else {
      const texts = items.map((item) => printRollout(item, Date.now(), terminal.paintOut))
      terminal.out(texts.join('\n'))
    }
    return exitCodes.ok
  })
}

/** `rollout list`: those under way first, then the newest. */
export function rolloutList(options: InstanceOptions): Promise<number> {
  const { terminal, json } = options
  return withInstance(options, async (client) => {
    const items = await allRollouts(client)
    if (json) for (const item of items) terminal.out(printEvent({ event: 'rollout', ...item }))
    else if (items.length === 0) terminal.out('no rollouts\n')
    else terminal.out(printRollouts(items, terminal.paintOut))
    return exitCodes.ok
  })
}

async function allRollouts(client: AdminClient): Promise<readonly RolloutItem[]> {
  const items: RolloutItem[] = []
  let after: string | undefined
  for (;;) {
    const { body } = await demand(client.listRollouts({ query: { limit: 1_000, after } }))
    items.push(...body.items)
    if (body.next === null) return items
    after = body.next
  }
}
