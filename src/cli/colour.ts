/** The few styles that the terminal output uses, by what they say. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** Puts a style around a text, or gives the text back where colours are not wanted. */
export type Paint = (style: Style, text: string) => string

const codes: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
}

/**
 * Whether output may have colours. `NO_COLOR` (no-color.org) and `--no-color` forbid, `FORCE_COLOR`
 * asks (0 and false forbid), else a terminal that is not `dumb` decides.
 */
export function wantsColour(
  environment: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
  allowed = true,
): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: forbidden, TERM: terminal } = environment
  if (!allowed || (forbidden !== undefined && forbidden !== '')) return false
  if (forced !== undefined) return forced !== '0' && forced !== 'false'
  return isTerminal && terminal !== 'dumb'
}

/** Makes the painter. */
export function createPaint(colour: boolean): Paint {
  if (!colour) return (_, text) => text
  return (style, text) => `\u001B[${codes[style][0]}m${text}\u001B[${codes[style][1]}m`
}
