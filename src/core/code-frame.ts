/** Lines shown before and after the marked one. */
const around = 2

/**
 * A few lines of source with a marker under one place, as compilers print them.
 *
 * @param line counts from 1; a line outside the text gives an empty frame
 * @param column counts from 1, in UTF-16 units; tabs before it are kept so that the marker lines up
 */
export function codeFrame(text: string, line: number, column: number): string {
  const lines = text.split(/\r?\n/)
  const marked = lines[line - 1]
  if (marked === undefined) return ''
  const first = Math.max(1, line - around)
  const last = Math.min(lines.length, line + around)
  const width = String(last).length
  const shown: string[] = []
  for (let number = first; number <= last; number += 1) {
    const sign = number === line ? '>' : ' '
    shown.push(`${sign} ${String(number).padStart(width)} | ${lines[number - 1]}`.trimEnd())
    if (number !== line) continue
    const indent = marked.slice(0, Math.max(0, column - 1)).replaceAll(/[^\t]/g, ' ')
    shown.push(`  ${' '.repeat(width)} | ${indent}^`)
  }
  return shown.join('\n')
}
