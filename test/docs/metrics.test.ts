import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { metricTable } from '../../src/core/metrics/metric-table.ts'
import { root } from './root.ts'

const page = readFileSync(new URL('docs/reference/metrics.md', root), 'utf8')

/** Cells of a table, whatever width the formatter gave them. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )

test('the page is what `node scripts/metrics.mjs` writes', async () => {
  const script = new URL('scripts/metrics.mjs', root).href
  const { metricRows } = (await import(script)) as {
    metricRows: (table: unknown) => readonly (readonly string[])[]
  }
  assert.deepEqual(rows, metricRows(metricTable))
})
