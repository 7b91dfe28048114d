import { TurnoutError } from '../core/errors.ts'
import type { ProblemAnswer } from './answers.ts'
import { followEvents, type FollowOptions, type ServerEvent } from './client-events.ts'
import { exchange, type ClientOptions } from './client-request.ts'
import {
  operations,
  type AnswerOf,
  type BodyOf,
  type OperationName,
  type ParamsOf,
  type QueryOf,
} from './operations.ts'

export type { ClientOptions } from './client-request.ts'
export type { FollowOptions, ServerEvent } from './client-events.ts'
export type * from './answers.ts'
export type * from './upload.ts'

/** What an operation came to. Refusals are values; only an instance that cannot be reached throws. */
export type Result<Answer> =
  | {
      readonly ok: true
      readonly status: number
      /** Revision that serves the change. */
      readonly revision: number | null
      /** Of the item: what `ifMatch` of the next change is. */
      readonly etag: string | null
      readonly location: string | null
      readonly body: Answer
    }
  | {
      readonly ok: false
      readonly status: number
      readonly problem: ProblemAnswer
      /** The ETag that the item has, where that is the problem. */
      readonly etag: string | null
      /** Seconds to wait, where the instance says so. */
      readonly retryAfter: number | null
    }

type Part<Name extends string, Value> = [Value] extends [null]
  ? unknown
  : { readonly [Key in Name]: Value }

/** What an operation is called with. */
export type Input<Name extends OperationName> = ([keyof ParamsOf<Name>] extends [never]
  ? unknown
  : { readonly params: ParamsOf<Name> }) &
  Part<'body', BodyOf<Name>> & {
    readonly query?: QueryOf<Name>
    readonly ifMatch?: string
    readonly ifNoneMatch?: string
    readonly idempotencyKey?: string
    readonly signal?: AbortSignal
  }

/** A method for each operation but `events`, which are followed. */
export type AdminClient = {
  readonly [Name in Exclude<OperationName, 'events'>]: unknown extends Input<Name>
    ? () => Promise<Result<AnswerOf<Name>>>
    : Record<never, never> extends Input<Name>
      ? (input?: Input<Name>) => Promise<Result<AnswerOf<Name>>>
      : (input: Input<Name>) => Promise<Result<AnswerOf<Name>>>
} & {
  /** Events as they come. Goes on where it was when the connection breaks; ends with `signal`. */
  follow(options?: FollowOptions): AsyncGenerator<ServerEvent, void, void>
}

interface AnyInput {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: unknown
  readonly ifMatch?: string
  readonly ifNoneMatch?: string
  readonly idempotencyKey?: string
  readonly signal?: AbortSignal
}

/**
 * A client of the admin API of an instance. Each call is one request; it rejects with TURNOUT_ADMIN_UNREACHABLE where
 * there is no answer, and everything that is one is returned.
 */
export function createAdminClient(options: ClientOptions): AdminClient {
  const call = async (name: OperationName, input: AnyInput = {}): Promise<Result<unknown>> => {
    const { method, path } = operations[name]
    const target = targetOf(path, input)
    const answer = await exchange(options, method, target, {
      headers: headersOf(name, input),
      body: input.body === undefined ? null : JSON.stringify(input.body),
      signal: input.signal ?? null,
    })
    const { status, headers, text } = answer
    const etag = headers['etag'] ?? null
    const isText = name === 'metrics' && status === 200
    const body = isText ? text : text === '' ? null : bodyOf(options.url, text)
    const isRefused = status >= 400 && !(name === 'readiness' && status === 503)
    if (isRefused) {
      if (typeof (body as Partial<ProblemAnswer> | null)?.code !== 'string')
        throw stranger(options.url)
      const retryAfter = Number(headers['retry-after'] ?? Number.NaN)
      const problem = body as ProblemAnswer
      const wait = Number.isFinite(retryAfter) ? retryAfter : null
      return { ok: false, status, problem, etag, retryAfter: wait }
    }
    const revision = headers['turnout-revision']
    const location = headers['location'] ?? null
    return { ok: true, status, revision: revision ? Number(revision) : null, etag, location, body }
  }
  const methods = Object.keys(operations)
    .filter((name) => name !== 'events')
    .map((name) => [name, (input?: AnyInput) => call(name as OperationName, input)])
  const follow = (following: FollowOptions = {}) => followEvents(options, following)
  return { ...Object.fromEntries(methods), follow } as AdminClient
}

/** Somebody else answers there. */
const stranger = (url: string): TurnoutError =>
  new TurnoutError('TURNOUT_ADMIN_UNREACHABLE', { url, reason: 'what answers is no admin API' })

const bodyOf = (url: string, text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw stranger(url)
  }
}

const targetOf = (path: string, { params = {}, query = {} }: AnyInput): string => {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  )
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) given.set(name, String(value))
  return given.size === 0 ? filled : `${filled}?${given.toString()}`
}

const headersOf = (name: OperationName, input: AnyInput): Record<string, string> => ({
  ...(input.body === undefined
    ? {}
    : {
        'content-type': name.startsWith('patch')
          ? 'application/merge-patch+json'
          : 'application/json',
      }),
  ...(input.ifMatch === undefined ? {} : { 'if-match': input.ifMatch }),
  ...(input.ifNoneMatch === undefined ? {} : { 'if-none-match': input.ifNoneMatch }),
  ...(input.idempotencyKey === undefined ? {} : { 'idempotency-key': input.idempotencyKey }),
})
