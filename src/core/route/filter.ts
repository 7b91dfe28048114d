import type { Json } from '../json.ts'
import type { MessageFilter } from './filter-message.ts'
import type { AccessFilter } from './access-filter.ts'
import type { BodyFilter } from './body-filter.ts'
import type { BulkheadSettings, HashKey } from './upstream.ts'

/** What becomes of an exchange with an upstream whose route or endpoint is changed meanwhile. */
export interface StreamPolicy {
  /** `keep`: nothing. `drain`: it may go on for `drainMs`. `close`: it ends at once, but for one without a head. */
  readonly onChange: 'keep' | 'drain' | 'close'
  readonly drainMs: number
}

export const defaultStreams: StreamPolicy = { onChange: 'drain', drainMs: 300_000 }

/** Repeats of a request that failed or was answered with one of `statuses`. Times in ms. */
export interface RetryFilter {
  readonly kind: 'retry'
  /** Repeats, beside the first attempt. */
  readonly retries: number
  readonly statuses: readonly number[]
  /** Whether an attempt that got no answer is repeated. */
  readonly onFailure: boolean
  readonly methods: readonly string[]
  readonly firstBackoffMs: number
  readonly maxBackoffMs: number
  readonly factor: number
  /** Part of a wait that is drawn by chance: 0 none, 1 all of it. */
  readonly jitter: number
  /** Repeats may be so many percent of the requests. */
  readonly budgetPercent: number
}

/** A filter that a module registers under a name, as it serves when the exchange comes. */
export interface ModuleFilter {
  readonly kind: 'module'
  readonly module: string
  readonly name: string
  readonly args: { readonly [key: string]: Json }
}

export interface CorsFilter {
  readonly kind: 'cors'
  /** Origins, or `*` alone. */
  readonly origins: readonly string[]
  readonly methods: readonly string[]
  readonly headers: readonly string[]
  readonly exposed: readonly string[]
  readonly credentials: boolean
  readonly maxAgeSeconds: number
}

/**
 * One filter of a route, in order around its target. Values of headers and templates may name params of the pattern as
 * `{name}`. Plain data.
 */
export type Filter =
  /** Takes so many segments off the front of the path. */
  | { readonly kind: 'strip-prefix'; readonly parts: number }
  | { readonly kind: 'add-prefix'; readonly prefix: string }
  /** The whole path, where `pattern` (RE2) is found; `$1` and `${name}` are its groups. */
  | { readonly kind: 'rewrite-path'; readonly pattern: string; readonly replacement: string }
  | { readonly kind: 'set-path'; readonly template: string }
  | {
      readonly kind:
        | 'set-request-header'
        | 'add-request-header'
        | 'set-response-header'
        | 'add-response-header'
      readonly name: string
      readonly value: string
    }
  | { readonly kind: 'remove-request-header' | 'remove-response-header'; readonly name: string }
  /** The upstream is sent the Host of the client, not its own. */
  | { readonly kind: 'preserve-host' }
  | {
      readonly kind: 'redirect'
      readonly status: number
      readonly location: string
      /** What becomes of the request's query; not said: it is sent along, unless the location has its own. */
      readonly query?: 'drop' | 'append'
    }
  /** Deadlines of this route in ms, before those of the upstream; 0: none. */
  | {
      readonly kind: 'timeout'
      readonly connectMs: number | null
      readonly headersMs: number | null
      readonly idleMs: number | null
      readonly totalMs: number | null
    }
  | RetryFilter
  | {
      readonly kind: 'rate-limit'
      readonly perSecond: number
      readonly burst: number
      /** Null: one bucket for all. */
      readonly key: HashKey | null
      /** Of the answer; not said: 429. */
      readonly status?: number
      /** Of the answer to a request that has no key; not said: all of these share one bucket. */
      readonly emptyStatus?: number
    }
  /** So many exchanges of the route at once, and so many that wait for a place; `maxWaitDuration` in ms. */
  | ({ readonly kind: 'bulkhead' } & BulkheadSettings)
  | CorsFilter
  | { readonly kind: 'body-limit'; readonly bytes: number }
  /** A copy of the request goes to another upstream; its answer is thrown away. */
  | {
      readonly kind: 'mirror'
      readonly upstream: string
      readonly percent: number
      /** Requests with a longer body are not copied. */
      readonly maxBodyBytes: number
    }
  /** For drills. */
  | {
      readonly kind: 'fault'
      readonly delayMs: number
      readonly delayPercent: number
      /** 0: it is not ended. */
      readonly abortStatus: number
      readonly abortPercent: number
    }
  /** What answers where the target does not: no endpoint, an open breaker, no answer in time. */
  | {
      readonly kind: 'fallback'
      readonly respond: {
        readonly status: number
        readonly headers: Readonly<Record<string, string>>
        readonly body: string
      } | null
      readonly upstream: string | null
    }
  | ModuleFilter
  | MessageFilter
  | AccessFilter
  | BodyFilter
