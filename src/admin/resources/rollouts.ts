import { TurnoutError } from '../../core/errors.ts'
import { isOver } from '../../core/rollout/rollout.ts'
import type { Rollouts, RolloutView } from '../../control/rollouts.ts'
import { pageOf as pageSchema } from '../answer-schemas.ts'
import { jsonType } from '../media.ts'
import { demandMove } from '../move-rollout.ts'
import { pageByTime, pageInOrder, type Order } from '../page.ts'
import type { Answer, Resource, Resources } from '../resource.ts'
import { measurementItem, rolloutItem } from '../rollout-item.ts'
import {
  measurementItem as measurementSchema,
  rolloutBody,
  rolloutItem as rolloutSchema,
  rolloutShown,
} from '../rollout-schemas.ts'
import { noQuery, pageQuery, reasonQuery } from '../schemas.ts'
import { mayCall } from '../scope.ts'
import { readStart } from '../start-rollout.ts'

type Move = 'pause' | 'resume' | 'promote' | 'abort'

/** Traffic that moves from one version to the other, step by step. */
export const rolloutResources: Pick<
  Resources,
  | 'listRollouts'
  | 'startRollout'
  | 'getRollout'
  | 'listMeasurements'
  | 'pauseRollout'
  | 'resumeRollout'
  | 'promoteRollout'
  | 'abortRollout'
> = {
  listRollouts: {
    summary: 'Rollouts, page by page: those under way first, then the newest',
    scope: 'read',
    query: pageQuery,
    body: null,
    answers: { 200: pageSchema(rolloutSchema) },
    refusals: [],
    handle: ({ context, query }) => {
      const { number } = context.control.current.revision
      const body = pageInOrder(context.rollouts.list(), order, query, number, rolloutItem)
      return { status: 200, body }
    },
  },
  startRollout: {
    summary:
      'Roll out a module version, an uploaded one, or another definition of a route or upstream',
    scope: 'change',
    query: reasonQuery,
    body: {
      types: [jsonType],
      schema: rolloutBody,
      shown: rolloutShown,
      limit: ({ scopes }) => (mayCall(scopes, 'deploy') ? 32 : 1) * 1024 * 1024,
    },
    answers: { 201: rolloutSchema },
    refusals: [
      'TURNOUT_INPUT_INVALID',
      'TURNOUT_OWNER_DIFFERS',
      'TURNOUT_ROLLOUT_RUNNING',
      'TURNOUT_ROLLOUT_SUBJECT',
      'TURNOUT_VERSION_LOWER',
      'TURNOUT_ROUTE_CONFLICT',
    ],
    handle: async (request) => {
      const { context, identity, query } = request
      const { what, plan, reason } = await readStart(request)
      const who = { author: identity.name, reason: query.reason ?? reason }
      const view = await context.rollouts.start(what, plan, {
        ...who,
        isReasoned: query.reason !== undefined,
      })
      const location = `/api/rollouts/${encodeURIComponent(view.rollout.id)}`
      return changed(view, 201, { location })
    },
  },
  getRollout: {
    summary: 'A rollout: where it stands, what is seen of both versions, and how they are judged',
    scope: 'read',
    query: noQuery,
    body: null,
    answers: { 200: rolloutSchema },
    refusals: ['TURNOUT_ROLLOUT_UNKNOWN'],
    handle: ({ context, params }) => ({
      status: 200,
      body: rolloutItem(demandRollout(context.rollouts, params.id)),
    }),
  },
  listMeasurements: {
    summary: 'Measurements of a rollout, newest first, page by page',
    scope: 'read',
    query: pageQuery,
    body: null,
    answers: { 200: pageSchema(measurementSchema) },
    refusals: ['TURNOUT_ROLLOUT_UNKNOWN'],
    handle: ({ context, params, query }) => {
      demandRollout(context.rollouts, params.id)
      const { number } = context.control.current.revision
      const rows = context.rollouts.measurements(params.id)
      return { status: 200, body: pageByTime(rows, query, number, measurementItem) }
    },
  },
  pauseRollout: move('pause', 'Hold a rollout where it stands'),
  resumeRollout: move('resume', 'Let a rollout go on, past a pause that waits for somebody too'),
  promoteRollout: move('promote', 'Give the canary all clients, whatever steps are left'),
  abortRollout: move('abort', 'Give the stable version all clients back, at once'),
}

function move(verb: Move, summary: string): Resource<'pauseRollout'> {
  return {
    summary,
    scope: 'change',
    query: reasonQuery,
    body: null,
    answers: { 200: rolloutSchema },
    refusals: ['TURNOUT_ROLLOUT_UNKNOWN', 'TURNOUT_ROLLOUT_STATE'],
    handle: async ({ context, identity, params: { id }, query }) => {
      const { rollout } = demandRollout(context.rollouts, id)
      demandMove(context, identity, rollout, verb)
      const who = { author: identity.name, reason: query.reason ?? `${verb} the rollout of ${id}` }
      return changed(await context.rollouts[verb](id, who), 200)
    },
  }
}

/** @throws TurnoutError TURNOUT_ROLLOUT_UNKNOWN */
const demandRollout = (rollouts: Rollouts, id: string): RolloutView => {
  const view = rollouts.find(id)
  if (view === null) throw new TurnoutError('TURNOUT_ROLLOUT_UNKNOWN', { id })
  return view
}

const changed = (
  view: RolloutView,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Answer => ({
  status,
  headers: { 'turnout-revision': String(view.rollout.revision), ...headers },
  body: rolloutItem(view),
})

interface Place {
  readonly isOver: boolean
  readonly startedAt: number
  readonly id: string
}

const order: Order<RolloutView, Place> = {
  keyOf: ({ rollout }) => ({
    isOver: isOver(rollout),
    startedAt: rollout.startedAt,
    id: rollout.id,
  }),
  compare: (left, right) =>
    Number(left.isOver) - Number(right.isOver) ||
    right.startedAt - left.startedAt ||
    (left.id < right.id ? -1 : Number(left.id > right.id)),
  write: ({ isOver, startedAt, id }) => `${Number(isOver)}.${startedAt}.${id}`,
  read: (cursor) => {
    const [, over, startedAt, id] = /^([01])\.(\d{1,15})\.(.+)$/s.exec(cursor) ?? []
    return id === undefined ? null : { isOver: over === '1', startedAt: Number(startedAt), id }
  },
}
