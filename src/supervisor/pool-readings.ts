import { TurnoutError } from '../core/errors.ts'
import { ReadingsWriter, type Readings } from '../core/metrics/series.ts'
import { Totals } from '../core/metrics/totals.ts'

/** A worker process, as far as its readings go. */
export interface Read {
  readonly worker: number
  /** It was replaced, and ends. */
  readonly isLeaving: boolean
  ask(name: 'readings', args: [], deadlineMs: number): Promise<Readings>
}

/** A thread that is blocked holds up nobody who scrapes. */
const readMs = 1_000
/** While somebody scrapes, readings are kept about so fresh: those of a process that is killed count on. */
const freshMs = 5_000
const watchedMs = 5 * 60_000

/** What all workers of a pool read, those that have ended too. */
export class PoolReadings {
  readonly #totals: Totals<Read>
  readonly #late: Map<number, number>
  #scrapedAt: number
  #askedAt: number

  constructor() {
    this.#totals = new Totals()
    this.#late = new Map()
    this.#scrapedAt = -Infinity
    this.#askedAt = 0
  }

  /** Of whoever is too late, the last that it said. */
  async read(all: readonly Read[]): Promise<Readings> {
    this.#scrapedAt = performance.now()
    await this.#ask(all)
    const now = performance.now()
    const writer = new ReadingsWriter()
    for (const [worker, count] of this.#late)
      writer.add('turnout_readings_late_total', [String(worker)], count)
    for (const one of all) {
      const age = this.#totals.ageOf(one, now)
      if (age === null || one.isLeaving) continue
      writer.add('turnout_readings_age_seconds', [String(one.worker)], age / 1_000)
    }
    return { ...this.#totals.merged(({ isLeaving }) => !isLeaving), ...writer.readings() }
  }

  /** Called about each half second. */
  tick(all: readonly Read[]): void {
    const now = performance.now()
    if (now - this.#scrapedAt > watchedMs || now - this.#askedAt < freshMs) return
    void this.#ask(all)
  }

  /** What it said at its end, or in between. */
  take(one: Read, readings: Readings): void {
    this.#totals.take(one, readings, performance.now())
  }

  /** It is gone: what it said last stays in the sums. */
  forget(one: Read): void {
    this.#totals.forget(one)
  }

  async #ask(all: readonly Read[]): Promise<void> {
    this.#askedAt = performance.now()
    await Promise.all(
      all.map(async (one) => {
        try {
          this.take(one, await one.ask('readings', [], readMs))
        } catch (error) {
          // One that is gone is not late.
          if (!(error instanceof TurnoutError) || error.code !== 'TURNOUT_WORKER_LATE') return
          this.#late.set(one.worker, (this.#late.get(one.worker) ?? 0) + 1)
        }
      }),
    )
  }
}
