import { performance } from 'node:perf_hooks'
import { TurnoutError, problem, type Problem } from '../core/errors.ts'
import { childLogger, type Logger } from '../core/logger.ts'
import type { BreakerState } from '../core/protect/breaker.ts'
import { getKey } from '../core/persistent-map.ts'
import { inServiceOf, movesBetween } from '../core/route/module-versions.ts'
import { moduleNameOf, type ModuleReference } from '../core/route/route.ts'
import { emptyTable, type Table } from '../core/route/table.ts'
import { mostRows } from '../core/metrics/metric-table.ts'
import type { ReadingsWriter } from '../core/metrics/series.ts'
import { noFigures, type Figures } from '../core/rollout/figures.ts'
import type { VerifyCounts } from '../core/rollout/verify-tally.ts'
import { ExchangeCounts } from '../gateway/observe/exchange-counts.ts'
import { createObserver } from '../gateway/observe/observe.ts'
import type { Observer } from '../gateway/observe/observer.ts'
import { Recorders } from '../gateway/observe/recorders.ts'
import type { Exchange } from '../gateway/exchange.ts'
import type { LiveVersion, Snapshot, Switch } from '../gateway/snapshot.ts'
import { usualEnvironment, type UpstreamEnvironment } from '../gateway/upstream/environment.ts'
import type { LiveUpstream } from '../gateway/upstream/live-upstream.ts'
import type { UnderWay } from '../gateway/upstream/open-streams.ts'
import type { UpstreamStatus } from '../gateway/upstream/status.ts'
import { UpstreamCounts } from '../gateway/upstream/upstream-counts.ts'
import { Upstreams } from '../gateway/upstream/upstreams.ts'
import type { VerifyRequest } from '../gateway/verify/request.ts'
import { Verifier } from '../gateway/verify/verifier.ts'
import type { Services } from '../modules/define.ts'
import type { HeldVersion } from '../modules/held-version.ts'
import { isolationOf } from '../modules/isolated/isolation.ts'
import { IsolatedVersion, type IsolatedSetup } from '../modules/isolated/isolated-version.ts'
import type { ModuleSettings } from '../modules/isolated/module-settings.ts'
import { openIsolated } from '../modules/isolated/open.ts'
import type { Guard } from '../modules/guard.ts'
import { ModuleVersion, type Listed } from '../modules/module-version.ts'
import type { Definition } from '../modules/definition.ts'
import type { Trace } from '../modules/trace.ts'
import { authorProblem, mapError } from '../modules/report.ts'
import { synchronous } from '../modules/state.ts'
import { NodeRoutes, type NodeRouteOptions } from './node-routes.ts'
import {
  codeKey,
  type Draining,
  type FiguresQuery,
  type ModuleCode,
  type PrepareRequest,
  type RetiredVersion,
  type Worker,
  type WorkerResult,
} from './worker.ts'

export interface InProcessOptions {
  readonly services: () => Promise<Services>
  readonly log: Logger
  readonly drainMs: number
  readonly streamDrainMs: number
  readonly onRetired: (version: RetiredVersion) => void
  /** False: what exchanges come to is not counted. Not there: it is. */
  readonly isCounting?: boolean
  /** True: what happens is counted for metrics. */
  readonly isMeasured?: boolean
  /** Who watches over the code of modules while it runs; null or not there: nobody. */
  readonly guard?: Guard | null
  /** What upstreams are given, where it differs from what is usual. */
  readonly upstreams?: Partial<UpstreamEnvironment>
  /** What is said of modules by name, whatever their authors say. */
  readonly modules?: Readonly<Record<string, ModuleSettings>>
  /** How paths are read. Not there: strictly. */
  readonly nodeRoutes?: NodeRouteOptions
  /** Not there: no module may be isolated. */
  readonly isolated?: IsolatedSetup
  /** Made for each load of a module, to see what holds it after its dispose. Not there: nobody looks. */
  readonly trace?: () => Trace
}

const strictRoutes: NodeRouteOptions = { path: {}, isLoose: false }

/** A version that is ready; one that migrates registers in the turn of the swap, with the state of that turn. */
interface Prepared {
  readonly version: HeldVersion
  readonly migration: Migration | null
}

interface Migration {
  readonly version: ModuleVersion
  readonly from: ModuleVersion
  readonly request: PrepareRequest
}

/** What a version takes over from. */
interface Before {
  readonly state: unknown
  readonly version: string
}

/** The worker port in this process: what embedding and a single-process server use. */
export class InProcessWorker implements Worker {
  /** What the gateway serves. */
  readonly live: Switch
  /** What the gateway shows its exchanges to. */
  readonly observer: Observer
  readonly #options: InProcessOptions
  readonly #upstreams: Upstreams
  readonly #recorders: Recorders | null
  readonly #counts: ExchangeCounts | null
  readonly #upstreamCounts: UpstreamCounts | null
  readonly #verifier: Verifier
  #nodeRoutes: NodeRoutes | null
  readonly #codes: Map<string, ModuleCode>
  readonly #retired: Set<HeldVersion>
  #prepared: Map<string, Prepared>
  #idle: (() => void)[]

  constructor(options: InProcessOptions) {
    this.#options = options
    const isMeasured = options.isMeasured === true
    this.#counts = isMeasured ? new ExchangeCounts(() => this.live.current.table) : null
    this.#upstreamCounts = isMeasured ? new UpstreamCounts() : null
    this.#upstreams = new Upstreams({
      ...usualEnvironment(options.log),
      counts: this.#upstreamCounts,
      ...options.upstreams,
    })
    this.live = { current: this.#snapshot(0, emptyTable, new Map()) }
    this.#recorders = options.isCounting === false ? null : new Recorders()
    this.#verifier = new Verifier(this.live, (error, { method, path, route, trace }) =>
      options.log.warn('a handler failed on a copy', {
        trace_id: trace.traceId,
        method,
        path,
        route_id: route?.id,
        ...mapError(error),
      }),
    )
    this.observer = createObserver(this.#recorders, this.#verifier, this.#counts)
    this.#nodeRoutes = null
    this.#codes = new Map()
    this.#retired = new Set()
    this.#prepared = new Map()
    this.#idle = []
  }

  get revision(): number {
    return this.live.current.revision
  }

  /** Whether only `node:http` can serve it, because it may come to an app that is a function of its objects. */
  needsNode(method: string, target: string): boolean {
    const { current } = this.live
    if (this.#nodeRoutes?.isOf(current) !== true)
      this.#nodeRoutes = new NodeRoutes(current, this.#options.nodeRoutes ?? strictRoutes)
    return this.#nodeRoutes.has(method, target)
  }

  learn(code: ModuleCode): void {
    this.#codes.set(code.key, code)
  }

  forget(key: string): void {
    this.#codes.delete(key)
  }

  async prepare(requests: readonly PrepareRequest[]): Promise<WorkerResult> {
    const problems = new Map<string, readonly Problem[]>()
    let services: Services = {}
    try {
      if (requests.length > 0) services = await this.#options.services()
    } catch (error) {
      const found = authorProblem(error, { module: 'services', file: null })
      return { ok: false, problems: new Map(requests.map((one) => [one.reference.name, [found]])) }
    }
    await Promise.all(
      requests.map(async (request) => {
        const { name } = request.reference
        const preparing = this.#prepareOne(request, services)
        const found = await (this.#options.guard?.load(preparing) ?? preparing)
        if (found !== null) problems.set(name, [found])
      }),
    )
    return problems.size === 0 ? { ok: true } : { ok: false, problems }
  }

  async #prepareOne(request: PrepareRequest, services: Services): Promise<Problem | null> {
    const { reference } = request
    const { name, digest, file } = reference
    const code = this.#codes.get(codeKey(reference))
    if (code === undefined) return problem('TURNOUT_ARTIFACT_MISSING', { module: name, digest })
    const { isIsolated, memoryMb } = isolationOf(reference, this.#settingsOf(reference))
    try {
      const before = request.from === null ? null : this.#serving(request.from)
      const prepared = isIsolated
        ? await this.#isolate(code, request, before, memoryMb)
        : await this.#inline(code, request, services, before)
      await this.#prepared.get(name)?.version.discard()
      this.#prepared.set(name, prepared)
      return null
    } catch (error) {
      return authorProblem(error, { module: name, file })
    }
  }

  #settingsOf(reference: ModuleReference): ModuleSettings | undefined {
    const { modules = {} } = this.#options
    const name = moduleNameOf(reference)
    return Object.hasOwn(modules, name) ? modules[name] : undefined
  }

  async #inline(
    code: ModuleCode,
    request: PrepareRequest,
    services: Services,
    serving: HeldVersion | null,
  ): Promise<Prepared> {
    const { reference } = request
    const version = await this.#evaluate(code, reference, services)
    try {
      const before = serving === null ? null : await handingOver(serving)
      const migrates = version.definition.state?.migrate !== undefined
      const from = serving instanceof ModuleVersion && migrates ? serving : null
      const migration =
        from?.state === undefined || from === null ? null : { version, from, request }
      // A second evaluation rehearses: what its `register` opens, and its `onDispose` closes, is not what will serve.
      const rehearsed =
        migration === null ? version : await this.#evaluate(code, reference, services)
      try {
        openChecked(rehearsed, before, request)
      } finally {
        if (rehearsed !== version) await rehearsed.discard()
      }
      return { version, migration }
    } catch (error) {
      await version.discard()
      throw error
    }
  }

  async #isolate(
    { source }: ModuleCode,
    request: PrepareRequest,
    serving: HeldVersion | null,
    memoryMb: number | null,
  ): Promise<Prepared> {
    const { reference } = request
    const { log, drainMs, streamDrainMs } = this.#options
    const version = await openIsolated({
      reference,
      source,
      setup: this.#options.isolated,
      settings: this.#settingsOf(reference),
      memoryMb,
      before: serving === null ? null : await handingOver(serving),
      environment: this.#upstreams.environment,
      log,
      drainMs,
      streamDrainMs,
    })
    const difference = differenceOf(request, version.listed)
    if (difference === null) return { version, migration: null }
    await version.discard()
    throw new TurnoutError('TURNOUT_MODULE_LIST_DIFFERS', { module: version.name, difference })
  }

  async #evaluate(
    code: ModuleCode,
    { name: key, digest, file }: ModuleReference,
    services: Services,
  ): Promise<ModuleVersion> {
    const trace = this.#options.trace?.() ?? null
    let definition: Definition
    try {
      definition = await code.open(trace)
    } catch (error) {
      trace?.dispose({ module: key, version: '', digest, hasServed: false })
      throw error
    }
    const { name, version } = definition
    return new ModuleVersion({
      definition,
      trace,
      key,
      digest,
      file,
      services,
      log: childLogger(this.#options.log, { module: name, module_version: version }),
      guard: this.#options.guard ?? null,
      drainMs: this.#options.drainMs,
      streamDrainMs: this.#options.streamDrainMs,
    })
  }

  apply(revision: number, table: Table): WorkerResult {
    const before = this.live.current
    const versions = new Map(before.versions)
    const replaced: HeldVersion[] = []
    const moved = this.#moved(before.table, table)
    for (const name of before.versions.keys()) {
      if (getKey(table.modules, name) !== undefined) continue
      const version = versions.get(name) as HeldVersion
      if (!moved.has(version)) replaced.push(version)
      versions.delete(name)
    }
    const entering = [...this.#prepared].filter(
      ([name, { version }]) => getKey(table.modules, name)?.digest === version.digest,
    )
    const problems = new Map<string, readonly Problem[]>()
    for (const [name, prepared] of entering) {
      const failure = migrateNow(prepared)
      if (failure !== null) problems.set(name, [failure])
    }
    if (problems.size > 0) return { ok: false, problems }
    for (const [name, { version }] of entering) {
      const old = versions.get(name) as HeldVersion | undefined
      if (old !== undefined) replaced.push(old)
      version.recorder =
        this.#recorders?.enter(version.name, version.digest, performance.now()) ?? null
      versions.set(name, version)
      this.#prepared.delete(name)
    }
    for (const [version, name] of moved) {
      const old = versions.get(name) as HeldVersion | undefined
      if (old !== undefined) replaced.push(old)
      version.rename(name)
      versions.set(name, version)
    }
    this.#upstreams.apply(before.table, table)
    this.live.current = this.#snapshot(revision, table, versions)
    for (const version of replaced) this.#retire(version)
    return { ok: true }
  }

  /** Versions that the next table has under another name: they serve on, with their state. */
  #moved(before: Table, after: Table): ReadonlyMap<HeldVersion, string> {
    const moved = new Map<HeldVersion, string>()
    if (before.modules === after.modules) return moved
    for (const [name, from] of movesBetween(before, after)) {
      const version = this.#serving(from)
      if (version !== null) moved.set(version, name)
    }
    return moved
  }

  async discard(): Promise<void> {
    const left = [...this.#prepared.values()]
    this.#prepared = new Map()
    await Promise.all(left.map(({ version }) => version.discard()))
  }

  isLive({ name, digest }: ModuleReference): boolean {
    return this.#serving(name)?.digest === digest
  }

  draining(): readonly Draining[] {
    return [...this.#retired].map((version) => ({
      module: version.name,
      version: version.version,
      ...version.holding,
    }))
  }

  /** Exchanges in modules, also in those that were replaced. */
  *inModules(): Generator<Exchange> {
    for (const version of this.live.current.versions.values())
      yield* (version as HeldVersion).exchanges()
    for (const version of this.#retired) yield* version.exchanges()
  }

  /** Exchanges with upstreams. */
  withUpstreams(): Iterable<UnderWay> {
    return this.#upstreams.streams.all()
  }

  /** How many exchanges wait, by upstream. */
  *waiting(): Generator<readonly [string, number]> {
    for (const upstream of this.#upstreams.all()) yield [upstream.name, upstream.waiting]
    for (const upstream of this.#isolated()) yield [upstream.name, upstream.waiting]
  }

  upstreamNames(): readonly string[] {
    const isolated = [...this.#isolated()].map(({ name }) => name)
    return [...this.#upstreams.names(), ...isolated].sort()
  }

  upstreamStatus(name: string): UpstreamStatus | null {
    return this.#upstream(name)?.status() ?? null
  }

  forceBreaker(name: string, state: BreakerState): boolean {
    return this.#upstream(name)?.forceBreaker(state) ?? false
  }

  #upstream(name: string): LiveUpstream | null {
    const isolated = [...this.#isolated()].find((one) => one.name === name)
    return isolated ?? this.#upstreams.find(name)
  }

  /** What processes of isolated modules are to whoever looks at upstreams. */
  *#isolated(): Generator<LiveUpstream> {
    for (const version of this.live.current.versions.values())
      if (version instanceof IsolatedVersion) yield version.upstream
  }

  figures(asked: readonly FiguresQuery[]): readonly Figures[] {
    const now = performance.now()
    return asked.map(
      ({ of, spanMs, agoMs = 0 }) => this.#recorders?.figures(of, now - agoMs, spanMs) ?? noFigures,
    )
  }

  /** Writes what was counted, and what is now. */
  read(writer: ReadingsWriter): void {
    const now = performance.now()
    this.#counts?.read(writer, now)
    const live = this.upstreamNames()
      .slice(0, mostRows)
      .flatMap((name) => this.upstreamStatus(name) ?? [])
    this.#upstreamCounts?.read(writer, live, now)
    writer.add('turnout_module_versions', [], this.live.current.versions.size)
  }

  verify(id: string, request: VerifyRequest | null): void {
    this.#verifier.set(id, request)
  }

  verifyCounts(id: string): VerifyCounts | null {
    return this.#verifier.counts(id)
  }

  async close(deadlineMs: number): Promise<void> {
    this.#verifier.close()
    await this.discard()
    const { revision, versions } = this.live.current
    this.live.current = this.#snapshot(revision, emptyTable, new Map())
    const upstreams = this.#upstreams.close(deadlineMs)
    for (const version of versions.values()) this.#retire(version as HeldVersion)
    if (this.#retired.size === 0) return await upstreams
    const deadline = setTimeout(() => {
      for (const version of this.#retired) version.cut('closing')
    }, deadlineMs)
    await new Promise<void>((resolve) => this.#idle.push(resolve))
    clearTimeout(deadline)
    await upstreams
  }

  #snapshot(revision: number, table: Table, versions: ReadonlyMap<string, LiveVersion>): Snapshot {
    return { revision, table, versions, upstreams: this.#upstreams }
  }

  #serving(name: string): HeldVersion | null {
    return (this.live.current.versions.get(name) as HeldVersion | undefined) ?? null
  }

  #retire(version: HeldVersion): void {
    this.#retired.add(version)
    const retiredAt = performance.now()
    const survivor = (): HeldVersion | null => this.#survivorOf(version)
    version.retire(survivor, () => {
      this.#retired.delete(version)
      const now = performance.now()
      const waitedMs = now - retiredAt
      this.#recorders?.leave(version.name, version.digest, now)
      this.#options.onRetired({ module: version.name, version: version.version, waitedMs })
      if (this.#retired.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
    })
  }

  /** Who serves the module now: of several versions the one in service. */
  #survivorOf({ name }: HeldVersion): HeldVersion | null {
    const { table, versions } = this.live.current
    const rest = [...versions.keys()].flatMap((key) => {
      const reference = getKey(table.modules, key)
      return reference !== undefined && moduleNameOf(reference) === name ? [reference] : []
    })
    const serving = inServiceOf(rest)
    return serving === undefined ? null : this.#serving(serving.name)
  }
}

/** The state of a version in service: the object itself, or a copy from another process. */
const handingOver = async (serving: HeldVersion): Promise<Before> => ({
  state: await serving.currentState(),
  version: serving.version,
})

/** The state to register with: handed on, migrated as a rehearsal, or new. */
const firstState = (version: ModuleVersion, before: Before | null): unknown => {
  const rules = version.definition.state
  if (rules === null) return undefined
  if (before === null || before.state === undefined) return synchronous(rules.create())
  if (rules.migrate === undefined) return before.state
  return synchronous(rules.migrate(before.state as never, before.version))
}

/** Runs `register` and checks that it lists what the table names. */
const openChecked = (
  version: ModuleVersion,
  before: Before | null,
  request: PrepareRequest,
): void => {
  const difference = differenceOf(request, version.open(firstState(version, before)))
  if (difference === null) return
  throw new TurnoutError('TURNOUT_MODULE_LIST_DIFFERS', { module: version.name, difference })
}

/** The real migration: what was written since the rehearsal comes along. */
const migrateNow = ({ migration }: Prepared): Problem | null => {
  if (migration === null) return null
  const { version, from, request } = migration
  try {
    openChecked(version, from, request)
    return null
  } catch (error) {
    return authorProblem(error, { module: version.name, file: null })
  }
}

const filterLine = (name: string): string => `filter ${name}`

const differenceOf = ({ reference, routeIds }: PrepareRequest, listed: Listed): string | null => {
  const here = new Set([...listed.routes.map(({ id }) => id), ...listed.filters.map(filterLine)])
  const there = new Set([...routeIds, ...(reference.filters ?? []).map(filterLine)])
  const missing = [...there].filter((id) => !here.has(id))
  const extra = [...here].filter((id) => !there.has(id))
  if (missing.length === 0 && extra.length === 0) return null
  return [...missing.map((id) => `-${id}`), ...extra.map((id) => `+${id}`)].slice(0, 5).join(', ')
}
