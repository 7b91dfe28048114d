import type { Revision } from './control/change.ts'
import { Offences } from './control/offences.ts'
import type { Publisher } from './control/publisher.ts'
import { Probations } from './control/rollout/probations.ts'
import { RolloutRunner } from './control/rollout/runner.ts'
import type { Logger } from './core/logger.ts'
import { conditionsOf } from './core/rollout/default-plan.ts'
import { defaultProbation, type ProbationLimits } from './core/rollout/probation.ts'
import type { RolloutMeasurement } from './core/rollout/measurement.ts'
import type { Table } from './core/route/table.ts'
import type { TurnoutEmitter } from './turnout-events.ts'
import type { Worker } from './worker/worker.ts'

/** How a plain change is watched; what is left out is as usual. */
export interface ProbationSettings {
  /** Default 60,000. */
  readonly durationMs?: number | undefined
  /** Fewest exchanges, before and since, that are judged. Default 50. */
  readonly minimumSamples?: number | undefined
  /** `errorRate <= stable + 1%`; `stable` is what served before. */
  readonly conditions?: readonly string[] | undefined
}

/** Null: nobody watches. */
export function probationOf(
  given: boolean | ProbationSettings | undefined,
): ProbationLimits | null {
  if (given === undefined || given === false) return null
  const usual = defaultProbation()
  if (given === true) return usual
  const { durationMs, minimumSamples, conditions } = given
  return {
    ...usual,
    durationMs: durationMs ?? usual.durationMs,
    minimumSamples: minimumSamples ?? usual.minimumSamples,
    conditions: conditions === undefined ? usual.conditions : conditionsOf(conditions),
  }
}

export interface RolloutWiring {
  readonly publisher: Publisher
  readonly worker: Worker
  readonly events: TurnoutEmitter
  readonly log: Logger
  readonly isOrdered: boolean
  /** Told of each judgement of a rollout. */
  readonly onMeasured: (measurement: RolloutMeasurement) => void
  /** Null: nobody watches plain changes. */
  readonly probation: ProbationLimits | null
}

/** What looks at live versions: rollouts, and the probation of plain changes. Open/close. */
export class LiveLook {
  readonly runner: RolloutRunner
  readonly offences: Offences
  readonly #probations: Probations | null
  readonly #publisher: Publisher
  #table: Table

  constructor({ publisher, worker, events, log, isOrdered, onMeasured, probation }: RolloutWiring) {
    const shared = { control: publisher, observer: worker, log, now: Date.now }
    this.#publisher = publisher
    this.#table = publisher.table
    this.runner = new RolloutRunner({
      ...shared,
      isOrdered,
      onView: (view) => events.emit('rollout', view),
      keep: (id, startedAt, measurement) => {
        onMeasured(measurement)
        return publisher.keepMeasured({ kind: 'measured', id, startedAt, measurement })
      },
    })
    const { durationMs: probationMs = null } = probation ?? {}
    this.offences = new Offences({ control: publisher, probationMs, log, now: Date.now })
    this.#probations =
      probation === null
        ? null
        : new Probations({
            ...shared,
            limits: probation,
            onVerdict: (verdict) => events.emit('probation', verdict),
          })
  }

  /** In the turn of each apply. */
  applied(revision: Revision): void {
    const before = this.#table
    this.#table = this.#publisher.table
    this.#probations?.applied(revision, before, this.#table)
    this.offences.applied(revision, before, this.#table)
    this.runner.applied()
  }

  /** A store was opened: what was under way goes on. */
  resumed(): void {
    this.#table = this.#publisher.table
    for (const { id, startedAt, measurement } of this.#publisher.takeMeasured())
      this.runner.remember(id, startedAt, measurement)
    this.runner.applied()
  }

  async close(): Promise<void> {
    await Promise.all([this.runner.close(), this.#probations?.close()])
  }
}
