import { basename, dirname, join, resolve } from 'node:path'
import { problem, type Problem } from '../core/errors.ts'
import { thrownMessage } from '../core/thrown.ts'
import { digestOf, inChunks, lookAt } from './fingerprint.ts'
import { Hints, type Hint } from './hints.ts'
import { Ledger, type Burst } from './ledger.ts'
import { isCandidate, scanModules, type ModuleScan } from './scan.ts'
import { Settling } from './settling.ts'
import { Trails } from './trails.ts'

/** How a folder of route modules is followed. */
export interface FilesOptions {
  readonly directory: string
  /** Milliseconds without an event after which files count as written. Default 50. */
  readonly settleMs?: number
  /** Milliseconds after which what is at rest is reported without what is not. Default 1,000. */
  readonly maxWaitMs?: number
  /**
   * Milliseconds between full scans, which find what no event told. Default 1,000. A scan that is dear is made
   * less often, so that scanning takes at most 1% of the time, or 10% where watching fails or is off.
   */
  readonly pollMs?: number
  /** False: no events, scans only; for file systems that send none. Default true. */
  readonly watch?: boolean
  /** Told at once that something was touched: time to get ready for a change that may come. */
  readonly onHint?: () => void
  /** Takes a change. The next one waits for its promise. */
  readonly onBurst: (burst: Burst) => void | Promise<void>
  /** Takes what is wrong with the watching itself, and what `onBurst` threw. */
  readonly onError: (problem: Problem) => void
}

/** A folder of route modules as a source of changes. */
export interface FilesSource {
  /** Scans and watches; resolves when the first burst, with everything, was handled. */
  start(): Promise<void>
  /**
   * Says what a build of the module really read or looked for (absolute paths, in the folder or not, there or not).
   * Call it after each build, also a failed one, best before the promise of `onBurst` resolves. An input that changed
   * since the module was reported makes the module changed once more: nobody knows which content was built.
   */
  watchInputs(moduleName: string, paths: Iterable<string>): void
  /** Scans everything now; resolves when what that found was handled. Not to be awaited in `onBurst`. */
  rescan(): Promise<void>
  /** Ends every watch and timer; resolves when no scan is under way. A burst being handled is not waited for. */
  close(): Promise<void>
}

const nothing: ModuleScan = {
  modules: [],
  problems: [],
  held: new Set(),
  isMissing: true,
  folders: [],
}

/**
 * Events only say where to look and when; what is reported is decided by looking.
 *
 *     event ─┐                            ┌─ not at rest: look again
 *     poll  ─┼─ touched paths ─ look ─ look ─ digest ─ differs from the baseline? ─ onBurst
 *     rescan ┘                                          no: dropped
 *
 * One step runs at a time, so a scan never meets another scan or a burst being handled.
 */
class FolderSource implements FilesSource {
  readonly #directory: string
  readonly #pollMs: number
  readonly #isWatching: boolean
  readonly #onBurst: FilesOptions['onBurst']
  readonly #onError: FilesOptions['onError']
  readonly #onHint: FilesOptions['onHint']
  readonly #hints: Hints
  readonly #trails = new Trails()
  readonly #ledger = new Ledger()
  readonly #settling: Settling
  readonly #settleMs: number
  readonly #incoming = new Map<string, readonly string[]>()
  #scan: ModuleScan = nothing
  #listed: ReadonlySet<string> = new Set()
  /** An event asks for a list of the folder, or for everything, at the next look. */
  #mustList = false
  #mustScan = false
  /** Some input is reached by folders that are not watched yet. */
  #hasNewWays = false
  #pollAt = Infinity
  /** Who asked for a scan: before it, and after it until what it found was handled. */
  #asking: (() => void)[] = []
  #waiting: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined
  #step: Promise<void> | undefined
  #isHandling = false
  #isClosed = false

  constructor(options: FilesOptions) {
    this.#directory = resolve(options.directory)
    this.#settleMs = options.settleMs ?? 50
    this.#pollMs = options.pollMs ?? 1000
    this.#isWatching = options.watch ?? true
    this.#onBurst = options.onBurst
    this.#onError = options.onError
    this.#onHint = options.onHint
    this.#settling = new Settling(this.#settleMs, options.maxWaitMs ?? 1000)
    this.#hints = new Hints((hint) => this.#take(hint), options.onError)
  }

  start(): Promise<void> {
    return this.rescan()
  }

  rescan(): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise((done) => {
      this.#asking.push(done)
      this.#pollAt = 0
      this.#arm()
    })
  }

  watchInputs(moduleName: string, paths: Iterable<string>): void {
    this.#incoming.set(moduleName, [...paths])
    this.#arm()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#hints.close()
    if (!this.#isHandling) await this.#step
    for (const done of [...this.#asking.splice(0), ...this.#waiting.splice(0)]) done()
  }

  #take({ folder, name, isRename }: Hint): void {
    if (this.#isClosed) return
    const path = name === undefined ? folder : join(folder, name)
    const scans = name === undefined || this.#trails.anchors.has(path)
    const lists = isRename && this.#listed.has(folder) && isCandidate(basename(path))
    // What is left is somebody else's: a log, an editor's temporary file, a neighbour of the folder.
    if (!scans && !lists && this.#ledger.sightingOf(path) === undefined) return
    this.#mustScan ||= scans
    this.#mustList ||= lists
    this.#settling.touch(path, performance.now())
    this.#arm()
    this.#onHint?.()
  }

  /** Sets the one timer to when there is something to do. */
  #arm(): void {
    if (this.#step !== undefined || this.#isClosed) return
    const lookAt =
      this.#incoming.size > 0 || this.#hasNewWays ? 0 : (this.#settling.nextLookAt() ?? Infinity)
    const next = Math.min(lookAt, this.#pollAt)
    clearTimeout(this.#timer)
    if (next === Infinity) return
    this.#timer = setTimeout(() => this.#run(), Math.max(0, next - performance.now()))
    // A watched folder keeps no process alive, but somebody who waits for it does.
    if (this.#asking.length + this.#waiting.length === 0) this.#timer.unref()
  }

  #run(): void {
    this.#step = this.#work()
      .catch((error: unknown) => this.#report(error))
      .finally(() => {
        this.#step = undefined
        this.#arm()
      })
  }

  async #work(): Promise<void> {
    await this.#admit()
    const now = performance.now()
    const isScanDue = this.#hasNewWays || now >= this.#pollAt
    // A timer may fire a fraction of a millisecond early.
    if (!isScanDue && now + 1 < (this.#settling.nextLookAt() ?? Infinity)) return
    if (isScanDue || this.#mustScan) await this.#scanAll()
    else if (this.#mustList) {
      await this.#list()
      if (this.#scan.folders.some((folder) => !this.#trails.folders.has(folder))) {
        await this.#scanAll()
      }
    }
    await this.#look()
    if (this.#isClosed || !(await this.#deliver())) return
    for (const done of this.#waiting.splice(0)) done()
  }

  /** Takes over what builds have read since the last step. */
  async #admit(): Promise<void> {
    for (const [name, reported] of this.#incoming) {
      this.#incoming.delete(name)
      const doubtful = new Set<string>()
      const paths = reported.map((path) => {
        const lasting = this.#trails.nameOf(resolve(path))
        if (lasting.isStale) doubtful.add(lasting.name)
        return lasting.name
      })
      await inChunks(this.#ledger.newInputs(name, paths), async (path) => {
        if (await this.#isDoubtful(name, path)) doubtful.add(path)
      })
      this.#ledger.setInputs(name, paths, (path) => doubtful.has(path))
      for (const path of doubtful) this.#settling.touch(path, performance.now())
      this.#hasNewWays ||= paths.some((path) => !this.#trails.folders.has(dirname(path)))
    }
  }

  /** Whether a build may have read something else than what is at the path now. */
  async #isDoubtful(name: string, path: string): Promise<boolean> {
    const before = this.#ledger.sightingOf(path)
    if (before === undefined && !(await this.#digest(path))) return true
    // The look comes after the digest: what is written between the two must count as seen too late.
    const state = await lookAt(path)
    const sighting = this.#ledger.sightingOf(path)
    if (sighting?.state.key !== state.key) return true
    // Where nothing is, the folder tells when something last was.
    const { changedAt } = state.kind === 'missing' ? await lookAt(dirname(path)) : state
    return this.#ledger.wasReportedBefore(name, Math.max(changedAt, sighting?.firstSeenAt ?? 0))
  }

  /** Watches and looks at everything; sets the next time to do so by what it cost. */
  async #scanAll(): Promise<void> {
    const startedAt = performance.now()
    this.#waiting.push(...this.#asking.splice(0))
    this.#mustScan = false
    this.#hasNewWays = false
    await this.#list()
    const folders = [dirname(this.#directory), ...this.#listed, ...this.#ledger.folders]
    await this.#trails.survey(folders, this.#ledger.links)
    const hasOpened = this.#isWatching && (await this.#hints.watch(this.#trails.folders))
    if (hasOpened) await this.#list()
    await inChunks(this.#ledger.paths, async (path) => {
      const state = await lookAt(path)
      const sighting = this.#ledger.sightingOf(path)
      if (sighting?.isRacy !== true && sighting?.state.key === state.key) return
      this.#touch(path)
      // It may have been deleted or swapped after the list was made.
      this.#mustList = true
    })
    const share = this.#isWatching && !this.#hints.isFailing ? 100 : 10
    const now = performance.now()
    this.#pollAt = now + Math.max(this.#pollMs, (now - startedAt) * share)
    if (this.#asking.length > 0) this.#pollAt = 0
  }

  async #list(): Promise<void> {
    this.#mustList = false
    const isFirst = this.#scan === nothing
    const scan = await scanModules(this.#directory)
    this.#scan = scan
    this.#listed = new Set([this.#directory, ...scan.folders])
    const moved = this.#ledger.movedEntries(scan)
    if (isFirst) await inChunks(moved, (path) => this.#touchSinceWritten(path))
    for (const path of moved) this.#touch(path)
    if (this.#ledger.hasOtherProblems(scan)) this.#touch(this.#directory)
    // What the list says must be said twice, like what a file holds.
    this.#mustList ||= moved.length > 0 || this.#ledger.hasOtherProblems(scan)
  }

  #touch(path: string): void {
    if (!this.#settling.has(path)) this.#settling.touch(path, performance.now())
  }

  /** At the start nothing was heard of any file yet: its own time tells how long it has been at rest. */
  async #touchSinceWritten(path: string): Promise<void> {
    const { key, changedAt } = await lookAt(path)
    const age = Math.max(0, Math.min(Date.now() - changedAt, this.#settleMs))
    const since = performance.now() - age
    this.#settling.touch(path, since)
    this.#settling.see(path, key, since)
  }

  async #look(): Promise<void> {
    await inChunks(this.#settling.paths, async (path) => {
      const { key } = await lookAt(path)
      this.#settling.see(path, key, performance.now())
    })
  }

  /** Reads a path into the ledger; false when it changed meanwhile. */
  async #digest(path: string): Promise<boolean> {
    const state = await lookAt(path)
    this.#settling.see(path, state.key, performance.now())
    if (state.isLink) this.#hasNewWays ||= await this.#trails.addLink(path)
    const digest = await digestOf(path, state, (real) => this.#trails.nameOf(real).name)
    if (digest === undefined) return false
    this.#ledger.record(path, state, digest, Date.now())
    return true
  }

  /** Reports what is at rest; false when the burst has not ended. */
  async #deliver(): Promise<boolean> {
    const paths = this.#settling.paths
    const lookedAt = performance.now()
    const resting = paths.filter((path) => this.#settling.isAtRest(path, lookedAt))
    if (resting.length < paths.length && !this.#settling.isOverdue(lookedAt)) return false
    await inChunks(resting, async (path) => {
      if (!(await this.#digest(path))) this.#settling.touch(path, performance.now())
    })
    const now = performance.now()
    const isAtRest = (path: string): boolean => this.#settling.isAtRest(path, now)
    const touched = this.#settling.paths.filter(isAtRest)
    const isWhole = touched.length === this.#settling.paths.length
    if (this.#isClosed || (!isWhole && !this.#settling.isOverdue(now))) return false
    const burst = this.#ledger.propose(this.#scan, touched, isAtRest)
    if (isWhole) this.#mustList = false
    this.#settling.drop(touched, now)
    if (burst !== undefined) await this.#handle(burst)
    for (const path of touched) this.#ledger.forgetUnused(path)
    return true
  }

  async #handle(burst: Burst): Promise<void> {
    this.#ledger.accept(burst, Date.now())
    this.#isHandling = true
    try {
      await this.#onBurst(burst)
    } catch (error) {
      this.#report(error)
    } finally {
      this.#isHandling = false
    }
  }

  #report(error: unknown): void {
    const reason = thrownMessage(error)
    const stack = error instanceof Error ? error.stack : undefined
    const extra = stack === undefined ? {} : { stack }
    this.#onError(problem('TURNOUT_FILES_BURST_FAILED', { reason }, extra))
  }
}

/** Makes a source of changes out of a folder of route modules. Nothing happens before `start`. */
export function createFilesSource(options: FilesOptions): FilesSource {
  return new FolderSource(options)
}
