// Writes docs/reference/metrics.md from the table in src/core/metrics/metric-table.ts. A test fails when it is stale.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root, run, setup } from './setup.mjs'

const head = `# Metrics

What \`GET /metrics\` answers. The guide is [metrics.md](../guide/metrics.md); alert rules are in \`deploy/prometheus/alerts.yaml\`.

- Units are seconds and bytes. Counters end in \`_total\`; each of a histogram has \`_bucket\`, \`_sum\` and \`_count\`.
- \`worker\`: 0 is the supervisor, or the only process; from 1 on, a worker by its place. One that comes after another goes on
  with its counters.
- Counters and histograms are those of all processes since the instance began, of those that ended too. Gauges add up over the workers; \`max\`: of the workers, the highest.
- Rows of \`route\` and \`version\`, and of \`upstream\`, are 1,000 at most; what comes beyond is counted as \`other\`. A row that nothing
  serves any more is gone when nothing was counted for an hour.
- \`route\` is the route's id, at most 200 characters of it. It is empty where no route matched.
- A series may be missing until there is something to tell.

`

const tail = `
This page is written by \`node scripts/metrics.mjs\`.
`

const cell = (text) => text.replaceAll('|', '\\|')

/** The table of the page, before it is formatted. */
export const metricRows = (table) =>
  Object.entries(table).map(([name, { type, merge, labels, help }]) => [
    `\`${name}\``,
    merge === undefined ? type : `${type}, ${merge}`,
    labels.map((label) => `\`${label}\``).join(', '),
    cell(help),
  ])

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setup()
  const { metricTable } = await import('../dist/src/core/metrics/metric-table.js')
  const lines = [
    ['metric', 'type', 'labels', 'what'],
    ['---', '---', '---', '---'],
    ...metricRows(metricTable),
  ].map((cells) => `| ${cells.join(' | ')} |`)
  const file = join(root, 'docs/reference/metrics.md')
  writeFileSync(file, `${head}${lines.join('\n')}\n${tail}`)
  run(join(root, 'node_modules/.bin/oxfmt'), [file])
}
