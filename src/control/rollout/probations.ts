import type { Logger } from '../../core/logger.ts'
import type { Figures } from '../../core/rollout/figures.ts'
import type { FiguresSummary, Judgement } from '../../core/rollout/measurement.ts'
import { lookAtProbation, type ProbationLimits } from '../../core/rollout/probation.ts'
import { summaryOf } from '../../core/rollout/quantile.ts'
import type { Table } from '../../core/route/table.ts'
import type { Outcome, Revision } from '../change.ts'
import type { Control, Who } from '../control.ts'
import { thrownFields } from './thrown-fields.ts'
import { figuresOf, type Observer } from './observer.ts'
import { replacedBetween, stillServes, type Replaced } from './probation-pairs.ts'

/** How the probation of a change ended. */
export interface ProbationVerdict {
  readonly revision: number
  readonly state: 'passed' | 'breached'
  /** Of a breach: what was breached, for people. */
  readonly reason: string
  readonly judgements: readonly Judgement[]
  readonly before: FiguresSummary
  readonly since: FiguresSummary
  /** The revision that took the change back; null: none did. */
  readonly takenBackBy: number | null
}

export interface ProbationOptions {
  readonly control: Pick<Control, 'current'> & {
    takeBack(number: number, who: Who): Promise<Outcome>
  }
  readonly observer: Observer
  readonly limits: ProbationLimits
  readonly log: Logger
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly onVerdict: (verdict: ProbationVerdict) => void
}

/** One change that is watched. */
interface Watched {
  readonly revision: number
  readonly appliedAt: number
  readonly replaced: readonly Replaced[]
  /** Null: nobody has asked yet. */
  before: Figures | null
}

const lookMs = 100
/** Changes that are watched at once; the oldest of more are let go. */
const mostWatched = 1_000
/** So many are looked at each time: of more, each is looked at less often. */
const mostLooks = 64
/** What served before is seen in so long before the apply. */
const beforeMs = 60_000

/**
 * Watches each plain change for a while against what served before it, and takes back the one that made it worse; what
 * others changed since stays. Steps of rollouts, and what goes back already, are not watched. Open/close.
 */
export class Probations {
  readonly #options: ProbationOptions
  /** By revision, oldest first. */
  readonly #watched: Map<number, Watched>
  #timer: NodeJS.Timeout | null
  #looking: Promise<void> | null
  #isClosed: boolean

  constructor(options: ProbationOptions) {
    this.#options = options
    this.#watched = new Map()
    this.#timer = null
    this.#looking = null
    this.#isClosed = false
  }

  applied(revision: Revision, before: Table, after: Table): void {
    if (this.#isClosed || revision.takesBack !== null || revision.restores !== null) return
    // A step of a rollout: who watches that is the rollout.
    if (before.rollouts !== after.rollouts) return
    const replaced = replacedBetween(before, after)
    if (replaced.length === 0) return
    const { number } = revision
    const appliedAt = this.#options.now()
    this.#watched.set(number, { revision: number, appliedAt, replaced, before: null })
    if (this.#watched.size > mostWatched) this.#watched.delete(this.#watched.keys().next().value!)
    this.#arm()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#looking
  }

  #arm(): void {
    if (this.#timer !== null || this.#looking !== null || this.#isClosed) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#looking = this.#lookAll().finally(() => {
        this.#looking = null
        if (this.#watched.size > 0) this.#arm()
      })
    }, lookMs)
    this.#timer.unref()
  }

  async #lookAll(): Promise<void> {
    const { control, observer, limits, now: clock } = this.#options
    const looked: Watched[] = []
    for (const watched of [...this.#watched.values()].slice(0, mostLooks)) {
      // Behind the others for the next time.
      this.#watched.delete(watched.revision)
      // Where somebody changed it again, that is watched by itself.
      if (!watched.replaced.some((one) => stillServes(control.current.table, one))) continue
      this.#watched.set(watched.revision, watched)
      looked.push(watched)
    }
    // While it is still known; what came to an end since the apply is not asked for.
    const begun = [...this.#watched.values()].filter(({ before }) => before === null)
    const now = clock()
    const servedBefore = begun.map(({ replaced, appliedAt }) => {
      const side = replaced.map((one) => one.before)
      return { side, spanMs: beforeMs, agoMs: now - appliedAt }
    })
    const servedSince = looked.map(({ replaced, appliedAt }) => {
      return { side: replaced.map((one) => one.after), spanMs: now - appliedAt }
    })
    // Until it has settled, there is nothing after that.
    const servedSettled = servedSince.map(({ side, spanMs }) => {
      const isSettled = spanMs >= limits.settleMs
      return { side: isSettled ? side : [], spanMs: spanMs - limits.settleMs }
    })
    let seen: readonly (readonly Figures[])[]
    try {
      const sides = [servedBefore, servedSince, servedSettled]
      seen = await Promise.all(sides.map((some) => figuresOf(observer, some)))
    } catch (error) {
      for (const watched of looked) this.#letGo(watched, error)
      return
    }
    const [before, since, settled] = seen
    for (const [at, watched] of begun.entries()) watched.before = before![at]!
    for (const [at, watched] of looked.entries()) {
      if (this.#isClosed) return
      try {
        await this.#judge(watched, now, since![at]!, settled![at]!)
      } catch (error) {
        this.#letGo(watched, error)
      }
    }
  }

  #letGo({ revision }: Watched, error: unknown): void {
    this.#watched.delete(revision)
    const fields = { revision, ...thrownFields(error) }
    this.#options.log.error('a change could not be watched', fields)
  }

  async #judge(watched: Watched, now: number, since: Figures, settled: Figures): Promise<void> {
    const { limits } = this.#options
    const before = watched.before!
    const look = lookAtProbation(limits, watched.appliedAt, now, { before, since, settled })
    if (look.state === 'watching') return
    this.#watched.delete(watched.revision)
    const { state, reason, judgements } = look
    const takenBackBy = state === 'breached' ? await this.#takeBack(watched, reason) : null
    this.#options.onVerdict({
      revision: watched.revision,
      state,
      reason,
      judgements,
      before: summaryOf(before),
      since: summaryOf(since),
      takenBackBy,
    })
  }

  /** The revision that did it; null: it could not be done. */
  async #takeBack({ revision }: Watched, reason: string): Promise<number | null> {
    const { control, log } = this.#options
    const who = { author: 'turnout', reason: `revision ${revision} made it worse: ${reason}` }
    const { revision: taken, rejections } = await control.takeBack(revision, who)
    const [problem] = rejections.flatMap(({ problems }) => problems)
    if (problem !== undefined) {
      const { code, message } = problem
      log.error('a change that made it worse could not be taken back', {
        revision,
        code,
        reason: message,
      })
    }
    return taken?.number ?? null
  }
}
