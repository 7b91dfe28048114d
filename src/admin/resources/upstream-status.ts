import { TurnoutError } from '../../core/errors.ts'
import { pageOf as pageSchema, upstreamStatus } from '../answer-schemas.ts'
import type { Page, UpstreamStatus } from '../answers.ts'
import type { AdminContext } from '../context.ts'
import { demandWrite } from '../edit-item.ts'
import { upstreamKind } from '../kinds.ts'
import { jsonType } from '../media.ts'
import type { AdminRequest, Answer, Resources } from '../resource.ts'
import { breakerBody, noQuery, pageQuery } from '../schemas.ts'

/** What upstreams do now on this instance. Live state: no revision has it. */
export const upstreamStatusResources: Pick<
  Resources,
  'listUpstreamStatus' | 'getUpstreamStatus' | 'forceBreaker'
> = {
  listUpstreamStatus: {
    summary: 'What all upstreams do now, those of bare URIs too, page by page',
    scope: 'read',
    query: pageQuery,
    body: null,
    answers: { 200: pageSchema(upstreamStatus) },
    refusals: [],
    handle: async ({ context, query }) => ({
      status: 200,
      body: await pageOfStatus(context, query),
    }),
  },
  getUpstreamStatus: {
    summary: 'What an upstream does now: endpoints, breaker, bulkhead, names; a bare URI is a name',
    scope: 'read',
    query: noQuery,
    body: null,
    answers: { 200: upstreamStatus },
    refusals: ['TURNOUT_ITEM_UNKNOWN'],
    handle: async ({ context, params }) => ({
      status: 200,
      body: await demandStatus(context, params.name),
    }),
  },
  forceBreaker: {
    summary: 'Bring the breaker of an upstream into a state by hand; no revision is made',
    scope: 'write',
    query: noQuery,
    body: { types: [jsonType], schema: breakerBody, limit: () => 1024 },
    answers: { 200: upstreamStatus },
    refusals: ['TURNOUT_INPUT_INVALID', 'TURNOUT_ITEM_UNKNOWN', 'TURNOUT_BREAKER_MISSING'],
    handle: forceBreaker,
  },
}

const usual = 100

async function pageOfStatus(
  context: AdminContext,
  { limit = usual, after }: AdminRequest<'listUpstreamStatus'>['query'],
): Promise<Page<UpstreamStatus>> {
  const names = await context.upstreamNames()
  const left = after === undefined ? names : names.filter((name) => name > after)
  const page = left.slice(0, limit)
  const found = await Promise.all(page.map(async (name) => context.upstreamStatus(name)))
  const items = found.filter((one) => one !== null)
  const next = left.length > limit ? left[limit - 1]! : null
  return { items, next, revision: context.control.current.revision.number }
}

const demandStatus = async (context: AdminContext, name: string): Promise<UpstreamStatus> => {
  const status = await context.upstreamStatus(name)
  if (status === null)
    throw new TurnoutError('TURNOUT_ITEM_UNKNOWN', { noun: 'upstream', id: name })
  return status
}

/** Who may change its settings may do this, whoever owns it: it changes nothing that its owner wrote. */
async function forceBreaker({
  context,
  params,
  body,
  identity,
}: AdminRequest<'forceBreaker'>): Promise<Answer> {
  const { name } = params
  const kind = upstreamKind(context)
  const upstream = kind.get(context.control.current.table, name)
  if (upstream !== undefined) demandWrite(kind, identity, [upstream])
  await demandStatus(context, name)
  if (!(await context.forceBreaker(name, body.state)))
    throw new TurnoutError('TURNOUT_BREAKER_MISSING', { upstream: name })
  return { status: 200, body: await demandStatus(context, name) }
}
