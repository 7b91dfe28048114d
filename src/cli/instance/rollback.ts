import type { AdminClient } from '../../admin/client.ts'
import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import type { ReasonOptions } from './commands.ts'
import { printPublished } from './print-changes.ts'
import { demand, withInstance } from './reach.ts'

/** `rollback [N]`: publishes an earlier table again; without a number, that before the current one. */
export function rollback(
  options: ReasonOptions & { readonly revision: number | null },
): Promise<number> {
  const { terminal, json, reason } = options
  return withInstance(options, async (client) => {
    const restores = options.revision ?? (await before(client))
    const params = { number: String(restores) }
    const { body } = await demand(client.rollBack({ params, query: { reason } }))
    const text = (): string =>
      printPublished(body, terminal.paintOut, `published, the table of revision ${restores}`)
    terminal.out(json ? printEvent({ event: 'rolled-back', restores, ...body }) : text())
    return exitCodes.ok
  })
}

/** Numbers are given one by one. Before revision 1 nothing was served, and there is no way back to that. */
async function before(client: AdminClient): Promise<number> {
  const { body } = await demand(client.status())
  return Math.max(0, body.revision - 1)
}
