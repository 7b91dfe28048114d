import * as z from 'zod'
import type { BreakerRequest, ChangeRequest, Item, ProbeRequest, TokenRequest } from './answers.ts'
import { parseDuration } from './duration.ts'
import { parseScope } from './scope.ts'
import type { Artifact } from '../modules/artifact.ts'
import type { ModuleUpload } from './upload.ts'

/** Schemas of what comes in and goes out; also what the OpenAPI document is made of. */

const flag = z.enum(['true', 'false']).transform((text) => text === 'true')

const duration = (least: string, most: string): z.ZodString =>
  z.string().refine((text) => {
    const ms = parseDuration(text)
    return ms !== null && ms >= parseDuration(least)! && ms <= parseDuration(most)!
  }, `expected a duration from ${least} to ${most}, such as 30s, 5m or 1h`)

const reason = z.string().max(1_000).optional()
const limit = z.coerce.number().int().min(1).max(1_000).optional()
const after = z.string().max(4_000).optional()

const changes = {
  reason,
  confirmWithin: duration('1s', '24h').optional(),
  wait: z.literal('applied').optional(),
}

export const noQuery: z.ZodType<{ readonly [key: string]: never }> = z.strictObject({})
export const reasonQuery: z.ZodType<{ readonly reason?: string | undefined }> = z.strictObject({
  reason,
})
export const pageQuery: z.ZodType<{
  readonly limit?: number | undefined
  readonly after?: string | undefined
}> = z.strictObject({ limit, after })
export const ownedPageQuery: z.ZodType<{
  readonly limit?: number | undefined
  readonly after?: string | undefined
  readonly owner?: string | undefined
}> = z.strictObject({ limit, after, owner: z.string().optional() })

/** What every change takes. */
export interface ChangeQuery {
  readonly reason?: string | undefined
  readonly confirmWithin?: string | undefined
  readonly wait?: 'applied' | undefined
}

export const changeQuery: z.ZodType<ChangeQuery> = z.strictObject(changes)
export const itemChangeQuery: z.ZodType<ChangeQuery & { readonly force?: boolean | undefined }> =
  z.strictObject({ ...changes, force: flag.optional() })
export const uploadQuery: z.ZodType<
  ChangeQuery & { readonly force?: boolean | undefined; readonly beside?: boolean | undefined }
> = z.strictObject({ ...changes, force: flag.optional(), beside: flag.optional() })
export const changeSetQuery: z.ZodType<
  ChangeQuery & { readonly force?: boolean | undefined; readonly dryRun?: boolean | undefined }
> = z.strictObject({ ...changes, force: flag.optional(), dryRun: flag.optional() })

export const itemBody: z.ZodType<Item> = z.record(
  z.string(),
  z.unknown(),
) as unknown as z.ZodType<Item>

export const breakerBody: z.ZodType<BreakerRequest> = z.strictObject({
  state: z.enum(['CLOSED', 'DISABLED', 'FORCED_OPEN', 'METRICS_ONLY']),
})

const position = z.strictObject({ source: z.int(), line: z.int(), column: z.int() })
const parameter = z.looseObject({ name: z.string(), gives: z.string() })

interface UploadParts {
  readonly name: z.ZodString
  readonly file: z.ZodOptional<z.ZodString>
  readonly artifact: z.ZodType<Artifact>
}

/** An uploaded module, field by field. */
export const uploadParts: UploadParts = {
  name: z.string().regex(/^[\w.@/-]{1,128}$/),
  file: z.string().max(1_000).optional(),
  artifact: z.strictObject({
    script: z.string(),
    map: z.string(),
    sources: z.array(z.string()),
    imports: z.array(
      z.strictObject({
        specifier: z.string(),
        attributes: z.record(z.string(), z.string()),
        names: z.array(z.string()),
        star: z.boolean(),
        position,
      }),
    ),
    parameters: z.array(parameter),
    externals: z.array(z.strictObject({ specifier: z.string(), version: z.string().optional() })),
    digest: z.string().regex(/^[0-9a-f]{64}$/),
  }) as unknown as z.ZodType<Artifact>,
}

export const uploadBody: z.ZodType<ModuleUpload> = z.strictObject({
  ...uploadParts,
})

const ids = z.array(z.string().min(1)).max(10_000).optional()
const edits = z.strictObject({ put: z.array(itemBody).max(10_000).optional(), remove: ids })

export const changeBody: z.ZodType<ChangeRequest> = z.strictObject({
  routes: edits.optional(),
  upstreams: edits.optional(),
  modules: z.strictObject({ put: z.array(uploadBody).max(100).optional(), remove: ids }).optional(),
  enable: ids,
  disable: ids,
  reason,
  based_on: z.int().min(0).optional(),
})

export const probeBody: z.ZodType<ProbeRequest> = z.strictObject({
  method: z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/, 'expected a method'),
  url: z.string().min(1).max(8_192),
  headers: z.record(z.string(), z.string()).optional(),
  from: z.union([z.ipv4(), z.ipv6()]).optional(),
})

const scope = z.string().superRefine((text, context) => {
  const parsed = parseScope(text)
  if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed })
})

export const tokenBody: z.ZodType<TokenRequest> = z.strictObject({
  name: z.string().regex(/^[\w.@-]{1,64}$/, 'expected up to 64 letters, digits and ._@-'),
  scopes: z.array(scope).min(1).max(100),
  expiresIn: duration('1s', '87600h').optional(),
})
