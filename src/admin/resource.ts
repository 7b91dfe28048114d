import type { ServerResponse } from 'node:http'
import type * as z from 'zod'
import type { ErrorCode } from '../core/errors.ts'
import type { AdminContext } from './context.ts'
import type { Identity } from './identity.ts'
import type { Match } from './precondition.ts'
import type { BodyOf, OperationName, ParamsOf, QueryOf } from './operations.ts'
import type { Needed } from './scope.ts'

/** A request that was let in, parsed and checked against its schemas. */
export interface AdminRequest<Name extends OperationName = OperationName> {
  readonly id: string
  readonly params: ParamsOf<Name>
  readonly query: QueryOf<Name>
  readonly body: BodyOf<Name>
  /** `If-Match` and `If-None-Match`. */
  readonly match: Match
  readonly lastEventId: string | null
  /** The field `Accept`, or empty. */
  readonly accept: string
  readonly identity: Identity
  readonly context: AdminContext
}

/** What is sent back. Without a body: 204, or what HEAD leaves out. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** Instead of a body: a text that is no JSON; `headers` have its type. */
  readonly text?: string
  /** Instead of a body: writes until the client leaves. */
  readonly stream?: (response: ServerResponse) => void
}

/** What an operation's body must be. */
export interface BodyRule<Body> {
  readonly types: readonly string[]
  /** Checks it. */
  readonly schema: z.ZodType<Body>
  /** For the OpenAPI document, where a parser of the ground floor checks more than the schema says. */
  readonly shown?: z.ZodType
  readonly limit: (identity: Identity) => number
}

/** One row of the table of resources: everything that is to be known of an operation. */
export interface Resource<Name extends OperationName = OperationName> {
  readonly summary: string
  readonly scope: Needed
  readonly query: z.ZodType<QueryOf<Name>>
  /** Null: it takes none. */
  readonly body: BodyRule<BodyOf<Name>> | null
  /** Schemas of the answers by status; null: without a body. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>
  /** What it refuses beyond what every operation may refuse. */
  readonly refusals: readonly ErrorCode[]
  /** False: its answer holds a secret, so it is not kept for a repeated request. */
  readonly isRepeatable?: boolean
  handle(request: AdminRequest<Name>): Answer | Promise<Answer>
}

/** The whole table; an operation without a row does not compile. */
export type Resources = { readonly [Name in OperationName]: Resource<Name> }
