import { ScopeLog } from './author-log.ts'
import { mapError } from './report.ts'
import type { Logger } from '../core/logger.ts'
import type { ListenerTarget, Scope, Services } from './define.ts'

const disposeDeadlineMs = 5_000

/** What a module version may use, and everything that it must give back. Ends with `close`. */
export class ModuleScope {
  readonly log: Logger
  /** The module's own. */
  readonly scopeLog: ScopeLog
  readonly #controller: AbortController
  readonly #timers: Set<NodeJS.Timeout>
  readonly #listeners: Set<() => void>
  readonly #disposers: (() => void | Promise<void>)[]
  readonly #run: (callback: () => unknown) => unknown

  /** `run`: calls what the module registered. */
  constructor(log: Logger, run: (callback: () => unknown) => unknown = (callback) => callback()) {
    this.log = log
    this.scopeLog = new ScopeLog(log)
    this.#run = run
    this.#controller = new AbortController()
    this.#timers = new Set()
    this.#listeners = new Set()
    this.#disposers = []
  }

  /** How much a module version holds through its scope; the leak report reads it. */
  get size(): { readonly timers: number; readonly listeners: number } {
    return { timers: this.#timers.size, listeners: this.#listeners.size }
  }

  /** The author's view of the scope. */
  view<State>(state: State, services: Services): Scope<State> {
    const later = (timer: NodeJS.Timeout, clear: () => void): (() => void) => {
      this.#timers.add(timer)
      if (this.#controller.signal.aborted) clear()
      return clear
    }
    const { scopeLog } = this
    return {
      state,
      services,
      signal: this.#controller.signal,
      get log() {
        return scopeLog.take()
      },
      onDispose: (dispose) => {
        this.#disposers.push(dispose)
      },
      setTimeout: (callback, delayMs) => {
        const timer = setTimeout(() => {
          this.#timers.delete(timer)
          this.#guard('timer', callback)
        }, delayMs)
        return later(timer, () => {
          clearTimeout(timer)
          this.#timers.delete(timer)
        })
      },
      setInterval: (callback, delayMs) => {
        const timer = setInterval(() => this.#guard('timer', callback), delayMs)
        return later(timer, () => {
          clearInterval(timer)
          this.#timers.delete(timer)
        })
      },
      on: (emitter, event, listener) => this.#listen(emitter, event, listener),
    }
  }

  #listen(
    emitter: ListenerTarget,
    event: string,
    listener: (...values: readonly unknown[]) => void,
  ): () => void {
    const guarded = (...values: unknown[]): void => this.#guard(event, () => listener(...values))
    const remove = (): void => {
      emitter.off(event, guarded)
      this.#listeners.delete(remove)
    }
    if (this.#controller.signal.aborted) return remove
    emitter.on(event, guarded)
    this.#listeners.add(remove)
    return remove
  }

  /** An error out of a module's own callback costs that callback, never the process. */
  #guard(where: string, callback: () => unknown): void {
    const failed = (error: unknown): void =>
      this.log.error('a callback of the module failed', { where, ...mapError(error) })
    try {
      const result = this.#run(callback)
      if (result instanceof Promise) result.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  /** Gives back timers and listeners, and tells nobody. */
  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    for (const remove of this.#listeners) {
      try {
        remove()
      } catch (error) {
        this.log.error('a listener could not be removed', mapError(error))
      }
    }
  }

  /** Gives everything back: signal, timers, listeners, then the disposers, last registered first. */
  async close(): Promise<void> {
    this.#controller.abort()
    this.clear()
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), disposeDeadlineMs)
    })
    const outcome = await Promise.race([this.#dispose(), deadline])
    clearTimeout(timer)
    if (outcome === 'late') {
      this.log.warn('onDispose did not end in time', { deadline_ms: disposeDeadlineMs })
    }
  }

  async #dispose(): Promise<'done'> {
    for (
      let dispose = this.#disposers.pop();
      dispose !== undefined;
      dispose = this.#disposers.pop()
    ) {
      try {
        await dispose()
      } catch (error) {
        this.log.error('onDispose failed', mapError(error))
      }
    }
    return 'done'
  }
}
