import type { Scope } from './scope.ts'

/** Who asks. */
export interface Identity {
  /** Id of the token; null: the request needs none. */
  readonly token: string | null
  /** Name of the token: the author of what it changes. */
  readonly name: string
  readonly scopes: readonly Scope[]
  /** Milliseconds since the epoch; null: never. */
  readonly expiresAt: number | null
  /** Address of the connection. */
  readonly from: string
}
