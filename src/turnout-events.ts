import type { Problem } from './core/errors.ts'
import type { Leak } from './core/leak.ts'
import type { ResourceEvent } from './core/protect/resources.ts'
import type { UpstreamEvent } from './gateway/upstream/event.ts'
import type { Offence } from './worker/containment/offence.ts'
import type { RetiredVersion } from './worker/worker.ts'
import type { Rejection, Revision } from './control/change.ts'
import type { ProbationVerdict } from './control/rollout/probations.ts'
import type { RolloutView } from './control/rollouts.ts'
import type { WorkerEvent } from './turnout-serving.ts'
import type { RedisStatus } from './source/redis/status.ts'

export interface SourceEvent {
  /** Whom its routes belong to. */
  readonly owner: string
  readonly problem: Problem | null
  readonly status: RedisStatus
}

/** What a Turnout tells, by event name. */
export interface TurnoutEvents {
  applied: { readonly revision: Revision; readonly durationMs: number }
  rejected: {
    readonly author: string
    readonly reason: string
    readonly rejections: readonly Rejection[]
  }
  retired: RetiredVersion
  /** An endpoint or the breaker of an upstream changed its state, or a name gives no address. */
  upstream: UpstreamEvent
  /** A rollout moved, or goes on: then about each second. */
  rollout: RolloutView
  /** Something is wrong with a source of rules, or (`problem` null) nothing is any more. */
  source: SourceEvent
  /** A worker process started, ended, or was replaced. */
  worker: WorkerEvent
  /** A plain change was watched long enough, or made it worse and was taken back. */
  probation: ProbationVerdict
  /** Code of a module did something to the process: at most a few in a second. */
  offence: Offence
  /** Something runs out, or does not end; or it is well again. */
  resource: ResourceEvent
  /** A replaced module version should be gone, and something holds it. */
  leak: Leak
}

/** Listeners by event. One that throws harms neither the others nor the change. */
export class TurnoutEmitter {
  readonly #listeners: {
    readonly [Name in keyof TurnoutEvents]: Set<(event: TurnoutEvents[Name]) => void>
  }
  readonly #onError: (name: string, error: unknown) => void

  constructor(onError: (name: string, error: unknown) => void) {
    this.#listeners = {
      applied: new Set(),
      rejected: new Set(),
      retired: new Set(),
      upstream: new Set(),
      rollout: new Set(),
      source: new Set(),
      worker: new Set(),
      probation: new Set(),
      offence: new Set(),
      resource: new Set(),
      leak: new Set(),
    }
    this.#onError = onError
  }

  /** Returns the function that removes the listener. */
  on<Name extends keyof TurnoutEvents>(
    name: Name,
    listener: (event: TurnoutEvents[Name]) => void,
  ): () => void {
    this.#listeners[name].add(listener)
    return () => this.#listeners[name].delete(listener)
  }

  emit<Name extends keyof TurnoutEvents>(name: Name, event: TurnoutEvents[Name]): void {
    for (const listener of this.#listeners[name]) {
      try {
        listener(event)
      } catch (error) {
        this.#onError(name, error)
      }
    }
  }
}
