import { TurnoutError, problem, type Problem } from '../core/errors.ts'
import { thrownError, thrownMessage } from '../core/thrown.ts'
import { errorPlace, mapStack } from './source-map.ts'

/** An error of a module's code as log fields, its stack in the author's files. */
export function mapError(error: unknown): { readonly error: string; readonly stack?: string } {
  const message = thrownMessage(error)
  return thrownError(error) === null
    ? { error: message }
    : { error: message, stack: mapStack(error) }
}

/** What a throw of an author's code comes to, where it is an expected outcome. */
export function authorProblem(
  error: unknown,
  { module, file }: { readonly module: string; readonly file: string | null },
): Problem {
  const place = errorPlace(error)
  const thrown = thrownError(error)
  if (thrown instanceof TurnoutError) {
    const found = thrown.problems[0] ?? { code: thrown.code, message: thrown.message }
    return place === undefined ? found : { place, ...found }
  }
  const values = { file: file ?? module, reason: thrownMessage(error) }
  return problem('TURNOUT_MODULE_LOAD_FAILED', values, {
    ...(thrown === null ? {} : { stack: mapStack(error) }),
    ...(place === undefined ? {} : { place }),
  })
}
