const AROUND = 2
const WIDEST = 120

/** A position in a text; both count from 1, columns in UTF-16 units. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** Turns an offset in UTF-16 units into line and column. Offsets beyond the text mean its end. */
export function positionAt(source: string, offset: number): Position {
  let line = 1
  let start = 0
  const end = Math.min(offset, source.length)
  for (;;) {
    const next = source.indexOf('\n', start)
    if (next === -1 || next >= end) return { line, column: end - start + 1 }
    line += 1
    start = next + 1
  }
}

/**
 * A few lines of source around a position with a marker under it:
 *
 *     1 | {
 *   > 2 |   "prot": 8080
 *       |   ^
 *     3 | }
 *
 * Long lines are cut around the marker, so that a minified file does not fill the screen.
 */
export function codeFrame(source: string, line: number, column: number): string {
  const lines = source.split(/\r\n|\n/)
  if (line < 1 || line > lines.length) return ''
  const first = Math.max(1, line - AROUND)
  const last = Math.min(lines.length, line + AROUND)
  const gutter = String(last).length
  const from = column > WIDEST - 20 ? column - Math.floor(WIDEST / 2) : 0
  const shown: string[] = []
  for (let number = first; number <= last; number += 1) {
    const text = (lines[number - 1] ?? '').slice(from, from + WIDEST)
    const mark = number === line ? '>' : ' '
    shown.push(`${mark} ${String(number).padStart(gutter)} | ${text}`.trimEnd())
    if (number !== line) continue
    // Tabs stay tabs, so that the marker lands under the character whatever a tab's width is.
    const before = text.slice(0, Math.max(0, column - 1 - from)).replaceAll(/[^\t]/g, ' ')
    shown.push(`  ${' '.repeat(gutter)} | ${before}^`)
  }
  return shown.join('\n')
}
