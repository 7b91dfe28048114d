import type { PlanAnswer } from '../../admin/answers.ts'
import { plainLine } from '../../core/plain-text.ts'
import type { Paint } from '../colour.ts'
import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import { printProblem, printWarning } from '../print-problem.ts'
import { readChangeSet } from './change-set.ts'
import type { ChangeOptions } from './commands.ts'
import { printTableDiff } from './print-diff.ts'
import { demand, problemFrom, withInstance } from './reach.ts'

/** `plan`: what a publish would come to; exit code 1 when it would be refused. */
export async function plan(options: ChangeOptions): Promise<number> {
  const { terminal, json } = options
  const read = await readChangeSet(options)
  if (typeof read === 'number') return read
  const { body, placeOf } = read
  return withInstance(
    options,
    async (client) => {
      // A plan loses nothing of anybody's, so it needs no revision that was looked at.
      const answer = await demand(client.change({ body, query: { dryRun: true, force: true } }))
      const planned = answer.body as PlanAnswer
      if (json) terminal.out(printEvent({ event: 'plan', ...planned }))
      else {
        for (const one of planned.shadowed)
          terminal.err(printWarning(problemFrom(one), terminal.paintErr))
        for (const one of planned.problems)
          terminal.err(printProblem(problemFrom(one, placeOf), terminal.paintErr))
        terminal.out(printPlan(planned, terminal.paintOut))
      }
      return planned.isAccepted ? exitCodes.ok : exitCodes.failed
    },
    { placeOf },
  )
}

/** The diff, what loads and retires, and the verdict. */
export function printPlan(planned: PlanAnswer, paint: Paint): string {
  const { base, isAccepted, changes, loads, retires } = planned
  const diff = printTableDiff(changes, paint)
  const row = (name: string, text: string): string =>
    `${paint('dim', name.padEnd(7))}  ${plainLine(text)}\n`
  const more = [
    ...loads.map(({ module, version, digest }) =>
      row('loads', `${module} ${version} (${digest.slice(0, 12)})`),
    ),
    ...retires.map(({ module, version }) => row('retires', `${module} ${version}`)),
  ].join('')
  const verdict = isAccepted
    ? diff === ''
      ? `nothing would change; planned on revision ${base}`
      : `${paint('green', '✓')} accepted on revision ${base}; to publish it: turnout publish ... --based-on ${base}`
    : `${paint('red', '✗')} refused; planned on revision ${base}`
  const parts = [diff, more, `${verdict}\n`].filter((part) => part !== '')
  return parts.join('\n')
}
