import { canonicalPath } from '../router/path.ts'
import { parsePattern } from '../router/pattern.ts'

/** A text, or the value of a param. */
export type TemplatePart = string | { readonly param: string }

/**
 * Parses a template: `{name}` is the value of a param (`{*}` that of a rest without a name), `{{` and `}}` are braces.
 *
 * @returns its parts, or a sentence saying why it is refused.
 */
export function parseTemplate(text: string): readonly TemplatePart[] | string {
  const parts: TemplatePart[] = []
  let literal = ''
  for (const [token, name] of text.matchAll(/\{\{|\}\}|\{([A-Za-z_$][\w$]*|\*)\}|[^]/g)) {
    if (name !== undefined) {
      if (literal !== '') parts.push(literal)
      literal = ''
      parts.push({ param: name })
    } else if (token === '{' || token === '}')
      return 'a brace belongs to a param like {id}; a brace that is meant is written twice'
    else literal += token.length === 2 && /^[{}]/.test(token) ? token.charAt(0) : token
  }
  return literal === '' ? parts : [...parts, literal]
}

/** A text as a template that says it. */
export const templateOf = (text: string): string => text.replaceAll(/[{}]/g, '$&$&')

/** The params that every one of these patterns has. */
export function sharedParams(paths: readonly string[]): ReadonlySet<string> {
  const [first = [], ...others] = paths.map((path) =>
    (parsePattern(path).pattern?.edges ?? []).map(({ name }) => name),
  )
  return new Set(first.filter((name) => others.every((names) => names.includes(name))))
}

/** Why a text is no path in its one spelling, or null. */
export function pathReason(text: string): string | null {
  if (!text.startsWith('/')) return 'it must begin with /'
  // Whatever follows these is not part of a path.
  if (/[?#]/.test(text)) return 'a path has no ? and no #'
  // A text of Unicode, not bytes.
  if (/[^\0-\x7f]/.test(text)) return 'characters beyond ASCII are percent-encoded'
  const { path } = canonicalPath(text)
  if (path === text) return null
  return path === null
    ? 'it has characters or escapes that are none of a path'
    : `its one spelling is ${path}`
}

/** Why a template is no path, or null: whatever its params are, they stand in it as one character would. */
export function templatePathReason(parts: readonly TemplatePart[]): string | null {
  return pathReason(parts.map((part) => (typeof part === 'string' ? part : 'x')).join(''))
}
