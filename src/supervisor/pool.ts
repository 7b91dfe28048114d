import { setTimeout as wait } from 'node:timers/promises'
import { TurnoutError, problem, type Problem } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Readings } from '../core/metrics/series.ts'
import { mergeRetired, type RetiredFacts } from '../core/leak.ts'
import { getKey } from '../core/persistent-map.ts'
import type { ResourceName } from '../core/protect/resources.ts'
import type { BreakerState } from '../core/protect/breaker.ts'
import type { Figures } from '../core/rollout/figures.ts'
import { addFigures } from '../core/rollout/quantile.ts'
import { VerifyTally, type VerifyCounts } from '../core/rollout/verify-tally.ts'
import type { ModuleReference } from '../core/route/route.ts'
import { thrownMessage } from '../core/thrown.ts'
import { emptyTable, type Table } from '../core/route/table.ts'
import type { UpstreamStatus } from '../gateway/upstream/status.ts'
import type { VerifyRequest } from '../gateway/verify/request.ts'
import type { WorkerEvent, WorkerStatus } from '../turnout-serving.ts'
import type {
  Draining,
  FiguresQuery,
  PrepareRequest,
  RetiredVersion,
  Worker,
  WorkerResult,
} from '../worker/worker.ts'
import type { Offence } from '../worker/containment/offence.ts'
import { mergeDraining, mergeStatus } from './merge.ts'
import { beatMs, type ProcessSettings, type WorkerNotice } from './messages.ts'
import { PoolReadings } from './pool-readings.ts'
import type { SharedSocket } from './sockets.ts'
import { WorkerProcess, type Brought } from './worker-process.ts'

export interface PoolOptions {
  /** Worker processes. */
  readonly count: number
  readonly entry: URL
  readonly settings: Omit<ProcessSettings, 'worker'>
  readonly log: Logger
  /** Milliseconds that a module's import and `register` may take. */
  readonly loadTimeoutMs: number
  /** Milliseconds that exchanges in a worker have that is replaced. */
  readonly drainMs: number
  /** Resident memory of one worker past which it is replaced, in bytes; its heap is made to fit. */
  readonly memoryBytes: number
  /** Told once of each version, when no worker holds it any more. */
  readonly onRetired: (version: RetiredVersion) => void
  readonly onNotice: (notice: WorkerNotice) => void
  readonly onEvent: (event: WorkerEvent) => void
  /** Told of what ends a worker, where that was code of a module, or may have been. */
  readonly onOffence: (offence: Offence) => void
}

/** A place among the workers: whoever stands there is replaced when it ends. */
interface Slot {
  readonly worker: number
  process: WorkerProcess | null
  restarts: number
  /** Ends in a row that came soon after a start. */
  failures: number
  timer: NodeJS.Timeout | null
  /** Beats in a row with too much memory. */
  heavy: number
  isReplacing: boolean
}

interface Target {
  readonly revision: number
  readonly table: Table
}

const startMs = 15_000
const askMs = 2_000
/** A worker that lived for so long was well. */
const wellMs = 5_000
/** How long a change waits for a worker, where there is none at the moment. */
const absentMs = 10_000
const mostPauseMs = 5_000
/** So many beats in a row: a collection may be on its way. */
const heavyBeats = 3
/** Replaced for its memory no more often than that: a limit that none can keep must not become a loop. */
const heavyRestMs = 20_000
/** Share of the heap that V8 allows, above which it would soon end the process. */
const heapShare = 0.9

/**
 * The worker port over processes: all prepare, then all apply. One that dies or is blocked is replaced by another, which
 * joins at the table that is served. Open/close.
 */
export class WorkerPool implements Worker {
  readonly #options: PoolOptions
  readonly #slots: readonly Slot[]
  /** All that live, also those that start or leave. */
  readonly #processes: Set<WorkerProcess>
  /** Those that serve, and so take part in every change. */
  readonly #members: Set<WorkerProcess>
  readonly #sockets: Map<number, SharedSocket>
  readonly #verifying: Map<string, VerifyRequest>
  /** Modules that could not be made ready, by name: the digest. */
  readonly #dead: Map<string, string>
  readonly #retired: Map<string, RetiredVersion>
  readonly #readings: PoolReadings
  #target: Target
  #revision: number
  #adminPort: number
  #applying: number
  #ticker: NodeJS.Timeout | null
  #isClosed: boolean
  /** Whoever ends at once takes its workers along, also one that is blocked. */
  readonly #atExit: () => void

  constructor(options: PoolOptions) {
    this.#options = options
    this.#slots = Array.from({ length: options.count }, (_, at) => ({
      worker: at + 1,
      process: null,
      restarts: 0,
      failures: 0,
      timer: null,
      heavy: 0,
      isReplacing: false,
    }))
    this.#processes = new Set()
    this.#members = new Set()
    this.#sockets = new Map()
    this.#verifying = new Map()
    this.#dead = new Map()
    this.#retired = new Map()
    this.#readings = new PoolReadings()
    this.#target = { revision: 0, table: emptyTable }
    this.#revision = 0
    this.#adminPort = 0
    this.#applying = 0
    this.#ticker = null
    this.#isClosed = false
    this.#atExit = () => {
      for (const one of this.#processes) one.kill('the supervisor ends')
    }
  }

  /** Starts them all. Rejects with TURNOUT_WORKERS_FAILED when one does not start. */
  async open(): Promise<void> {
    this.#ticker = setInterval(() => this.#tick(), beatMs)
    this.#ticker.unref()
    process.on('exit', this.#atExit)
    try {
      await Promise.all(this.#slots.map((slot) => this.#enter(slot)))
    } catch (error) {
      const reason = thrownMessage(error)
      throw new TurnoutError('TURNOUT_WORKERS_FAILED', { reason }, { cause: error })
    }
  }

  get revision(): number {
    return this.#revision
  }

  get #prepareMs(): number {
    // Import, `register`, a rehearsal of both, and the services before.
    return this.#options.loadTimeoutMs * 3 + 5_000
  }

  /** Starts a process in a place, brings it to what is served, and lets it serve. */
  async #enter(slot: Slot): Promise<WorkerProcess> {
    const entered = new WorkerProcess({
      worker: slot.worker,
      entry: this.#options.entry,
      memoryBytes: this.#options.memoryBytes,
      onNotice: (from, notice) => this.#noticed(from, notice),
      onBlocked: ({ ms, ...whose }) =>
        this.#options.onOffence({
          ...whose,
          kind: 'blocked',
          detail: `it blocked worker ${slot.worker} for ${ms} ms`,
          count: 1,
          exchange: null,
        }),
      onGone: (gone, how) => this.#left(slot, gone, how),
    })
    this.#processes.add(entered)
    slot.process = entered
    try {
      await within(entered.ready, startMs)
      const settings = { ...this.#options.settings, worker: slot.worker }
      await entered.ask('start', [settings], startMs)
      if (this.#adminPort !== 0) await entered.ask('keepOut', [this.#adminPort])
      for (;;) {
        const target = this.#target
        const { revision, table } = target
        const { unready } = await entered.bring(revision, table, this.#prepareMs)
        this.#tellUnready(entered, table, unready)
        if (target === this.#target) break
      }
      // In this turn: no change comes between.
      this.#members.add(entered)
      const asked = [...this.#verifying].map(([id, request]) =>
        entered.ask('verify', [id, request]),
      )
      const sockets = [...this.#sockets.values()]
      await Promise.all([...asked, ...sockets.map((socket) => socket.enter(entered))])
    } catch (error) {
      entered.kill(thrownMessage(error))
      throw error
    }
    const { worker } = slot
    this.#options.onEvent({ kind: 'started', worker, pid: entered.pid, reason: null })
    return entered
  }

  /** Its routes answer 503 there, until somebody proposes it again. */
  #tellUnready({ worker }: WorkerProcess, table: Table, unready: Brought['unready']): void {
    for (const [module, [first]] of unready) {
      const digest = getKey(table.modules, module)?.digest
      if (digest === undefined || this.#dead.get(module) === digest) continue
      this.#dead.set(module, digest)
      const fields = { worker, module, code: first?.code, reason: first?.message }
      this.#options.log.error('a worker could not make a module ready', fields)
    }
  }

  #left(slot: Slot, gone: WorkerProcess, how: string): void {
    this.#processes.delete(gone)
    this.#members.delete(gone)
    this.#readings.forget(gone)
    gone.draining = []
    this.#tellRetired()
    const { worker } = slot
    const isExpected = gone.isLeaving || this.#isClosed
    if (!isExpected) {
      const fields = { worker, pid: gone.pid, reason: how }
      this.#options.log.error('a worker process ended', fields)
      this.#options.onEvent({ kind: 'ended', worker, pid: gone.pid, reason: how })
      if (crashes.test(how)) this.#tellCrash(worker, how)
    }
    if (slot.process !== gone) return
    slot.process = null
    if (!this.#isClosed) this.#restart(slot, Date.now() - gone.startedAt > wellMs)
  }

  #tellCrash(worker: number, how: string): void {
    const whose = { module: null, version: null, digest: null }
    const detail = `worker ${worker} ended by itself: ${how}`
    this.#options.onOffence({ ...whose, kind: 'crashed', detail, count: 1, exchange: null })
  }

  /** At once after one that was well; after others in a row, later and later. */
  #restart(slot: Slot, wasWell: boolean): void {
    slot.failures = wasWell ? 0 : slot.failures + 1
    slot.restarts += 1
    const pauseMs = slot.failures <= 1 ? 0 : Math.min(mostPauseMs, 50 * 2 ** slot.failures)
    slot.timer = setTimeout(() => {
      slot.timer = null
      // What goes wrong is told as its end.
      if (!this.#isClosed) this.#enter(slot).catch(() => undefined)
    }, pauseMs)
  }

  /**
   * Replaces each worker by another, one after the other: the next one serves before the one before it leaves. What is in
   * flight there has until the deadline.
   */
  async replaceAll(reason: string, deadlineMs: number): Promise<void> {
    for (const slot of this.#slots) await this.#replace(slot, reason, deadlineMs)
  }

  async #replace(slot: Slot, reason: string, deadlineMs: number): Promise<void> {
    const old = slot.process
    if (old === null || this.#isClosed) return
    const { worker } = slot
    slot.isReplacing = true
    try {
      await this.#enter(slot)
    } catch (error) {
      // The old one is better than none.
      if (this.#processes.has(old)) slot.process = old
      throw error
    } finally {
      slot.isReplacing = false
    }
    old.isLeaving = true
    slot.restarts += 1
    this.#options.onEvent({ kind: 'replaced', worker, pid: old.pid, reason })
    void this.#leave(old, deadlineMs)
  }

  async #leave(old: WorkerProcess, deadlineMs: number): Promise<void> {
    old.heldAtLeave = new Set(old.draining.map(({ module, version }) => `${module} ${version}`))
    try {
      const last = await old.ask('close', [deadlineMs], deadlineMs + 5_000)
      this.#readings.take(old, last)
      await within(old.gone, 1_000)
    } catch {
      old.kill('it did not end by itself')
    }
  }

  #tick(): void {
    for (const one of this.#processes) if (one.beat !== null) one.tick()
    this.#readings.tick([...this.#members])
    for (const slot of this.#slots) {
      const reason = this.#tooHeavy(slot.process)
      slot.heavy = reason === null ? 0 : slot.heavy + 1
      if (reason === null || slot.heavy < heavyBeats || slot.isReplacing) continue
      if (Date.now() - slot.process!.startedAt < heavyRestMs) continue
      this.#options.log.warn('a worker process is replaced', { worker: slot.worker, reason })
      // What goes wrong is told as the end of the new one; the old one stays.
      this.#replace(slot, reason, this.#options.drainMs).catch(() => undefined)
    }
  }

  /** Before the kernel, or V8, ends it with all that is in flight. */
  #tooHeavy(one: WorkerProcess | null): string | null {
    const beat = one?.beat ?? null
    if (beat === null) return null
    const { rssBytes, heapBytes, heapLimitBytes } = beat
    const mebibytes = (bytes: number): number => Math.round(bytes / 1024 / 1024)
    if (rssBytes > this.#options.memoryBytes)
      return `it holds ${mebibytes(rssBytes)} MiB of ${mebibytes(this.#options.memoryBytes)}`
    if (heapBytes > heapLimitBytes * heapShare)
      return `its heap holds ${mebibytes(heapBytes)} MiB of ${mebibytes(heapLimitBytes)}`
    return null
  }

  #noticed(from: WorkerProcess, notice: WorkerNotice): void {
    if (notice.name === 'beat') this.#tellRetired()
    if (notice.name === 'leak' && from.isLeaving) return
    if (notice.name === 'resource') {
      const data = { ...notice.data, worker: from.worker }
      return this.#options.onNotice({ ...notice, data })
    }
    if (notice.name !== 'retired') return this.#options.onNotice(notice)
    const { module, version, waitedMs } = notice.data
    const key = `${module} ${version}`
    // What it served to its end is served on by the one after it.
    if (from.isLeaving && !from.heldAtLeave.has(key)) return
    const known = this.#retired.get(key)
    if (known === undefined || known.waitedMs < waitedMs) this.#retired.set(key, notice.data)
    this.#tellRetired()
  }

  /** Of versions that no worker holds any more. */
  #tellRetired(): void {
    if (this.#applying > 0 || this.#retired.size === 0) return
    // All hold what is served up to their end.
    if (this.#isClosed && this.#processes.size > 0) return
    const held = new Set(this.draining().map(({ module, version }) => `${module} ${version}`))
    for (const [key, version] of this.#retired) {
      if (held.has(key)) continue
      this.#retired.delete(key)
      this.#options.onRetired(version)
    }
  }

  learn(): void {
    // Workers read code from the data folder.
  }

  forget(key: string): void {
    for (const one of this.#members) one.ask('forget', [key]).catch(() => undefined)
  }

  async prepare(requests: readonly PrepareRequest[]): Promise<WorkerResult> {
    if (requests.length === 0) return { ok: true }
    const absent = await this.#awaitMember()
    if (absent !== null) return { ok: false, problems: problemFor(requests, absent) }
    const problems = new Map<string, readonly Problem[]>()
    await Promise.all(
      [...this.#members].map(async (one) => {
        try {
          const result = await one.prepare(requests, this.#prepareMs)
          if (result.ok) return
          for (const [name, found] of result.problems)
            if (!problems.has(name)) problems.set(name, found)
        } catch (error) {
          if (one.isLeaving) return
          // Whoever blocks or ends a worker while it is made ready must not come into service.
          one.kill(thrownMessage(error))
          const found = problemOf(error)
          for (const { reference } of requests) problems.set(reference.name, [found])
        }
      }),
    )
    for (const { reference } of requests) {
      const { name, digest } = reference
      if (problems.has(name)) this.#dead.set(name, digest)
      else if (this.#dead.get(name) === digest) this.#dead.delete(name)
    }
    return problems.size === 0 ? { ok: true } : { ok: false, problems }
  }

  /** Null: there is one. What no worker has made ready must not come into service. */
  async #awaitMember(): Promise<Problem | null> {
    const endsAt = Date.now() + absentMs
    while (this.#members.size === 0 && Date.now() < endsAt && !this.#isClosed) await wait(50)
    if (this.#members.size > 0) return null
    return problem('TURNOUT_WORKERS_FAILED', { reason: 'all have ended, and none came instead' })
  }

  async apply(revision: number, table: Table): Promise<WorkerResult> {
    this.#target = { revision, table }
    this.#applying += 1
    const problems = new Map<string, readonly Problem[]>()
    try {
      await Promise.all(
        [...this.#members].map(async (one) => {
          try {
            const { result, unready } = await one.bring(revision, table, this.#prepareMs)
            this.#tellUnready(one, table, unready)
            if (!result.ok) for (const [name, found] of result.problems) problems.set(name, found)
          } catch (error) {
            // It would serve what is no longer published; the one after it does not.
            one.kill(thrownMessage(error))
          }
        }),
      )
    } finally {
      this.#applying -= 1
    }
    if (problems.size === 0) this.#revision = revision
    this.#tellRetired()
    return problems.size === 0 ? { ok: true } : { ok: false, problems }
  }

  async discard(): Promise<void> {
    await this.#each((one) => one.discard())
  }

  isLive({ name, digest }: ModuleReference): boolean {
    return this.#dead.get(name) !== digest
  }

  draining(): readonly Draining[] {
    return mergeDraining([...this.#processes].flatMap(({ draining }) => draining))
  }

  retired(): readonly RetiredFacts[] {
    // Who leaves disposes of what is served on by the one after it.
    const staying = [...this.#processes].filter(({ isLeaving }) => !isLeaving)
    return mergeRetired(staying.flatMap(({ retired }) => retired))
  }

  /** What each worker that serves is short of; one that says nothing is late. */
  shortOf(): readonly (readonly ResourceName[])[] {
    return [...this.#members].map(({ beat }) => beat?.shortOf ?? [])
  }

  async upstreamNames(): Promise<readonly string[]> {
    const names = await this.#each((one) => one.ask('upstreamNames', [], askMs))
    return [...new Set(names.flat())].sort()
  }

  async upstreamStatus(name: string): Promise<UpstreamStatus | null> {
    const found = await this.#each((one) => one.ask('upstreamStatus', [name], askMs))
    return mergeStatus(found.filter((one) => one !== null))
  }

  async forceBreaker(name: string, state: BreakerState): Promise<boolean> {
    const done = await this.#each((one) => one.ask('forceBreaker', [name, state], askMs))
    return done.includes(true)
  }

  async figures(asked: readonly FiguresQuery[]): Promise<readonly Figures[]> {
    const found = await this.#each((one) => one.ask('figures', [asked], askMs))
    return asked.map((_, at) => addFigures(found.map((each) => each[at]!)))
  }

  /** What all workers read, and what those read that have ended. */
  readings(): Promise<Readings> {
    return this.#readings.read([...this.#members])
  }

  verify(id: string, request: VerifyRequest | null): void {
    if (request === null) this.#verifying.delete(id)
    else this.#verifying.set(id, request)
    void this.#each((one) => one.ask('verify', [id, request]))
  }

  async verifyCounts(id: string): Promise<VerifyCounts | null> {
    const found = await this.#each((one) => one.ask('verifyCounts', [id], askMs))
    const counts = found.filter((one) => one !== null)
    if (counts.length < 2) return counts[0] ?? null
    const tally = new VerifyTally()
    for (const one of counts) tally.addCounts(one)
    return tally.counts()
  }

  /** What each worker that serves says; who is too late, or gone, says nothing. */
  async #each<Result>(ask: (one: WorkerProcess) => Promise<Result>): Promise<Result[]> {
    const answers = await Promise.allSettled([...this.#members].map(ask))
    return answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  }

  /** Lets all accept from a socket, and those that come. */
  async listen(socket: SharedSocket): Promise<void> {
    this.#sockets.set(socket.key, socket)
    const entered = await Promise.allSettled([...this.#members].map((one) => socket.enter(one)))
    const failed = entered.find((one) => one.status === 'rejected' && !isGone(one.reason)) as
      | PromiseRejectedResult
      | undefined
    if (failed === undefined) return
    this.#sockets.delete(socket.key)
    throw failed.reason
  }

  /** Resolves with the connections that were cut. */
  async unlisten(socket: SharedSocket, deadlineMs: number): Promise<number> {
    this.#sockets.delete(socket.key)
    const asked = [...this.#processes].map((one) => socket.leave(one, deadlineMs))
    return (await Promise.all(asked)).reduce((sum, cut) => sum + cut, 0)
  }

  async renewCertificate(key: number): Promise<boolean> {
    return (await this.#each((one) => one.ask('renewCertificate', [key]))).includes(true)
  }

  keepOut(port: number): void {
    this.#adminPort = port
    void this.#each((one) => one.ask('keepOut', [port]))
  }

  status(): readonly WorkerStatus[] {
    const inOrder = [...this.#processes].sort((left, right) => left.worker - right.worker)
    return inOrder.map((one) => ({
      worker: one.worker,
      pid: one.pid,
      state: one.isLeaving ? 'leaving' : this.#members.has(one) ? 'serving' : 'starting',
      revision: one.revision,
      startedAt: new Date(one.startedAt).toISOString(),
      restarts: this.#slots[one.worker - 1]!.restarts,
      rssBytes: one.beat?.rssBytes ?? null,
      overload: one.beat?.overload ?? null,
    }))
  }

  async close(deadlineMs: number): Promise<void> {
    this.#isClosed = true
    for (const { timer } of this.#slots) if (timer !== null) clearTimeout(timer)
    const all = [...this.#processes]
    await Promise.all(all.map((one) => this.#leave(one, deadlineMs)))
    await Promise.all(all.map((one) => one.gone))
    if (this.#ticker !== null) clearInterval(this.#ticker)
    process.off('exit', this.#atExit)
  }
}

/** How a process ends by itself. Others may send a SIGKILL. */
const crashes = /^(exit code \d|SIG(ABRT|SEGV|BUS|ILL|FPE|TRAP))/

const problemFor = (
  requests: readonly PrepareRequest[],
  found: Problem,
): ReadonlyMap<string, readonly Problem[]> =>
  new Map(requests.map(({ reference }) => [reference.name, [found]]))

const isGone = (error: unknown): boolean =>
  error instanceof TurnoutError &&
  (error.code === 'TURNOUT_WORKER_LOST' || error.code === 'TURNOUT_WORKER_LATE')

const problemOf = (error: unknown): Problem => {
  if (error instanceof TurnoutError) return { code: error.code, message: error.message }
  return problem('TURNOUT_WORKER_LOST', { reason: thrownMessage(error) })
}

/** Rejects with TURNOUT_WORKER_LATE. */
async function within<Result>(work: Promise<Result>, ms: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TurnoutError('TURNOUT_WORKER_LATE', { ms })), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
