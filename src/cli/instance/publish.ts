import type { PublishAnswer } from '../../admin/answers.ts'
import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import { readChangeSet } from './change-set.ts'
import type { PublishOptions } from './commands.ts'
import { printPublished } from './print-changes.ts'
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
