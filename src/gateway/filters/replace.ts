import type { RE2JS } from 're2js'
import { parseReplacement, type ReplacementPart } from '../../core/route/replacement.ts'

/** Replaces what an expression finds. Null: nothing is found. What becomes longer than `most` is cut off behind it. */
export function replacer(
  expression: RE2JS,
  replacement: string,
  pattern: string,
  most: number,
): (text: string) => string | null {
  const parts = parseReplacement(replacement, pattern)
  if (typeof parts === 'string') throw new Error(`the replacement ${replacement}: ${parts}`)
  return (text) => {
    const matcher = expression.matcher(text)
    let made = ''
    let end = 0
    let isFound = false
    while (matcher.find()) {
      isFound = true
      made += text.slice(end, matcher.start())
      for (const part of parts) made += textOf(part, matcher)
      // Every match may add a long text.
      if (made.length > most) break
      end = matcher.end()
    }
    return isFound ? made + text.slice(end) : null
  }
}

const textOf = (part: ReplacementPart, matcher: { group(which: never): string | null }): string =>
  typeof part === 'string' ? part : (matcher.group(part.group as never) ?? '')
