import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import type { InstanceOptions } from './commands.ts'
import { printTableDiff } from './print-diff.ts'
import { demand, withInstance } from './reach.ts'

/** `diff A B`: how the table of one revision becomes that of another. */
export function diff(
  options: InstanceOptions & { readonly from: number; readonly to: number },
): Promise<number> {
  const { terminal, json, from, to } = options
  return withInstance(options, async (client) => {
    const params = { from: String(from), to: String(to) }
    const { body } = await demand(client.diffRevisions({ params }))
    const text = (): string =>
      printTableDiff(body, terminal.paintOut) || `revisions ${from} and ${to} are alike\n`
    terminal.out(json ? printEvent({ event: 'diff', from, to, ...body }) : text())
    return exitCodes.ok
  })
}
