/**
 * What code of a module did to the process that it runs in.
 *
 * `loop`: it held the process up, and was broken off. `blocked`: it held it up where nothing can break it off. `crashed`: the
 * process ended with it. `error`, `rejection`: an error that no caller was there to take. `exit`: it asked to end the process.
 */
export type OffenceKind = 'loop' | 'blocked' | 'crashed' | 'error' | 'rejection' | 'exit'

export interface Offence {
  /** Null: whose code it was could not be told. */
  readonly module: string | null
  readonly version: string | null
  readonly digest: string | null
  readonly kind: OffenceKind
  /** For people. */
  readonly detail: string
  /** How often since it was last told. */
  readonly count: number
  /** What it was done for; null: for none, or it could not be told for which. */
  readonly exchange: {
    readonly method: string
    readonly path: string
    readonly traceId?: string
  } | null
}
