import * as z from 'zod'

/**
 * Bodies that parsers of the ground floor read, for the OpenAPI document only: those parsers say more, and have the
 * last word.
 */

const text = z.string()
const metadata = z.record(text, z.unknown()).optional()
const enabled = z.boolean().optional()
const texts = z.record(text, text)

const predicate = z.union([
  z.strictObject({ kind: z.literal('host'), patterns: z.array(text) }),
  z.strictObject({
    kind: z.enum(['header', 'query', 'cookie']),
    name: text,
    equals: text.optional(),
    matches: text.optional(),
  }),
  z.strictObject({
    kind: z.literal('time'),
    from: z.iso.datetime().optional(),
    until: z.iso.datetime().optional(),
  }),
  z.strictObject({
    kind: z.literal('client'),
    sources: z.array(text),
    trusted: z.int().optional(),
  }),
])

const target = z.union([
  z.strictObject({ upstream: text }),
  z.strictObject({ uri: text }),
  z.strictObject({
    respond: z.strictObject({
      status: z.int(),
      headers: texts.optional(),
      body: text.optional(),
    }),
  }),
  z.strictObject({ redirect: z.strictObject({ status: z.int(), location: text }) }),
])

/** A route in our own shape. */
const ownShown = z.strictObject({
  id: text.optional().describe('May be left out where the address has it.'),
  methods: z.array(text).optional().describe('Any method where it is left out.'),
  path: text.optional().describe('A pattern, or `paths` for several.'),
  paths: z.array(text).optional(),
  target,
  predicates: z.array(predicate).optional(),
  version: text.optional().describe('SemVer; with a + behind it also for later ones.'),
  labels: texts.optional(),
  weight: z.union([z.int(), z.strictObject({ group: text, weight: z.int() })]).optional(),
  order: z.int().optional(),
  enabled,
  metadata,
})

/** A definition of Spring Cloud Gateway. */
export const springShown: z.ZodType = z.strictObject({
  id: text.optional(),
  uri: text,
  predicates: z.array(z.union([text, z.strictObject({ name: text, args: texts.optional() })])),
  filters: z.array(z.unknown()).optional(),
  metadata,
  order: z.int().optional(),
  enabled,
})

export const routeShown: z.ZodType = z.union([ownShown, springShown])

export const upstreamShown: z.ZodType = z.strictObject({
  name: text.optional().describe('May be left out where the address has it.'),
  endpoints: z.array(z.union([text, z.strictObject({ url: text, weight: z.int().optional() })])),
  metadata,
})
