import { TurnoutError } from '../../core/errors.ts'
import type { Control } from '../../control/control.ts'
import {
  pageOf,
  publishAnswer,
  revisionAnswer,
  revisionRow,
  tableDiff as diffSchema,
} from '../answer-schemas.ts'
import type { Identity } from '../identity.ts'
import { pageByTime } from '../page.ts'
import { publishedOf, type Published } from '../publish.ts'
import { rowOf, tableDiff } from '../render.ts'
import type { Answer, Resources } from '../resource.ts'
import { noQuery, pageQuery, reasonQuery } from '../schemas.ts'
import { mayCall } from '../scope.ts'

/** The history, and the way back. */
export const revisionResources: Pick<
  Resources,
  'listRevisions' | 'getRevision' | 'diffRevisions' | 'rollBack' | 'confirm' | 'takeBack'
> = {
  listRevisions: {
    summary: 'The history, newest first, with what was rejected',
    scope: 'read',
    query: pageQuery,
    body: null,
    answers: { 200: pageOf(revisionRow) },
    refusals: [],
    handle: ({ context: { control }, query }) => {
      const body = pageByTime(control.history(), query, control.current.revision.number, rowOf)
      return { status: 200, body }
    },
  },
  getRevision: {
    summary: 'A revision',
    scope: 'read',
    query: noQuery,
    body: null,
    answers: { 200: revisionAnswer },
    refusals: ['TURNOUT_REVISION_UNKNOWN'],
    handle: async ({ context: { control }, params }) => {
      const number = numberOf(params.number)
      const { revision, table } = await control.entryOf(number)
      const row = control.history().find((one) => one.number === number)
      const isCurrent = number === control.current.revision.number
      const state = isCurrent ? 'current' : 'superseded'
      const body = {
        ...rowOf(row ?? { ...revision, state, confirmation: null }),
        routes: table.routes.size,
        upstreams: table.upstreams.size,
        modules: table.modules.size,
      }
      return { status: 200, body }
    },
  },
  diffRevisions: {
    summary: 'What differs between two revisions',
    scope: 'read',
    query: noQuery,
    body: null,
    answers: { 200: diffSchema },
    refusals: ['TURNOUT_REVISION_UNKNOWN'],
    handle: async ({ context, params }) => {
      const changes = await context.control.diff(numberOf(params.from), numberOf(params.to))
      return { status: 200, body: tableDiff(changes) }
    },
  },
  rollBack: {
    summary: 'Publish the table of an earlier revision as the next one',
    scope: 'rollback',
    query: reasonQuery,
    body: null,
    answers: { 200: publishAnswer },
    refusals: ['TURNOUT_REVISION_UNKNOWN', 'TURNOUT_ARTIFACT_MISSING'],
    handle: async ({ context, params, query, identity }) => {
      const number = numberOf(params.number)
      const reason = query.reason ?? `roll back to revision ${number}`
      const outcome = await context.control.rollBack(number, { author: identity.name, reason })
      return answer(publishedOf(context, outcome))
    },
  },
  confirm: {
    summary: 'Keep a revision that waits for its confirmation',
    scope: 'change',
    query: reasonQuery,
    body: null,
    answers: { 200: publishAnswer },
    refusals: ['TURNOUT_REVISION_UNKNOWN', 'TURNOUT_CONFIRM_LATE'],
    handle: async ({ context: { control }, params, query, identity }) => {
      const number = numberOf(params.number)
      demandOwn(control, number, identity, 'confirm')
      const reason = query.reason ?? `confirm revision ${number}`
      await control.confirm(number, { author: identity.name, reason })
      return answer({ revision: control.current.revision.number, isChanged: false, changes: [] })
    },
  },
  takeBack: {
    summary: 'Take back a revision that waits for its confirmation',
    scope: 'change',
    query: reasonQuery,
    body: null,
    answers: { 200: publishAnswer },
    refusals: ['TURNOUT_REVISION_UNKNOWN', 'TURNOUT_CONFIRM_LATE'],
    handle: async ({ context, params, query, identity }) => {
      const { control } = context
      const number = numberOf(params.number)
      demandOwn(control, number, identity, 'take back')
      const reason = query.reason ?? `take back revision ${number}`
      const outcome = await control.takeBackWaiting(number, { author: identity.name, reason })
      return answer(publishedOf(context, outcome))
    },
  },
}

/** Who made a change may keep it or take it back; who may go back, what others made. */
const demandOwn = (
  control: Control,
  number: number,
  identity: Identity,
  verb: 'confirm' | 'take back',
): void => {
  const row = control.history().find((one) => one.number === number)
  if (row?.author !== identity.name && !mayCall(identity.scopes, 'rollback'))
    throw new TurnoutError('TURNOUT_SCOPE_MISSING', { what: `${verb} revision ${number}` })
}

const answer = (body: Published): Answer => ({
  status: 200,
  headers: { 'turnout-revision': String(body.revision) },
  body,
})

const numberOf = (text: string): number => {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new TurnoutError('TURNOUT_REVISION_UNKNOWN', { revision: text.slice(0, 40) })
}
