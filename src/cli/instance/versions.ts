import type { VersionItem } from '../../admin/answers.ts'
import type { AdminClient } from '../../admin/client.ts'
import { plainLine } from '../../core/plain-text.ts'
import { alignTable } from '../align.ts'
import type { Paint } from '../colour.ts'
import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import type { InstanceOptions } from './commands.ts'
import { msText, percentText } from './print-figures.ts'
import { demand, withInstance } from './reach.ts'

/** `versions`: those that are live, and what is seen of them. */
export function versions(options: InstanceOptions): Promise<number> {
  const { terminal, json } = options
  return withInstance(options, async (client) => {
    const rows = await allVersions(client)
    if (json) for (const row of rows) terminal.out(printEvent({ event: 'version', ...row }))
    else if (rows.length === 0) terminal.out('no versions\n')
    else terminal.out(printVersions(rows, terminal.paintOut))
    return exitCodes.ok
  })
}

async function allVersions(client: AdminClient): Promise<readonly VersionItem[]> {
  const rows: VersionItem[] = []
  let after: string | undefined
  for (;;) {
    const { body } = await demand(client.listVersions({ query: { limit: 1_000, after } }))
    rows.push(...body.items)
    if (body.next === null) return rows
    after = body.next
  }
}

const heads = ['NAME', 'VERSION', 'STATE', 'WEIGHT', 'SUNSET', 'SHARE', 'ERRORS', 'P95'] as const

/** One row for each version. */
export function printVersions(rows: readonly VersionItem[], paint: Paint): string {
  const cells = rows.map(({ name, version, state, weight, sunsetAt, share, figures }) =>
    [
      name,
      version,
      state,
      weight === null ? '-' : `${weight} %`,
      sunsetAt === null ? '-' : sunsetAt.replace(/T.*$/, ''),
      percentText(share),
      percentText(figures.errorRate),
      msText(figures.p95Ms),
    ].map(plainLine),
  )
  return alignTable(heads, cells, ['bold'], paint)
}
