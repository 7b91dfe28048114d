import type { Problem } from '../core/errors.ts'
import type { Handler, LiveFilter } from '../gateway/snapshot.ts'
import type { ModuleVersion } from './module-version.ts'

/** Watches over the code of module versions while it runs, so that somebody knows whose it was. */
export interface Guard {
  /** A version is there: its code may run from now on. */
  enter(version: ModuleVersion): void
  /** It was disposed of. */
  leave(version: ModuleVersion): void
  handler(version: ModuleVersion, handler: Handler): Handler
  filter(version: ModuleVersion, filter: LiveFilter): LiveFilter
  /** Calls what a version registered for later: a timer, a listener. */
  call(version: ModuleVersion, callback: () => unknown): unknown
  /** A load whose code may be broken off, and then never settles: it ends with a problem. */
  load(loading: Promise<Problem | null>): Promise<Problem | null>
}
