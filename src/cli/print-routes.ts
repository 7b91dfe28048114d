import { plainLine } from '../core/plain-text.ts'
import type { Paint } from './colour.ts'
import type { RouteView } from './view.ts'
import { displayWidth, padTo } from './width.ts'

const heads = ['METHOD', 'PATTERN', 'MODULE', 'VERSION', 'HANDLER'] as const

const cellsOf = ({
  method,
  pattern,
  module,
  version,
  handler,
  file,
  line,
}: RouteView): string[] => {
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}`
  const from = [handler ?? '', place].filter((part) => part !== '').join('  ')
  return [method, pattern, module, version ?? '-', from].map(plainLine)
}

/**
 * The route table in aligned columns, a blank line between modules. Routes keep their order; modules
 * stand in the order of their first route.
 */
export function printRoutes(routes: readonly RouteView[], paint: Paint): string {
  if (routes.length === 0) return 'no routes\n'
  const groups = new Map<string, string[][]>()
  for (const route of routes) {
    const group = groups.get(route.module)
    if (group === undefined) groups.set(route.module, [cellsOf(route)])
    else group.push(cellsOf(route))
  }
  const widths: number[] = heads.map((head) => head.length)
  for (const rows of groups.values())
    for (const row of rows)
      for (const [column, cell] of row.entries())
        widths[column] = Math.max(widths[column] ?? 0, displayWidth(cell))
  const lineOf = (
    cells: readonly string[],
    styles: readonly ('bold' | 'dim' | undefined)[],
  ): string =>
    cells
      .map((cell, column) => {
        const text = column === heads.length - 1 ? cell : padTo(cell, widths[column] ?? 0)
        const style = styles[column]
        return style === undefined || text === '' ? text : paint(style, text)
      })
      .join('  ')
      .trimEnd()
  const head = lineOf(
    heads,
    heads.map(() => 'dim'),
  )
  const body = [...groups.values()].map((rows) =>
    rows.map((row) => lineOf(row, ['bold', undefined, undefined, 'dim', 'dim'])).join('\n'),
  )
  const count = (number: number, word: string): string =>
    `${number} ${word}${number === 1 ? '' : 's'}`
  const total = `${count(routes.length, 'route')} in ${count(groups.size, 'module')}`
  return `${head}\n${body.join('\n\n')}\n\n${paint('dim', total)}\n`
}
