import type { LogFields, LogLevel } from '../core/logger.ts'
import type { Readings } from '../core/metrics/series.ts'
import type { Leak, RetiredFacts } from '../core/leak.ts'
import type { ResourceEvent, ResourceName } from '../core/protect/resources.ts'
import type { Whose } from '../modules/trace.ts'
import type { OverloadStatus } from '../core/protect/overload.ts'
import type { BreakerState } from '../core/protect/breaker.ts'
import type { Figures } from '../core/rollout/figures.ts'
import type { VerifyCounts } from '../core/rollout/verify-tally.ts'
import type { TableStep } from '../core/route/objects.ts'
import type { UpstreamEvent } from '../gateway/upstream/event.ts'
import type { UpstreamStatus } from '../gateway/upstream/status.ts'
import type { VerifyRequest } from '../gateway/verify/request.ts'
import type { CertificateFiles } from '../server/certificate.ts'
import type { ServingSettings } from '../turnout-serving.ts'
import type { Offence } from '../worker/containment/offence.ts'
import type {
  Draining,
  FiguresQuery,
  PrepareRequest,
  RetiredVersion,
  WorkerResult,
} from '../worker/worker.ts'

/** What a worker process is started with. */
export interface ProcessSettings {
  /** Its place among the workers, from 1. */
  readonly worker: number
  readonly serving: ServingSettings
  /** Null: it says nothing. */
  readonly log: {
    readonly level: LogLevel
    readonly pretty: boolean
    readonly colour: boolean
    readonly redact: readonly string[]
    /** Messages that the supervisor tells people by itself. */
    readonly told: readonly string[]
  } | null
  /** The data folder, whose artifacts it reads. */
  readonly data: string
  /** Config file with the services that modules are given; null: there are none. */
  readonly services: string | null
}

/** A socket that every worker accepts from. */
export interface SocketPlace {
  readonly key: number
  readonly host: string
  readonly port: number
  readonly tls?: CertificateFiles | undefined
}

export interface Applied {
  readonly result: WorkerResult
  readonly draining: readonly Draining[]
}

/** What a supervisor asks of a worker process. */
export interface WorkerCalls {
  start(settings: ProcessSettings): Promise<void>
  prepare(requests: readonly PrepareRequest[]): Promise<WorkerResult>
  /** A part of what the next step puts, as JSON; it is too large for one message. */
  stage(part: string): void
  /** The table is the last one after what was staged and this. */
  apply(revision: number, step: TableStep): Applied
  discard(): Promise<void>
  forget(key: string): void
  verify(id: string, request: VerifyRequest | null): void
  verifyCounts(id: string): VerifyCounts | null
  figures(asked: readonly FiguresQuery[]): readonly Figures[]
  /** What it has counted since it began, and what is now. */
  readings(): Promise<Readings>
  upstreamNames(): readonly string[]
  upstreamStatus(name: string): UpstreamStatus | null
  forceBreaker(name: string, state: BreakerState): boolean
  keepOut(port: number): void
  /** Accepts from a socket that came along. */
  listen(place: SocketPlace, handle: unknown): Promise<{ readonly url: string }>
  renewCertificate(key: number): Promise<boolean>
  /** Takes nothing new from the socket; resolves with the connections that were cut. */
  unlisten(key: number, deadlineMs: number): Promise<number>
  /** Gives everything back; then the process ends. Its answer is what it read last. */
  close(deadlineMs: number): Promise<Readings>
}

/** What a worker process says of itself, twice a second. */
export interface Beat {
  readonly draining: readonly Draining[]
  /** Null: as it was said last. */
  readonly retired: readonly RetiredFacts[] | null
  /** What it is short of. */
  readonly shortOf: readonly ResourceName[]
  readonly rssBytes: number
  readonly heapBytes: number
  readonly heapLimitBytes: number
  /** Null: it takes everything. */
  readonly overload: OverloadStatus | null
}

/** What a worker process tells without being asked. */
export type WorkerNotice =
  | { readonly name: 'ready'; readonly data: null }
  | { readonly name: 'beat'; readonly data: Beat }
  | { readonly name: 'retired'; readonly data: RetiredVersion }
  | { readonly name: 'upstream'; readonly data: UpstreamEvent }
  | { readonly name: 'resource'; readonly data: ResourceEvent }
  | {
      readonly name: 'leak'
      readonly data: {
        readonly whose: Whose
        readonly leak: Leak | null
        /** All of them: who hears of one may ask at once. */
        readonly retired: readonly RetiredFacts[]
      }
    }
  | {
      readonly name: 'offence'
      readonly data: { readonly offence: Offence; readonly fields: LogFields }
    }

/** Where a worker's watchdog writes, beside the calls: its thread goes on when the main one does not. */
export const reportFd = 4
/** What cannot be broken off is reported, and its process replaced, after so many milliseconds. */
export const blockedMs = 3_500

/** Milliseconds between two beats. */
export const beatMs = 500
