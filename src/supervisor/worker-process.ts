import { fork, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { getHeapStatistics } from 'node:v8'
import { loadsBetween } from '../control/diff.ts'
import { TurnoutError, type Problem } from '../core/errors.ts'
import type { RetiredFacts } from '../core/leak.ts'
import { changesBetween, recordOf, type TableStep } from '../core/route/objects.ts'
import { emptyTable, type Table } from '../core/route/table.ts'
import { thrownMessage } from '../core/thrown.ts'
import { codeKey, type Draining, type PrepareRequest, type WorkerResult } from '../worker/worker.ts'
import { Caller, type Message } from './calls.ts'
import { heapWords } from './memory.ts'
import { beatMs, reportFd, type Beat, type WorkerCalls, type WorkerNotice } from './messages.ts'

/** Objects of a step that go in one message: more would hold up both ends. */
const mostInMessage = 2_000
/** What answers at once, when the thread is free. */
const promptMs = 5_000
/** What a whole table may take: of a million routes it is some ten seconds. */
const wholeMs = 120_000
/** Beats that are missed in a row before a thread counts as blocked. */
const mostMissed = Math.ceil(promptMs / beatMs)

const noProblems: ReadonlyMap<string, readonly Problem[]> = new Map()

/** What came of bringing a worker to a table. */
export interface Brought {
  readonly result: WorkerResult
  /** Modules that the table has and that could not be made ready there: their routes answer 503. */
  readonly unready: ReadonlyMap<string, readonly Problem[]>
}

/** Whose code blocks a worker; null: nobody knows. */
export interface BlockedBy {
  readonly module: string | null
  readonly version: string | null
  readonly digest: string | null
  readonly ms: number
}

export interface WorkerProcessOptions {
  readonly worker: number
  /** File of the process. */
  readonly entry: URL
  /** Resident memory that it may have, in bytes. */
  readonly memoryBytes: number
  readonly onNotice: (from: WorkerProcess, notice: WorkerNotice) => void
  /** Its thread is blocked where nothing can break that off, and it will be killed. */
  readonly onBlocked: (by: BlockedBy) => void
  /** It ended, however. */
  readonly onGone: (gone: WorkerProcess, how: string) => void
}

/** One worker process as its supervisor sees it. Open until it is gone. */
export class WorkerProcess {
  readonly worker: number
  readonly startedAt: number
  /** The table that it serves. */
  table: Table
  revision: number
  draining: readonly Draining[]
  /** Versions that were disposed of there. */
  retired: readonly RetiredFacts[]
  beat: Beat | null
  /** It takes nothing new, and ends. */
  isLeaving: boolean
  /** Versions that were replaced, and had exchanges, when it began to leave: `MODULE VERSION`. */
  heldAtLeave: ReadonlySet<string>
  /** Resolves with how it ended. */
  readonly gone: Promise<string>
  /** Resolves when it takes calls; rejects when it ended before. */
  readonly ready: Promise<void>
  readonly #child: ChildProcess
  readonly #caller: Caller<WorkerCalls>
  readonly #prepared: Set<string>
  readonly #onBlocked: (by: BlockedBy) => void
  /** Versions that it told of since it was last asked to apply: they may be said before the answer is. */
  readonly #retired: Set<string>
  /** A large step is on its way; a deadline of its own ends it. */
  #isLoading: boolean
  #missed: number
  #killedFor: string | null
  #steps: Promise<unknown>

  constructor({ worker, entry, memoryBytes, onNotice, onBlocked, onGone }: WorkerProcessOptions) {
    this.worker = worker
    this.startedAt = Date.now()
    this.table = emptyTable
    this.revision = 0
    this.draining = []
    this.retired = []
    this.beat = null
    this.isLeaving = false
    this.heldAtLeave = new Set()
    this.#prepared = new Set()
    this.#onBlocked = onBlocked
    this.#retired = new Set()
    this.#isLoading = false
    this.#missed = 0
    this.#killedFor = null
    this.#steps = Promise.resolve()
    const said = [...process.execArgv, process.env['NODE_OPTIONS'] ?? '']
    const child = fork(entry, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
      // A debugger has one port.
      execArgv: [
        ...process.execArgv.filter((word) => !word.startsWith('--inspect')),
        ...heapWords(memoryBytes, getHeapStatistics().heap_size_limit, said),
      ],
    })
    this.#child = child
    this.#listen(child.stdio[reportFd] as Readable, onBlocked)
    this.#caller = new Caller((message, handle, done) =>
      child.send(message, handle as undefined, { keepOpen: true }, done),
    )
    let isReady: () => void
    let isLost: (error: Error) => void
    this.ready = new Promise((resolve, reject) => {
      isReady = resolve
      isLost = reject
    })
    this.ready.catch(() => undefined)
    this.gone = new Promise((resolve) => {
      const end = (how: string): void => {
        const reason = this.#killedFor ?? how
        this.#caller.fail(reason)
        isLost(new TurnoutError('TURNOUT_WORKER_LOST', { reason }))
        resolve(reason)
      }
      child.once('error', (error) => end(thrownMessage(error)))
      child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`))
    })
    void this.gone.then((how) => onGone(this, how))
    child.on('message', (message: Message) => {
      if (message.kind === 'call') return
      if (message.kind !== 'notice') return this.#caller.take(message)
      this.#missed = 0
      const notice = { name: message.name, data: message.data } as WorkerNotice
      if (notice.name === 'ready') isReady()
      else if (notice.name === 'beat') {
        this.beat = notice.data
        this.draining = notice.data.draining
        this.retired = notice.data.retired ?? this.retired
      } else if (notice.name === 'leak') this.retired = notice.data.retired
      else if (notice.name === 'retired') {
        this.#retired.add(keyOf(notice.data))
        this.draining = this.#still(this.draining)
      }
      onNotice(this, notice)
    })
  }

  /** What the watchdog says of a thread that says nothing any more. */
  #listen(reports: Readable, onBlocked: (by: BlockedBy) => void): void {
    reports.on('error', () => undefined)
    createInterface({ input: reports }).on('line', (line) => {
      const { ms, ...known } = JSON.parse(line) as Partial<BlockedBy> & { readonly ms: number }
      if (this.#killedFor !== null) return
      onBlocked({ module: null, version: null, digest: null, ...known, ms })
      this.kill(`its thread was blocked for ${ms} ms`)
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Asks it. Rejects with TURNOUT_WORKER_LATE or TURNOUT_WORKER_LOST, or with what it says. */
  ask<Name extends keyof WorkerCalls>(
    name: Name,
    args: Parameters<WorkerCalls[Name]>,
    deadlineMs: number = promptMs,
    handle?: unknown,
  ): Promise<Awaited<ReturnType<WorkerCalls[Name]>>> {
    return this.#caller.call(name, args, deadlineMs, handle)
  }

  /** Makes modules ready. */
  async prepare(requests: readonly PrepareRequest[], deadlineMs: number): Promise<WorkerResult> {
    const result = await this.ask('prepare', [requests], deadlineMs)
    for (const { reference } of requests)
      if (result.ok || !result.problems.has(reference.name)) this.#prepared.add(codeKey(reference))
    return result
  }

  async discard(): Promise<void> {
    this.#prepared.clear()
    await this.ask('discard', [])
  }

  /** Brings it to a table, whatever it serves; each step behind the one before. */
  bring(revision: number, table: Table, prepareMs: number): Promise<Brought> {
    const brought = this.#steps.then(() => this.#bring(revision, table, prepareMs))
    this.#steps = brought.catch(() => undefined)
    return brought
  }

  async #bring(revision: number, table: Table, prepareMs: number): Promise<Brought> {
    // Who joins, or goes back, needs more than what was made ready for this step.
    const missing = loadsBetween(this.table, table).filter(
      ({ reference }) => !this.#prepared.has(codeKey(reference)),
    )
    const readied = missing.length === 0 ? null : await this.prepare(missing, prepareMs)
    const unready = readied === null || readied.ok ? noProblems : readied.problems
    const { step, parts } = stepBetween(this.table, table)
    this.#isLoading = parts.length > 0
    const applyMs = this.#isLoading ? wholeMs : promptMs
    // While one part is read the next is on its way.
    let before: Promise<unknown> = Promise.resolve()
    for (const part of parts) {
      const staged = this.ask('stage', [part], applyMs)
      staged.catch(() => undefined)
      await before
      before = staged
    }
    await before
    const rest = this.#isLoading ? { put: [], remove: step.remove } : step
    this.#retired.clear()
    const { result, draining } = await this.ask('apply', [revision, rest], applyMs)
    this.#isLoading = false
    // The text of a whole table is not kept for whoever may join.
    if (parts.length > 0) last = null
    this.draining = this.#still(draining)
    if (!result.ok) return { result, unready }
    this.table = table
    this.revision = revision
    this.#prepared.clear()
    return { result, unready }
  }

  #still(draining: readonly Draining[]): readonly Draining[] {
    return draining.filter((one) => !this.#retired.has(keyOf(one)))
  }

  /** Called about each `beatMs`. Kills it when its thread has been blocked for too long. */
  tick(): void {
    // Who makes a large table says nothing meanwhile.
    if (this.#isLoading) return
    this.#missed += 1
    if (this.#missed <= mostMissed || this.#killedFor !== null) return
    this.#onBlocked({ module: null, version: null, digest: null, ms: promptMs })
    this.kill(`its thread was blocked for ${promptMs} ms`)
  }

  kill(reason: string): void {
    this.#killedFor ??= reason
    this.#child.kill('SIGKILL')
  }
}

const keyOf = ({ module, version }: Pick<Draining, 'module' | 'version'>): string =>
  `${module} ${version}`

interface Sent {
  readonly before: Table
  readonly after: Table
  readonly step: TableStep
  /** What a large step puts, as JSON: made once for all workers, and read faster than objects that were cloned. */
  readonly parts: readonly string[]
}

/** The last step that was worked out: workers take the same one. */
let last: Sent | null = null

const stepBetween = (before: Table, after: Table): Sent => {
  if (last?.before === before && last.after === after) return last
  const step = recordOf(changesBetween(before, after))
  const parts: string[] = []
  if (step.put.length > mostInMessage)
    for (let at = 0; at < step.put.length; at += mostInMessage)
      parts.push(JSON.stringify(step.put.slice(at, at + mostInMessage)))
  last = { before, after, step, parts }
  return last
}
