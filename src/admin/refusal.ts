import { STATUS_CODES } from 'node:http'
import {
  TurnoutError,
  errorTable,
  problem,
  type ErrorCode,
  type ErrorValues,
  type Problem,
} from '../core/errors.ts'
import { thrownError } from '../core/thrown.ts'
import type { AnsweredProblem, ProblemAnswer } from './answers.ts'
import type { Answer } from './resource.ts'

type Headers = Readonly<Record<string, string>>

const fields = new WeakMap<TurnoutError, Headers>()

/** An error that is answered with further fields: what the client should do about it. */
export function refusal(
  code: ErrorCode,
  values: ErrorValues,
  headers: Headers,
  problems: readonly Problem[] = [],
): TurnoutError {
  const error = new TurnoutError(code, values, { problems })
  fields.set(error, headers)
  return error
}

/** One error of many findings: that of a conflict first, because it says what is in the way. */
export function refusalOf(problems: readonly Problem[]): TurnoutError {
  const first = problems.find(({ code }) => errorTable[code].status === 409) ?? problems[0]
  return first === undefined
    ? new TurnoutError('TURNOUT_ADMIN_FAILED')
    : TurnoutError.of(first, problems)
}

/** An input of which all problems are told at once. */
export function invalidInput(problems: readonly Problem[]): TurnoutError {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  return new TurnoutError('TURNOUT_INPUT_INVALID', { count }, { problems })
}

/** A problem at a place of the body. */
export function inputProblem(reason: string, pointer: string): Problem {
  return problem(
    'TURNOUT_INPUT_VALUE',
    { pointer: pointer === '' ? 'the body' : pointer, reason },
    { pointer },
  )
}

/** One finding as clients see it. */
export function answeredProblem({ code, message, pointer }: Problem): AnsweredProblem {
  return { code, detail: message, ...(pointer === undefined ? {} : { pointer }) }
}

/**
 * The one writer of answers that are not a success: RFC 9457. The message of an error that is not ours, or of our own
 * that is no client's business, is for the log only, because it may hold what clients must not see.
 */
export function refusalAnswer(thrown: unknown, status?: number): Answer {
  const error = thrownError(thrown)
  const known = error instanceof TurnoutError && isTold(error) ? error : hidden
  const code = status ?? known.status
  const found = known.problems.map(answeredProblem)
  const body: ProblemAnswer = {
    title: STATUS_CODES[code] ?? 'Error',
    status: code,
    code: known.code,
    detail: known.message,
    ...(found.length > 0 ? { problems: found } : {}),
  }
  return {
    status: code,
    headers: { 'content-type': 'application/problem+json', ...fields.get(known) },
    body,
  }
}

const hidden = new TurnoutError('TURNOUT_ADMIN_FAILED')

/** What a client can do something about, and what the operator has to hear wherever it shows. */
const isTold = ({ status, code }: TurnoutError): boolean =>
  status < 500 || status === 503 || code === 'TURNOUT_STORE_FAILED'
