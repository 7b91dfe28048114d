/** How the server answers. */
export type RedisConnection =
  | 'connecting'
  | 'up'
  | 'slow'
  | 'silent'
  | 'down'
  | 'denied'
  | 'loading'
  | 'closed'

/**
 * What was at the key when it was read last. Everything but `good` keeps what was served before: `refused` is well
 * formed, and cannot stand beside the rest of the table.
 */
export type RedisKeyState =
  | 'unread'
  | 'good'
  | 'refused'
  | 'broken'
  | 'empty'
  | 'wrong-type'
  | 'too-large'
  | 'missing'
  | 'deleted'
  | 'evicted'
  | 'lost'

/** Where a source of rules stands. */
export interface RedisStatus {
  /** Whom its routes belong to. */
  readonly owner: string
  readonly key: string
  /** Without user and password. */
  readonly url: string
  readonly connection: RedisConnection
  readonly value: RedisKeyState
  /** What is wrong, in a sentence; empty: nothing. */
  readonly alarms: readonly string[]
  /** When the key was read last, in ISO 8601; null: never yet. */
  readonly readAt: string | null
  /** Whether the server tells of changes. They are found without, too, only later. */
  readonly isNotified: boolean
}
