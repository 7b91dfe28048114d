import { plainLine } from '../core/plain-text.ts'
import { alignRow, columnWidths, count } from './align.ts'
import type { Paint, Style } from './colour.ts'
import type { RouteView } from './view.ts'

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
  const widths = columnWidths([heads, ...[...groups.values()].flat()])
  const dim = heads.map((): Style => 'dim')
  const styles: readonly (Style | undefined)[] = ['bold', undefined, undefined, 'dim', 'dim']
  const body = [...groups.values()].map((rows) =>
    rows.map((row) => alignRow(row, widths, styles, paint)).join('\n'),
  )
  const total = `${count(routes.length, 'route')} in ${count(groups.size, 'module')}`
  return `${alignRow(heads, widths, dim, paint)}\n${body.join('\n\n')}\n\n${paint('dim', total)}\n`
}
