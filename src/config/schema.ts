import * as z from 'zod'
import { parseBlock } from '../core/address.ts'
import type { AccessLogSettings } from '../core/access-log-settings.ts'
import type { TracingSettings } from '../core/tracing-settings.ts'
import type { Underscores } from '../core/http/fields.ts'
import { parseCondition } from '../core/rollout/condition.ts'
import { limitNames, limitTable, type Limits } from '../core/http/limits.ts'
import type { LogLevel } from '../core/logger.ts'
import { overloadMost, type OverloadOptions } from '../core/protect/overload.ts'
import {
  defaultResources,
  resourceRanges,
  resourceSettingNames,
  type ResourceOptions,
  type ResourceSettings,
} from '../core/protect/resources.ts'
import {
  askingProblems,
  labelKeys,
  versionKeys,
  type LabelOptions,
  type VersionOptions,
} from '../core/version/asking-parse.ts'
import { leastMemoryMb, mostMemoryMb } from '../modules/isolated/isolation.ts'
import { moduleProblems, type ModuleSettings } from '../modules/isolated/module-settings.ts'
import type { ServiceDefinition } from '../modules/services.ts'

/** Where the admin API listens, and under which names. */
export interface AdminSettings {
  readonly host: string
  readonly port: number
  /** Further names under which it may be asked. */
  readonly hosts?: readonly string[] | undefined
  /** Changes that are let in per second, of all tokens together. */
  readonly changesPerSecond?: number | undefined
  /** Files in PEM; needed beyond loopback. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined
}

/** A Redis key that holds rules; the rest has its defaults. */
export interface RedisSettings {
  /** Not given: that of `TURNOUT_REDIS_URL`. */
  readonly url?: string | undefined
  readonly key: string
  readonly channel?: string | undefined
  readonly pollMs: number
}

/** A config with its defaults filled in; `data` is absolute once `loadConfig` has read it from a file. */
export interface ResolvedConfig {
  readonly host: string
  readonly port: number
  readonly trailingSlash: 'strict' | 'redirect' | 'ignore'
  readonly encodedSlash: 'reject' | 'keep'
  readonly conflicts: 'exact' | 'ambiguous' | 'prefix' | 'prefix-within'
  readonly logger: boolean | { readonly level: LogLevel }
  readonly redact: readonly string[]
  readonly accessLog: boolean | AccessLogSettings
  /** `setup` is absolute once `loadConfig` has read it from a file. */
  readonly tracing: boolean | TracingSettings
  readonly recovery: boolean
  readonly settleMs: number
  /** Not given: as the command has it. */
  readonly workers?: number | undefined
  readonly stopDelayMs: number
  readonly workerMemoryMb?: number | undefined
  readonly loadTimeoutMs: number
  readonly drainMs: number
  readonly streamDrainMs: number
  readonly maxLiveVersions: number
  readonly bodyLimit: number
  /** Those that are given; the rest have their defaults. */
  readonly limits: { readonly [Name in keyof Limits]?: number | undefined }
  readonly overload: OverloadOptions
  readonly resources: ResourceOptions
  readonly trustedProxies: readonly string[]
  readonly underscores: Underscores
  readonly lane: 'fast' | 'safe'
  /** Not given: `reasoned` for `serve`, `free` for `dev`. */
  /** Not given: on for `serve`, off for `dev`. */
  readonly probation?:
    | boolean
    | {
        readonly durationMs?: number | undefined
        readonly minimumSamples?: number | undefined
        readonly conditions?: readonly string[] | undefined
      }
    | undefined
  readonly containment: boolean
  readonly versionOrder?: 'free' | 'reasoned' | undefined
  readonly versions: VersionOptions
  readonly labels: LabelOptions
  /** Absolute paths once `loadConfig` has read them from a file. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined
  readonly data?: string | undefined
  /** Where modules run, by name, whatever their authors say. */
  readonly modules: Readonly<Record<string, ModuleSettings>>
  /** Where rules come from beside the folder. */
  readonly sources: { readonly redis?: RedisSettings | undefined }
  /** Null: off. Paths of `tls` are absolute once `loadConfig` has read them from a file. */
  readonly admin: AdminSettings | null
  /** Null: off. */
  readonly health: {
    readonly host: string
    readonly port: number
    readonly metrics: boolean
  } | null
  readonly metrics: boolean
  readonly services: Readonly<Record<string, ServiceDefinition>>
}

/** More have nothing to run on. */
export const mostWorkers = 64

// Node's timers overflow to 1 ms above this.
const LONGEST_MS = 2_147_483_647

const integer = (least: number, most: number): z.ZodNumber => {
  const range = `expected a whole number from ${least} to ${most}`
  return z.number().int(range).min(least, range).max(most, range)
}

const tlsFiles = z.strictObject({
  key: z.string().min(1, 'expected a file'),
  cert: z.string().min(1, 'expected a file'),
})

const limitOf = (name: keyof Limits): z.ZodOptional<z.ZodNumber> => {
  const { least, most, means, default: usual } = limitTable[name]
  return integer(least, most).optional().describe(`Default ${usual}: ${means}.`)
}

const resource = (name: keyof ResourceSettings, means: string): z.ZodOptional<z.ZodNumber> => {
  const [least, most] = resourceRanges[name]
  const range = `expected a number from ${least} to ${most}`
  const number = most === 1 ? z.number().min(least, range).max(most, range) : integer(least, most)
  return number.optional().describe(`Default ${defaultResources[name]}: ${means}.`)
}

/** The readers of the settings have the last word on what each may be. */
const askingCheck =
  (name: 'versions' | 'labels') =>
  (value: unknown, context: z.RefinementCtx): void => {
    for (const { path, reason } of askingProblems(name, value))
      context.addIssue({ code: 'custom', path: [...path], message: reason })
  }

const share = z.number().min(0, 'expected 0 to 1').max(1, 'expected 0 to 1')

const settings = {
  $schema: z.string().optional().describe('Read by editors only.'),
  host: z
    .string()
    .min(1, 'expected an address or a host name')
    .default('127.0.0.1')
    .describe('Address to listen on.'),
  port: integer(0, 65_535).default(8080).describe('Port to listen on; 0 picks a free one.'),
  trailingSlash: z
    .enum(['strict', 'redirect', 'ignore'])
    .default('strict')
    .describe('What a path with one slash too many or too few at its end means.'),
  encodedSlash: z
    .enum(['reject', 'keep'])
    .default('reject')
    .describe('What %2F in a path means: 400, or a character of its segment.'),
  conflicts: z
    .enum(['exact', 'ambiguous', 'prefix', 'prefix-within'])
    .default('ambiguous')
    .describe('Which routes may not stand side by side.'),
  logger: z
    .union([
      z.boolean(),
      z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }),
    ])
    .default(true)
    .describe('The default logger: on, off, or on with a level.'),
  redact: z
    .array(z.string().min(1, 'expected a name'))
    .max(100)
    .default([])
    .describe('Names of fields of the log whose values are left out, beside the usual ones.'),
  accessLog: z
    .union([
      z.boolean(),
      z.strictObject({
        sample: share.optional().describe('Default 1: the share of requests that is logged.'),
        slowMs: integer(0, LONGEST_MS)
          .optional()
          .describe('Default 1000: from how many ms on a request is logged in any case.'),
        client: z.boolean().optional().describe("Default false: whether the client's address is."),
      }),
    ])
    .default(true)
    .describe('Which requests are a line of the log.'),
  tracing: z
    .union([
      z.boolean(),
      z.strictObject({
        sample: share
          .optional()
          .describe('Default 1: the share of traces that begin here which is recorded.'),
        export: z
          .boolean()
          .optional()
          .describe('Default true: whether spans are given to OpenTelemetry.'),
        setup: z
          .string()
          .min(1, 'expected a file')
          .optional()
          .describe('A module that each process imports first, relative to the config.'),
      }),
    ])
    .default(false)
    .describe('Whether requests are followed through their traces.'),
  recovery: z
    .boolean()
    .default(true)
    .describe('Whether a handler that throws is answered with 500.'),
  settleMs: integer(0, LONGEST_MS)
    .default(50)
    .describe('Quiet time after the last file event before a burst is looked at, in ms.'),
  workers: integer(0, mostWorkers)
    .optional()
    .describe('Worker processes that serve; 0: this process alone.'),
  workerMemoryMb: integer(64, 1024 * 1024)
    .optional()
    .describe(
      'Resident memory of a worker process past which it is replaced, in MiB. Default: its share of what the container may have.',
    ),
  stopDelayMs: integer(0, LONGEST_MS)
    .default(0)
    .describe('How long requests are still taken once a signal has turned /readyz to 503, in ms.'),
  loadTimeoutMs: integer(1, LONGEST_MS)
    .default(5_000)
    .describe('How long a route module may take to load, in ms.'),
  drainMs: integer(0, LONGEST_MS)
    .default(60_000)
    .describe('How long requests on a retired snapshot may go on, in ms.'),
  streamDrainMs: integer(0, LONGEST_MS)
    .default(300_000)
    .describe('How long streams on a retired snapshot may go on, in ms.'),
  maxLiveVersions: integer(1, 1024)
    .default(16)
    .describe(
      'Replaced versions of one module that may still hold exchanges; past that, no other comes.',
    ),
  bodyLimit: integer(0, Number.MAX_SAFE_INTEGER)
    .default(1_048_576)
    .describe('Largest request body that is read, in bytes.'),
  limits: z
    .strictObject(
      Object.fromEntries(limitNames.map((name) => [name, limitOf(name)])) as Record<
        keyof Limits,
        z.ZodOptional<z.ZodNumber>
      >,
    )
    .default({})
    .describe('What a client may send, and how long it may take.'),
  overload: z
    .union([
      z.literal(false),
      z.strictObject({
        concurrency: z
          .union([z.literal('adaptive'), integer(1, overloadMost.concurrency)])
          .optional()
          .describe('Default adaptive: as many as the event loop bears.'),
        waiting: integer(0, overloadMost.waiting)
          .optional()
          .describe('Default 128: requests that may wait for a place.'),
        waitMs: integer(0, overloadMost.waitMs)
          .optional()
          .describe('Default 200: for how long, in ms.'),
        critical: z
          .array(z.string().startsWith('/', 'expected a path'))
          .max(overloadMost.critical)
          .optional()
          .describe('Paths that are let in where others are not.'),
      }),
    ])
    .default({})
    .describe('How much a worker takes on at once; requests beyond it are answered 503.'),
  resources: z
    .union([
      z.literal(false),
      z.strictObject({
        gcPauseMs: resource('gcPauseMs', 'longest pause of a garbage collection, in ms'),
        openFiles: resource('openFiles', 'share of the files that a process may have open'),
        heap: resource('heap', 'share of the heap that a process may have'),
        loopDelayMs: resource('loopDelayMs', 'how late the event loop may come around, in ms'),
        exchangeMs: resource('exchangeMs', 'an exchange without an answer for so long is told'),
        waitingMs: resource('waitingMs', 'a waiting list that does not empty for so long is told'),
        leakGraceMs: resource('leakGraceMs', 'a replaced version is looked for so long after'),
        leakCollections: resource('leakCollections', 'collections that a leaked version outlives'),
      }),
    ])
    .default({})
    .describe('When what runs out, or does not end, is told; 0 turns one off.'),
  trustedProxies: z
    .array(
      z
        .string()
        .refine(
          (text) => parseBlock(text) !== null,
          'expected an address or a block like 10.0.0.0/8',
        ),
    )
    .default([])
    .describe('Addresses and blocks of proxies whose X-Forwarded-* is believed.'),
  lane: z
    .enum(['fast', 'safe'])
    .default('fast')
    .describe('Who reads ordinary requests: Turnout itself, or node:http as all others.'),
  underscores: z
    .enum(['drop', 'refuse', 'keep'])
    .default('drop')
    .describe('What becomes of header fields with _ in their name on their way to an upstream.'),
  metrics: z
    .boolean()
    .default(true)
    .describe('Whether what happens is counted and measured, for /metrics.'),
  containment: z
    .boolean()
    .default(true)
    .describe('Whether code of modules is kept from holding up or ending the process.'),
  probation: z
    .union([
      z.boolean(),
      z.strictObject({
        durationMs: integer(1_000, LONGEST_MS).optional(),
        minimumSamples: integer(1, 1_000_000).optional(),
        conditions: z
          .array(
            z
              .string()
              .refine(
                (text) => parseCondition(text).condition !== null,
                'expected a condition like errorRate <= stable + 1%',
              ),
          )
          .min(1)
          .optional(),
      }),
    ])
    .optional()
    .describe('Whether a plain change is watched, and taken back where it made things worse.'),
  versionOrder: z
    .enum(['free', 'reasoned'])
    .optional()
    .describe('Whether a module may go to a lower version without a reason.'),
  versions: z
    .strictObject({
      header: z.string().optional().describe('Default X-API-Version.'),
      query: z.string().optional().describe('A parameter of the query.'),
      segment: integer(0, 63).optional().describe('A segment of the path, counted from 0.'),
      mediaType: z.string().optional().describe('A parameter of a media type in Accept.'),
    })
    .superRefine(askingCheck('versions'))
    .default({})
    .describe('Where a request may ask for a version; the first that is there counts.'),
  labels: z
    .strictObject({
      header: z.string().optional().describe('Default X-Turnout-Labels.'),
      cookie: z.string().optional(),
      rules: z
        .array(
          z.strictObject({
            predicates: z.array(z.looseObject({ kind: z.string() })),
            labels: z.record(z.string(), z.string()),
          }),
        )
        .optional()
        .describe('Clients for whom all predicates hold have the labels.'),
    })
    .superRefine(askingCheck('labels'))
    .default({})
    .describe("Where a request's labels come from."),
  tls: tlsFiles
    .optional()
    .describe(
      'Key and certificate in PEM: files, relative to the config. Read again when they change.',
    ),
  admin: z
    .union([
      z.literal(false),
      z.strictObject({
        host: z.string().min(1, 'expected an address or a host name').default('127.0.0.1'),
        port: integer(0, 65_535).default(7070),
        hosts: z.array(z.string().min(1, 'expected a host name')).optional(),
        changesPerSecond: integer(1, 1_000_000).optional(),
        tls: tlsFiles.optional(),
      }),
    ])
    .default({ host: '127.0.0.1', port: 7070 })
    .describe('Where the admin API listens, or off.'),
  health: z
    .union([
      z.literal(false),
      z.strictObject({
        host: z.string().min(1, 'expected an address or a host name').default('127.0.0.1'),
        port: integer(0, 65_535).default(7071),
        metrics: z
          .boolean()
          .default(false)
          .describe('Whether /metrics is answered there too, without a token.'),
      }),
    ])
    .default(false)
    .describe('Where /healthz and /readyz, and nothing else, are answered without a token; off.'),
  sources: z
    .strictObject({
      redis: z
        .strictObject({
          url: z
            .string()
            .min(1, 'expected redis://HOST:PORT')
            .optional()
            .describe('redis:// or rediss://; without it that of TURNOUT_REDIS_URL.'),
          key: z.string().min(1, 'expected a key').max(512).default('routing_rules'),
          channel: z
            .string()
            .min(1, 'expected a channel')
            .max(512)
            .optional()
            .describe('Default: the key and :changed.'),
          pollMs: integer(100, 3_600_000)
            .default(5_000)
            .describe('Longest time between two readings, in ms.'),
        })
        .optional()
        .describe('A Redis key that holds rules.'),
    })
    .default({})
    .describe('Where rules come from beside the folder.'),
  modules: z
    .record(
      z.string(),
      z.strictObject({
        isolation: z.enum(['inline', 'isolated']).optional(),
        memoryMb: integer(leastMemoryMb, mostMemoryMb)
          .optional()
          .describe('Most memory of its process, in MB; past it, it is replaced.'),
        upstream: z
          .record(z.string(), z.json())
          .optional()
          .describe('Settings of its process as an upstream: breaker, bulkhead, timeouts.'),
      }),
    )
    .superRefine((value, context) => {
      for (const { path, reason } of moduleProblems(value))
        context.addIssue({ code: 'custom', path: [...path], message: reason })
    })
    .default({})
    .describe('Where modules run, by name, whatever their authors say.'),
  data: z
    .string()
    .min(1, 'expected a folder')
    .optional()
    .describe("Folder for Turnout's own files, relative to the config."),
}

const hasOwnKeysOnly = (value: object, known: readonly string[]): string | undefined =>
  [Object.prototype, null].includes(Object.getPrototypeOf(value))
    ? Object.keys(value).find((key) => !known.includes(key))
    : undefined

// Passed on by identity: a service may be an instance whose `open` needs its `this`.
const service = z.unknown().superRefine((value, context) => {
  if (typeof value !== 'object' || value === null) {
    context.addIssue({ code: 'custom', message: 'expected an object with `open`' })
    return
  }
  const { open, close } = value as { readonly open?: unknown; readonly close?: unknown }
  if (typeof open !== 'function')
    context.addIssue({ code: 'custom', path: ['open'], message: 'expected a function' })
  if (close !== undefined && typeof close !== 'function')
    context.addIssue({ code: 'custom', path: ['close'], message: 'expected a function' })
  const unknown = hasOwnKeysOnly(value, ['open', 'close'])
  if (unknown !== undefined) context.addIssue({ code: 'unrecognized_keys', keys: [unknown] })
}) as z.ZodType<ServiceDefinition>

/** The names of every setting, at the top and inside the settings that are objects; for "did you mean". */
export const settingNames: Readonly<Record<string, readonly string[]>> = {
  '': [...Object.keys(settings), 'services'],
  logger: ['level'],
  accessLog: ['sample', 'slowMs', 'client'],
  tracing: ['sample', 'export', 'setup'],
  limits: limitNames,
  versions: versionKeys,
  labels: labelKeys,
  tls: ['key', 'cert'],
  sources: ['redis'],
  'sources.redis': ['url', 'key', 'channel', 'pollMs'],
  admin: ['host', 'port', 'hosts', 'changesPerSecond', 'tls'],
  'admin.tls': ['key', 'cert'],
  health: ['host', 'port', 'metrics'],
  resources: resourceSettingNames,
  overload: ['concurrency', 'waiting', 'waitMs', 'critical'],
  probation: ['durationMs', 'minimumSamples', 'conditions'],
}

/** What a service may have. */
export const serviceKeys: readonly string[] = ['open', 'close']

/** The whole config: unknown keys and wrong types are issues, defaults are filled in. */
export const configSchema: z.ZodType<ResolvedConfig> = z
  .strictObject({ ...settings, services: z.record(z.string(), service).default({}) })
  .transform(({ $schema: _schema, admin, health, ...config }) => ({
    ...config,
    admin: admin === false ? null : admin,
    health: health === false ? null : health,
  }))

/** What a config of no settings resolves to. */
export const defaultConfig: ResolvedConfig = configSchema.parse({})

/**
 * JSON Schema (draft-07, which editors and yaml-language-server read) of what JSON and YAML configs may
 * say; `turnout.schema.json` is its text.
 */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(z.strictObject(settings), {
    io: 'input',
    target: 'draft-7',
  })
  return { $schema, title: 'turnout.config', ...rest }
}
