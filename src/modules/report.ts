import { TurnoutError, problem, type Problem } from '../core/errors.ts'
import { mapStack } from './source-map.ts'

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

/** An error of a module's code as log fields, its stack in the author's files. */
export function mapError(error: unknown): { readonly error: string; readonly stack?: string } {
  const stack = error instanceof Error ? mapStack(error) : undefined
  return stack === undefined ? { error: messageOf(error) } : { error: messageOf(error), stack }
}

/** What a throw of an author's code comes to, where it is an expected outcome. */
export function authorProblem(
  error: unknown,
  { module, file }: { readonly module: string; readonly file: string | null },
): Problem {
  if (error instanceof TurnoutError) {
    return error.problems[0] ?? { code: error.code, message: error.message }
  }
  const stack = error instanceof Error ? mapStack(error) : undefined
  const values = { module, file: file ?? module, reason: messageOf(error) }
  return problem('TURNOUT_MODULE_FAILED', values, stack === undefined ? {} : { stack })
}
