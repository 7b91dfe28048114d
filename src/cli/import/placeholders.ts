/** Finds the value of a property or variable; undefined: nobody says. */
export type Resolve = (name: string) => string | undefined

/** What became of a text with `${...}`. */
export interface Resolved {
  readonly text: string
  /** Names that nobody says, and that have no default. */
  readonly unknown: readonly string[]
  /** Those that have got their default. */
  readonly defaulted: readonly { readonly name: string; readonly value: string }[]
}

const mostDepth = 10

/**
 * Fills in `${name}` and `${name:default}`, as Spring does: a value may hold others. `$\{...}` of a replacement is none.
 */
export function fillPlaceholders(text: string, resolve: Resolve, depth = 0): Resolved {
  const unknown: string[] = []
  const defaulted: { name: string; value: string }[] = []
  const nested = (inner: string): string => {
    if (!inner.includes('${')) return inner
    if (depth >= mostDepth) {
      unknown.push(inner)
      return inner
    }
    const filled = fillPlaceholders(inner, resolve, depth + 1)
    unknown.push(...filled.unknown)
    defaulted.push(...filled.defaulted)
    return filled.text
  }
  let result = ''
  let from = 0
  for (;;) {
    const start = text.indexOf('${', from)
    const end = start < 0 ? -1 : endOf(text, start + 2)
    if (end < 0) return { text: result + text.slice(from), unknown, defaulted }
    const [, name = '', otherwise] = /^([^:]*)(?::(.*))?$/s.exec(text.slice(start + 2, end))!
    result += text.slice(from, start)
    const value = resolve(nested(name))
    if (value !== undefined) result += nested(value)
    else if (otherwise !== undefined) {
      const value = nested(otherwise)
      defaulted.push({ name, value })
      result += value
    } else unknown.push(name)
    from = end + 1
  }
}

/** Where the brace closes that was opened before; -1: nowhere. */
function endOf(text: string, from: number): number {
  let open = 1
  for (let at = from; at < text.length; at += 1) {
    if (text.startsWith('${', at)) open += 1
    else if (text[at] === '}') open -= 1
    if (open === 0) return at
  }
  return -1
}

/** A variable of the environment for a property, in its own spelling or in that of Spring: `my.host-name`, `MY_HOSTNAME`. */
export const fromEnvironment =
  (environment: Readonly<Record<string, string | undefined>>): Resolve =>
  (name) =>
    environment[name] ??
    environment[name.replaceAll('-', '').replaceAll(/[^\w]/g, '_').toUpperCase()] ??
    environment[name.replaceAll(/[^\w]/g, '_').toUpperCase()]
