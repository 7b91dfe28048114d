import { listOf, workerItem } from '../answer-schemas.ts'
import type { Resources } from '../resource.ts'
import { noQuery, reasonQuery } from '../schemas.ts'

/** The processes that serve. */
export const workerResources: Pick<Resources, 'listWorkers' | 'restartWorkers'> = {
  listWorkers: {
    summary: 'The worker processes of this instance; none: one process does everything',
    scope: 'read',
    query: noQuery,
    body: null,
    answers: { 200: listOf(workerItem) },
    refusals: [],
    handle: ({ context }) => ({ status: 200, body: { items: context.workers() } }),
  },
  restartWorkers: {
    summary:
      'Replace the worker processes one after the other; no request is lost, no revision is made',
    scope: 'write',
    query: reasonQuery,
    body: null,
    answers: { 200: listOf(workerItem) },
    refusals: ['TURNOUT_WORKER_LATE', 'TURNOUT_WORKER_LOST'],
    handle: async ({ context, query }) => {
      const items = await context.restart(query.reason ?? 'restart')
      return { status: 200, body: { items } }
    },
  },
}
