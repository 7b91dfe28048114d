import {
  createAdminClient,
  type AdminClient,
  type AnsweredProblem,
  type Result,
} from '../../admin/client.ts'
import { TurnoutError, problem, type Problem } from '../../core/errors.ts'
import { plainLine } from '../../core/plain-text.ts'
import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import { printProblem } from '../print-problem.ts'
import type { Fallback, InstanceOptions } from './commands.ts'
import { findInstance, isNamed, type Instance } from './find.ts'

type Refused = Extract<Result<unknown>, { readonly ok: false }>

/** Where a part of what was sent had been written; without a place, all that is known is the file. */
export interface WrittenAt extends Pick<Problem, 'pointer' | 'place'> {
  readonly file: string
}

/** Null: nowhere that people know. */
export type PlaceOf = (pointer: string) => WrittenAt | null

/** A refusal of the instance, on its way to the exit code of the command. */
export class RefusedError extends Error {
  readonly refused: Refused

  constructor(refused: Refused) {
    super(refused.problem.detail)
    this.refused = refused
  }
}

/** The answer, or a throw that ends the command with what was refused. */
export async function demand<Answer>(
  asked: Promise<Result<Answer>>,
): Promise<Extract<Result<Answer>, { readonly ok: true }>> {
  const result = await asked
  if (result.ok) return result
  throw new RefusedError(result)
}

/**
 * Finds the instance and lets a command ask it. What is refused or not reached is printed, and ends with its exit code;
 * `fallback` is for when no instance is there and none was named. Commands ask everything before they print.
 */
export async function withInstance(
  options: InstanceOptions,
  run: (client: AdminClient, instance: Instance) => Promise<number>,
  { fallback = null, placeOf = null }: { fallback?: Fallback; placeOf?: PlaceOf | null } = {},
): Promise<number> {
  const { terminal } = options
  const unreached = (found: Problem): number | Promise<number> => {
    if (fallback === null || isNamed(options)) {
      report(options, found)
      return exitCodes.unreached
    }
    terminal.err(`${plainLine(found.message)}; the folder is asked instead\n`)
    return fallback()
  }
  const found = await findInstance(options)
  if (!found.ok) {
    if (found.isNone) return unreached(found.problem)
    report(options, found.problem)
    return exitCodes.failed
  }
  try {
    return await run(createAdminClient({ url: found.url, token: found.token }), found)
  } catch (error) {
    if (error instanceof RefusedError) {
      for (const one of problemsOf(error.refused, placeOf)) report(options, one)
      return exitCodes.failed
    }
    if (!(error instanceof TurnoutError) || error.code !== 'TURNOUT_ADMIN_UNREACHABLE') throw error
    if (isAbsent(error)) {
      return unreached(problem('TURNOUT_INSTANCE_NOT_FOUND', { reason: error.message }))
    }
    report(options, { code: error.code, message: error.message })
    return exitCodes.unreached
  }
}

/** Nobody was there to hear the request: it has not been carried out. */
const isAbsent = ({ cause }: TurnoutError): boolean =>
  ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT'].includes(
    (cause as NodeJS.ErrnoException | undefined)?.code ?? '',
  )

/** Prints a problem on standard error, or as an event. */
export function report({ terminal, json }: InstanceOptions, found: Problem): void {
  if (json) terminal.out(printEvent({ event: 'problem', ...found }))
  else terminal.err(printProblem(found, terminal.paintErr))
}

/** Every finding of a refusal; the summary of many says nothing that they do not. */
export function problemsOf({ problem }: Refused, placeOf: PlaceOf | null): readonly Problem[] {
  const { problems = [], code, detail } = problem
  const found = problems.length > 0 ? problems : [{ code, detail }]
  return found.map((one) => problemFrom(one, placeOf))
}

/** A problem of an answer as the command line tells it. */
export function problemFrom(
  { code, detail, pointer }: AnsweredProblem,
  placeOf: PlaceOf | null = null,
): Problem {
  if (pointer === undefined) return { code, message: detail }
  const written = placeOf?.(pointer) ?? null
  if (written === null) return { code, message: detail, pointer }
  const { file, place } = written
  if (place === undefined) return { code, message: `${file}: ${detail}`, pointer }
  return { code, message: detail, pointer: written.pointer ?? pointer, place }
}
