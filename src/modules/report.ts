import { TurnoutError, problem, type Problem } from '../core/errors.ts'
import { errorPlace, mapStack } from './source-map.ts'

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

/** An error of a module's code as log fields, its stack in the author's files. */
export function mapError(error: unknown): { readonly error: string; readonly stack?: string } {
  if (!(error instanceof Error)) return { error: messageOf(error) }
  return { error: messageOf(error), stack: mapStack(error) }
}

/** What a throw of an author's code comes to, where it is an expected outcome. */
export function authorProblem(
  error: unknown,
  { module, file }: { readonly module: string; readonly file: string | null },
): Problem {
  const place = errorPlace(error)
  if (error instanceof TurnoutError) {
    const found = error.problems[0] ?? { code: error.code, message: error.message }
    return place === undefined ? found : { place, ...found }
  }
  const values = { file: file ?? module, reason: messageOf(error) }
  return problem('TURNOUT_MODULE_LOAD_FAILED', values, {
    ...(error instanceof Error ? { stack: mapStack(error) } : {}),
    ...(place === undefined ? {} : { place }),
  })
}
