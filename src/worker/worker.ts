import type { Problem } from '../core/errors.ts'
import { moduleNameOf, type ModuleReference } from '../core/route/route.ts'
import type { BreakerState } from '../core/protect/breaker.ts'
import type { Figures } from '../core/rollout/figures.ts'
import type { VerifyCounts } from '../core/rollout/verify-tally.ts'
import type { Table } from '../core/route/table.ts'
import type { Observed } from '../gateway/observe/observed.ts'
import type { UpstreamStatus } from '../gateway/upstream/status.ts'
import type { VerifyRequest } from '../gateway/verify/request.ts'
import type { Artifact } from '../modules/artifact.ts'
import type { Definition } from '../modules/definition.ts'
import type { Trace } from '../modules/trace.ts'

/** Code that any process can evaluate. */
export interface CodeSource {
  readonly artifact: Artifact
  /** Names its place for imports and stacks. */
  readonly file: string
  /** What the module is called where it does not say. */
  readonly name: string
  readonly prefix: string
}

/** The code of a module: `open` evaluates it anew, so that no version shares what another made. */
export interface ModuleCode {
  readonly key: string
  /** What another process makes it of. Not there: it stands on objects of this one. */
  readonly source?: CodeSource
  /** `trace`: told what the load is made of, where it is one. */
  open(trace?: Trace | null): Promise<Definition>
}

/** The key of a reference's code: copies of one file are two modules of one digest. */
export function codeKey(reference: ModuleReference): string {
  return `${moduleNameOf(reference)}@${reference.digest}`
}

/** What a prepare or an apply came to; problems by module name. */
export type WorkerResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly problems: ReadonlyMap<string, readonly Problem[]> }

/** One module that the next table loads. */
export interface PrepareRequest {
  /** Its filters, too, are what `register` must list here. */
  readonly reference: ModuleReference
  /** The authoritative list, as learned at compile: what `register` lists here must be the same. */
  readonly routeIds: readonly string[]
  /** Name of the version whose state it takes over; null: its state begins. */
  readonly from: string | null
}

/** A module version that left a table and is waiting for its last exchanges. */
export interface Draining {
  readonly module: string
  readonly version: string
  readonly exchanges: number
  readonly routes: readonly string[]
  /** What it holds through its scope until it is disposed of. */
  readonly timers: number
  readonly listeners: number
  /** ISO 8601: it was replaced then. */
  readonly since: string
}

/** A version that has been disposed of. */
export interface RetiredVersion {
  readonly module: string
  readonly version: string
  /** From the apply that replaced it to its last exchange. */
  readonly waitedMs: number
}

/** Whose exchanges are asked for: those that ended in `spanMs` before now, or before an instant of the last minute. */
export interface FiguresQuery {
  readonly of: Observed
  readonly spanMs: number
  /** How long ago the span ended; not there: it ends now. */
  readonly agoMs?: number
}

/** Who serves: prepares versions, applies tables, retires what was replaced. */
export interface Worker {
  /** Number of the revision that every new exchange is served by; 0: nothing was applied. */
  readonly revision: number
  /** Makes code known; until `forget`, tables may name it. */
  learn(code: ModuleCode): void
  forget(key: string): void
  /** Makes modules ready without serving them. A second prepare of the same digest replaces the first. */
  prepare(requests: readonly PrepareRequest[]): Promise<WorkerResult>
  /**
   * Makes the table current; when it has answered, every exchange that begins is served by it. Fails only where a module's
   * `migrate` throws; then the table before is to be applied again. Answers in this turn, where exchanges are served in
   * this process.
   */
  apply(revision: number, table: Table): WorkerResult | Promise<WorkerResult>
  /** Gives back what was prepared and will not be applied. */
  discard(): Promise<void>
  /** Whether this very artifact serves, or whether a table only names it: its code was gone at the start. */
  isLive(reference: ModuleReference): boolean
  draining(): readonly Draining[]
  /** Names of the upstreams that are alive, in order; of bare URIs: the URIs that exchanges were sent to. */
  upstreamNames(): readonly string[] | Promise<readonly string[]>
  /** What one does now; null: there is none of that name. */
  upstreamStatus(name: string): UpstreamStatus | null | Promise<UpstreamStatus | null>
  /** Brings its breaker into a state by hand. False: there is no such upstream, or it has no breaker. */
  forceBreaker(name: string, state: BreakerState): boolean | Promise<boolean>
  /** What exchanges came to, by what was asked, in its order; also of what was replaced some minutes ago. */
  figures(asked: readonly FiguresQuery[]): readonly Figures[] | Promise<readonly Figures[]>
  /**
   * Copies exchanges and compares the answers of two versions, under a name, until it is told null; then copies under way
   * are cut, and what they showed is forgotten. The same settings go on with what they have.
   */
  verify(id: string, request: VerifyRequest | null): void
  /** What the copies show so far; those of several workers add up. Null: there is nothing of that name. */
  verifyCounts(id: string): VerifyCounts | null | Promise<VerifyCounts | null>
  /** Retires everything; what has not left by the deadline is cut. Resolves when all was disposed of. */
  close(deadlineMs: number): Promise<void>
}
