import { TurnoutError } from '../../core/errors.ts'
import { createdToken, listOf, tokenItem } from '../answer-schemas.ts'
import { parseDuration } from '../duration.ts'
import { jsonType } from '../media.ts'
import type { Resources } from '../resource.ts'
import { noQuery, tokenBody } from '../schemas.ts'

const unknown = (id: string): TurnoutError =>
  new TurnoutError('TURNOUT_ITEM_UNKNOWN', { noun: 'token', id })

/** Who may use the API. */
export const tokenResources: Pick<
  Resources,
  'listTokens' | 'createToken' | 'getToken' | 'deleteToken'
> = {
  listTokens: {
    summary: 'Tokens, without what they are',
    scope: 'admin',
    query: noQuery,
    body: null,
    answers: { 200: listOf(tokenItem) },
    refusals: [],
    handle: ({ context }) => ({ status: 200, body: { items: context.tokens.list() } }),
  },
  createToken: {
    summary: 'Make a token; the answer is the only time that it is shown',
    scope: 'admin',
    query: noQuery,
    body: { types: [jsonType], schema: tokenBody, limit: () => 64 * 1024 },
    answers: { 201: createdToken },
    refusals: ['TURNOUT_INPUT_INVALID', 'TURNOUT_TOKEN_EXISTS', 'TURNOUT_TOKENS_FAILED'],
    isRepeatable: false,
    handle: async ({ context, body: { name, scopes, expiresIn } }) => {
      const now = context.now()
      const expiresAt = expiresIn === undefined ? null : now + parseDuration(expiresIn)!
      const created = await context.tokens.create({ name, scopes, expiresAt }, now)
      return { status: 201, headers: { location: `/api/tokens/${created.id}` }, body: created }
    },
  },
  getToken: {
    summary: 'A token, without what it is',
    scope: 'admin',
    query: noQuery,
    body: null,
    answers: { 200: tokenItem },
    refusals: ['TURNOUT_ITEM_UNKNOWN'],
    handle: ({ context, params: { id } }) => {
      const body = context.tokens.get(id)
      if (body === null) throw unknown(id)
      return { status: 200, body }
    },
  },
  deleteToken: {
    summary: 'Take a token away, at once',
    scope: 'admin',
    query: noQuery,
    body: null,
    answers: { 204: null },
    refusals: ['TURNOUT_ITEM_UNKNOWN', 'TURNOUT_TOKENS_FAILED'],
    handle: async ({ context, params: { id } }) => {
      if (!(await context.tokens.remove(id))) throw unknown(id)
      return { status: 204 }
    },
  },
}
