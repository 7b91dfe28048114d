import { TurnoutError, type Problem } from '../core/errors.ts'
import { failpoint } from '../core/failpoint.ts'
import type { Table } from '../core/route/table.ts'
import type { PublishResult, Store, StoredObject } from '../store/store.ts'
import type { Worker, WorkerResult } from '../worker/worker.ts'
import type { Revision } from './change.ts'
import type { Entry, Who } from './control.ts'
import { appliedChanges, sortedChanges } from './diff.ts'
import { digestAfter } from './digest.ts'
import type { History } from './history.ts'
import { metaOf } from './meta.ts'
import { changesBetween, objectsOf, recordOf } from '../core/route/objects.ts'

/** What is written of a revision beside its table. */
export type Mark = Pick<Revision, 'restores' | 'takesBack' | 'confirmBy'>

/** Nothing beside it. */
export const plain: Mark = { restores: null, takesBack: null, confirmBy: null }

/** A revision that is ready to be written. */
export interface Step {
  readonly revision: Revision
  readonly table: Table
  readonly put: readonly StoredObject[]
  readonly remove: readonly string[]
  readonly digests: readonly string[]
}

export interface StepsOptions {
  readonly worker: Worker
  readonly store: Store
  readonly history: History
  /** Told in the turn of the apply; when the change set arrived, on the monotonic clock. */
  readonly onApplied: (revision: Revision, startedAt: number) => void
  /** An old revision fell off the history. */
  readonly onTrimmed: () => void
}

/**
 * The last part of the road: the next revision is made, written and applied. Several may be on their way to the disk,
 * each standing on the one before; they are applied in their order, or lost together.
 */
export class Steps {
  readonly #options: StepsOptions
  readonly #history: History
  #tip: Entry | null
  #losses: number
  #landing: Promise<unknown>
  /** What is served while the newest revision could be neither applied nor taken back. */
  #unapplied: Table | null

  constructor(options: StepsOptions) {
    this.#options = options
    this.#history = options.history
    this.#tip = null
    this.#losses = 0
    this.#landing = Promise.resolve()
    this.#unapplied = null
  }

  /** What the next change set stands on: the last step that is on its way to the disk, or what is served. */
  get tip(): Entry {
    return this.#tip ?? this.#history.current
  }

  /** One more each time that steps on their way were lost, and with them what stood on them. */
  get losses(): number {
    return this.#losses
  }

  /** Resolves when every step on its way has ended. */
  get landing(): Promise<unknown> {
    return this.#landing
  }

  /** The next revision, ready to be written; null: it would change nothing. */
  make(before: Entry, table: Table, { author, reason }: Who, mark: Mark): Step | null {
    const differences = [...changesBetween(before.table, table)]
    if (differences.length === 0) return null
    const changes = sortedChanges(differences)
    const revision: Revision = {
      number: before.revision.number + 1,
      at: Date.now(),
      author,
      reason,
      digest: digestAfter(before.revision.digest, differences),
      changes: appliedChanges(changes, table),
      ...mark,
    }
    const { put, remove } = recordOf(differences)
    const { added, changed, removed } = changes.modules
    const all = [...added, ...removed, ...changed.flatMap(({ before, after }) => [before, after])]
    return { revision, table, put, remove, digests: all.map(({ digest }) => digest) }
  }

  /** Writes and applies in one turn: for a volatile store, and what has no module that could refuse. */
  applyNow(step: Step, startedAt: number): void {
    const result = this.#write(step)
    if (result instanceof Promise) throw new TurnoutError('TURNOUT_CLOSURE_DURABLE')
    this.#publishedAs(step, result)
    // What lives in this process is served in it, too: there is nothing to wait for.
    void this.#options.worker.apply(step.revision.number, step.table)
    this.#options.onApplied(step.revision, startedAt)
  }

  /** Publish and apply. A `migrate` that throws takes the change back by the next revision. */
  async publish(
    table: Table,
    who: Who,
    mark: Mark,
    startedAt: number,
  ): Promise<{ revision: Revision | null; problems: ReadonlyMap<string, readonly Problem[]> }> {
    const before = this.#history.current
    const step = this.make(before, table, who, mark)
    if (step === null) return { revision: null, problems: new Map() }
    const reached = failpoint('publish.before')
    if (reached instanceof Promise) await reached
    const result = this.#write(step)
    this.#publishedAs(step, result instanceof Promise ? await result : result)
    void failpoint('apply.before')
    const applying = this.#options.worker.apply(step.revision.number, table)
    const applied = applying instanceof Promise ? await applying : applying
    void failpoint('apply.after')
    if (applied.ok) {
      this.#options.onApplied(step.revision, startedAt)
      return { revision: step.revision, problems: new Map() }
    }
    this.#unapplied = before.table
    const taken = this.takeBackUnapplied()
    if (taken !== undefined) await taken
    return { revision: null, problems: applied.problems }
  }

  /**
   * Publishes again what is still served, where the newest revision could not be applied. Until the store has taken
   * that, nothing else is published: it would stand on a table that nobody serves.
   */
  takeBackUnapplied(): Promise<void> | undefined {
    const table = this.#unapplied
    if (table === null) return undefined
    const { number } = this.#history.current.revision
    const reason = `taken back: revision ${number} could not be applied`
    const mark = { ...plain, takesBack: number }
    const inverse = this.make(this.#history.current, table, { author: 'turnout', reason }, mark)
    const finish = (result: PublishResult | null): void | Promise<void> => {
      let applied: WorkerResult | Promise<WorkerResult> | null = null
      if (inverse !== null && result !== null) {
        this.#publishedAs(inverse, result)
        applied = this.#options.worker.apply(inverse.revision.number, table)
      }
      this.#unapplied = null
      return applied instanceof Promise ? applied.then(() => undefined) : undefined
    }
    const written = inverse === null ? null : this.#write(inverse)
    if (written instanceof Promise) return written.then(finish)
    return finish(written) ?? undefined
  }

  /** Hands a step to the store; resolves when it is served. */
  send(step: Step, startedAt: number): Promise<Revision> {
    const { revision, table } = step
    const losses = this.#losses
    const landed = (): Revision => {
      void failpoint('apply.after')
      if (this.#tip?.revision === revision) this.#tip = null
      this.#options.onApplied(revision, startedAt)
      return revision
    }
    const land = (result: PublishResult): Revision | Promise<Revision> => {
      this.#publishedAs(step, result)
      void failpoint('apply.before')
      // Without modules to make ready nothing can go wrong any more.
      const applied = this.#options.worker.apply(revision.number, table)
      return applied instanceof Promise ? applied.then(landed) : landed()
    }
    const written = this.#write(step)
    const first = written instanceof Promise ? null : land(written)
    if (first !== null && !(first instanceof Promise)) return Promise.resolve(first)
    this.#tip = { revision, table }
    const before = this.#landing
    const sent = (async () => {
      try {
        if (first !== null) return await first
        const [result] = await Promise.all([written, before])
        return await land(result)
      } catch (error) {
        if (losses === this.#losses) {
          this.#losses += 1
          this.#tip = null
          throw error
        }
        const reason = 'a change that it stood on could not be written'
        throw new TurnoutError('TURNOUT_STORE_FAILED', { reason }, { cause: error })
      }
    })()
    this.#landing = sent.catch(() => undefined)
    return sent
  }

  #write({ revision, table, put, remove, digests }: Step): PublishResult | Promise<PublishResult> {
    const meta = metaOf({ kind: 'revision', revision, digests })
    const proposal = { number: revision.number, meta, put, remove }
    return this.#options.store.publish(proposal, () => objectsOf(table))
  }

  #publishedAs({ revision, table, digests }: Step, result: PublishResult): void {
    if (!result.ok) throw new TurnoutError('TURNOUT_REVISION_RACE', { revision: result.number })
    if (this.#history.enter(revision, table, digests)) this.#options.onTrimmed()
  }
}
