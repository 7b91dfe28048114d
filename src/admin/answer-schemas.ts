import * as z from 'zod'
import { heapLevels } from '../core/protect/heap-level.ts'

/** Schemas of the answers, for the OpenAPI document; tests hold real answers against them. */

const text = z.string()
const count = z.int()
const time = z.iso.datetime()
const object: z.ZodType = z.record(z.string(), z.unknown())

const facts = { owner: text, revision: count }

export const routeItem: z.ZodType = z.looseObject({ id: text, ...facts })
export const upstreamItem: z.ZodType = z.looseObject({ name: text, ...facts })
export const moduleItem: z.ZodType = z.looseObject({
  name: text,
  version: text,
  digest: text,
  filters: z.array(text).optional(),
  isolation: z.literal('isolated').optional().describe('Where its author wants it to run.'),
  memoryMb: count.optional().describe('Most memory of its own process, in MB.'),
  ...facts,
})

export const pageOf = (item: z.ZodType): z.ZodType =>
  z.strictObject({ items: z.array(item), next: text.nullable(), revision: count })

export const listOf = (item: z.ZodType): z.ZodType => z.strictObject({ items: z.array(item) })

const problems = z.array(z.strictObject({ code: text, detail: text, pointer: text.optional() }))

export const problemAnswer: z.ZodType = z.strictObject({
  title: text,
  status: count,
  code: text,
  detail: text,
  problems: problems.optional(),
})

const change = z.strictObject({
  owner: text,
  module: text.nullable(),
  from: text.nullable(),
  to: text.nullable(),
  added: z.array(text),
  removed: z.array(text),
  changed: z.array(text),
  upstreams: z.array(text),
  upstreamsAdded: z.array(text),
  upstreamsRemoved: z.array(text),
})

export const publishAnswer: z.ZodType = z.strictObject({
  revision: count,
  isChanged: z.boolean(),
  changes: z.array(change),
})

const diffOf = z.strictObject({
  added: z.array(object),
  changed: z.array(z.strictObject({ before: object, after: object })),
  removed: z.array(object),
})

export const tableDiff: z.ZodType = z.strictObject({
  routes: diffOf,
  upstreams: diffOf,
  modules: diffOf,
  switches: z.array(z.strictObject({ route: text, enabled: z.boolean() })),
})

export const planAnswer: z.ZodType = z.strictObject({
  base: count,
  isAccepted: z.boolean(),
  changes: tableDiff,
  problems,
  shadowed: problems,
  loads: z.array(z.strictObject({ module: text, version: text, digest: text })),
  retires: z.array(z.strictObject({ module: text, version: text })),
})

const row = {
  number: count.nullable(),
  state: z.enum(['current', 'superseded', 'rolled-back', 'rejected']),
  at: time,
  author: text,
  reason: text,
  digest: text.nullable(),
  changes: z.array(change),
  restores: count.nullable(),
  takesBack: count.nullable(),
  confirmBy: time.nullable(),
  confirmation: z.enum(['waiting', 'confirmed', 'reverted']).nullable(),
  problems,
}

export const revisionRow: z.ZodType = z.strictObject(row)
export const revisionAnswer: z.ZodType = z.strictObject({
  ...row,
  routes: count,
  upstreams: count,
  modules: count,
})

export const ownerItem: z.ZodType = z.strictObject({ owner: text, isDiverged: z.boolean() })

const token = {
  id: text,
  name: text,
  scopes: z.array(text),
  createdAt: time,
  expiresAt: time.nullable(),
}

export const tokenItem: z.ZodType = z.strictObject(token)
export const createdToken: z.ZodType = z.strictObject({ ...token, token: text })
export const health: z.ZodType = z.strictObject({ ok: z.literal(true) })
export const readiness: z.ZodType = z.strictObject({ isReady: z.boolean(), reasons: z.array(text) })
export const status: z.ZodType = z.looseObject({
  revision: count,
  digest: text,
  isReady: z.boolean(),
})

export const workerItem: z.ZodType = z.strictObject({
  worker: count,
  pid: count,
  state: z.enum(['starting', 'serving', 'leaving']),
  revision: count,
  startedAt: text,
  restarts: count,
  rssBytes: count.nullable(),
  overload: z
    .strictObject({
      limit: count.nullable().describe('Exchanges at once; null: no limit is in force.'),
      inFlight: count,
      waiting: count,
      shed: count,
      isHolding: z.boolean(),
      isLastResort: z.boolean(),
      heap: z.enum(heapLevels),
    })
    .nullable(),
})

const connections = z.strictObject({ open: count, idle: count, upgraded: count })
const endpointStatus = z.strictObject({
  url: text,
  address: text.nullable().describe('That the name of the URL led to.'),
  labels: z.record(text, text),
  weight: count,
  effectiveWeight: z.number().describe('Less than the weight while it starts slowly.'),
  state: z.enum(['draining', 'unhealthy', 'ejected', 'slow-start', 'healthy']),
  ejectedUntil: time.nullable(),
  active: count.describe('Exchanges inside, upgraded ones too.'),
  connections: connections.describe('`open` counts the others too.'),
  waiting: count.describe('Exchanges that wait for a connection.'),
  consecutiveFailures: count,
  check: z
    .strictObject({
      isGood: z.boolean(),
      at: time,
      status: count.nullable(),
      reason: text.nullable(),
    })
    .nullable()
    .describe('The last health check.'),
})
const rate = z.number().nullable().describe('Percent; null: too few calls for one.')
export const upstreamStatus: z.ZodType = z.strictObject({
  name: text.describe('Of one that routes name by a bare URI: that URI.'),
  owner: text.nullable().describe('Null: of a bare URI.'),
  balancer: z.enum(['round-robin', 'least-request', 'ring-hash']),
  endpoints: z.array(endpointStatus),
  active: count.describe('Exchanges inside.'),
  waiting: count.describe('Exchanges that wait for the bulkhead or a connection.'),
  breaker: z
    .strictObject({
      state: z.enum(['CLOSED', 'OPEN', 'HALF_OPEN', 'DISABLED', 'FORCED_OPEN', 'METRICS_ONLY']),
      failureRate: rate,
      slowCallRate: rate,
      bufferedCalls: count,
      failedCalls: count,
      slowCalls: count,
      notPermittedCalls: count,
      openUntil: time.nullable().describe('When an open one lets the first call try.'),
    })
    .nullable(),
  bulkhead: z
    .strictObject({
      inFlight: count,
      maxConcurrentCalls: count,
      waiting: count,
      maxWaitingCalls: count,
    })
    .nullable(),
  names: z
    .array(
      z.strictObject({
        name: text,
        addresses: z.array(text),
        resolvedAt: time.nullable(),
        isKept: z.boolean().describe('It gives no address now, and the last ones are kept.'),
        error: text.nullable(),
      }),
    )
    .describe('Names that are looked up.'),
})
export const anyObject: z.ZodType = object
export const anyObjects: z.ZodType = z.array(object)
export const anything: z.ZodType = z.unknown()
