import { compileConstraint } from '../router/constraint.ts'

/** What a host pattern takes: one name, or those that a regular expression (RE2) matches as a whole. */
export type HostPattern =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'names'; readonly source: string }

/** Longest name of a host, as DNS has it, and one more for brackets. */
export const maxHostLength = 255

const label = '[^.]+'

/**
 * Parses a host pattern, Ant style with `.` between labels: `*` and `{name}` take one label or a part of one, `?` one
 * character, `**` as a whole label any number of labels, none too.
 *
 * @returns the pattern, or a sentence saying why it is refused.
 */
export function parseHost(text: string): HostPattern | string {
  if (text === '' || text.length > maxHostLength)
    return `a host pattern has 1 to ${maxHostLength} characters`
  const name = text.toLowerCase().replace(/\.$/, '')
  if (/^\[[\da-f:.]+\]$/.test(name)) return { kind: 'name', name }
  if (/\{[^{}]*:/.test(name)) return `a constraint in braces is not for hosts (${text})`
  if (/:\d*$/.test(name)) return `a host pattern has no port (${text})`
  // oxlint-disable-next-line no-control-regex -- all of ASCII is meant
  if (/[^\x00-\x7f]/.test(name)) return `a host name is ASCII, others are written xn-- (${text})`
  const labels = name.split('.')
  if (labels.includes('')) return `a host pattern has no empty label (${text})`
  const plain = labels.map((part) => part.replaceAll(/\{[a-z_]\w*\}/g, '*'))
  if (!plain.every((part) => /^[\w*?-]+$/.test(part)))
    return `a label has letters, digits, - and _, and *, ? or {name} for what varies (${text})`
  if (plain.every((part) => /^[\w-]+$/.test(part))) return { kind: 'name', name }
  const source = sourceOf(plain)
  const constraint = compileConstraint(source)
  return typeof constraint === 'string'
    ? `the host pattern is too long for its wildcards (${text})`
    : { kind: 'names', source }
}

function sourceOf(labels: readonly string[]): string {
  const isMany = (part: string): boolean => part === '**'
  if (labels.every(isMany)) return '.+'
  let source = ''
  for (const [at, part] of labels.entries()) {
    if (isMany(part)) {
      if (!isMany(labels[at - 1] ?? ''))
        source += source === '' ? `(?:${label}\\.)*` : `(?:\\.${label})*`
      continue
    }
    const isFirst = labels.slice(0, at).every(isMany)
    const text = /^\*+$/.test(part)
      ? label
      : part.replaceAll(/\*+|\?/g, (mark) => (mark === '?' ? '[^.]' : '[^.]*'))
    source += isFirst ? text : `\\.${text}`
  }
  return source
}
