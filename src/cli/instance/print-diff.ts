import type { Item, TableDiff } from '../../admin/answers.ts'
import { plainLine } from '../../core/plain-text.ts'
import { alignRow, columnWidths } from '../align.ts'
import type { Paint, Style } from '../colour.ts'
import { changedFields } from './print-fields.ts'
import { targetText, textOf } from './route-text.ts'

type Row = readonly [mark: '+' | '~' | '-', noun: string, name: string, text: string]

const styles: Readonly<Record<Row[0], Style>> = { '+': 'green', '~': 'yellow', '-': 'red' }

/** How one table becomes another: a line for each object, `+ ~ -`. Empty where nothing differs. */
export function printTableDiff(diff: TableDiff, paint: Paint): string {
  const rows: Row[] = [
    ...rowsOf('module', diff.modules, moduleText, changedModule),
    ...rowsOf('upstream', diff.upstreams, upstreamText, changedFields),
    ...rowsOf('route', diff.routes, routeText, changedFields),
    ...diff.switches.map(({ route, enabled }): Row => [
      '~',
      'route',
      route,
      enabled ? 'switched on' : 'switched off',
    ]),
  ]
  return printRows(rows, paint)
}

/** Aligned lines of `mark noun name text`. */
export function printRows(rows: readonly Row[], paint: Paint): string {
  const cells = rows.map((row) => row.map(plainLine))
  const widths = columnWidths(cells)
  return cells
    .map((row, at) => `${alignRow(row, widths, [styles[rows[at]![0]], 'dim', 'bold'], paint)}\n`)
    .join('')
}

const rowsOf = (
  noun: string,
  { added, changed, removed }: TableDiff['routes'],
  text: (item: Item) => string,
  change: (before: Item, after: Item) => string,
): readonly Row[] => [
  ...added.map((item): Row => ['+', noun, nameOf(item), text(item)]),
  ...changed.map(({ before, after }): Row => ['~', noun, nameOf(after), change(before, after)]),
  ...removed.map((item): Row => ['-', noun, nameOf(item), text(item)]),
]

const nameOf = (item: Item): string => textOf(item['id'] ?? item['name'])

const ownerText = ({ owner }: Item): string => (typeof owner === 'string' ? `  (${owner})` : '')

const moduleText = (item: Item): string => `${textOf(item['version'])}${ownerText(item)}`

const upstreamText = (item: Item): string => {
  const endpoints = Array.isArray(item['endpoints']) ? item['endpoints'] : []
  const urls = endpoints.map((one) => textOf((one as Item)['url']))
  const plain = ['name', 'owner', 'revision', 'endpoints', 'metadata']
  const settings = Object.keys(item).filter((key) => !plain.includes(key))
  const said = settings.length === 0 ? '' : `  ${settings.join(', ')}`
  return `${urls.join(', ')}${said}${ownerText(item)}`
}

const kindOf = (filter: unknown): string => textOf((filter as Item)['kind'])

const routeText = (item: Item): string => {
  const methods = Array.isArray(item['methods']) ? item['methods'].join(',') : '*'
  const paths = Array.isArray(item['paths']) ? item['paths'].join(' ') : textOf(item['path'])
  const filters = Array.isArray(item['filters']) ? item['filters'].map(kindOf) : []
  const through = filters.length === 0 ? '' : `  ${filters.join(', ')}`
  return `${methods} ${paths} → ${targetText(item)}${through}${ownerText(item)}`
}

const changedModule = (before: Item, after: Item): string => {
  const [from, to] = [textOf(before['version']), textOf(after['version'])]
  return from === to ? `${to}, other code` : `${from} → ${to}`
}
