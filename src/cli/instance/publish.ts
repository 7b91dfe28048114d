import type { PublishAnswer } from '../../admin/answers.ts'
import type { Paint } from '../colour.ts'
import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import { readChangeSet } from './change-set.ts'
import type { PublishOptions } from './commands.ts'
import { printChanges } from './print-changes.ts'
import { demand, withInstance } from './reach.ts'

/** `publish`: everything that is named becomes one revision, or nothing does. */
export async function publish(options: PublishOptions): Promise<number> {
  const { terminal, json, reason, confirmWithin, wait, force } = options
  const read = await readChangeSet(options)
  if (typeof read === 'number') return read
  const { body, placeOf } = read
  const query = { reason, confirmWithin, wait, ...(force ? { force } : {}) }
  return withInstance(
    options,
    async (client) => {
      const answer = (await demand(client.change({ body, query }))).body as PublishAnswer
      if (json) {
        terminal.out(printEvent({ event: 'published', ...answer }))
        return exitCodes.ok
      }
      terminal.out(printPublished(answer, terminal.paintOut))
      if (confirmWithin !== undefined && answer.isChanged)
        terminal.out(
          `It is taken back in ${confirmWithin}, unless: turnout confirm ${answer.revision}\n`,
        )
      return exitCodes.ok
    },
    { placeOf },
  )
}

/** What became of a change: the revision that serves it, and what it did. */
export function printPublished(
  { revision, isChanged, changes }: PublishAnswer,
  paint: Paint,
  text = 'published',
): string {
  if (!isChanged) return `nothing to change; revision ${revision} serves it\n`
  const number = paint('bold', `revision ${revision}`)
  return `${paint('green', '✓')} ${number} ${text}\n${printChanges(changes, paint)}`
}
