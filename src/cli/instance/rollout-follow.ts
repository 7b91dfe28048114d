import type { RolloutItem } from '../../admin/answers.ts'
import type { AdminClient } from '../../admin/client.ts'
import { isOver } from '../../core/rollout/rollout.ts'
import { plainLine } from '../../core/plain-text.ts'
import { exitCodes, type Terminal } from '../commands.ts'
import { onSignals } from '../drill/on-signals.ts'
import { printEvent } from '../print-json.ts'
import type { InstanceOptions } from './commands.ts'
import { printRollout, printRolloutEnd, printRolloutLine, shellWord } from './print-rollout.ts'
import { watchRollout } from './rollout-watch.ts'

/** Shows a rollout until it is over; exit code 0 when it was promoted. Told to end, it leaves the rollout running. */
export async function followRollout(
  client: AdminClient,
  id: string,
  options: InstanceOptions,
): Promise<number> {
  const { terminal, json } = options
  const { signal, release } = onSignals()
  const show = json ? jsonView(terminal) : terminal.isTerminal ? redrawn(terminal) : lines(terminal)
  let last: RolloutItem | null = null
  try {
    for await (const item of watchRollout(client, id, signal)) {
      show(item)
      last = item
    }
  } finally {
    release()
  }
  if (last !== null && isOver(last)) {
    if (!json) terminal.out(printRolloutEnd(last, terminal.paintOut))
    return last.status === 'promoted' ? exitCodes.ok : exitCodes.failed
  }
  if (!signal.aborted) {
    if (!json) terminal.out(`${plainLine(id)}: another rollout of it began\n`)
    return exitCodes.failed
  }
  if (json) terminal.out(printEvent({ event: 'rollout-left', id }))
  else
    terminal.out(
      `The rollout of ${plainLine(id)} goes on. To look again: turnout rollout status ${shellWord(id)} --follow\n`,
    )
  return exitCodes.interrupted
}

type Show = (item: RolloutItem) => void

/** One object a line, whenever something is another. */
function jsonView({ out }: Terminal): Show {
  let before = ''
  return (item) => {
    const line = printEvent({ event: 'rollout', ...item })
    if (line !== before) out(line)
    before = line
  }
}

/** A line whenever it moves or is judged otherwise: figures alone change all the time. */
function lines({ out, paintOut }: Terminal): Show {
  let before = ''
  return (item) => {
    const { status, step, weight, cohort, reason, judgements } = item
    const verdicts = judgements.map(({ condition, verdict }) => [condition, verdict])
    const now = JSON.stringify([status, step, weight, cohort, reason, verdicts])
    if (now !== before) out(printRolloutLine(item, Date.now(), paintOut))
    before = now
  }
}

/** Written anew in its place. Long lines are cut by the terminal: wrapped, nobody knew how many there are. */
function redrawn({ out, paintOut }: Terminal): Show {
  let height = 0
  return (item) => {
    const text = printRollout(item, Date.now(), paintOut)
    const back = height === 0 ? '' : `\u001B[${height}A\u001B[0J`
    out(`${back}\u001B[?7l${text}\u001B[?7h`)
    height = text.split('\n').length - 1
  }
}
