/** Classes of byte values in names: 0 none, 1 a character of a token (RFC 9110 section 5.6.2), 2 one in upper case. */
const tokenClass: Uint8Array = ((): Uint8Array => {
  const table = new Uint8Array(256)
  for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
    table[char.charCodeAt(0)] = 1
  }
  for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') table[char.charCodeAt(0)] = 2
  return table
})()

/** Where the token that starts at `start` ends, as a negative number where it has upper case. */
export function tokenEnd(text: string, start: number, end: number): number {
  let seen = 0
  let at = start
  for (; at < end; at++) {
    const kind = tokenClass[text.charCodeAt(at)]
    // Beyond the table: undefined.
    if (kind === 0 || kind === undefined) break
    seen |= kind
  }
  return (seen & 2) === 0 ? at : -at
}

interface Known {
  readonly written: string
  readonly lower: string
}

/** Names as endpoints write them, each at a place that length and ends give: they write the same ones again and again. */
const known: (Known | undefined)[] = Array.from({ length: 256 }, () => undefined)

/** The token between `start` and `end` in lower case; of a name that was seen before, the same text again. */
export function lowerName(text: string, start: number, end: number): string {
  const length = end - start
  const ends = text.charCodeAt(start) * 7 + text.charCodeAt(end - 1)
  const place = (length * 31 + ends) & 255
  const one = known[place]
  if (one?.written.length === length && text.startsWith(one.written, start)) return one.lower
  const written = text.slice(start, end)
  const lower = written.toLowerCase()
  if (length <= 64) known[place] = { written, lower }
  return lower
}

/** Whether a byte may stand in a token. */
export const isTokenCode = (code: number): boolean => tokenClass[code] !== 0

/** Whether all of it is a token. */
export function isToken(text: string): boolean {
  return text !== '' && Math.abs(tokenEnd(text, 0, text.length)) === text.length
}

/** Whether the range has only what a field's value may: tab, visible, space, obs-text. No control characters. */
export function isFieldText(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if ((code < 32 && code !== 9) || code === 127 || code > 255) return false
  }
  return true
}

/** `trim` takes the no-break space of Latin-1 as well, and makes another token a known one. */
const blanksAround = /^[ \t]+|[ \t]+$/g

/** The members of a comma-separated list, in lower case. */
export function listTokens(value: string): string[] {
  // What nearly every answer says, and nothing else.
  if (value === 'keep-alive' || value === 'close') return [value]
  return value
    .toLowerCase()
    .split(',')
    .map((part) => part.replace(blanksAround, ''))
    .filter((part) => part !== '')
}
