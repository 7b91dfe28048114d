import { RE2JS } from 're2js'

/** Longest source of a constraint, in UTF-16 code units. */
export const maxConstraintLength = 256

/**
 * Most instructions of a compiled constraint. RE2 takes time in proportion to text times program, and a
 * short source can ask for a long program (`a{1000}`).
 */
const maxProgramSize = 1100

/** A compiled constraint; `accepts` is anchored at both ends and linear in the text. */
export interface Constraint {
  readonly source: string
  accepts(text: string): boolean
}

/** Compiled constraints by source. Bounded: hot updates may bring new sources for ever. */
const compiled = new Map<string, Constraint>()
const maxCompiled = 1000

/**
 * Compiles the regular expression of a constrained param with RE2 (linear time; no look-around, no
 * back references).
 *
 * @returns the constraint, or a sentence saying why the source is refused.
 */
export function compileConstraint(source: string): Constraint | string {
  const known = compiled.get(source)
  if (known !== undefined) return known
  if (source === '') return 'a constraint is not empty'
  if (source.length > maxConstraintLength) {
    return `a constraint has at most ${maxConstraintLength} characters`
  }
  let expression: RE2JS
  try {
    expression = RE2JS.compile(source)
  } catch (error) {
    return `the constraint (${source}) is not a regular expression of RE2: ${
      error instanceof Error ? error.message : String(error)
    }`
  }
  if (expression.programSize() > maxProgramSize)
    return `the constraint (${source}) repeats too much`
  const constraint: Constraint = { source, accepts: (text) => expression.testExact(text) }
  if (compiled.size >= maxCompiled) compiled.clear()
  compiled.set(source, constraint)
  return constraint
}
