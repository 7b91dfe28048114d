const blank = (text: string): string => text.replaceAll(/[^\n]/g, ' ')

/** Comments, templates and strings that are no keys, as blanks of the same length. */
const onlyCode = (source: string): string =>
  source.replaceAll(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|`(?:\\[\s\S]|[^`\\])*`|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g,
    (text, offset: number) => {
      const isString = text.startsWith("'") || text.startsWith('"')
      const isKey =
        isString && /^\s*:/.test(source.slice(offset + text.length, offset + text.length + 20))
      return isKey ? text : blank(text)
    },
  )

/**
 * Offset of a path's last key in the text of a config in code, which has no nodes to ask. Only when
 * the key is written exactly once: a wrong place would be worse than none.
 */
export function locateKey(source: string, path: readonly PropertyKey[]): number | undefined {
  const key = path.at(-1)
  if (typeof key !== 'string' || key === '') return undefined
  const escaped = key.replaceAll(/[^\w]/g, String.raw`\$&`)
  const written = new RegExp(`(?<![\\w$.'"])(['"]?)${escaped}\\1\\s*[:,}(]`, 'g')
  const [first, second] = [...onlyCode(source).matchAll(written)]
  return first === undefined || second !== undefined ? undefined : first.index
}
