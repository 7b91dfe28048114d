/** Captured values by param name, percent-decoded. */
export type Params = Readonly<Record<string, string>>

/** Captures of one walk: `[2i, 2i + 1)` is where the i-th param lies in the walked text. */
export type Captures = Int32Array

/** What routes with the same method and the same list of names share. */
export interface Shape {
  readonly method: string
  readonly names: readonly string[]
  /** Whether the last name is that of a rest. */
  readonly hasRest: boolean
  /** Makes the params object out of text that has no escapes. */
  readonly make: (text: string, captures: Captures) => Params
}

type Make = Shape['make']

const empty: Params = Object.freeze({})
const makeEmpty: Make = () => empty

/**
 * Shapes by method and names. Bounded, because hot updates may bring new names for ever; routes keep the
 * shapes they were made with.
 */
const shapes = new Map<string, Shape>()
const maxShapes = 10_000

/**
 * The shape of a method and a list of param names. An object literal with fixed keys is half the cost of
 * storing keys one by one, and one hidden class per list keeps `params.name` monomorphic at the
 * handler's own call site.
 */
export function shapeFor(method: string, names: readonly string[], hasRest: boolean): Shape {
  const key = `${method} ${names.join('/')}${hasRest ? '/' : ''}`
  const known = shapes.get(key)
  if (known !== undefined) return known
  const shape: Shape = {
    method,
    names,
    hasRest,
    make: names.length === 0 ? makeEmpty : (generateMake(names) ?? plainMake(names)),
  }
  if (shapes.size >= maxShapes) shapes.clear()
  shapes.set(key, shape)
  return shape
}

/** Undefined where the process forbids code from strings (`--disallow-code-generation-from-strings`). */
export function generateMake(names: readonly string[]): Make | undefined {
  const fields = names.map(
    (name, index) =>
      `${JSON.stringify(name)}: text.substring(at[${2 * index}], at[${2 * index + 1}])`,
  )
  try {
    // oxlint-disable-next-line no-new-func, no-implied-eval -- names are checked by the pattern's parser and quoted here
    return new Function('text', 'at', `return { ${fields.join(', ')} }`) as Make
  } catch {
    return undefined
  }
}

/** The same without generated code. */
export function plainMake(names: readonly string[]): Make {
  return (text, captures) => {
    const params: Record<string, string> = {}
    names.forEach((name, index) => {
      params[name] = text.substring(captures[2 * index] ?? 0, captures[2 * index + 1] ?? 0)
    })
    return params
  }
}

/**
 * Decodes params that were cut from a canonical path, where every escape is valid. A rest keeps its
 * `%2F`: decoded, it would be read as a separator.
 */
export function decodeParams(params: Params, shape: Shape): Params {
  const restName = shape.hasRest ? shape.names.at(-1) : undefined
  const decoded: Record<string, string> = {}
  for (const [name, value] of Object.entries(params)) {
    decoded[name] =
      name === restName
        ? value.split('%2F').map(decodeURIComponent).join('%2F')
        : decodeURIComponent(value)
  }
  return decoded
}
