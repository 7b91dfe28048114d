import { TurnoutError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { routeId } from '../core/route/module-routes.ts'
import type { Lifecycle, ModuleReference } from '../core/route/route.ts'
import type { Handler, LiveFilter } from '../gateway/snapshot.ts'
import type { Definition } from './definition.ts'
import type { Guard } from './guard.ts'
import type { Services } from './define.ts'
import { runFilter } from './filter-run.ts'
import type { Isolation } from './isolated/isolation.ts'
import { HeldVersion, type Holding } from './held-version.ts'
import { ModuleScope } from './scope.ts'
import type { Trace } from './trace.ts'

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
  /** Told when it was disposed of; null: nobody looks at what holds it. */
  readonly trace?: Trace | null
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

/** One version of a module whose code runs in this process. */
export class ModuleVersion extends HeldVersion {
  readonly file: string | null
  readonly definition: Definition
  state: unknown
  readonly #services: Services
  readonly #handlers: Map<string, Handler>
  /** Of its name in the table, which its route ids begin with. */
  #key: string
  #filters: ReadonlyMap<string, LiveFilter>
  readonly #scope: ModuleScope
  readonly #guard: Guard | null
  readonly #trace: Trace | null

  constructor(options: VersionOptions) {
    const { name, version } = options.definition
    super({ ...options, name, version })
    this.file = options.file ?? null
    this.#key = options.key
    this.definition = options.definition
    this.state = undefined
    this.#services = options.services
    this.#handlers = new Map()
    this.#filters = new Map()
    const { guard = null, trace = null } = options
    this.#trace = trace
    this.#guard = guard
    this.#scope = new ModuleScope(options.log, (run) => (guard ? guard.call(this, run) : run()))
    guard?.enter(this)
  }

  /** Runs `register` with this state; what it listed. Throws what the author's code throws. */
  open(state: unknown): Listed {
    this.state = state
    const handlers = this.#handlers
    const guard = this.#guard
    handlers.clear()
    const listed: ListedRoute[] = []
    const { scopeLog } = this.#scope
    if (this.definition.mentionsLog) scopeLog.take()
    const view = this.#scope.view(state, this.#services)
    const { routes, filters } = this.definition.register(view)
    for (const { method, path, handler } of routes) {
      const id = routeId(this.#key, method, path)
      if (handlers.has(id)) throw new TurnoutError('TURNOUT_ROUTE_TWICE', { route: id })
      const logged = scopeLog.handler(handler)
      handlers.set(id, guard ? guard.handler(this, logged) : logged)
      listed.push({ id, method, path })
    }
    const own = { module: this.name, module_version: this.version }
    this.#filters = new Map(
      [...filters].map(([filter, run]) => {
        const live = scopeLog.filter(runFilter(run, { ...own, filter }, this.log))
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

  override get scopeSize(): Pick<Holding, 'timers' | 'listeners'> {
    return this.#scope.size
  }

  currentState(): unknown {
    return this.state
  }

  get hasSettle(): boolean {
    return this.definition.state?.settle !== undefined
  }

  settle(other: unknown): void {
    if (other !== this.state) this.definition.state?.settle?.(this.state, other as never)
  }

  async discard(): Promise<void> {
    await this.#scope.close()
    this.#guard?.leave(this)
    const { name: module, version, digest, isRetired: hasServed } = this
    this.#trace?.dispose({ module, version, digest, hasServed })
  }
}

/** What a table keeps of a module; one without filters as it was kept before there were any. */
export function referenceOf({
  filters,
  lifecycle,
  isolation: { isolation = 'inline', memoryMb },
  ...own
}: Omit<ModuleReference, 'filters' | 'lifecycle' | 'isolation' | 'memoryMb' | 'revision'> & {
  readonly filters: readonly string[]
  readonly lifecycle: Lifecycle | null
  readonly isolation: Isolation
}): ModuleReference {
  return {
    ...own,
    ...(filters.length > 0 && { filters }),
    ...(lifecycle !== null && { lifecycle }),
    ...(isolation === 'isolated' && { isolation }),
    ...(memoryMb !== undefined && { memoryMb }),
    revision: 0,
  }
}
