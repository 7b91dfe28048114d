import { TurnoutError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { routeId } from '../core/route/module-routes.ts'
import type { Recorder } from '../core/rollout/recorder.ts'
import type { Lifecycle, ModuleReference } from '../core/route/route.ts'
import type { Hold } from '../gateway/hold.ts'
import type { Handler, LiveFilter, LiveVersion } from '../gateway/snapshot.ts'
import type { Exchange } from '../gateway/exchange.ts'
import type { Definition } from './definition.ts'
import type { Guard } from './guard.ts'
import type { Services } from './define.ts'
import { runFilter } from './filter-run.ts'
import { ModuleScope } from './scope.ts'
import { mapError } from './report.ts'

/** What still keeps a replaced version from being disposed of. */
export interface Holding {
  readonly exchanges: number
  /** `GET /slow` of the oldest few. */
  readonly routes: readonly string[]
}

export interface VersionOptions {
  readonly definition: Definition
  /** Its name in the table. */
  readonly key: string
  readonly digest: string
  /** The author's entry file, where there is one. */
  readonly file?: string | null
  readonly services: Services
  readonly log: Logger
  /** Who watches over its code while it runs; null: nobody. */
  readonly guard?: Guard | null
  /** Milliseconds after which requests, and streams, of a retired version are cut. */
  readonly drainMs: number
  readonly streamDrainMs: number
}

/** A route as a version lists it: what goes into the table. */
export interface ListedRoute {
  readonly id: string
  readonly method: string
  readonly path: string
}

/** What a version listed. */
export interface Listed {
  readonly routes: readonly ListedRoute[]
  /** Names, in order. */
  readonly filters: readonly string[]
}

/**
 * One version of a module in one worker: open/retire, acquire/release. It counts the exchanges inside and is
 * disposed of after the last one, never before.
 */
export class ModuleVersion implements LiveVersion {
  readonly name: string
  readonly version: string
  readonly digest: string
  readonly file: string | null
  readonly definition: Definition
  /** Set when it begins to serve. */
  recorder: Recorder | null
  state: unknown
  readonly #options: VersionOptions
  /** The holds of the exchanges inside. */
  #first: Hold | null
  #count: number
  readonly #handlers: Map<string, Handler>
  /** Of its name in the table, which its route ids begin with. */
  #key: string
  #filters: ReadonlyMap<string, LiveFilter>
  readonly #scope: ModuleScope
  #survivor: (() => ModuleVersion | null) | null
  #timers: NodeJS.Timeout[]
  #onDisposed: (() => void) | null

  constructor(options: VersionOptions) {
    this.name = options.definition.name
    this.version = options.definition.version
    this.digest = options.digest
    this.file = options.file ?? null
    this.#key = options.key
    this.definition = options.definition
    this.recorder = null
    this.state = undefined
    this.#options = options
    this.#first = null
    this.#count = 0
    this.#handlers = new Map()
    this.#filters = new Map()
    const { guard } = options
    this.#scope = new ModuleScope(options.log, (run) => (guard ? guard.call(this, run) : run()))
    guard?.enter(this)
    this.#survivor = null
    this.#timers = []
    this.#onDisposed = null
  }

  /** Runs `register` with this state; what it listed. Throws what the author's code throws. */
  open(state: unknown): Listed {
    this.state = state
    const handlers = this.#handlers
    const { guard } = this.#options
    handlers.clear()
    const listed: ListedRoute[] = []
    const view = this.#scope.view(state, this.#options.services)
    const { routes, filters } = this.definition.register(view)
    for (const { method, path, handler } of routes) {
      const id = routeId(this.#key, method, path)
      if (handlers.has(id)) throw new TurnoutError('TURNOUT_ROUTE_TWICE', { route: id })
      handlers.set(id, guard ? guard.handler(this, handler) : handler)
      listed.push({ id, method, path })
    }
    const own = { module: this.name, module_version: this.version }
    this.#filters = new Map(
      [...filters].map(([filter, run]) => {
        const live = runFilter(run, { ...own, filter })
        return [filter, guard ? guard.filter(this, live) : live]
      }),
    )
    return { routes: listed, filters: [...filters.keys()].sort() }
  }

  /** It has another name in the table from now on. What entered before still finds its handlers by the old one. */
  rename(key: string): void {
    const from = `${this.#key}#`
    this.#key = key
    for (const [id, handler] of this.#handlers)
      if (id.startsWith(from)) this.#handlers.set(`${key}#${id.slice(from.length)}`, handler)
  }

  handlerOf(id: string): Handler | undefined {
    return this.#handlers.get(id)
  }

  filterOf(name: string): LiveFilter | undefined {
    return this.#filters.get(name)
  }

  acquire(hold: Hold): void {
    const first = this.#first
    hold.next = first
    if (first !== null) first.previous = hold
    this.#first = hold
    this.#count += 1
  }

  release(hold: Hold): void {
    const { previous, next } = hold
    if (previous === null) this.#first = next
    else previous.next = next
    if (next !== null) next.previous = previous
    hold.previous = null
    hold.next = null
    this.#count -= 1
    if (this.#survivor !== null && this.#count === 0) this.#dispose()
  }

  /** Newest first. */
  #inside(): Hold[] {
    const inside: Hold[] = []
    for (let one = this.#first; one !== null; one = one.next) inside.push(one)
    return inside
  }

  /** What is inside, newest first. */
  exchanges(): readonly Exchange[] {
    return this.#inside().map(({ exchange }) => exchange)
  }

  get holding(): Holding {
    const routes = this.#inside().slice(-5).map(nameOf)
    return { exchanges: this.#count, routes }
  }

  /** True once no table needs it any more. */
  get isRetired(): boolean {
    return this.#survivor !== null
  }

  /**
   * No new exchange will enter. `survivor` tells who serves the module when the last exchange has left;
   * `onDisposed` is called when everything was given back.
   */
  retire(survivor: () => ModuleVersion | null, onDisposed: () => void): void {
    this.#survivor = survivor
    this.#onDisposed = onDisposed
    if (this.#count === 0) {
      this.#dispose()
      return
    }
    const { drainMs, streamDrainMs } = this.#options
    this.#cutAfter(drainMs, ({ exchange }) => !exchange.transport.isHeadSent)
    this.#cutAfter(streamDrainMs, () => true)
  }

  /** Ends the streams inside at once: the cap on live versions is reached. */
  cutStreams(reason: string): void {
    this.#cut(reason, ({ exchange }) => exchange.transport.isHeadSent)
  }

  /** Ends everything inside at once. */
  cut(reason: string): void {
    this.#cut(reason, () => true)
  }

  /** Gives back a version that never served. */
  discard(): Promise<void> {
    this.#options.guard?.leave(this)
    return this.#scope.close()
  }

  #cutAfter(delayMs: number, isMeant: (hold: Hold) => boolean): void {
    const timer = setTimeout(() => this.#cut('drain deadline', isMeant), delayMs)
    timer.unref()
    this.#timers.push(timer)
  }

  #cut(reason: string, isMeant: (hold: Hold) => boolean): void {
    const meant = this.#inside().filter(isMeant)
    if (meant.length === 0) return
    const routes = meant.slice(0, 5).map(nameOf)
    this.#options.log.warn('cut what would not leave a retired version', {
      reason,
      exchanges: meant.length,
      routes,
    })
    for (const { exchange } of meant) exchange.abort(reason)
    // A handler that never settles keeps its exchange inside: the version does not wait for it any longer. The timer
    // keeps the process alive, because `close` may be waiting for nothing else.
    const timer = setTimeout(() => {
      for (const hold of meant) hold.release()
    }, 1_000)
    this.#timers.push(timer)
  }

  #dispose(): void {
    const survivorOf = this.#survivor
    if (survivorOf === null || this.#onDisposed === null) return
    const done = this.#onDisposed
    this.#onDisposed = null
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers = []
    const survivor = survivorOf()
    this.#settle(survivor)
    void this.#close(done)
  }

  async #close(done: () => void): Promise<void> {
    await this.#scope.close()
    this.#options.guard?.leave(this)
    done()
  }

  #settle(survivor: ModuleVersion | null): void {
    const rules = survivor?.definition.state
    if (!rules?.settle || survivor?.state === this.state) return
    try {
      rules.settle(survivor?.state, this.state as never)
    } catch (error) {
      this.#options.log.error('state.settle failed', mapError(error))
    }
  }
}

const nameOf = ({ exchange }: Hold): string => `${exchange.method} ${exchange.path}`

/** What a table keeps of a module; one without filters as it was kept before there were any. */
export function referenceOf({
  filters,
  lifecycle,
  ...own
}: Omit<ModuleReference, 'filters' | 'lifecycle' | 'revision'> & {
  readonly filters: readonly string[]
  readonly lifecycle: Lifecycle | null
}): ModuleReference {
  return {
    ...own,
    ...(filters.length > 0 && { filters }),
    ...(lifecycle !== null && { lifecycle }),
    revision: 0,
  }
}
