import type { Underscores } from './core/http/fields.ts'
import type { Limits } from './core/http/limits.ts'
import type { Logger, LogLevel } from './core/logger.ts'
import type { ConflictPolicy } from './core/route/conflict.ts'
import type { LabelOptions, VersionOptions } from './core/version/asking-parse.ts'
import type { TrailingSlash } from './gateway/miss.ts'
import type { OverloadOptions } from './core/protect/overload.ts'
import type { ResourceOptions } from './core/protect/resources.ts'
import type { ModuleSettings } from './modules/isolated/module-settings.ts'
import type { AccessLogSettings } from './core/access-log-settings.ts'
import type { TracingSettings } from './core/tracing-settings.ts'
import type { ProbationSettings } from './turnout-rollouts.ts'

/** Settings of an embedded Turnout; all optional. */
export interface TurnoutOptions {
  /** A path that differs from a route's only by its trailing slash: `strict` (default) is 404, `redirect` is 308, `ignore` serves it. */
  readonly trailingSlash?: TrailingSlash
  /** `%2F` in a path: `reject` (default) is 400, `keep` makes it a character of its segment. */
  readonly encodedSlash?: 'reject' | 'keep'
  /**
   * Which routes may not stand side by side. `exact`: one method and one shape; `ambiguous` (default): also an
   * overlap where nothing says which serves; `prefix`: also paths of two owners that cross at a segment boundary;
   * `prefix-within`: also those of one owner.
   */
  readonly conflicts?: ConflictPolicy
  /** True (default): one JSON line per request on standard error. Or a logger of the host, or none. */
  readonly logger?: boolean | Logger
  /** Quietest level that the default logger writes. Default `info`. */
  readonly logLevel?: LogLevel
  /** Names of fields whose values the default logger leaves out, beside those that are usual (docs/reference/logs.md). */
  readonly redact?: readonly string[]
  /**
   * Which requests are a line of the log. True (default): all; false: none; or a share of them by their trace ids, and all
   * that failed, were cut or were slow.
   */
  readonly accessLog?: boolean | AccessLogSettings
  /**
   * Whether exchanges are followed through their traces: their spans go to OpenTelemetry, whose API must be installed.
   * Default: false; a client's headers go on as they came.
   */
  readonly tracing?: boolean | TracingSettings
  /** True (default): a handler that throws is logged and answered 500. False: the error goes to the host. */
  readonly recovery?: boolean
  /** Most bytes of a body that handlers may buffer. Default 1 MiB. */
  readonly bodyLimit?: number
  /** What a client may send, and how long it may take; the rest at its default (docs/reference/limits.md). */
  readonly limits?: { readonly [Name in keyof Limits]?: number | undefined }
  /** How much a worker takes on at once; requests beyond it are answered 503 (docs/guide/overload.md). False: everything. */
  readonly overload?: OverloadOptions
  /**
   * `fast` (default, unless `TURNOUT_LANE` says `safe`): ordinary requests are read by Turnout itself. `safe`: all by
   * `node:http` (docs/guide/fast-lane.md).
   */
  readonly lane?: 'fast' | 'safe'
  /** When what runs out, or does not end, is told (docs/guide/resources.md). False: nothing is looked at. */
  readonly resources?: ResourceOptions
  /** Addresses and blocks (`10.0.0.0/8`) of proxies whose `X-Forwarded-*` is believed. Default: none. */
  readonly trustedProxies?: readonly string[]
  /** Fields with `_` in their name: not passed on to an upstream (`drop`, default), 400 (`refuse`), or as others (`keep`). */
  readonly underscores?: Underscores
  /** `free` (default), or `reasoned`: a module goes to a lower version only where a reason is given. */
  readonly versionOrder?: 'free' | 'reasoned'
  /**
   * Whether a plain change is watched after its apply, and taken back where it made error rate or times worse. Default:
   * false. True: for a minute, by the usual conditions.
   */
  readonly probation?: boolean | ProbationSettings
  /** Where a request may ask for a version. Default: the header `X-API-Version`. */
  readonly versions?: VersionOptions
  /** Where a request's labels come from. Default: the header `X-Turnout-Labels`. */
  readonly labels?: LabelOptions
  /** Milliseconds that a module's import and `register` may take. Default 5,000. */
  readonly loadTimeoutMs?: number
  /** Milliseconds after which requests on a replaced version are cut. Default 60,000. */
  readonly drainMs?: number
  /** The same for answers that stream. Default 300,000. */
  readonly streamDrainMs?: number
  /** Replaced versions of one module that may still hold exchanges: past that, no other comes. Default 16. */
  readonly maxLiveVersions?: number
  /** Revisions kept to go back to. Default 100, and 1,000 with a data folder. */
  readonly keepRevisions?: number
  /** True (default): what exchanges come to is counted, for probation and rollouts. */
  readonly figures?: boolean
  /** True (default): what happens is counted and measured, for `/metrics` (docs/guide/metrics.md). */
  readonly metrics?: boolean
  /**
   * Whether code of modules is kept from holding up or ending the process. It catches every error of the process, so only
   * a process that serves and does nothing else may say true. Default: false; `serve` and `dev` say true.
   */
  readonly containment?: boolean
  /** What modules are given: values as they are, or `{ open, close }`, opened once before the first module. */
  readonly services?: Readonly<Record<string, unknown>>
  /** Where modules run, by name, whatever their authors say. */
  readonly modules?: Readonly<Record<string, ModuleSettings>>
  /** A config, whose services each process of an isolated module opens. Default: none. */
  readonly configFile?: string
}

/** Settings of an admin API; all optional. */
export interface AdminOptions {
  /** Default `127.0.0.1`. Beyond loopback it needs `tls`. */
  readonly host?: string
  /** Default 7070; 0 picks a free one. */
  readonly port?: number
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Further names under which it may be asked. */
  readonly hosts?: readonly string[]
  /** Changes that are let in per second, of all tokens together. Default 250. One token may make 200. */
  readonly changesPerSecond?: number
  /** The token that may do everything. Default: that of `TURNOUT_ADMIN_TOKEN`, else of the file `admin-token`. */
  readonly token?: string
  /** `/readyz` answers 503 until `listen` has bound a socket. Default: false, for who brings a server. */
  readonly isAwaitingSocket?: boolean
  /** Folder of tokens and audit log. Default: the data folder. */
  readonly directory?: string
}

/** Where probes are answered; all optional. */
export interface HealthAddress {
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Default 7071; 0 picks a free one. */
  readonly port?: number
  /** Whether `/metrics` is answered there too, without a token. Default: false. */
  readonly metrics?: boolean
}

export interface FilesOptions {
  /** Milliseconds without an event after which files count as written. Default 50. */
  readonly settleMs?: number
}

/** One row of `routes()`. */
export interface RouteRow {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly owner: string
  readonly module: string | null
  readonly version: string | null
}

export interface DurableOptions extends TurnoutOptions {
  /** The data folder; made if it is missing. */
  readonly data: string
}
