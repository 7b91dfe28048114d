import { RE2JS } from 're2js'

/** A text, or what a group of the expression took, by number or name. */
export type ReplacementPart = string | { readonly group: number | string }

/**
 * Parses what a match is replaced by: `$1` and `${1}` are groups by number (`$0` the whole match), `${name}` by name, `$$`
 * is a dollar sign.
 *
 * @param pattern An expression that RE2 takes.
 * @returns its parts, or a sentence saying why it is refused.
 */
export function parseReplacement(
  text: string,
  pattern: string,
): readonly ReplacementPart[] | string {
  const { count, names } = groupsOf(pattern)
  const parts: ReplacementPart[] = []
  let literal = ''
  for (const [token, digits, name] of text.matchAll(/\$\$|\$(\d+)|\$\{(\w+)\}|[^]/g)) {
    const called = digits ?? name
    if (called === undefined) {
      if (token === '$') return 'a $ belongs to a group like $1 or ${name}; one that is meant is $$'
      literal += token === '$$' ? '$' : token
      continue
    }
    const group = /^\d+$/.test(called) ? Number(called) : called
    if (typeof group === 'number' && group > count)
      return `the expression has no group ${called.slice(0, 20)}, its last is ${count}`
    if (typeof group === 'string' && !names.includes(group))
      return `the expression has no group named ${called.slice(0, 80)}`
    if (literal !== '') parts.push(literal)
    literal = ''
    parts.push({ group })
  }
  return literal === '' ? parts : [...parts, literal]
}

/** Number of groups of an expression, and those that have names. */
export function groupsOf(pattern: string): {
  readonly count: number
  readonly names: readonly string[]
} {
  const expression = RE2JS.compile(pattern)
  return { count: expression.groupCount(), names: Object.keys(expression.namedGroups()) }
}
