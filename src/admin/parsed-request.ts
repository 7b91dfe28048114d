import type { IncomingMessage, ServerResponse } from 'node:http'
import { TurnoutError } from '../core/errors.ts'
import type { AdminContext } from './context.ts'
import type { Identity } from './identity.ts'
import { demandType, hasBody, parseBody, readBytes } from './json-body.ts'
import type { OperationName } from './operations.ts'
import { entityTag, readMatch } from './precondition.ts'
import { readInput, readQuery } from './query.ts'
import type { AdminRequest, Answer, Resource } from './resource.ts'

const noBytes = new Uint8Array(0)

/** A request that was let in. */
export interface Call {
  readonly id: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly name: OperationName
  readonly resource: Resource
  readonly params: Readonly<Record<string, string>>
  readonly identity: Identity
}

/** What was sent. Rejects with a TurnoutError where nothing may be, it is not of the type, or too large. */
export async function bodyOf({ request, response, resource, identity }: Call): Promise<Uint8Array> {
  const { body } = resource
  if (body === null) {
    if (hasBody(request)) throw new TurnoutError('TURNOUT_BODY_UNEXPECTED')
    return noBytes
  }
  demandType(request, body.types)
  // Only now: a client that was refused has sent nothing for nothing.
  if (request.headers.expect !== undefined) response.writeContinue()
  return await readBytes(request, body.limit(identity))
}

/** The request as its operation is given it. @throws TurnoutError with everything that is wrong with it */
export function parsedRequest(call: Call, context: AdminContext, bytes: Uint8Array): AdminRequest {
  const { id, request, resource, params, identity } = call
  const { headers, url } = request
  const query = readQuery(url!, resource.query)
  const match = readMatch(headers['if-match'], headers['if-none-match'])
  const body = resource.body === null ? null : readInput(parseBody(bytes), resource.body.schema)
  const lastEventId = headers['last-event-id']
  return {
    id,
    params: params as AdminRequest['params'],
    query,
    body,
    match,
    accept: headers.accept ?? '',
    lastEventId: typeof lastEventId === 'string' ? lastEventId : null,
    identity,
    context,
  }
}

/** 304 where the client has what it would be sent. */
export function unchanged({ request }: Call, answer: Answer): Answer {
  const tag = answer.headers?.['etag']
  if (tag === undefined || answer.status !== 200) return answer
  const { except } = readMatch(undefined, request.headers['if-none-match'])
  if (!except.some((revision) => entityTag(revision) === tag)) return answer
  return { status: 304, headers: answer.headers! }
}

/** The `Idempotency-Key`, or null. @throws TurnoutError TURNOUT_HEADER_INVALID */
export function idempotencyKey(
  { headers }: IncomingMessage,
  { isRepeatable }: Resource,
): string | null {
  const key = headers['idempotency-key']
  if (key === undefined) return null
  const reason =
    isRepeatable === false
      ? 'the answer has a secret, and is not kept'
      : 'expected up to 200 printable characters'
  if (isRepeatable === false || typeof key !== 'string' || !/^[!-~]{1,200}$/.test(key))
    throw new TurnoutError('TURNOUT_HEADER_INVALID', { field: 'Idempotency-Key', reason })
  return key
}
