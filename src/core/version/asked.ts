import type { Candidate } from '../route/choice.ts'
import type { Facts } from '../route/facts.ts'
import type { DecidedBy } from './told.ts'

/** A request, as far as a choice asks it. */
export interface Asked {
  readonly facts: Facts
  /** Milliseconds since 1970. */
  readonly now: number
  /** The version that it asks for, as it says it. */
  version(): string | undefined
  labels(): ReadonlyMap<string, string>
}

/** What came of a choice. */
export interface Selected {
  candidate: Candidate | null
  by: DecidedBy
  /** No route of the place serves the version that was asked for: it is none, or none has it. */
  refusal: 'malformed' | 'unavailable' | null
}
