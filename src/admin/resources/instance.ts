import {
  anyObject,
  anything,
  health,
  listOf,
  ownerItem,
  readiness,
  status,
} from '../answer-schemas.ts'
import { isOver } from '../../core/rollout/rollout.ts'
import { entriesAfter, entriesFrom } from '../../core/persistent-map.ts'
import type { Table } from '../../core/route/table.ts'
import { eventsType, jsonType } from '../media.ts'
import type { Resources } from '../resource.ts'
import { briefRollout } from '../rollout-item.ts'
import { noQuery, probeBody } from '../schemas.ts'

/** This instance: how it is, what it serves, what happens. */
export const instanceResources: Pick<
  Resources,
  'health' | 'readiness' | 'metrics' | 'describe' | 'status' | 'events' | 'probe' | 'listOwners'
> = {
  health: {
    summary: 'Whether the process answers',
    scope: 'none',
    query: noQuery,
    body: null,
    answers: { 200: health },
    refusals: [],
    handle: () => ({ status: 200, body: { ok: true } }),
  },
  readiness: {
    summary: 'Whether this instance should be sent requests, or why not',
    scope: 'none',
    query: noQuery,
    body: null,
    answers: { 200: readiness, 503: readiness },
    refusals: [],
    handle: ({ context }) => {
      const { isReady, reasons } = context.readiness()
      return { status: isReady ? 200 : 503, body: { isReady, reasons } }
    },
  },
  metrics: {
    summary: 'Metrics of all processes, as text of Prometheus, or of OpenMetrics where Accept asks',
    scope: 'read',
    query: noQuery,
    body: null,
    answers: { 200: null },
    refusals: ['TURNOUT_METRICS_OFF'],
    handle: async ({ context, accept }) => {
      const { type, text } = await context.scrape(accept)
      return { status: 200, headers: { 'content-type': type }, text }
    },
  },
  describe: {
    summary: 'This API as an OpenAPI 3.1 document',
    scope: 'read',
    query: noQuery,
    body: null,
    answers: { 200: anyObject },
    refusals: [],
    handle: ({ context }) => ({ status: 200, body: context.document() }),
  },
  status: {
    summary: 'What this instance serves, and how it is',
    scope: 'read',
    query: noQuery,
    body: null,
    answers: { 200: status },
    refusals: [],
    handle: ({ context }) => {
      const { control, audit, denied } = context
      const { revision, table } = control.current
      const body = {
        ...context.status(),
        ...context.readiness(),
        revision: revision.number,
        digest: revision.digest,
        routes: table.routes.size,
        upstreams: table.upstreams.size,
        modules: table.modules.size,
        diverged: control.diverged(),
        rollouts: context.rollouts
          .list()
          .filter(({ rollout }) => !isOver(rollout))
          .map(briefRollout),
        audit: { ...audit.head },
        denied: Object.fromEntries(denied),
      }
      return { status: 200, body }
    },
  },
  events: {
    summary: 'What happens, as server-sent events; Last-Event-ID goes on where a client left',
    scope: 'read',
    query: noQuery,
    body: null,
    answers: { 200: null },
    refusals: ['TURNOUT_ADMIN_BUSY'],
    handle: ({ context, lastEventId, identity }) => {
      const isAllowed = (): boolean =>
        identity.token !== null && context.tokens.isValid(identity.token, context.now())
      return {
        status: 200,
        headers: { 'content-type': eventsType },
        stream: context.streams.open(lastEventId, isAllowed),
      }
    },
  },
  probe: {
    summary: 'Which route and target would serve a request, why, and what came nearest',
    scope: 'read',
    query: noQuery,
    body: { types: [jsonType], schema: probeBody, limit: () => 1024 * 1024 },
    answers: { 200: anything },
    refusals: ['TURNOUT_INPUT_INVALID'],
    handle: ({ context, body }) => ({ status: 200, body: context.probe(body) }),
  },
  listOwners: {
    summary: 'Owners of what is served, and whether an operator went back behind their back',
    scope: 'read',
    query: noQuery,
    body: null,
    answers: { 200: listOf(ownerItem) },
    refusals: [],
    handle: ({ context: { control } }) => {
      const { table } = control.current
      const diverged = new Set(control.diverged())
      const owners = new Set([...diverged, ...routeOwners(table)])
      for (const [, { owner }] of entriesFrom(table.upstreams)) owners.add(owner)
      for (const [, { owner }] of entriesFrom(table.modules)) owners.add(owner)
      const items = [...owners].sort().map((owner) => ({ owner, isDiverged: diverged.has(owner) }))
      return { status: 200, body: { items } }
    },
  },
}

/** Owners that have routes. Their keys are `LENGTH:OWNER ID`: the next owner comes after `LENGTH:OWNER!`. */
function* routeOwners({ owned }: Table): Generator<string> {
  let [next] = entriesFrom(owned)
  while (next !== undefined) {
    const { owner } = next[1]
    yield owner
    ;[next] = entriesAfter(owned, `${owner.length}:${owner}!`)
  }
}
