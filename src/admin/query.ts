import type * as z from 'zod'
import { TurnoutError, type Problem } from '../core/errors.ts'
import { inputProblem, invalidInput } from './refusal.ts'

type Issue = z.core.$ZodIssue

/** The parameters of a target, checked. @throws TurnoutError TURNOUT_QUERY_INVALID */
export function readQuery<Query>(target: string, schema: z.ZodType<Query>): Query {
  const mark = target.indexOf('?')
  const params = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1))
  const given = new Map<string, string>()
  for (const [name, value] of params) {
    if (given.has(name)) throw invalidQuery(`${shown(name)} stands twice`)
    given.set(name, value)
  }
  const { data, error } = schema.safeParse(Object.fromEntries(given))
  if (error === undefined) return data
  throw invalidQuery(error.issues.map(sentence).join('; '))
}

/** A body, checked. @throws TurnoutError TURNOUT_INPUT_INVALID with every problem at its place */
export function readInput<Body>(input: unknown, schema: z.ZodType<Body>): Body {
  const { data, error } = schema.safeParse(input)
  if (error === undefined) return data
  throw invalidInput(error.issues.flatMap(problemsOf).slice(0, 100))
}

const invalidQuery = (reason: string): TurnoutError =>
  new TurnoutError('TURNOUT_QUERY_INVALID', { reason })

const shown = (name: string): string => JSON.stringify(name.slice(0, 60))

const sentence = (issue: Issue): string =>
  issue.code === 'unrecognized_keys'
    ? `${issue.keys.slice(0, 5).map(shown).join(', ')} is no parameter`
    : `${issue.path.join('.')}: ${issue.message}`

const pointerOf = (path: readonly PropertyKey[]): string =>
  path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')

const problemsOf = (issue: Issue): Problem[] => {
  if (issue.code !== 'unrecognized_keys')
    return [inputProblem(issue.message, pointerOf(issue.path))]
  return issue.keys.map((key) =>
    inputProblem('there is no such key', pointerOf([...issue.path, key])),
  )
}
