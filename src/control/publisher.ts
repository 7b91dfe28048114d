import { performance } from 'node:perf_hooks'
import { TurnoutError, type Problem } from '../core/errors.ts'
import { getKey } from '../core/persistent-map.ts'
import type { ConflictPolicy } from '../core/route/conflict.ts'
import { modulesOf, type Table } from '../core/route/table.ts'
import type { Worker } from '../worker/worker.ts'
import { assemble, type Assembled, type Proposal } from './assemble.ts'
import type {
  AppliedChange,
  ChangeItem,
  ChangeSet,
  LoadedModule,
  Outcome,
  Rejection,
  Revision,
} from './change.ts'
import { diffTables } from './diff.ts'
import { History, type Entry } from './history.ts'

export interface PublisherOptions {
  readonly worker: Worker
  /** Revisions that are kept to go back to. */
  readonly keep: number
  /** What counts as a conflict of routes. */
  readonly conflicts: ConflictPolicy
  readonly onApplied: (revision: Revision, outcome: Outcome) => void
  readonly onRejected: (set: ChangeSet, rejections: readonly Rejection[]) => void
}

const forgetEvery = 50

/**
 * The one road of a change: load, check, prepare, publish, apply; what was replaced retires by itself. Everything
 * before `publish` can fail without anybody noticing but the author.
 */
export class Publisher {
  readonly history: History
  readonly #options: PublisherOptions
  readonly #codes: Set<string>
  #queue: Promise<unknown>
  #trimmed: number
  #isClosed: boolean

  constructor(options: PublisherOptions) {
    this.history = new History(options.keep)
    this.#options = options
    this.#codes = new Set()
    this.#queue = Promise.resolve()
    this.#trimmed = 0
    this.#isClosed = false
  }

  get table(): Table {
    return this.history.current.table
  }

  /** Walks the road; change sets go one after the other, in the order in which they came. */
  change(set: ChangeSet): Promise<Outcome> {
    const startedAt = performance.now()
    return this.#queued(() => this.#walk(set, startedAt))
  }

  /** The same road for routes with handlers of this program: nothing to load, so it ends before it returns. */
  changeNow(set: ChangeSet): Outcome {
    if (this.#isClosed) throw new TurnoutError('TURNOUT_CLOSED')
    const startedAt = performance.now()
    const proposals = itemsOf(set, this.table).map((item) => proposalOf(item, []))
    const assembled = assemble(this.table, proposals, this.#options.conflicts)
    const refused = rejectionsOf(this.table, proposals, assembled.refused)
    return this.#end(set, startedAt, refused, this.#publish(set, assembled, refused).revision)
  }

  /**
   * Publishes an earlier revision's table as the next revision. Modules whose code differs are loaded from what
   * was built then. Rejects with TURNOUT_REVISION_UNKNOWN when the revision is no longer kept.
   */
  rollBack(number: number, author: string, reason: string): Promise<Outcome> {
    const startedAt = performance.now()
    return this.#queued(async () => {
      const entry = this.history.entryOf(number)
      if (entry === undefined)
        throw new TurnoutError('TURNOUT_REVISION_UNKNOWN', { revision: number })
      const { changes: planned, loads } = diffTables(this.table, entry.table)
      const set: ChangeSet = { author, reason, isPartial: false, items: [] }
      if (planned.length === 0) return this.#end(set, startedAt, [], null)
      const prepared = await this.#options.worker.prepare(loads)
      // Routes of closures may have come meanwhile: what is taken away with them is told, too.
      const { changes } = diffTables(this.table, entry.table)
      const assembled: Assembled = { table: entry.table, changes, refused: new Map() }
      const result = prepared.ok
        ? this.#publish(set, assembled, [])
        : { revision: null, problems: prepared.problems }
      const rejections = [...result.problems].map(([name, problems]) =>
        rejectionOf(this.table, getKey(entry.table.modules, name)?.owner ?? name, name, problems),
      )
      if (result.revision === null) await this.#options.worker.discard()
      return this.#end(set, startedAt, rejections, result.revision)
    })
  }

  /** Takes no further change set; resolves when those that have come so far have ended. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#queue
  }

  #queued<Result>(walk: () => Promise<Result>): Promise<Result> {
    if (this.#isClosed) return Promise.reject(new TurnoutError('TURNOUT_CLOSED'))
    const result = this.#queue.then(walk)
    this.#queue = result.catch(() => undefined)
    return result
  }

  async #walk(set: ChangeSet, startedAt: number): Promise<Outcome> {
    const { worker } = this.#options
    const { proposals, rejections } = await this.#load(set)
    let going = proposals
    let revision: Revision | null = null
    // Each round leaves out who failed; the first without a failure is published.
    while (going.length > 0 && (set.isPartial || rejections.length === 0)) {
      const assembled = assemble(this.table, going, this.#options.conflicts)
      const failed = new Map(assembled.refused)
      const loads = going.filter(({ owner }) => !failed.has(owner)).flatMap(preparesOf)
      const prepared = await worker.prepare(loads)
      if (!prepared.ok) addByOwner(failed, going, prepared.problems)
      if (failed.size === 0) {
        // The table may have moved while workers prepared: what was checked is checked on the newest.
        const latest = assemble(this.table, going, this.#options.conflicts)
        const result = this.#publish(set, latest, [])
        addByOwner(failed, going, result.problems)
        for (const [owner, problems] of latest.refused) failed.set(owner, problems)
        revision = result.revision
      }
      rejections.push(...rejectionsOf(this.table, going, failed))
      going = failed.size === 0 ? [] : going.filter(({ owner }) => !failed.has(owner))
    }
    await worker.discard()
    return this.#end(set, startedAt, rejections, revision)
  }

  /** Builds and rehearses all modules of a change set, and drops what is the same as before. */
  async #load(set: ChangeSet): Promise<{ proposals: Proposal[]; rejections: Rejection[] }> {
    const rejections: Rejection[] = []
    const proposals: Proposal[] = []
    await Promise.all(
      itemsOf(set, this.table).map(async (item, at) => {
        if (item.kind !== 'module') {
          proposals[at] = proposalOf(item, [])
          return
        }
        const outcome = await item.load()
        if (!outcome.ok) {
          rejections.push(rejectionOf(this.table, item.owner, item.label, outcome.problems))
          return
        }
        const { reference } = outcome.module
        const serving = getKey(this.table.modules, reference.name)
        if (serving?.digest === reference.digest && serving.owner === item.owner) return
        this.#learn(outcome.module)
        proposals[at] = proposalOf(item, [outcome.module])
      }),
    )
    return { proposals: proposals.filter((one) => one !== undefined), rejections }
  }

  #learn({ code }: LoadedModule): void {
    this.#codes.add(code.key)
    this.#options.worker.learn(code)
  }

  /** Publish and apply, in one turn. A `migrate` that throws takes the change back by the next revision. */
  #publish(
    set: ChangeSet,
    { table, changes, refused }: Assembled,
    rejections: readonly Rejection[],
  ): { revision: Revision | null; problems: ReadonlyMap<string, readonly Problem[]> } {
    const none = { revision: null, problems: new Map<string, readonly Problem[]>() }
    const isWhole = refused.size === 0 && rejections.length === 0
    if (!isWhole || (changes.length === 0 && table === this.table)) return none
    const before = this.history.current
    const { author, reason } = set
    const entry = this.#enter(table, author, reason, changes)
    const applied = this.#options.worker.apply(entry.revision.number, table)
    if (applied.ok) return { revision: entry.revision, problems: new Map() }
    this.#takeBack(before, entry)
    return { revision: null, problems: applied.problems }
  }

  #takeBack(before: Entry, failed: Entry): void {
    const reason = `taken back: revision ${failed.revision.number} could not be applied`
    const inverse = diffTables(failed.table, before.table).changes
    const entry = this.#enter(before.table, 'turnout', reason, inverse)
    this.#options.worker.apply(entry.revision.number, entry.table)
  }

  #enter(table: Table, author: string, reason: string, changes: readonly AppliedChange[]): Entry {
    const { entry, isTrimmed } = this.history.publish(
      table,
      { author, reason, at: Date.now() },
      changes,
    )
    if (isTrimmed && (this.#trimmed += 1) % forgetEvery === 0) this.#forget()
    return entry
  }

  /** Drops the code that no kept revision names. */
  #forget(): void {
    const kept = this.history.codeKeys()
    for (const key of this.#codes) {
      if (kept.has(key)) continue
      this.#codes.delete(key)
      this.#options.worker.forget(key)
    }
  }

  #end(
    set: ChangeSet,
    startedAt: number,
    rejections: readonly Rejection[],
    revision: Revision | null,
  ): Outcome {
    const outcome = { revision, rejections, durationMs: performance.now() - startedAt }
    const news = rejections.filter((one) => set.isKnown?.(one) !== true)
    if (news.length > 0) this.#options.onRejected(set, news)
    if (revision !== null) this.#options.onApplied(revision, outcome)
    return outcome
  }
}

const itemsOf = ({ items }: ChangeSet, table: Table): readonly ChangeItem[] =>
  typeof items === 'function' ? items(table) : items

const proposalOf = (item: ChangeItem, modules: readonly LoadedModule[]): Proposal => ({
  owner: item.owner,
  label: item.kind === 'module' ? item.label : item.owner,
  modules,
  edit: item.kind === 'routes' ? { put: item.put, remove: item.remove } : null,
})

const preparesOf = ({ modules }: Proposal): Parameters<Worker['prepare']>[0] =>
  modules.map(({ reference, routes }) => ({ reference, routeIds: routes.map(({ id }) => id) }))

const addByOwner = (
  failed: Map<string, readonly Problem[]>,
  going: readonly Proposal[],
  problems: ReadonlyMap<string, readonly Problem[]>,
): void => {
  for (const [name, found] of problems) {
    const owner = going.find(({ modules }) => modules.some((one) => one.reference.name === name))
    if (owner !== undefined) failed.set(owner.owner, found)
  }
}

const rejectionsOf = (
  table: Table,
  going: readonly Proposal[],
  failed: ReadonlyMap<string, readonly Problem[]>,
): Rejection[] =>
  going.flatMap(({ owner, label }) => {
    const problems = failed.get(owner)
    return problems === undefined ? [] : [rejectionOf(table, owner, label, problems)]
  })

const rejectionOf = (
  table: Table,
  owner: string,
  label: string,
  problems: readonly Problem[],
): Rejection => {
  const [serving] = [...modulesOf(table, owner)]
  return { owner, label, serving: serving?.version ?? null, problems }
}
