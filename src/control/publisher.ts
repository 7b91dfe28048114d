import { performance } from 'node:perf_hooks'
import { TurnoutError, problem, type ErrorCode, type Problem } from '../core/errors.ts'
import { failpoint } from '../core/failpoint.ts'
import { deleteKey, entriesFrom, getKey } from '../core/persistent-map.ts'
import type { ConflictPolicy } from '../core/route/conflict.ts'
import { findShadowed, warningOf } from '../core/route/conflict-shadow.ts'
import { stateSourceOf } from '../core/route/module-versions.ts'
import { moduleNameOf } from '../core/route/route.ts'
import { modulesOf, type Table } from '../core/route/table.ts'
import type { Store } from '../store/store.ts'
import type { Worker } from '../worker/worker.ts'
import { assemble, type Assembled, type Proposal } from './assemble.ts'
import type { ChangeItem, ChangeSet, Outcome, Rejection, Revision } from './change.ts'
import type { ChangePlan, Control, Entry, HistoryRow, TableChanges, Who } from './control.ts'
import { Codes, type CodeOf } from './codes.ts'
import { Deadlines } from './deadlines.ts'
import { loadsBetween, tableChanges } from './diff.ts'
import { digestOf } from './digest.ts'
import { History } from './history.ts'
import { loadItems, proposalOf, rejectionOf, type Loaded } from './loading.ts'
import { metaOf, recordedMetas, type RecordMeta } from './meta.ts'
import { restoreTable, takeBackChange, type Restored } from './restore.ts'
import { plain, Steps, type Mark, type Step } from './steps.ts'
import { objectsOf, tableOfObjects } from '../core/route/objects.ts'
import { isWholeDigest, wholeDigestOf } from './whole.ts'

export interface PublisherOptions {
  readonly worker: Worker
  readonly store: Store
  /** Revisions that are kept to go back to. */
  readonly keep: number
  /** Replaced versions of one module that may still hold exchanges; past that, no other comes until one has drained. */
  readonly maxLiveVersions?: number
  /** What counts as a conflict of routes. */
  readonly conflicts: ConflictPolicy
  /** A module that goes to a lower version needs a reason. */
  readonly isOrdered?: boolean
  /** Told in the turn of the apply; milliseconds from the change set's arrival. */
  readonly onApplied: (revision: Revision, durationMs: number) => void
  readonly onRejected: (who: Who, rejections: readonly Rejection[]) => void
  /** Finds the code of a module that an earlier process built; null: it is gone or damaged. */
  readonly codeOf?: CodeOf
  /** Told now and then which artifacts the history still names. */
  readonly onForgotten?: (kept: ReadonlySet<string>) => void
  /** A change that had to be confirmed was not, and could not be taken back. */
  readonly onStuck?: (revision: Revision, problems: readonly Problem[]) => void
}

const forgetEvery = 50
/** After a store that failed, a deadline is tried again. */
const retryMs = 2_000
/** After so many refusals an artifact is not tried again. */
const mostTries = 3

/** Findings that are the artifact's own doing, and that another try will meet again. */
const ownFaults: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'TURNOUT_MODULE_CRASHED',
  'TURNOUT_MODULE_LOAD_TIMEOUT',
  'TURNOUT_MODULE_LOAD_FAILED',
  'TURNOUT_MODULE_LIST_DIFFERS',
  'TURNOUT_STATE_ASYNC',
])

/**
 * The one road of a change: load, check, prepare, publish, apply; what was replaced retires by itself. Everything
 * before `publish` can fail without anybody noticing but the author.
 */
export class Publisher implements Control {
  readonly #history: History
  readonly #options: PublisherOptions
  readonly #codes: Codes
  readonly #deadlines: Deadlines
  readonly #steps: Steps
  readonly #measured: Extract<RecordMeta, { kind: 'measured' }>[]
  #loading: Promise<unknown>
  #queue: Promise<unknown>
  #trimmed: number
  #isClosed: boolean

  constructor(options: PublisherOptions) {
    this.#history = new History(options.keep)
    this.#options = options
    this.#codes = new Codes(options.worker, options.codeOf)
    this.#deadlines = new Deadlines((number) => void this.#takeBackLate(number))
    this.#steps = new Steps({
      worker: options.worker,
      store: options.store,
      history: this.#history,
      onApplied: (revision, startedAt) => {
        this.#await(revision)
        options.onApplied(revision, performance.now() - startedAt)
      },
      onTrimmed: () => this.#trim(),
    })
    this.#measured = []
    this.#loading = Promise.resolve()
    this.#queue = Promise.resolve()
    this.#trimmed = 0
    this.#isClosed = false
  }

  get current(): Entry {
    return this.#history.current
  }

  get table(): Table {
    return this.#history.current.table
  }

  history(): readonly HistoryRow[] {
    return this.#history.rows()
  }

  /** Oldest first, with the empty start where it is still kept. */
  revisions(): readonly Revision[] {
    return this.#history.revisions()
  }

  diverged(): readonly string[] {
    return [...entriesFrom(this.table.proposals)].flatMap(([owner, digest]) => {
      if (isWholeDigest(digest)) return digest === wholeDigestOf(this.table, owner) ? [] : [owner]
      const serving = new Set([...modulesOf(this.table, owner)].map((one) => one.digest))
      if (digest === '') return serving.size === 0 ? [] : [owner]
      return digest.split(',').every((one) => serving.has(one)) ? [] : [owner]
    })
  }

  /** An artifact that was refused again and again for what it does itself, or that did harm while it served. */
  isQuarantined(digest: string): boolean {
    if (this.#history.isQuarantined(digest)) return true
    const isOwnFault = ({ problems }: Rejection): boolean =>
      problems.some(({ code }) => ownFaults.has(code))
    return this.#history.rejectionsOf(digest, isOwnFault) >= mostTries
  }

  /** Keeps an artifact out from now on, and after a restart. A store that fails says so at the next publish. */
  quarantine(digest: string, who: Who): void {
    if (this.#isClosed || this.#history.isQuarantined(digest)) return
    this.#history.quarantine(digest)
    this.#note({ kind: 'quarantined', digest, at: Date.now(), ...who }).catch(() => undefined)
  }

  /**
   * Serves what the store holds, before anybody proposes anything. Modules whose code cannot be made ready are
   * returned; their routes answer 503 until their source proposes them again.
   */
  async resume(): Promise<readonly Rejection[]> {
    const { store, worker } = this.#options
    const state = await store.read()
    if (state === null || store.cursor() === 0) return []
    const table = tableOfObjects(state.objects)
    for (const meta of await recordedMetas(store)) this.#remember(meta)
    const known = this.#history.revisionOf(state.number)
    const revision = known ?? recoveredRevision(state.number, digestOf(table))
    if (known === undefined) this.#history.note(revision, [])
    this.#history.resume({ revision, table })
    const failed = await this.#codes.prepareAll(table)
    const applied = await worker.apply(state.number, table)
    if (!applied.ok)
      throw new TurnoutError('TURNOUT_STORE_FAILED', { reason: 'it cannot be applied' })
    if (failed.length > 0) {
      // Whoever proposed it shall do so again.
      const proposals = failed.reduce((map, { owner }) => deleteKey(map, owner), table.proposals)
      this.#history.resume({ revision, table: { ...table, proposals } })
    }
    for (const waiting of this.#history.waiting()) this.#await(waiting)
    return failed
  }

  /** Walks the road. Change sets with modules are loaded one after the other, in the order in which they came. */
  change(set: ChangeSet): Promise<Outcome> {
    const startedAt = performance.now()
    const { items } = set
    if (this.#isClosed) return Promise.reject(new TurnoutError('TURNOUT_CLOSED'))
    if (typeof items !== 'function' && !this.#options.store.isVolatile && items.some(hasClosure))
      return Promise.reject(new TurnoutError('TURNOUT_CLOSURE_DURABLE'))
    if (typeof items === 'function' || items.every(isEdit)) return this.#changeSoon(set, startedAt)
    // What loads holds nobody up who has nothing to load.
    const loaded = this.#loading.then(() => this.#load(set, items))
    const walked = loaded.then((ready) => this.#enqueue(() => this.#walk(set, startedAt, ready)))
    this.#loading = walked.catch(() => undefined)
    return walked
  }

  /** The same road for routes with handlers of this program: nothing to load, so it ends before it returns. */
  changeNow(set: ChangeSet & { readonly items: readonly ChangeItem[] }): Outcome {
    if (this.#isClosed) throw new TurnoutError('TURNOUT_CLOSED')
    this.#refuseDurable()
    const startedAt = performance.now()
    const proposals = set.items.map((item) => proposalOf(item, [], null))
    const { table, refused } = this.#assemble(this.current, proposals)
    const rejections = this.#rejections(proposals, refused)
    const step = this.#steps.make(this.current, table, set, plain)
    this.#tell(set, rejections)
    if (rejections.length > 0 || step === null) return outcomeOf(null, rejections, startedAt)
    this.#steps.applyNow(step, startedAt)
    return outcomeOf(step.revision, [], startedAt)
  }

  async plan(set: ChangeSet): Promise<ChangePlan> {
    if (this.#isClosed) throw new TurnoutError('TURNOUT_CLOSED')
    const base = this.#history.current
    const items = itemsOf(set, base.table)
    const { proposals, rejections } = await this.#load(set, items)
    const { table, refused } = this.#assemble(base, proposals)
    const all = [...rejections, ...this.#rejections(proposals, refused)]
    const changes = tableChanges(base.table, set.isPartial || all.length === 0 ? table : base.table)
    const put = [...changes.routes.added, ...changes.routes.changed.map(({ after }) => after)]
    return {
      base: base.revision.number,
      changes,
      rejections: all,
      shadowed: findShadowed(table, put).map(warningOf),
      loads: loadsBetween(base.table, table).map(({ reference }) => ({
        module: reference.name,
        version: reference.version,
        digest: reference.digest,
      })),
      retires: [
        ...changes.modules.removed,
        ...changes.modules.changed.map(({ before }) => before),
      ].map(({ name, version }) => ({ module: name, version })),
    }
  }

  rollBack(number: number, who: Who): Promise<Outcome> {
    return this.#restore(who, { ...plain, restores: number }, async () => {
      const { table } = await this.entryOf(number)
      return (next) => restoreTable(this.table, table, next)
    })
  }

  /** Applies the inverse of one revision to the current table. */
  takeBack(number: number, who: Who): Promise<Outcome> {
    return this.#takeBack(number, who, () => true)
  }

  /** The same for one that waits for its confirmation; rejects where it no longer does. */
  takeBackWaiting(number: number, who: Who): Promise<Outcome> {
    return this.#takeBack(number, who, () => {
      this.#demandWaiting(number)
      return true
    })
  }

  /** @throws TurnoutError TURNOUT_REVISION_UNKNOWN or TURNOUT_CONFIRM_LATE */
  #demandWaiting(number: number): void {
    if (this.#history.revisionOf(number) === undefined)
      throw new TurnoutError('TURNOUT_REVISION_UNKNOWN', { revision: number })
    if (!this.#history.waiting().some((one) => one.number === number))
      throw new TurnoutError('TURNOUT_CONFIRM_LATE', { revision: number })
  }

  /** Nothing is done where `isWanted` says so, which is asked when nothing else can come between. */
  #takeBack(number: number, who: Who, isWanted: () => boolean): Promise<Outcome> {
    return this.#restore(who, { ...plain, takesBack: number }, async () => {
      if (!isWanted()) return () => ({ table: this.table, problems: [], left: [] })
      const [before, after] = await Promise.all([this.entryOf(number - 1), this.entryOf(number)])
      return (next) => takeBackChange(this.table, before.table, after.table, next)
    })
  }

  confirm(number: number, who: Who): Promise<void> {
    return this.#queued(async () => {
      this.#demandWaiting(number)
      await this.#note({ kind: 'confirmed', revision: number, at: Date.now(), ...who })
      this.#history.confirm(number)
      this.#deadlines.clear(number)
    })
  }

  async entryOf(number: number): Promise<Entry> {
    const known = this.#history.entryOf(number)
    if (known !== undefined) return known
    const revision = this.#history.revisionOf(number)
    const state = revision === undefined ? null : await this.#options.store.read(number)
    if (revision === undefined || state === null)
      throw new TurnoutError('TURNOUT_REVISION_UNKNOWN', { revision: number })
    return { revision, table: tableOfObjects(state.objects) }
  }

  async diff(from: number, to: number): Promise<TableChanges> {
    const [left, right] = await Promise.all([this.entryOf(from), this.entryOf(to)])
    return tableChanges(left.table, right.table)
  }

  /** Takes no further change set; resolves when those that have come so far have ended. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#deadlines.close()
    await this.#loading
    await this.#queue
    await this.#steps.landing
  }

  #load(set: ChangeSet, items: readonly ChangeItem[]): Promise<Loaded> {
    const { store, worker } = this.#options
    return loadItems(items, set, {
      table: () => this.table,
      isVolatile: store.isVolatile,
      isLive: (reference) => worker.isLive(reference),
      isOrdered: this.#options.isOrdered ?? false,
    })
  }

  #queued<Result>(walk: () => Promise<Result>): Promise<Result> {
    if (this.#isClosed) return Promise.reject(new TurnoutError('TURNOUT_CLOSED'))
    return this.#enqueue(walk)
  }

  #enqueue<Result>(walk: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(async () => {
      await this.#steps.landing
      await this.#steps.takeBackUnapplied()
      return walk()
    })
    this.#queue = result.catch(() => undefined)
    return result
  }

  #refuseDurable(): void {
    if (!this.#options.store.isVolatile) throw new TurnoutError('TURNOUT_CLOSURE_DURABLE')
  }

  #assemble({ table, revision }: Entry, proposals: readonly Proposal[]): Assembled {
    return assemble(table, proposals, this.#options.conflicts, revision.number + 1)
  }

  /**
   * The road of edits, which have nothing to make ready. One after the other they are checked, each on the one before,
   * and handed to the store; there they share its syncs. They are applied in their order, each once it is on the disk:
   *
   *     edit 1   check, write ──────────── on the disk, apply, answer
   *     edit 2                check, write ─────────── on the disk, apply, answer
   */
  #changeSoon(set: ChangeSet, startedAt: number): Promise<Outcome> {
    const started = this.#queue.then(() => this.#startEdit(set, startedAt))
    this.#queue = started.catch(() => undefined)
    return started.then(({ ended }) => ended)
  }

  /** Resolves when the next one may start. */
  async #startEdit(set: ChangeSet, startedAt: number): Promise<{ ended: Promise<Outcome> }> {
    await this.#steps.takeBackUnapplied()
    for (;;) {
      const { checked, error } = this.#check(set)
      if (checked?.kind === 'walk') {
        await this.#steps.landing
        return { ended: Promise.resolve(await this.#walk(set, startedAt, null)) }
      }
      if (checked?.kind === 'step') {
        const reached = failpoint('publish.before')
        if (reached instanceof Promise) await reached
        const sent = this.#steps.send(checked.step, startedAt)
        return { ended: sent.then((revision) => outcomeOf(revision, [], startedAt)) }
      }
      // An answer must not rest on what may still be lost.
      const losses = this.#steps.losses
      await this.#steps.landing
      if (losses !== this.#steps.losses) continue
      if (checked === null) throw error
      this.#tell(set, checked.rejections)
      return { ended: Promise.resolve(outcomeOf(null, checked.rejections, startedAt)) }
    }
  }

  /** What a change set comes to on the newest step; an error that its author threw is returned. */
  #check(set: ChangeSet): { readonly checked: Checked | null; readonly error?: unknown } {
    const tip = this.#steps.tip
    try {
      const items = itemsOf(set, tip.table)
      if (set.isPartial || !items.every(isEdit)) return { checked: { kind: 'walk' } }
      const proposals = items.map((item) => proposalOf(item, [], null))
      const { table, refused } = this.#assemble(tip, proposals)
      const rejections = this.#rejections(proposals, refused)
      const step = rejections.length > 0 ? null : this.#steps.make(tip, table, set, markOf(set))
      return { checked: step === null ? { kind: 'end', rejections } : { kind: 'step', step } }
    } catch (error) {
      return { checked: null, error }
    }
  }

  async #walk(set: ChangeSet, startedAt: number, ready: Loaded | null): Promise<Outcome> {
    const { worker } = this.#options
    const loaded = ready ?? (await this.#load(set, itemsOf(set, this.table)))
    const rejections = [...loaded.rejections]
    let going = loaded.proposals
    let revision: Revision | null = null
    // What is refused is told before what goes live without it.
    let told = 0
    const tell = (): void => {
      this.#tell(set, rejections.slice(told))
      told = rejections.length
    }
    try {
      // Each round leaves out who failed; the first without a failure is published.
      while (going.length > 0 && (set.isPartial || rejections.length === 0)) {
        const preparing = failpoint('prepare.before')
        if (preparing instanceof Promise) await preparing
        const failed = await this.#prepare(going)
        const prepared = failpoint('prepare.after')
        if (prepared instanceof Promise) await prepared
        if (failed.size === 0) {
          // The table may have moved while workers prepared: what was checked is checked on the newest.
          const latest = this.#assemble(this.current, going)
          for (const [owner, problems] of latest.refused) failed.set(owner, problems)
          if (failed.size === 0) {
            tell()
            const result = await this.#steps.publish(latest.table, set, markOf(set), startedAt)
            addByOwner(failed, going, result.problems)
            revision = result.revision
          }
        }
        rejections.push(...this.#rejections(going, failed))
        going = failed.size === 0 ? [] : going.filter(({ owner }) => !failed.has(owner))
      }
    } finally {
      await worker.discard()
    }
    tell()
    return outcomeOf(revision, rejections, startedAt)
  }

  /** Checks, stores the artifacts, and makes the modules ready; problems by owner. */
  async #prepare(going: readonly Proposal[]): Promise<Map<string, readonly Problem[]>> {
    if (going.every(({ modules }) => modules.length === 0)) return new Map()
    const { table: after, refused } = this.#assemble(this.current, going)
    const failed = new Map(refused)
    for (const { owner, modules } of going) {
      const full = this.#fullOf(modules)
      if (full !== null && !failed.has(owner)) failed.set(owner, [full])
    }
    const able = going.filter(({ owner }) => !failed.has(owner))
    await Promise.all(able.flatMap(({ modules }) => modules.map(async ({ save }) => save?.())))
    for (const { modules } of able)
      for (const { reference, code } of modules) this.#codes.learn(reference, code)
    const prepared = await this.#options.worker.prepare(
      able.flatMap((one) => preparesOf(one, this.table, after)),
    )
    if (!prepared.ok) addByOwner(failed, going, prepared.problems)
    return failed
  }

  /** Of a module that has too many versions alive already. Going back is never refused for that. */
  #fullOf(modules: Proposal['modules']): Problem | null {
    const most = this.#options.maxLiveVersions ?? Infinity
    const draining = this.#options.worker.draining()
    for (const { reference } of modules) {
      const module = moduleNameOf(reference)
      const held = draining.filter((one) => one.module === module).length
      if (held >= most) return problem('TURNOUT_VERSIONS_HELD', { module, held })
    }
    return null
  }

  /** What earlier processes measured of rollouts, oldest first; once. */
  takeMeasured(): readonly Extract<RecordMeta, { kind: 'measured' }>[] {
    return this.#measured.splice(0)
  }

  /** Writes down what was measured. A store that fails says so at the next publish. */
  keepMeasured(meta: Extract<RecordMeta, { kind: 'measured' }>): void {
    if (!this.#isClosed) this.#note(meta).catch(() => undefined)
  }

  async #note(meta: RecordMeta): Promise<void> {
    const { table } = this
    await this.#options.store.publish(
      { number: null, meta: metaOf(meta), put: [], remove: [] },
      () => objectsOf(table),
    )
  }

  /** Rolls back or takes back: the same road, with tables that stood before. */
  #restore(
    who: Who,
    mark: Mark,
    find: () => Promise<(revision: number) => Restored>,
  ): Promise<Outcome> {
    const startedAt = performance.now()
    return this.#queued(async () => {
      const { worker } = this.#options
      try {
        return await this.#walkBack(who, mark, await find(), startedAt)
      } finally {
        await worker.discard()
      }
    })
  }

  async #walkBack(
    who: Who,
    mark: Mark,
    make: (revision: number) => Restored,
    startedAt: number,
  ): Promise<Outcome> {
    const { worker } = this.#options
    const wanted = (): Restored => make(this.current.revision.number + 1)
    const { table, problems } = wanted()
    const loads = loadsBetween(this.table, table)
    const missing =
      problems.length > 0 ? [] : await this.#codes.find(loads.map((one) => one.reference))
    const prepared = problems.length > 0 ? null : await worker.prepare(loads)
    const failed = prepared === null || prepared.ok ? new Map(missing) : prepared.problems
    // Routes of closures may have come meanwhile: what is taken away with them is told, too.
    const latest = wanted()
    const found = [...latest.problems]
    const rejections = [...failed].map(([name, of]) =>
      this.#rejectionOf(getKey(table.modules, name)?.owner ?? name, name, of, null),
    )
    if (found.length > 0) rejections.push(this.#rejectionOf(who.author, 'restore', found, null))
    let revision: Revision | null = null
    if (rejections.length === 0) {
      const result = await this.#steps.publish(latest.table, who, mark, startedAt)
      revision = result.revision
      for (const [name, of] of result.problems)
        rejections.push(
          this.#rejectionOf(getKey(table.modules, name)?.owner ?? name, name, of, null),
        )
    }
    this.#tell(who, rejections)
    return outcomeOf(revision, rejections, startedAt)
  }

  #remember(meta: RecordMeta): void {
    if (meta.kind === 'revision') this.#history.note(meta.revision, meta.digests)
    else if (meta.kind === 'rejected') this.#history.reject(meta.rejected)
    else if (meta.kind === 'confirmed') this.#history.confirm(meta.revision)
    else if (meta.kind === 'quarantined') this.#history.quarantine(meta.digest)
    else this.#measured.push(meta)
  }

  /** Takes a revision back that was not confirmed in time, unless it is gone already. */
  async #takeBackLate(number: number): Promise<void> {
    const find = (): Revision | undefined =>
      this.#history.waiting().find((one) => one.number === number)
    const revision = find()
    if (revision === undefined || this.#isClosed) return
    const who = { author: 'turnout', reason: `revision ${number} was not confirmed in time` }
    try {
      const { rejections } = await this.#takeBack(number, who, () => find() !== undefined)
      const problems = rejections.flatMap((one) => one.problems)
      if (problems.length > 0) this.#options.onStuck?.(revision, problems)
    } catch (error) {
      const found = stuckProblem(error)
      this.#options.onStuck?.(revision, [found])
      // The store may come back by itself.
      if (found.code === 'TURNOUT_STORE_FAILED') this.#deadlines.set(number, Date.now() + retryMs)
    }
  }

  /** Drops, now and then, the code that no kept revision names. */
  #trim(): void {
    this.#trimmed += 1
    if (this.#trimmed % forgetEvery !== 0) return
    const current = [...entriesFrom(this.table.modules)].map(([, { digest }]) => digest)
    const kept = this.#history.digests(current)
    this.#codes.keepOnly(kept)
    this.#options.onForgotten?.(kept)
  }

  #await({ number, confirmBy }: Revision): void {
    if (confirmBy !== null) this.#deadlines.set(number, confirmBy)
  }

  #rejections(
    going: readonly Proposal[],
    failed: ReadonlyMap<string, readonly Problem[]>,
  ): Rejection[] {
    return going.flatMap(({ owner, label, modules }) => {
      const problems = failed.get(owner)
      const digest = modules[0]?.reference.digest ?? null
      return problems === undefined ? [] : [this.#rejectionOf(owner, label, problems, digest)]
    })
  }

  #rejectionOf(
    owner: string,
    label: string,
    problems: readonly Problem[],
    digest: string | null,
  ): Rejection {
    return rejectionOf(this.table, { owner, label }, problems, digest)
  }

  /** Keeps and tells what was refused, unless it was told before. */
  #tell(who: Who & Pick<ChangeSet, 'isKnown'>, rejections: readonly Rejection[]): void {
    const news = rejections.filter((one) => who.isKnown?.(one) !== true)
    if (news.length === 0) return
    const { author, reason } = who
    const rejected = { author, reason, at: Date.now(), rejections: news }
    this.#history.reject(rejected)
    // The author has the answer already; a store that fails says so at the next publish.
    this.#note({ kind: 'rejected', rejected }).catch(() => undefined)
    this.#options.onRejected(who, news)
  }
}

/** What an edit came to before it was written. */
type Checked =
  | { readonly kind: 'step'; readonly step: Step }
  | { readonly kind: 'end'; readonly rejections: readonly Rejection[] }
  /** It is more than an edit: it has to walk the whole road. */
  | { readonly kind: 'walk' }

/** A store that outlives the process would keep a route without what it leads to. */
const hasClosure = (item: ChangeItem): boolean =>
  item.kind === 'edit' && item.putRoutes.some(({ target }) => target.kind === 'closure')

const isEdit = ({ kind }: ChangeItem): boolean => kind === 'edit'

const itemsOf = ({ items }: ChangeSet, table: Table): readonly ChangeItem[] =>
  typeof items === 'function' ? items(table) : items

const markOf = ({ confirmWithinMs }: ChangeSet): Mark =>
  confirmWithinMs === undefined ? plain : { ...plain, confirmBy: Date.now() + confirmWithinMs }

const outcomeOf = (
  revision: Revision | null,
  rejections: readonly Rejection[],
  startedAt: number,
): Outcome => ({ revision, rejections, durationMs: performance.now() - startedAt })

const preparesOf = (
  { modules }: Proposal,
  before: Table,
  after: Table,
): Parameters<Worker['prepare']>[0] =>
  modules.map(({ reference, routes }) => ({
    reference,
    routeIds: routes.map(({ id }) => id),
    from: stateSourceOf(before, after, reference),
  }))

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

/** A store that was repaired starts at a number that nobody published. */
const recoveredRevision = (number: number, digest: string): Revision => ({
  number,
  at: Date.now(),
  author: 'turnout',
  reason: 'recovered: the store was damaged',
  digest,
  changes: [],
  ...plain,
})

const stuckProblem = (error: unknown): Problem => {
  const thrown =
    error instanceof TurnoutError
      ? error
      : new TurnoutError('TURNOUT_STORE_FAILED', { reason: String(error) })
  return { code: thrown.code, message: thrown.message }
}
