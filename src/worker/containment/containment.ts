import { url as debuggerUrl } from 'node:inspector'
import { Worker } from 'node:worker_threads'
import { TurnoutError, problem, type Problem } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { thrownMessage } from '../../core/thrown.ts'
import type { Exchange } from '../../gateway/exchange.ts'
import { flushHeld } from '../../gateway/turn-end.ts'
import type { Guard } from '../../modules/guard.ts'
import type { ModuleVersion } from '../../modules/module-version.ts'
import { mapError } from '../../modules/report.ts'
import { scriptOf } from '../../modules/source-map.ts'
import { Attribution, type Owner } from './attribution.ts'
import { cell, hookName, sharedCells, type Finding, type WatchdogSettings } from './marker.ts'
import type { Offence, OffenceKind } from './offence.ts'
import { Telling } from './telling.ts'
import { trapExits } from './traps.ts'

export interface ContainmentOptions {
  readonly log: Logger
  /** Milliseconds that code may hold the process up before it is broken off. Default 1,000. */
  readonly thresholdMs?: number
  /** Milliseconds after which what cannot be broken off is reported. Default 5,000. */
  readonly blockedMs?: number
  /** Where that is written, one JSON line, by a thread that goes on: whoever reads there may end the process. */
  readonly reportFd?: number | null
  /** The process goes at once when its parent has gone. */
  readonly diesWithParent?: boolean
  /** At most a few in a second; those of one kind are counted. `error`: what was thrown, where something was. */
  readonly onOffence: (offence: Offence, error: unknown) => void
}

/** What was broken off. */
interface Broken {
  readonly owner: Owner | null
  readonly isSynchronous: boolean
}

const nobodys: Broken = { owner: null, isSynchronous: false }

/** Ends an exchange with an error that its handler will never throw. */
export type Fail = (exchange: Exchange, error: unknown) => void

/** How long exchanges of a version have left, where it cannot be told which of them was broken off. */
const graceMs = 1000
const beatMs = 50

/**
 * Keeps what code of a module does from harming the process: what holds it up is broken off, errors that nobody caught are
 * taken, and nobody but the program ends it. Each is told, with the module version whose it was. For a process that is ours
 * alone. Open/close.
 */
export class Containment implements Guard {
  readonly #options: ContainmentOptions
  readonly #attribution: Attribution
  readonly #telling: Telling
  readonly #cells: Int32Array
  readonly #watchdog: Worker
  readonly #beating: NodeJS.Timeout
  readonly #undo: (() => void)[]
  readonly #loads: Set<(found: Problem) => void>
  /** Since the thread came around last, by exchange: what comes behind one in the same turn may be broken off as well. */
  readonly #broken: Map<Exchange | null, Broken>
  #fail: Fail | null

  constructor(options: ContainmentOptions) {
    this.#options = options
    this.#telling = new Telling((offence, error) => this.#tell(offence, error))
    this.#cells = sharedCells()
    this.#loads = new Set()
    this.#broken = new Map()
    this.#fail = null
    this.#watchdog = this.#openWatchdog()
    this.#attribution = new Attribution({
      cells: this.#cells,
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      onNumber: (number, named) => this.#watchdog.postMessage({ number, named }),
    })
    this.#beating = setInterval(() => {
      Atomics.add(this.#cells, cell.beat, 1)
      this.#cells[cell.debugged] = debuggerUrl() === undefined ? 0 : 1
    }, beatMs).unref()
    this.#undo = [this.#openHook(), this.#takeErrors(), trapExits((call) => this.#refuse(call))]
  }

  /** Gives it what ends an exchange. */
  readonly endsBy = (fail: Fail): void => {
    this.#fail = fail
  }

  enter(version: ModuleVersion): void {
    this.#attribution.enter(version)
  }

  leave(version: ModuleVersion): void {
    this.#attribution.leave(version)
  }

  handler: Guard['handler'] = (version, handler) => this.#attribution.handler(version, handler)

  filter: Guard['filter'] = (version, filter) => this.#attribution.filter(version, filter)

  call: Guard['call'] = (version, callback) => this.#attribution.call(version, callback)

  async load(loading: Promise<Problem | null>): Promise<Problem | null> {
    let stop: (found: Problem) => void = () => undefined
    const broken = new Promise<Problem>((resolve) => {
      stop = resolve
    })
    this.#loads.add(stop)
    try {
      return await Promise.race([loading, broken])
    } finally {
      this.#loads.delete(stop)
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#beating)
    await this.#watchdog.terminate()
    for (const undo of this.#undo) undo()
    this.#telling.close()
    this.#attribution.close()
  }

  #openWatchdog(): Worker {
    const { log, thresholdMs = 1000, blockedMs = 5000 } = this.#options
    const { reportFd = null, diesWithParent = false } = this.#options
    const here = import.meta.url
    const settings: WatchdogSettings = {
      cells: this.#cells,
      thresholdMs,
      blockedMs,
      reportFd,
      parent: diesWithParent ? process.ppid : null,
      ownFiles: new URL('../../', here).href,
    }
    const file = new URL(`./watchdog${here.slice(here.lastIndexOf('.'))}`, here)
    const watchdog = new Worker(file, { workerData: settings, execArgv: [], name: 'watchdog' })
    watchdog.on('message', (finding: Finding) => this.#found(finding))
    watchdog.on('error', (error) => log.error('the watchdog ended', mapError(error)))
    watchdog.unref()
    return watchdog
  }

  /** What the watchdog calls in this thread, in the middle of what it is about to break off. */
  #openHook(): () => void {
    const hook = (): void => {
      const owner = this.#attribution.current()
      const isSynchronous = this.#attribution.take() !== null
      const exchange = owner?.exchange ?? null
      // What was broken off may be met once more, on its way out, when nobody knows any more whose it was.
      const isMore = exchange === null ? this.#broken.size === 0 : !this.#broken.has(exchange)
      if (isMore) this.#broken.set(exchange, { owner, isSynchronous })
    }
    const key = Symbol.for(hookName)
    Object.defineProperty(globalThis, key, { value: hook, configurable: true })
    return () => {
      Reflect.deleteProperty(globalThis, key)
    }
  }

  #found(finding: Finding): void {
    if (finding.kind === 'broken') {
      this.#brokenOff(finding.script, finding.ms)
      return
    }
    const { ms } = finding
    if (finding.kind === 'busy') {
      this.#options.log.warn('the process is held up by work of its own', { held_ms: ms })
      return
    }
    const version = this.#attribution.find(finding.script, finding.number)
    this.#offend({ version, exchange: null }, 'blocked', `it held the process up for ${ms} ms`)
  }

  #brokenOff(script: string | null, ms: number): void {
    // What was to write at the end of the turn may be gone with it.
    flushHeld()
    const all = this.#broken.size === 0 ? [nobodys] : [...this.#broken.values()]
    this.#broken.clear()
    // The script is that of the last one.
    for (const one of all) this.#endBroken(one, all.length === 1 ? script : null, ms)
  }

  #endBroken({ owner, isSynchronous }: Broken, script: string | null, ms: number): void {
    const version = this.#attribution.find(script) ?? owner?.version ?? null
    const exchange = owner?.exchange ?? null
    const error = new TurnoutError('TURNOUT_HANDLER_STUCK', { ms })
    if (this.#loads.size > 0 && exchange === null) this.#stopLoads(ms)
    if (exchange !== null) this.#end(exchange, error)
    else if (version !== null) this.#endLater(version.exchanges(), error)
    if (!isSynchronous && exchange === null) this.#attribution.missed()
    this.#offend({ version, exchange }, 'loop', `it was broken off after ${ms} ms`)
  }

  /** What loads may have been it, and then it never settles. */
  #stopLoads(ms: number): void {
    const found = problem('TURNOUT_HANDLER_STUCK', { ms })
    for (const stop of this.#loads) stop(found)
  }

  /** Those that settle by themselves were not it. */
  #endLater(exchanges: readonly Exchange[], error: unknown): void {
    const [only, ...others] = exchanges
    if (only === undefined) return
    if (others.length === 0) {
      this.#end(only, error)
      return
    }
    setTimeout(() => {
      for (const exchange of exchanges) this.#end(exchange, error)
    }, graceMs)
  }

  #end(exchange: Exchange, error: unknown): void {
    try {
      this.#fail?.(exchange, error)
    } catch (failure) {
      this.#options.log.error('an exchange could not be ended', mapError(failure))
    }
  }

  /** What a module throws in a timer, leaves rejected, or emits where nobody listens. */
  #takeErrors(): () => void {
    const thrown = (error: unknown): void => this.#escaped(error, 'error')
    const rejected = (error: unknown): void => this.#escaped(error, 'rejection')
    process.on('uncaughtException', thrown)
    process.on('unhandledRejection', rejected)
    return () => {
      process.off('uncaughtException', thrown)
      process.off('unhandledRejection', rejected)
    }
  }

  #escaped(error: unknown, kind: 'error' | 'rejection'): void {
    const known = this.#attribution.current()
    const version = this.#attribution.find(scriptOf(error)) ?? known?.version ?? null
    const exchange = known?.exchange ?? null
    if (exchange !== null) this.#end(exchange, error)
    else {
      this.#attribution.missed()
      const inside = version?.exchanges() ?? []
      // Alone inside, and it does not settle: it waits for what will not come any more.
      if (inside.length === 1) setTimeout(() => this.#end(inside[0]!, error), graceMs)
    }
    this.#offend({ version, exchange }, kind, thrownMessage(error), error)
  }

  /** Throws where code of a module wants to end the process. */
  #refuse(call: string): void {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 50
    const refusal = new TurnoutError('TURNOUT_EXIT_REFUSED', { call })
    Error.stackTraceLimit = stackTraceLimit
    const known = this.#attribution.current()
    const script = scriptOf(refusal)
    const version = this.#attribution.find(script) ?? known?.version ?? null
    if (version === null && script === null) return
    this.#offend({ version, exchange: known?.exchange ?? null }, 'exit', `it called ${call}`)
    throw refusal
  }

  #offend(
    { version, exchange }: { version: ModuleVersion | null; exchange: Exchange | null },
    kind: OffenceKind,
    detail: string,
    error: unknown = null,
  ): void {
    const offence = {
      module: version?.name ?? null,
      version: version?.version ?? null,
      digest: version?.digest ?? null,
      kind,
      detail,
      count: 1,
      exchange: exchange === null ? null : exchangeOf(exchange),
    }
    this.#telling.add(offence, error)
  }

  #tell(offence: Offence, error: unknown): void {
    const { onOffence, log } = this.#options
    try {
      onOffence(offence, error)
    } catch (failure) {
      log.error('an offence could not be told', mapError(failure))
    }
  }
}

const exchangeOf = ({ method, path, trace: { traceId } }: Exchange): Offence['exchange'] => ({
  method,
  path,
  traceId,
})

export function openContainment(options: ContainmentOptions): Containment {
  return new Containment(options)
}
