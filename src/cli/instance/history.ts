import type { RevisionRow } from '../../admin/answers.ts'
import type { AdminClient } from '../../admin/client.ts'
import { plainLine } from '../../core/plain-text.ts'
import { alignRow, columnWidths, cut } from '../align.ts'
import type { Paint, Style } from '../colour.ts'
import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import type { InstanceOptions } from './commands.ts'
import { changesLine } from './print-changes.ts'
import { demand, withInstance } from './reach.ts'

/** `history`: newest first, with what was refused. */
export function history(options: InstanceOptions & { readonly limit: number }): Promise<number> {
  const { terminal, json, limit } = options
  return withInstance(options, async (client) => {
    const rows = await newestRows(client, limit)
    if (json) for (const row of rows) terminal.out(printEvent({ event: 'revision', ...row }))
    else terminal.out(printHistory(rows, terminal.paintOut))
    return exitCodes.ok
  })
}

async function newestRows(client: AdminClient, limit: number): Promise<readonly RevisionRow[]> {
  const rows: RevisionRow[] = []
  let after: string | undefined
  while (rows.length < limit) {
    const size = Math.min(1_000, limit - rows.length)
    const { body } = await demand(client.listRevisions({ query: { limit: size, after } }))
    rows.push(...body.items)
    if (body.next === null) break
    after = body.next
  }
  return rows
}

const heads = ['REVISION', 'STATE', 'TIME', 'AUTHOR', 'REASON', 'RESULT'] as const
const stateStyles: Partial<Readonly<Record<RevisionRow['state'], Style>>> = {
  current: 'green',
  rejected: 'red',
  'rolled-back': 'yellow',
}

/** The history as a table. */
export function printHistory(rows: readonly RevisionRow[], paint: Paint): string {
  const cells = rows.map((row) =>
    [
      row.number === null ? '-' : String(row.number),
      row.state,
      // Whole seconds, UTC.
      row.at.replace('T', ' ').replace(/\.\d+Z$/, 'Z'),
      row.author,
      cut(row.reason, 40),
      resultOf(row),
    ].map(plainLine),
  )
  const widths = columnWidths([heads, ...cells])
  const dim = heads.map((): Style => 'dim')
  const lines = cells.map((row, at) =>
    alignRow(row, widths, ['bold', stateStyles[rows[at]!.state], 'dim'], paint),
  )
  return [alignRow(heads, widths, dim, paint), ...lines].map((line) => `${line}\n`).join('')
}

/** What became of it: what it changed, whose table it is, how its confirmation stands, or why it was refused. */
function resultOf(row: RevisionRow): string {
  const [first, ...others] = row.problems
  if (first !== undefined) {
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`
    return `${first.code} ${first.detail}${more}`
  }
  const { confirmation, confirmBy, restores, takesBack, changes } = row
  const confirmed =
    confirmation === 'waiting'
      ? `waits for \`turnout confirm\` until ${(confirmBy ?? '').replace(/^.*T|\.\d+Z$/g, '')}Z`
      : (confirmation ?? '')
  return [
    restores === null ? '' : `back to ${restores}`,
    takesBack === null ? '' : `takes back ${takesBack}`,
    confirmed,
    changesLine(changes),
  ]
    .filter((part) => part !== '')
    .join('; ')
}
