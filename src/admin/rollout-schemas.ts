import * as z from 'zod'
import type { RolloutRequest } from './answers.ts'
import { itemBody, uploadParts } from './schemas.ts'
import { planShown, predicateShown, routeShown, upstreamShown } from './shown-schemas.ts'

/** Schemas of rollouts and versions: what comes in, and what goes out. */

const text = z.string()
const count = z.int()
const time = z.iso.datetime()
const percent = z.number().describe('Percent.')
const ms = z.number().nullable().describe('Ms; null: nothing was seen.')

const subjects = ['module', 'artifact', 'route', 'upstream'] as const

export const rolloutBody: z.ZodType<RolloutRequest> = z
  .strictObject({
    module: text.max(400).optional(),
    name: uploadParts.name.optional(),
    file: uploadParts.file,
    artifact: uploadParts.artifact.optional(),
    route: itemBody.optional(),
    upstream: itemBody.optional(),
    plan: itemBody.optional(),
  })
  .superRefine((body, context) => {
    const issue = (message: string, ...path: readonly string[]): void =>
      context.addIssue({ code: 'custom', message, path: [...path] })
    const [first, second] = subjects.filter((key) => body[key] !== undefined)
    const one = `expected one of ${subjects.join(', ')}`
    if (first === undefined) issue(one)
    else if (second !== undefined) issue(`${one}, and ${first} is there`, second)
    if (body.artifact === undefined) {
      if (body.name !== undefined) issue('it belongs to an artifact', 'name')
      if (body.file !== undefined) issue('it belongs to an artifact', 'file')
    } else if (body.name === undefined) issue('an artifact needs a name', 'name')
  }) as unknown as z.ZodType<RolloutRequest>

const planned = { plan: planShown.optional() }

export const rolloutShown: z.ZodType = z.union([
  z.strictObject({ module: text.describe('A version that is there: users@2.0.0'), ...planned }),
  z.strictObject({ ...uploadParts, ...planned }),
  z.strictObject({ route: routeShown, ...planned }),
  z.strictObject({ upstream: upstreamShown, ...planned }),
])

const figures = {
  requests: count,
  errors: count.describe('Answered 5xx, or cut.'),
  errorRate: z.number().nullable().describe('A fraction.'),
  p50Ms: ms,
  p95Ms: ms,
  p99Ms: ms,
}
const side = z.strictObject({ version: text, ...figures })
const verdict = z.enum(['pass', 'fail', 'inconclusive', 'error'])
const value = z.number().nullable().describe('Ms, a fraction or a count, as the metric has it.')
const judgements = z.array(z.strictObject({ condition: text, verdict, value, limit: value, text }))

export const rolloutItem: z.ZodType = z.strictObject({
  id: text,
  kind: z.enum(['module', 'route', 'upstream']),
  name: text,
  owner: text,
  status: z.enum(['running', 'paused', 'watching', 'promoted', 'aborted', 'superseded']),
  step: count.describe('Index of the step under way; the number of steps after the last.'),
  steps: z.array(text).describe('For people.'),
  stepSince: time,
  weight: percent,
  cohort: z.strictObject({ predicates: z.array(predicateShown), weight: percent }).nullable(),
  stable: side,
  canary: side,
  judgements,
  verify: z
    .strictObject({
      compared: count,
      different: count,
      differences: z.array(
        z.strictObject({
          place: text,
          count,
          noise: count.describe('How often two runs of the stable version differ there.'),
          request: text,
          stable: text.nullable(),
          canary: text.nullable(),
        }),
      ),
      failed: count,
    })
    .nullable(),
  startedAt: time,
  endedAt: time.nullable(),
  author: text,
  reason: text,
  revision: count,
  plan: planShown,
})

export const measurementItem: z.ZodType = z.strictObject({
  at: time,
  step: count,
  canary: z.strictObject(figures),
  stable: z.strictObject(figures),
  judgements,
  verdict,
})

export const versionItem: z.ZodType = z.strictObject({
  kind: z.enum(['module', 'route']),
  name: text,
  version: text,
  state: z.enum(['current', 'maintenance', 'deprecated', 'retired']),
  weight: z.number().nullable().describe('Percent; null: no weight decides.'),
  deprecatedAt: time.nullable(),
  sunsetAt: time.nullable(),
  share: z.number().nullable().describe('Of the exchanges of its name in the last minute.'),
  figures: z.strictObject(figures),
})
