import type { Paint, Style } from './colour.ts'
import { displayWidth, padTo } from './width.ts'

/** Widths of columns, each as wide as its widest cell. Cells are plain text. */
export function columnWidths(rows: readonly (readonly string[])[]): readonly number[] {
  const widths: number[] = []
  for (const row of rows)
    for (const [column, cell] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, displayWidth(cell))
  return widths
}

/** One row of aligned cells, each in its style; nothing stands behind the last one. */
export function alignRow(
  cells: readonly string[],
  widths: readonly number[],
  styles: readonly (Style | undefined)[],
  paint: Paint,
): string {
  // Blanks at the end of a line would be seen where they are painted.
  const last = cells.findLastIndex((cell) => cell !== '')
  return cells
    .slice(0, last + 1)
    .map((cell, column) => {
      const text = column === last ? cell : padTo(cell, widths[column] ?? 0)
      const style = styles[column]
      return style === undefined ? text : paint(style, text)
    })
    .join('  ')
}

/** A table with dim heads. */
export function alignTable(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  styles: readonly (Style | undefined)[],
  paint: Paint,
): string {
  const widths = columnWidths([heads, ...rows])
  const dim = heads.map((): Style => 'dim')
  return [
    alignRow(heads, widths, dim, paint),
    ...rows.map((row) => alignRow(row, widths, styles, paint)),
  ]
    .map((line) => `${line}\n`)
    .join('')
}

/** A text cut to a number of characters. */
export function cut(text: string, most: number): string {
  const characters = Array.from(text)
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`
}

/** `1 route`, `2 routes`. */
export function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}
