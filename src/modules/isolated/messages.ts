import type { Block } from '../../core/address.ts'
import type { Problem } from '../../core/errors.ts'
import type { LogFields, LogLevel } from '../../core/logger.ts'
import type { CodeSource } from '../../worker/worker.ts'

/** A state on its way into a process. */
export interface GivenState {
  readonly value: unknown
  /** The version that it is of; null: this very one, whose process is replaced. */
  readonly fromVersion: string | null
}

/** What a process is to serve, and how. */
export interface HostOrder extends CodeSource {
  /** What its module says where it says no version. */
  readonly version: string
  /** Null: it begins. */
  readonly state: GivenState | null
  readonly socket: string
  readonly secret: string
  readonly bodyLimit: number
  readonly trusted: readonly Block[]
  /** Whose services it opens; null: there is none. */
  readonly configFile: string | null
  /** Values that stand for themselves. */
  readonly services: Readonly<Record<string, unknown>>
  /** Names of those that it cannot have. */
  readonly elsewhere: readonly string[]
}

/** What its module registered. */
export interface HostListing {
  readonly name: string
  readonly version: string
  readonly routes: readonly { readonly method: string; readonly path: string }[]
  readonly filters: readonly string[]
  readonly hasSettle: boolean
}

/** To the process. What has an id is answered. */
export type HostRequest =
  | { readonly kind: 'open'; readonly id: number; readonly order: HostOrder }
  | { readonly kind: 'state'; readonly id: number }
  | { readonly kind: 'settle'; readonly id: number; readonly other: unknown }
  | { readonly kind: 'dispose'; readonly id: number }
  | { readonly kind: 'ping' }

/** From it. */
export type HostReply =
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly problem: Problem }
  | { readonly kind: 'pong'; readonly rssBytes: number }
  | {
      readonly kind: 'log'
      readonly level: LogLevel
      readonly message: string
      readonly fields: LogFields | undefined
    }
