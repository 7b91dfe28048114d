import type { Step } from '../../core/rollout/plan.ts'

/** Two routes that should answer alike, by their ids in the table that is served. */
export interface VerifyPair {
  readonly stable: string
  readonly canary: string
}

/** What a verify step asks of the copies. */
export type VerifySettings = Pick<
  Extract<Step, { readonly kind: 'verify' }>,
  'percent' | 'samples' | 'allMethods' | 'headers' | 'ignore'
>

/** Plain data: it goes to other processes too. */
export interface VerifyRequest {
  readonly pairs: readonly VerifyPair[]
  readonly settings: VerifySettings
}
