import type { ModuleSettings } from '../modules/isolated/module-settings.ts'
import type { AccessLogSettings } from '../core/access-log-settings.ts'
import type { TracingSettings } from '../core/tracing-settings.ts'
import type { Underscores } from '../core/http/fields.ts'
import type { Limits } from '../core/http/limits.ts'
import type { LabelOptions, VersionOptions } from '../core/version/asking-parse.ts'
import type { LogLevel } from '../core/logger.ts'
import type { OverloadOptions } from '../core/protect/overload.ts'
import type { ResourceOptions } from '../core/protect/resources.ts'
import type { ServiceDefinition } from '../modules/services.ts'

/** What `turnout.config.*` may say. Everything is optional; times are milliseconds, sizes bytes. */
export interface Config<Services extends object = Record<string, unknown>> {
  /** Editors read it in JSON; Turnout does not. */
  readonly $schema?: string
  /** Address to listen on. Default `127.0.0.1`. */
  readonly host?: string
  /** Port to listen on; 0 picks a free one. Default 8080. */
  readonly port?: number
  /** What a path with one slash too many or too few at its end means. Default `strict`: another path. */
  readonly trailingSlash?: 'strict' | 'redirect' | 'ignore'
  /** What `%2F` in a path means. Default `reject`: 400. `keep`: a character of its segment. */
  readonly encodedSlash?: 'reject' | 'keep'
  /** Which routes may not stand side by side. Default `ambiguous`: those where nothing says which serves. */
  readonly conflicts?: 'exact' | 'ambiguous' | 'prefix' | 'prefix-within'
  /** The default logger: on (`true`, level `info`), off, or on with a level. */
  readonly logger?: boolean | { readonly level?: LogLevel }
  /** Whether a handler that throws is answered with 500 instead of cutting the connection. Default true. */
  readonly recovery?: boolean
  /** Names of fields of the log whose values are left out, beside the usual ones. */
  readonly redact?: readonly string[]
  /** Which requests are a line of the log: all (default), none, or a share, and all that failed or were slow. */
  readonly accessLog?: boolean | AccessLogSettings
  /** Whether requests are followed through their traces. Default: false. */
  readonly tracing?: boolean | TracingSettings
  /** Quiet time after the last file event before a burst is looked at. Default 50. */
  readonly settleMs?: number
  /** How long requests are still taken once a signal has turned `/readyz` to 503. Default 0. */
  readonly stopDelayMs?: number
  /** Worker processes that serve; 0: one process does everything. Default: as many as cores for `serve`, 0 for `dev`. */
  readonly workers?: number
  /** Resident memory of a worker process past which it is replaced, in MiB. Default: its share of what the container may have. */
  readonly workerMemoryMb?: number
  /** How long a route module may take to load. Default 5,000. */
  readonly loadTimeoutMs?: number
  /** How long requests on a replaced module version may go on. Default 60,000. */
  readonly drainMs?: number
  /** How long streams on a replaced module version may go on. Default 300,000. */
  readonly streamDrainMs?: number
  /** Replaced versions of one module that may still hold exchanges; past that, no other comes. Default 16. */
  readonly maxLiveVersions?: number
  /** Largest request body that is read. Default 1,048,576. */
  readonly bodyLimit?: number
  /** What a client may send, and how long it may take. */
  readonly limits?: Partial<Limits>
  /** How much a worker takes on at once; requests beyond it are answered 503. False: everything is taken. */
  readonly overload?: OverloadOptions
  /** When what runs short, or does not end, is told (docs/guide/resources.md); false: nothing is looked at. */
  readonly resources?: ResourceOptions
  /** Addresses and blocks of proxies whose `X-Forwarded-*` is believed. Default: none. */
  readonly trustedProxies?: readonly string[]
  /** Fields with `_` in their name: not passed on to an upstream (`drop`, default), 400 (`refuse`), or as others (`keep`). */
  readonly underscores?: Underscores
  /** Who reads ordinary requests. Default `fast`: Turnout itself. `safe`: `node:http`, as all others. */
  readonly lane?: 'fast' | 'safe'
  /**
   * Whether a plain change is watched after its apply, and taken back where it made error rate or times worse. Default:
   * true for `serve`, false for `dev`.
   */
  readonly probation?:
    | boolean
    | {
        /** Default 60,000. */
        readonly durationMs?: number
        /** Fewest exchanges, before and since, that are judged. Default 50. */
        readonly minimumSamples?: number
        /** `errorRate <= stable + 1%`, `p95 <= stable * 1.10 + 1ms`; `stable` is what served before. */
        readonly conditions?: readonly string[]
      }
  /** Whether code of modules is kept from holding up or ending the process. Default: true. */
  readonly containment?: boolean
  /** Whether a module may go to a lower version without a reason: `free` (default of `dev`), `reasoned` (of `serve`). */
  readonly versionOrder?: 'free' | 'reasoned'
  /** Where a request may ask for a version. Default: the header `X-API-Version`. */
  readonly versions?: VersionOptions
  /** Where a request's labels come from. Default: the header `X-Turnout-Labels`. */
  readonly labels?: LabelOptions
  /** Key and certificate in PEM: files, relative to the config. They are read again when they change. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Where the admin API listens; false: it is off. Default: port 7070 of 127.0.0.1. */
  readonly admin?:
    | false
    | {
        readonly host?: string
        readonly port?: number
        /** Further names under which it may be asked. */
        readonly hosts?: readonly string[]
        /** Changes that are let in per second, of all tokens together. Default 250. */
        readonly changesPerSecond?: number
        /** Key and certificate in PEM: files, relative to the config. Needed beyond loopback. */
        readonly tls?: { readonly key: string; readonly cert: string }
      }
  /** Where `/healthz` and `/readyz`, and nothing else, are answered without a token; `metrics`: `/metrics` too. Default: nowhere. */
  readonly health?:
    | false
    | { readonly host?: string; readonly port?: number; readonly metrics?: boolean }
  /** Whether what happens is counted and measured, for `/metrics`. Default true. */
  readonly metrics?: boolean
  /** Where modules run, by name, whatever their authors say. */
  readonly modules?: Readonly<Record<string, ModuleSettings>>
  /** Where rules come from beside the folder. */
  readonly sources?: {
    /** A Redis key that holds rules; needs the package `@redis/client`. */
    readonly redis?: {
      /** `redis://` or `rediss://`. Default: that of the environment variable `TURNOUT_REDIS_URL`. */
      readonly url?: string
      /** Default `routing_rules`. */
      readonly key?: string
      /** Channel on which any message says that the key has changed. Default: the key and `:changed`. */
      readonly channel?: string
      /** Longest time between two readings. Default 5,000. */
      readonly pollMs?: number
    }
  }
  /** Folder for Turnout's own files, relative to the config. Default `.turnout` beside the served folder. */
  readonly data?: string
  /** What modules are given by name. Needs code, so not in JSON or YAML. */
  readonly services?: { readonly [Name in keyof Services]: ServiceDefinition<Services[Name]> }
}

/** Gives types to a config file and returns it as it is. */
export function defineConfig<Services extends object>(config: Config<Services>): Config<Services> {
  return config
}
