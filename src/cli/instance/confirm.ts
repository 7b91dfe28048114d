import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import type { ReasonOptions } from './commands.ts'
import { demand, withInstance } from './reach.ts'

/** `confirm N`: keeps a revision that would be taken back. */
export function confirm(options: ReasonOptions & { readonly revision: number }): Promise<number> {
  const { terminal, json, reason, revision } = options
  return withInstance(options, async (client) => {
    await demand(client.confirm({ params: { number: String(revision) }, query: { reason } }))
    const text = (): string => `${terminal.paintOut('green', '✓')} revision ${revision} stays\n`
    terminal.out(json ? printEvent({ event: 'confirmed', revision }) : text())
    return exitCodes.ok
  })
}
