import type { Artifact } from './artifact.ts'
import type { RehearseOutcome } from './rehearsal.ts'

/** A function in a module of ours (or the host's) that both processes can import. */
export interface Inspector {
  readonly module: URL
  readonly export: string
}

/** To the child. */
export type RehearsalRequest =
  | {
      readonly kind: 'rehearse'
      /** Comes back in what is said of it: module code can send, but does not know it. */
      readonly id: string
      readonly artifact: Artifact
      readonly file: string
      readonly context: unknown
    }
  | { readonly kind: 'ping' }

/** From the child. */
export type RehearsalReply =
  /** Started; only now does a deadline make sense. */
  | { readonly kind: 'ready' }
  /** The module has been imported; what follows is the inspector's. */
  | { readonly kind: 'imported'; readonly id: string }
  /** An answer to a ping: the child's event loop turns. */
  | { readonly kind: 'pong' }
  | {
      readonly kind: 'done'
      readonly id: string
      readonly outcome: RehearseOutcome
      /** Nothing is left behind: no timers or handles, no new or changed globals or listeners. */
      readonly isClean: boolean
    }
