import type { Logger } from '../../core/logger.ts'
import { mapError } from '../report.ts'
import { toMegabytes, type HostProcess } from './host-process.ts'
import type { GivenState } from './messages.ts'

export interface KeeperOptions {
  /** Starts a process that serves already. Rejects where it does not come to that. */
  readonly start: (state: GivenState | null) => Promise<HostProcess>
  /** Exchanges go to this one from now on. */
  readonly onServing: (host: HostProcess) => void
  /** Resolves when no exchange is inside one that was replaced, or its deadline has passed. */
  readonly drained: (host: HostProcess) => Promise<void>
  /** Null: no cap. */
  readonly memoryMb: number | null
  readonly log: Logger
}

/** Deaths in a row after which it stays down. */
const mostDeaths = 10
const firstWaitMs = 100
const mostWaitMs = 30_000
/** One that lived for so long is no death in a row. */
const steadyMs = 60_000
/** Between two replacements for memory. */
const betweenMs = 10_000

/**
 * Keeps one process of an isolated module going. One that dies is started again, later each time, and one past its memory
 * is replaced. Open/close.
 *
 *     start ──> serving ──(dies)──> waiting ──> start      ten deaths in a row: down
 *                  └──(memory)──> start beside it, then drain
 */
export class Keeper {
  readonly #options: KeeperOptions
  /** What `close` has to wait for: processes on their way up, or out. */
  readonly #moving: Set<Promise<unknown>>
  #serving: HostProcess | null
  #deaths: number
  #wait: NodeJS.Timeout | null
  #isStarting: boolean
  #replacedAt: number
  #isClosed: boolean

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#moving = new Set()
    this.#serving = null
    this.#deaths = 0
    this.#wait = null
    this.#isStarting = false
    this.#replacedAt = -Infinity
    this.#isClosed = false
  }

  /** Null: it is down, or on its way up. */
  get serving(): HostProcess | null {
    return this.#serving
  }

  /** Takes one that was started. */
  take(host: HostProcess): void {
    this.#serving = host
    host.onLook = () => this.#looked(host)
    void host.ended.then((reason) => this.#died(host, reason))
    this.#options.onServing(host)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#wait !== null) clearTimeout(this.#wait)
    await Promise.all([this.#serving?.dispose(), ...this.#moving])
  }

  #died(host: HostProcess, reason: string): void {
    if (this.#serving !== host || this.#isClosed) return
    this.#serving = null
    const lived = performance.now() - host.startedAt
    this.#deaths = lived >= steadyMs ? 1 : this.#deaths + 1
    const facts = { reason, pid: host.pid, deaths: this.#deaths }
    this.#options.log.error('the process of an isolated module died', facts)
    // One is on its way already, where it died while it was being replaced.
    if (!this.#isStarting) this.#startLater()
  }

  #startLater(): void {
    if (this.#deaths >= mostDeaths) {
      const facts = { deaths: this.#deaths }
      this.#options.log.error('an isolated module stays down until it is replaced', facts)
      return
    }
    const waitMs = Math.min(firstWaitMs * 2 ** (this.#deaths - 1), mostWaitMs)
    this.#wait = setTimeout(() => this.#move(this.#restart()), waitMs).unref()
  }

  async #restart(): Promise<void> {
    this.#wait = null
    if (await this.#begin(null)) return
    this.#deaths += 1
    if (!this.#isClosed) this.#startLater()
  }

  /** Starts one and lets it serve; false: it did not come to that. */
  async #begin(state: GivenState | null): Promise<boolean> {
    const { start, log } = this.#options
    this.#isStarting = true
    try {
      const host = await start(state)
      if (this.#isClosed) await host.dispose()
      else this.take(host)
      return true
    } catch (error) {
      log.error('the process of an isolated module did not start', mapError(error))
      return false
    } finally {
      this.#isStarting = false
    }
  }

  #looked(host: HostProcess): void {
    const { memoryMb, log } = this.#options
    if (memoryMb === null) return
    const rssMb = toMegabytes(host.rssBytes)
    if (rssMb <= memoryMb) return
    if (rssMb > memoryMb * 2) {
      host.kill(`it had ${rssMb} MB, of ${memoryMb}`)
      return
    }
    const isSoon = performance.now() - this.#replacedAt < betweenMs
    if (host !== this.#serving || this.#isStarting || this.#isClosed || isSoon) return
    this.#replacedAt = performance.now()
    const facts = { rss_mb: rssMb, memory_mb: memoryMb, pid: host.pid }
    log.warn('an isolated module is past its memory, and is replaced', facts)
    this.#move(this.#replace(host))
  }

  #move(work: Promise<void>): void {
    const moving = work.finally(() => this.#moving.delete(moving))
    this.#moving.add(moving)
  }

  async #replace(host: HostProcess): Promise<void> {
    const { log, drained } = this.#options
    let state: GivenState | null = null
    try {
      state = { value: await host.state(), fromVersion: null }
    } catch (error) {
      log.warn('the state of an isolated module begins anew', mapError(error))
    }
    if (this.#isClosed) return
    if (!(await this.#begin(state))) {
      if (this.#serving === null && !this.#isClosed) this.#startLater()
      return
    }
    // Closed meanwhile: `close` has it.
    if (this.#serving === host) return
    await drained(host)
    await host.dispose()
  }
}
