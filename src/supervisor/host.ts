import { getHeapStatistics } from 'node:v8'
import { TurnoutError } from '../core/errors.ts'
import { silentLogger, type Logger } from '../core/logger.ts'
import type { Readings } from '../core/metrics/series.ts'
import {
  tableAfter,
  tableOfObjects,
  type StoredObject,
  type TableStep,
} from '../core/route/objects.ts'
import type { Table } from '../core/route/table.ts'
import type { Snapshot } from '../gateway/snapshot.ts'
import { codeOf } from '../modules/artifact-code.ts'
import type { Listener } from '../server/node-listener.ts'
import { readArtifact } from '../store/artifacts.ts'
import { createLogger } from '../telemetry/log.ts'
import { setUpTracing } from '../telemetry/tracing.ts'
import { LocalServing } from '../turnout-serving.ts'
import type { InProcessWorker } from '../worker/in-process.ts'
import type { PrepareRequest, WorkerResult } from '../worker/worker.ts'
import {
  blockedMs,
  reportFd,
  type Applied,
  type Beat,
  type ProcessSettings,
  type SocketPlace,
  type WorkerCalls,
  type WorkerNotice,
} from './messages.ts'

/** A worker process from within: serves exchanges, and does what its supervisor asks. */
export class WorkerHost implements WorkerCalls {
  log: Logger
  /** Stray errors are taken, and told whose they were. */
  isContained: boolean
  readonly #tell: (notice: WorkerNotice) => void
  readonly #listeners: Map<number, Listener>
  #settings: ProcessSettings | null
  #serving: LocalServing | null
  #staged: (readonly StoredObject[])[]
  #toldRetired: string

  constructor(tell: (notice: WorkerNotice) => void) {
    this.log = silentLogger
    this.isContained = false
    this.#tell = tell
    this.#listeners = new Map()
    this.#settings = null
    this.#serving = null
    this.#staged = []
    this.#toldRetired = ''
  }

  async start(settings: ProcessSettings): Promise<void> {
    const { worker, log, serving, services } = settings
    // First of all: what it instruments must not be loaded before it.
    await setUpTracing(serving.tracing)
    this.log = log === null ? silentLogger : createLogger({ ...log, worker })
    this.#settings = settings
    process.title = `turnout worker ${worker}`
    const declared = await servicesOf(services)
    this.#serving = new LocalServing(
      {
        settings: serving,
        log: this.log,
        isLogged: log !== null,
        onRetired: (data) => this.#tell({ name: 'retired', data }),
        onUpstream: (data) => this.#tell({ name: 'upstream', data }),
        onOffence: (offence, fields) => this.#tell({ name: 'offence', data: { offence, fields } }),
        onResource: (data) => this.#tell({ name: 'resource', data }),
        onLeak: (whose, leak) => {
          const retired = this.#serving?.retired() ?? []
          this.#tell({ name: 'leak', data: { whose, leak, retired } })
        },
      },
      declared,
      { blockedMs, reportFd, diesWithParent: true },
      worker,
    )
    this.isContained = serving.containment === true
  }

  get #started(): LocalServing {
    if (this.#serving === null) throw new TurnoutError('TURNOUT_CLOSED')
    return this.#serving
  }

  get #worker(): InProcessWorker {
    return this.#started.worker
  }

  async prepare(requests: readonly PrepareRequest[]): Promise<WorkerResult> {
    const { data, serving } = this.#settings!
    const read = (digest: string): ReturnType<typeof readArtifact> => readArtifact(data, digest)
    await Promise.all(
      requests.map(async ({ reference }) => {
        const code = await codeOf(reference, read, serving.loadTimeoutMs ?? 5_000)
        if (code !== null) this.#worker.learn(code)
      }),
    )
    return this.#worker.prepare(requests)
  }

  stage(part: string): void {
    this.#staged.push(JSON.parse(part) as readonly StoredObject[])
  }

  apply(revision: number, last: TableStep): Applied {
    const staged = this.#staged.splice(0).flat()
    const step = staged.length === 0 ? last : { ...last, put: [...staged, ...last.put] }
    const result = this.#worker.apply(revision, nextTable(this.#worker.live.current, step))
    return { result, draining: this.#worker.draining() }
  }

  discard(): Promise<void> {
    return this.#worker.discard()
  }

  forget(key: string): void {
    this.#worker.forget(key)
  }

  verify(...asked: Parameters<WorkerCalls['verify']>): void {
    this.#worker.verify(...asked)
  }

  verifyCounts(id: string): ReturnType<WorkerCalls['verifyCounts']> {
    return this.#worker.verifyCounts(id)
  }

  figures(...asked: Parameters<WorkerCalls['figures']>): ReturnType<WorkerCalls['figures']> {
    return this.#worker.figures(...asked)
  }

  async readings(): Promise<Readings> {
    return (await this.#serving?.ownReadings()) ?? {}
  }

  upstreamNames(): readonly string[] {
    return this.#worker.upstreamNames()
  }

  upstreamStatus(name: string): ReturnType<WorkerCalls['upstreamStatus']> {
    return this.#worker.upstreamStatus(name)
  }

  forceBreaker(...asked: Parameters<WorkerCalls['forceBreaker']>): boolean {
    return this.#worker.forceBreaker(...asked)
  }

  keepOut(port: number): void {
    this.#started.keepOut(port)
  }

  async listen({ key, ...place }: SocketPlace, handle: unknown): Promise<{ readonly url: string }> {
    const listener = await this.#started.listen({ ...place, handle: handle as object })
    this.#listeners.set(key, listener)
    return { url: listener.url }
  }

  async renewCertificate(key: number): Promise<boolean> {
    return (await this.#listeners.get(key)?.renewCertificate()) ?? false
  }

  async unlisten(key: number, deadlineMs: number): Promise<number> {
    const listener = this.#listeners.get(key)
    this.#listeners.delete(key)
    return (await listener?.close(deadlineMs)) ?? 0
  }

  async close(deadlineMs: number): Promise<Readings> {
    await Promise.all([...this.#listeners.keys()].map((key) => this.unlisten(key, deadlineMs)))
    await this.#serving?.close(deadlineMs)
    return this.readings()
  }

  beat(): Beat {
    const { used_heap_size: heapBytes, heap_size_limit: heapLimitBytes } = getHeapStatistics()
    const draining = this.#serving?.worker.draining() ?? []
    const overload = this.#serving?.overload() ?? null
    const [shortOf = []] = this.#serving?.shortOf() ?? []
    const rssBytes = process.memoryUsage.rss()
    const retired = this.#newRetired()
    return { draining, retired, shortOf, rssBytes, heapBytes, heapLimitBytes, overload }
  }

  /** Null: nothing has changed since the beat before. */
  #newRetired(): Beat['retired'] {
    const serial = this.#serving?.retiredSerial ?? ''
    if (serial === this.#toldRetired) return null
    this.#toldRetired = serial
    return this.#serving?.retired() ?? []
  }
}

/** The first table of a worker is checked already, and made at once. */
const nextTable = (before: Pick<Snapshot, 'revision' | 'table'>, step: TableStep): Table => {
  if (before.revision === 0) return tableOfObjects(step.put)
  const { table, refusals } = tableAfter(before.table, step)
  const [first] = refusals
  if (first !== undefined) throw TurnoutError.of(first.problem)
  return table
}

const servicesOf = async (file: string | null): Promise<Readonly<Record<string, unknown>>> => {
  if (file === null) return {}
  // Readers of configs are large, and most workers need none.
  const { loadConfig } = await import('../config/load.ts')
  const loaded = await loadConfig({ file, startDirectory: '/', workingDirectory: process.cwd() })
  if (!loaded.ok) throw TurnoutError.of(loaded.problems[0]!, loaded.problems)
  return loaded.config.services
}
