import { TurnoutError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { entriesFrom, getKey } from '../../core/persistent-map.ts'
import { advance, type Advance } from '../../core/rollout/advance.ts'
import { noFigures, type Figures } from '../../core/rollout/figures.ts'
import { spanOf, startJudging, type Judging } from '../../core/rollout/judging.ts'
import {
  abortRollout,
  pauseRollout,
  promoteRollout,
  resumeRollout,
  supersedeRollout,
  type Moved,
} from '../../core/rollout/move.ts'
import { defaultPlan } from '../../core/rollout/default-plan.ts'
import type { Plan } from '../../core/rollout/plan.ts'
import { rateFigures, summaryOf } from '../../core/rollout/quantile.ts'
import { isOver, type Rollout } from '../../core/rollout/rollout.ts'
import { reportOf } from '../../core/rollout/verify-tally.ts'
import type { Outcome } from '../change.ts'
import type { Control, Who } from '../control.ts'
import type {
  Judgement,
  RolloutMeasurement,
  Rollouts,
  RolloutStart,
  RolloutView,
  Starter,
  VerifyReport,
  VersionRow,
} from '../rollouts.ts'
import { thrownFields } from './thrown-fields.ts'
import { figuresOf, type Observer } from './observer.ts'
import { itemsOf, sidesOf } from './shapes.ts'
import { startOf } from './start.ts'
import { versionRows } from './version-rows.ts'

export interface RunnerOptions {
  readonly control: Pick<Control, 'change' | 'current'>
  readonly observer: Observer
  readonly log: Logger
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** A lower version needs a reason. */
  readonly isOrdered: boolean
  readonly onView: (view: RolloutView) => void
  /** Keeps a measurement where it outlives the process. */
  readonly keep: (id: string, startedAt: number, measurement: RolloutMeasurement) => void
}

/** Between two looks. */
const lookMs = 100
/** Between two views of one that only goes on. */
const viewMs = 1_000
/** After a step that could not be published. */
const retryMs = 1_000
const mostMeasurements = 1_000

/** What is known of a rollout beside where it stands. */
interface Memory {
  readonly startedAt: number
  judging: Judging
  judgements: readonly Judgement[]
  canary: Figures
  stable: Figures
  verify: VerifyReport | null
  verifying: number | null
  readonly measurements: RolloutMeasurement[]
  viewedAt: number
  retryAt: number
}

/** Somebody else moved it meanwhile. */
class Stale extends Error {}

/**
 * Runs rollouts: looks at each that is under way ten times a second, and publishes what it comes to. Where one stands is
 * a part of the table, so each step is a revision, and another process goes on where this one ended. Open/close.
 */
export class RolloutRunner implements Rollouts {
  readonly #options: RunnerOptions
  readonly #memories: Map<string, Memory>
  #timer: NodeJS.Timeout | null
  #looking: Promise<void> | null
  #isClosed: boolean

  constructor(options: RunnerOptions) {
    this.#options = options
    this.#memories = new Map()
    this.#timer = null
    this.#looking = null
    this.#isClosed = false
  }

  /** A revision went live: there may be something to look at. */
  applied(): void {
    this.#endGone()
    if (this.#timer !== null || this.#looking !== null || this.#isClosed) return
    if (!this.#running().next().done) this.#arm(0)
  }

  /** What an earlier process measured, oldest first. */
  remember(id: string, startedAt: number, measurement: RolloutMeasurement): void {
    const rollout = getKey(this.#table.rollouts, id)
    if (rollout?.startedAt !== startedAt) return
    const memory = this.#memoryOf(rollout)
    push(memory.measurements, measurement)
    // Where the canary has all clients, nobody shows any more what the stable version is like.
    if (measurement.stable.requests >= rollout.plan.analysis.minimumSamples)
      memory.judging = { ...memory.judging, baseline: rateFigures(measurement.stable) }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#looking
  }

  list(): readonly RolloutView[] {
    const all = [...entriesFrom(this.#table.rollouts)].map(([, rollout]) => rollout)
    return all
      .sort(
        (left, right) =>
          Number(isOver(left)) - Number(isOver(right)) || right.startedAt - left.startedAt,
      )
      .map((rollout) => this.#viewOf(rollout))
  }

  find(id: string): RolloutView | null {
    const rollout = getKey(this.#table.rollouts, id)
    return rollout === undefined ? null : this.#viewOf(rollout)
  }

  measurements(id: string): readonly RolloutMeasurement[] {
    return this.#memoryOf(this.#demand(id)).measurements.toReversed()
  }

  async start(what: RolloutStart, plan: Plan | null, starter: Starter): Promise<RolloutView> {
    const { isReasoned = false, ...who } = starter
    const isFree = isReasoned || !this.#options.isOrdered
    const beginning = { plan: plan ?? defaultPlan(), who, now: this.#options.now(), isFree }
    let id = ''
    const outcome = await this.#options.control.change({
      ...who,
      isPartial: false,
      isReasoned: true,
      items: (table) => {
        const started = startOf(table, what, beginning)
        id = started.id
        return started.items
      },
    })
    throwRejected(outcome)
    this.#memories.delete(id)
    return this.#told(this.#demand(id))
  }

  pause(id: string, who: Who): Promise<RolloutView> {
    return this.#move(id, who, (rollout) => pauseRollout(rollout, who.reason))
  }

  resume(id: string, who: Who): Promise<RolloutView> {
    return this.#move(id, who, (rollout, now) => resumeRollout(rollout, now, who.reason))
  }

  promote(id: string, who: Who): Promise<RolloutView> {
    return this.#move(id, who, (rollout, now) => promoteRollout(rollout, now, who.reason))
  }

  abort(id: string, who: Who): Promise<RolloutView> {
    return this.#move(id, who, (rollout, now) => abortRollout(rollout, now, who.reason))
  }

  versions(): Promise<readonly VersionRow[]> {
    return versionRows(this.#table, this.#options.observer)
  }

  get #table(): Control['current']['table'] {
    return this.#options.control.current.table
  }

  *#running(): Generator<Rollout> {
    for (const [, rollout] of entriesFrom(this.#table.rollouts)) if (!isOver(rollout)) yield rollout
  }

  #arm(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#looking = this.#lookAll().finally(() => {
        this.#looking = null
        if (!this.#isClosed && !this.#running().next().done) this.#arm(lookMs)
      })
    }, delayMs)
    this.#timer.unref()
  }

  async #lookAll(): Promise<void> {
    // What is under way now: looking at one may change the table.
    const running = Array.from(this.#running())
    for (const rollout of running) {
      if (this.#isClosed) return
      try {
        await this.#look(rollout)
      } catch (error) {
        if (error instanceof Stale) continue
        this.#memoryOf(rollout).retryAt = this.#options.now() + retryMs
        this.#options.log.error('a rollout could not go on', {
          rollout_id: rollout.id,
          ...thrownFields(error),
        })
      }
    }
  }

  async #look(rollout: Rollout): Promise<void> {
    const { observer, now: clock } = this.#options
    const memory = this.#memoryOf(rollout)
    const now = clock()
    if (now < memory.retryAt) return
    const sides = sidesOf(this.#table, rollout)
    if (sides === null) {
      const reason = 'one of its versions was replaced or removed'
      return await this.#publish(rollout, supersedeRollout(rollout, now, reason))
    }
    const spanMs = spanOf(rollout, now)
    const [canary, stable] = (await figuresOf(observer, [
      { side: sides.canary, spanMs },
      { side: sides.stable, spanMs },
    ])) as [Figures, Figures]
    memory.canary = canary
    memory.stable = stable
    await this.#verify(rollout, memory, sides.pairs)
    const seen = { canary, stable, verify: memory.verify }
    const next = advance(rollout, memory.judging, now, seen)
    this.#learn(rollout, memory, next)
    if (next.rollout !== rollout) await this.#publish(rollout, next.rollout)
    else if (now - memory.viewedAt >= viewMs) this.#told(rollout)
  }

  #learn(rollout: Rollout, memory: Memory, { judging, judgements, measurement }: Advance): void {
    memory.judging = judging
    if (judgements.length > 0) memory.judgements = judgements
    if (measurement === null) return
    push(memory.measurements, measurement)
    this.#options.keep(rollout.id, rollout.startedAt, measurement)
  }

  /** Copies go on while the step does. */
  async #verify(
    rollout: Rollout,
    memory: Memory,
    pairs: readonly { readonly stable: string; readonly canary: string }[],
  ): Promise<void> {
    const { observer } = this.#options
    const step = rollout.plan.steps[rollout.step]
    const isOn = rollout.status === 'running' && step?.kind === 'verify'
    if (!isOn) return this.#endVerify(rollout.id, memory)
    if (memory.verifying !== rollout.stepSince) memory.verify = null
    memory.verifying = rollout.stepSince
    observer.verify(rollout.id, { pairs, settings: step })
    const counts = await observer.verifyCounts(rollout.id)
    if (counts !== null) memory.verify = reportOf(counts)
  }

  /** Who goes back behind the start of a rollout takes it out of the table: its copies end with it. */
  #endGone(): void {
    for (const [id, memory] of this.#memories) {
      if (memory.verifying === null) continue
      const rollout = getKey(this.#table.rollouts, id)
      if (rollout === undefined || isOver(rollout)) this.#endVerify(id, memory)
    }
  }

  #endVerify(id: string, memory: Memory): void {
    if (memory.verifying === null) return
    memory.verifying = null
    this.#options.observer.verify(id, null)
  }

  async #move(
    id: string,
    who: Who,
    move: (rollout: Rollout, now: number) => Moved,
  ): Promise<RolloutView> {
    for (;;) {
      const rollout = this.#demand(id)
      const moved = move(rollout, this.#options.now())
      if (!moved.ok) throw TurnoutError.of(moved.problem)
      try {
        await this.#publish(rollout, moved.rollout, who)
        return this.#viewOf(this.#demand(id))
      } catch (error) {
        // It went on by itself meanwhile: what was asked for still holds.
        if (!(error instanceof Stale)) throw error
      }
    }
  }

  async #publish(from: Rollout, to: Rollout, who?: Who): Promise<void> {
    const { id } = from
    const memory = this.#memoryOf(from)
    const author = who?.author ?? `rollout:${id}`
    const reason = who?.reason ?? `${to.status}: ${to.reason}`
    const outcome = await this.#options.control.change({
      author,
      reason,
      isPartial: false,
      isReasoned: true,
      items: (table) => {
        const now = getKey(table.rollouts, id)
        if (now === undefined || now.revision !== from.revision || isOver(now)) throw new Stale(id)
        return itemsOf(table, to)
      },
    })
    throwRejected(outcome)
    if (isOver(to) || to.step !== from.step) this.#endVerify(id, memory)
    const now = getKey(this.#table.rollouts, id)
    if (now !== undefined) this.#told(now)
  }

  #demand(id: string): Rollout {
    const rollout = getKey(this.#table.rollouts, id)
    if (rollout === undefined) throw new TurnoutError('TURNOUT_ROLLOUT_UNKNOWN', { id })
    return rollout
  }

  #memoryOf(rollout: Rollout): Memory {
    const known = this.#memories.get(rollout.id)
    if (known?.startedAt === rollout.startedAt) return known
    const memory: Memory = {
      startedAt: rollout.startedAt,
      judging: startJudging(rollout, this.#options.now()),
      judgements: [],
      canary: noFigures,
      stable: noFigures,
      verify: null,
      verifying: null,
      measurements: [],
      viewedAt: 0,
      retryAt: 0,
    }
    this.#memories.set(rollout.id, memory)
    return memory
  }

  #viewOf(rollout: Rollout): RolloutView {
    const { canary, stable, judgements, verify } = this.#memoryOf(rollout)
    return { rollout, canary: summaryOf(canary), stable: summaryOf(stable), judgements, verify }
  }

  #told(rollout: Rollout): RolloutView {
    this.#memoryOf(rollout).viewedAt = this.#options.now()
    const view = this.#viewOf(rollout)
    this.#options.onView(view)
    return view
  }
}

function push(measurements: RolloutMeasurement[], measurement: RolloutMeasurement): void {
  measurements.push(measurement)
  if (measurements.length > mostMeasurements) measurements.shift()
}

/** @throws TurnoutError the first problem, with all of them */
function throwRejected({ rejections }: Outcome): void {
  const problems = rejections.flatMap((rejection) => rejection.problems)
  const [first] = problems
  if (first !== undefined) throw TurnoutError.of(first, problems)
}
