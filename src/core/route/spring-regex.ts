/**
 * Why a Java regular expression means something else to RE2, or null. What RE2 does not know (look-around, back
 * references, possessive repeats) it refuses by itself.
 */
export function javaReason(source: string): string | null {
  let isClass = false
  for (let at = 0; at < source.length; at += 1) {
    const char = source[at]
    if (char === '\\') {
      at += 1
      if (source[at] === 'v') return '\\v is a class in Java and one character in RE2'
    } else if (isClass) {
      if (char === '[') return 'a class inside a class is for Java alone'
      if (char === '&' && source[at + 1] === '&') return '&& in a class is for Java alone'
      if (char === ']') isClass = false
    } else if (char === '[') {
      isClass = true
      // A bracket that comes first is a member.
      if (source[at + 1] === '^') at += 1
      if (source[at + 1] === ']') at += 1
    } else if (char === '(' && source[at + 1] === '?') {
      const flags = /^[a-zA-Z-]*/.exec(source.slice(at + 2))?.[0] ?? ''
      const isGroup = /^(?:P?<)/.test(source.slice(at + 2))
      if (!isGroup && /[^ims-]/.test(flags)) return `the flags (?${flags}) are for Java alone`
    }
  }
  return null
}

/** A regular expression of Java as RE2 writes it: groups with names are `(?P<name>...)`. */
export function ofJava(source: string): string {
  return source.replaceAll(/\\[^]|\(\?<(?![=!])/g, (found) => (found === '(?<' ? '(?P<' : found))
}

/**
 * What Java puts in place of a match, in our words; `$\` is Spring's way to write `$` where a file would take that for a
 * property. A number takes as many digits as make a group that there is.
 *
 * @param count Number of groups.
 */
export function replacementOfJava(text: string, count: number): string {
  return text
    .replaceAll('$\\', '$')
    .replaceAll(
      /\\([^])|\$(\d+)|\$\{(\w+)\}|\$/g,
      (found: string, literal?: string, digits?: string, name?: string) => {
        if (literal !== undefined) return literal === '$' ? '$$' : literal
        if (name !== undefined || digits === undefined) return found
        let size = 1
        while (size < digits.length && Number(digits.slice(0, size + 1)) <= count) size += 1
        return `\${${digits.slice(0, size)}}${digits.slice(size)}`
      },
    )
}

/** The one text that a regular expression matches, or null where it may match others. */
export function literalOf(source: string): string | null {
  return /^(?:[^\\^$.|?*+()[\]{}]|\\[\W_])*$/s.test(source) && !/\\[\x80-\uffff]/.test(source)
    ? source.replaceAll(/\\(.)/gs, '$1')
    : null
}

/** A regular expression that matches one text. */
export function expressionOf(text: string): string {
  return text.replaceAll(/[\\^$.|?*+()[\]{}]/g, '\\$&')
}
