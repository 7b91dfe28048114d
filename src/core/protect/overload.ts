import type { HeapLevel } from './heap-level.ts'

/** What a worker may take on; times in ms. */
export interface OverloadSettings {
  /** Exchanges under way at once: a number, or what the event loop bears. */
  readonly concurrency: 'adaptive' | number
  /** Requests that may wait for a place. */
  readonly waiting: number
  /** For how long. */
  readonly waitMs: number
  /** Paths that are let in where others are not. */
  readonly critical: readonly string[]
}

/** The same as it is given: what is left out has its default. False: everything is taken. */
export type OverloadOptions =
  | false
  | { readonly [Name in keyof OverloadSettings]?: OverloadSettings[Name] | undefined }

export const defaultOverload: OverloadSettings = {
  concurrency: 'adaptive',
  waiting: 128,
  waitMs: 200,
  critical: [],
}

/** Most that may be said. Who waits for longer than a second is gone, or asks again. */
export const overloadMost = {
  concurrency: 1_000_000,
  waiting: 10_000,
  waitMs: 1_000,
  critical: 64,
} as const

/** Null: everything is taken. */
export function overloadOf(given: OverloadOptions = {}): OverloadSettings | null {
  if (given === false) return null
  return {
    concurrency: given.concurrency ?? defaultOverload.concurrency,
    waiting: given.waiting ?? defaultOverload.waiting,
    waitMs: given.waitMs ?? defaultOverload.waitMs,
    critical: given.critical ?? defaultOverload.critical,
  }
}

/** How a worker bears what it is asked. */
export interface OverloadStatus {
  /** Null: there is none at the moment. */
  readonly limit: number | null
  readonly inFlight: number
  readonly waiting: number
  /** Requests that were turned away since the start. */
  readonly shed: number
  /** The event loop is saturated: the adaptive limit is in force. */
  readonly isHolding: boolean
  /** Its turns are long in spite of that: the limit goes below its floor. */
  readonly isLastResort: boolean
  readonly heap: HeapLevel
}
