/** What a placeholder stands for. */
export interface Placeholder {
  readonly source: 'param' | 'query' | 'header' | 'body'
  /** Of `body` a JSON pointer (RFC 6901); empty: all of it. */
  readonly name: string
  /** Whether it stands within quotes of JSON. */
  readonly isInString: boolean
}

export type BodyPart = string | Placeholder

export type TemplateFormat = 'json' | 'text'

const maxPlaceholders = 256

/** What a content type makes of a template, or null where a template cannot be made of it safely. */
export function templateFormat(contentType: string): TemplateFormat | null {
  const form = /^([\w!#$&^.+-]+\/[\w!#$&^.+-]+)(?:; ?charset=utf-8)?$/i
  const type = form.exec(contentType)?.[1]?.toLowerCase()
  if (type === undefined) return null
  if (type === 'application/json' || /^application\/[\w.-]+\+json$/.test(type)) return 'json'
  return type === 'text/plain' ? 'text' : null
}

/**
 * Parses a template of a body. `{param.id}`, `{query.page}`, `{header.x-tenant}`, `{body./user/name}` and `{body}` are
 * placeholders; `{{` is a brace before a word. All other braces stand for themselves, as JSON has many.
 *
 * @returns its parts, or a sentence saying why it is refused.
 */
export function parseBodyTemplate(
  text: string,
  format: TemplateFormat,
): readonly BodyPart[] | string {
  const parts: BodyPart[] = []
  let literal = ''
  let isInString = false
  let isEscaped = false
  let count = 0
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]!
    const rest = char === '{' ? text.slice(at, at + 600) : ''
    if (/^\{\{[A-Za-z_$]/.test(rest)) {
      literal += '{'
      at += 1
    } else if (/^\{[A-Za-z_$]/.test(rest)) {
      const found = readPlaceholder(rest, isInString)
      if (typeof found === 'string') return found
      count += 1
      if (count > maxPlaceholders) return `a template has at most ${maxPlaceholders} placeholders`
      if (literal !== '') parts.push(literal)
      literal = ''
      parts.push(found)
      at += rest.indexOf('}')
    } else {
      literal += char
      if (char === '"' && !isEscaped) isInString = !isInString
      isEscaped = isInString && char === '\\' && !isEscaped
    }
  }
  if (literal !== '') parts.push(literal)
  return format === 'text' || isJson(parts) ? parts : 'with values in it, the template is no JSON'
}

function readPlaceholder(rest: string, isInString: boolean): Placeholder | string {
  const form = /^\{(?:(param|query|header)\.([^{}\s]{1,256})|(body)(?:\.((?:\/[^{}]{0,256})?))?)\}/
  const [, source, name, body, pointer = ''] = form.exec(rest) ?? []
  if (body !== undefined) {
    const isPointer = pointer.length <= 256 && !/~(?![01])/.test(pointer)
    return isPointer
      ? { source: 'body', name: pointer, isInString }
      : 'a place in a body is a JSON pointer like {body./user/name}'
  }
  if (source === 'header' && name !== undefined)
    return { source: 'header', name: name.toLowerCase(), isInString }
  if ((source === 'param' || source === 'query') && name !== undefined)
    return { source, name, isInString }
  return 'a placeholder is {param.x}, {query.x}, {header.x}, {body} or {body./pointer}; a brace before a word is written {{'
}

/** Stands for a text while the template is read as JSON. */
const mark = '\ue000'

/** Whatever stands for a placeholder is whole in its place: JSON for one value is JSON for every other. */
function isJson(parts: readonly BodyPart[]): boolean {
  const text = parts.map((part) => (typeof part === 'string' ? part : part.isInString ? mark : '0'))
  let isMarked = false
  try {
    JSON.parse(text.join(''), (key, value: unknown) => {
      // A client that names a key may name one that is there already.
      isMarked ||= key.includes(mark)
      return value
    })
  } catch {
    return false
  }
  // Side by side, two values would be one number.
  return (
    !isMarked && !parts.some((part, at) => isValue(part) && isWord(parts[at - 1], parts[at + 1]))
  )
}

const isValue = (part: BodyPart | undefined): boolean =>
  part !== undefined && typeof part !== 'string' && !part.isInString

const isWord = (before: BodyPart | undefined, after: BodyPart | undefined): boolean =>
  isValue(before) ||
  isValue(after) ||
  /[\w.+-]$/.test(typeof before === 'string' ? before : '') ||
  /^[\w.+-]/.test(typeof after === 'string' ? after : '')
