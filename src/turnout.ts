import { performance } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TurnoutError, type Problem } from './core/errors.ts'
import type { Json } from './core/json.ts'
import { silentLogger, type LogFields, type Logger } from './core/logger.ts'
import { getKey, entriesFrom } from './core/persistent-map.ts'
import type { ConflictPolicy } from './core/route/conflict.ts'
import { moduleNameOf, type Route } from './core/route/route.ts'
import type { Explanation } from './core/router/explain.ts'
import { compileAsking, type Asking } from './core/version/asking.ts'
import { askingOf } from './core/version/asking-parse.ts'
import {
  editOf,
  type AppliedChange,
  type ChangeItem,
  type LoadOutcome,
  type Outcome,
  type Rejection,
  type Revision,
} from './control/change.ts'
import { Publisher } from './control/publisher.ts'
import { besideItem } from './control/rollout/start.ts'
import type { Rollouts } from './control/rollouts.ts'
import type { Handlers, Middleware, Registrar, Services } from './modules/define.ts'
import type { Mount } from './modules/definition.ts'
import { Loader } from './modules/loader.ts'
import { loadObject } from './modules/object-module.ts'
import { MethodRegistrar, RouteRegistrar } from './modules/registrar.ts'
import { mapError } from './modules/report.ts'
import type { ServiceDefinition } from './modules/services.ts'
import type { Listener, ListenOptions, NodeHandler } from './server/node-listener.ts'
import { openHealthServer, type HealthServer } from './server/health-server.ts'
import type { OverloadStatus } from './core/protect/overload.ts'
import { WebTransport } from './server/web-transport.ts'
import { createFilesSource } from './source/files.ts'
import { createMemoryStore } from './store/memory.ts'
import { createLogger } from './telemetry/log.ts'
import type { ModuleUpload } from './admin/upload.ts'
import type { InstanceFacts, OpenedAdmin } from './turnout-admin.ts'
import { openDataFolder, type DataFolder } from './data-folder.ts'
import { checkOptions } from './turnout-options.ts'
import { probeTable, type Probe, type Probed } from './turnout-probe.ts'
import {
  ChangeBuilder,
  conflictOf,
  owner,
  routeOf,
  type Change,
  type ModuleSource,
  type MountOptions,
} from './turnout-change.ts'
import { FolderChanges } from './turnout-files.ts'
import type { Scrape } from './telemetry/metrics-text.ts'
import type { RetiredFacts } from './core/leak.ts'
import { shortagesOf, tellResources } from './turnout-resources.ts'
import type { RedisSource } from './source/redis/redis.ts'
import type { RedisStatus } from './source/redis/status.ts'
import { createRedisRules, isUnserved, type RedisOptions } from './turnout-redis.ts'
import type {
  AdminOptions,
  DurableOptions,
  FilesOptions,
  HealthAddress,
  RouteRow,
  TurnoutOptions,
} from './turnout-settings.ts'
import { InstanceMetrics, scrapeOf } from './turnout-metrics.ts'
import { LiveLook, probationOf } from './turnout-rollouts.ts'
import { TurnoutEmitter, type TurnoutEvents } from './turnout-events.ts'
import { logChanges } from './turnout-telling.ts'
import {
  LocalServing,
  servingSettings,
  type Gateway,
  type Serving,
  type ServingWiring,
  type WorkerStatus,
} from './turnout-serving.ts'
import type { Offence } from './worker/containment/offence.ts'
import type { Draining } from './worker/worker.ts'

/** Makes what serves exchanges. Not given: this process does. */
export type MakeServing = (wiring: ServingWiring) => Serving

/** A gateway whose routes may change while it serves. Open until `close`. */
export class Turnout extends MethodRegistrar {
  readonly handler: NodeHandler
  readonly log: Logger
  readonly #options: TurnoutOptions
  readonly #serving: Serving
  readonly #publisher: Publisher
  readonly #asking: Asking
  readonly #events: TurnoutEmitter
  readonly #middleware: Middleware[]
  readonly #open: Listener[]
  readonly #folders: FolderChanges[]
  readonly #redis: RedisSource[]
  readonly #live: LiveLook
  /** Null: they are off. */
  readonly #metrics: InstanceMetrics | null
  readonly #data: DataFolder | null
  #folderCount: number
  #resumed: Resumed
  #home: string
  #isAwaitingSocket: boolean
  #admin: OpenedAdmin | null
  readonly #health: HealthServer[]
  #loader: Loader | null
  #closing: Promise<number> | null

  constructor(
    options: TurnoutOptions = {},
    data: DataFolder | null = null,
    makeServing: MakeServing = (wiring) => new LocalServing(wiring, options.services ?? {}),
  ) {
    super()
    const { logger = true } = options
    this.#options = options
    this.log =
      logger === true
        ? createLogger({ level: options.logLevel ?? 'info', redact: options.redact ?? [] })
        : logger === false
          ? silentLogger
          : logger
    this.#events = new TurnoutEmitter((event, error) =>
      this.log.error('a listener failed', { event, ...mapError(error) }),
    )
    this.#middleware = []
    this.#open = []
    this.#folders = []
    this.#redis = []
    this.#folderCount = 0
    this.#resumed = { recovery: null, rejections: [] }
    this.#admin = null
    this.#health = []
    this.#home = process.cwd()
    this.#isAwaitingSocket = false
    this.#loader = null
    this.#closing = null
    logChanges(this.#events, this.log)
    this.#asking = compileAsking(askingOf(options))
    this.#serving = makeServing({
      settings: servingSettings(options),
      log: this.log,
      isLogged: logger !== false,
      onOffence: (offence, fields) => this.#tellOffence(offence, fields),
      ...tellResources(this.log, this.#events),
      onRetired: (version) => {
        this.#events.emit('retired', version)
        this.#retryFiles()
      },
      onUpstream: (event) => this.#events.emit('upstream', event),
      onWorker: (event) => this.#events.emit('worker', event),
    })
    this.#data = data
    this.#publisher = new Publisher({
      worker: this.#serving.worker,
      store: data?.store ?? createMemoryStore({ keep: { revisions: 1 } }),
      keep: options.keepRevisions ?? (data === null ? 100 : 1_000),
      codeOf: (reference) => this.#loaderOf().codeOf(reference),
      onForgotten: (kept) => this.#forgotten(kept),
      onStuck: (revision, problems) =>
        this.log.error('a change was not confirmed, and cannot be taken back', {
          revision: revision.number,
          problems: problems.map(({ message }) => message),
        }),
      maxLiveVersions: options.maxLiveVersions ?? 16,
      conflicts: options.conflicts ?? 'ambiguous',
      isOrdered: options.versionOrder === 'reasoned',
      onApplied: (revision, durationMs) => {
        this.#tellTakenBack(revision)
        this.#live.applied(revision)
        this.#events.emit('applied', { revision, durationMs })
        for (const source of this.#redis) source.retry()
        this.#retryFiles()
      },
      onRejected: ({ author, reason }, rejections) =>
        this.#events.emit('rejected', { author, reason, rejections }),
    })
    this.#live = new LiveLook({
      publisher: this.#publisher,
      worker: this.#serving.worker,
      events: this.#events,
      log: this.log,
      isOrdered: options.versionOrder === 'reasoned',
      onMeasured: (measurement) => this.#metrics?.measured(measurement),
      probation: probationOf(options.probation),
    })
    this.#metrics =
      options.metrics === false
        ? null
        : new InstanceMetrics({
            events: this.#events,
            serving: this.#serving,
            publisher: () => this.#publisher,
            rollouts: () => this.rollouts,
            sources: () => this.sources,
            isReady: () => this.#readiness().isReady,
          })
    this.handler = (request, response, next) => {
      void this.#gateway.nodeServe(request, response, next)
    }
  }

  /** What stood in the way of a file may be gone. */
  #retryFiles(): void {
    for (const folder of this.#folders)
      folder.retry().catch((error: unknown) => this.log.error('a retry failed', mapError(error)))
  }

  get #gateway(): Gateway {
    const { gateway } = this.#serving
    if (gateway === null) throw new TurnoutError('TURNOUT_WORKERS_ELSEWHERE')
    return gateway
  }

  /**
   * A gateway whose revisions outlive the process, in a folder that it alone holds. What was served last is served
   * before this resolves. Handlers of the embedding program cannot be kept: give modules as files.
   *
   * Rejects with TURNOUT_STORE_LOCKED, TURNOUT_STORE_UNSAFE, TURNOUT_STORE_DAMAGED or TURNOUT_STORE_FAILED.
   */
  static async open(given: DurableOptions, makeServing?: MakeServing): Promise<Turnout> {
    checkOptions(given, true)
    const { data, ...options } = given
    const warnings: Problem[] = []
    let warn = (found: Problem): unknown => warnings.push(found)
    const keep = options.keepRevisions ?? 1_000
    const folder = await openDataFolder(resolve(data), keep, (found) => warn(found))
    const turnout = new Turnout(options, folder, makeServing)
    warn = ({ code, message }) => turnout.log.warn(message, { code })
    for (const found of warnings) warn(found)
    if (folder.recovery !== null) {
      const { code, message } = folder.recovery
      turnout.log.error(message, { code })
    }
    try {
      await turnout.#serving.open()
      const rejections = await turnout.#publisher.resume()
      turnout.#resumed = { recovery: folder.recovery, rejections }
      turnout.#live.resumed()
    } catch (error) {
      await turnout.close(0)
      throw error
    }
    return turnout
  }

  /** What was found when the data folder was opened; empty for one in memory. */
  get resumed(): Resumed {
    return this.#resumed
  }

  /** Number of the revision that is served; 0 before the first change. */
  get revision(): number {
    return this.#serving.worker.revision
  }

  /** The revisions that can be gone back to, newest last. */
  get revisions(): readonly Revision[] {
    return this.#publisher.revisions()
  }

  /** Rollouts of versions: to start them, to look at them, to move them. */
  get rollouts(): Rollouts {
    return this.#live.runner
  }

  /** Module versions that were replaced and still hold exchanges. */
  get draining(): readonly Draining[] {
    return this.#serving.worker.draining()
  }

  /** Module versions that were disposed of, and what still holds them; gone some time after they were collected. */
  get retired(): readonly RetiredFacts[] {
    return this.#serving.retired()
  }

  /** Adds routes at once, as `get` and its like do; throws TURNOUT_ROUTE_CONFLICT where a place is taken. */
  override handle<Path extends string>(
    method: string | readonly string[],
    path: Path,
    ...handlers: Handlers<Path>
  ): this {
    this.#registrar().handle(method, path, ...handlers)
    return this
  }

  /** Middleware for the routes and modules that are added after it. */
  override use(...middleware: Middleware[]): this {
    this.#middleware.push(...middleware)
    return this
  }

  /** A registrar for the routes below `prefix`. */
  override group(prefix: string, ...middleware: Middleware[]): Registrar {
    return this.#registrar().group(prefix, ...middleware)
  }

  #registrar(): RouteRegistrar {
    return new RouteRegistrar('', this.#middleware, (registration) => {
      const route = routeOf(registration)
      const taken = getKey(this.#publisher.table.routes, route.id)
      if (taken !== undefined) throw conflictOf(route, taken)
      this.#now([route])
    })
  }

  #now(put: readonly Route[]): void {
    const items = [editOf(owner, put, [])]
    const set = { author: owner, reason: 'registered', isPartial: false, items }
    throwRejected(this.#publisher.changeNow(set))
  }

  /** Mounts one module, or several in one change; a name that is mounted already is replaced. Rejects with every problem. */
  async module(
    module: ModuleSource | readonly ModuleSource[],
    options: MountOptions = {},
  ): Promise<Revision> {
    return this.update((change) => {
      change.module(module, options)
    })
  }

  /** Several changes as one revision, all or nothing. */
  async update(
    describe: (change: Change) => unknown,
    who: { readonly author?: string; readonly reason?: string } = {},
  ): Promise<Revision> {
    const change = new ChangeBuilder(this.#middleware, (module, mount, at) =>
      this.#itemOf(module, mount, at),
    )
    await describe(change)
    const { author = owner, reason = 'update' } = who
    const items = change.items()
    return (
      throwRejected(
        await this.#publisher.change({
          author,
          reason,
          isPartial: false,
          isReasoned: who.reason !== undefined,
          items,
        }),
      ) ?? this.#publisher.current.revision
    )
  }

  /** Publishes the table of an earlier revision as the next one. */
  async rollback(
    revision: number,
    who: { readonly author?: string; readonly reason?: string } = {},
  ): Promise<Revision> {
    const { author = owner, reason = `rollback to revision ${revision}` } = who
    return (
      throwRejected(await this.#publisher.rollBack(revision, { author, reason })) ??
      this.#publisher.current.revision
    )
  }

  /** Serves every module of a folder, and follows it. Resolves when what is there at start has been applied. */
  async files(directory: string, options: FilesOptions = {}): Promise<void> {
    this.#refuseClosed()
    const mount: Mount = { prefix: '', middleware: [...this.#middleware] }
    this.#folderCount += 1
    if (this.#folderCount === 1) this.#home = resolve(directory)
    const folder = new FolderChanges({
      owner: this.#folderCount === 1 ? 'files' : `files(${this.#folderCount})`,
      publisher: this.#publisher,
      load: (file, name, own, version) => this.#loaderOf().load(file, name, own, mount, version),
      onRejected: (rejections) =>
        this.#events.emit('rejected', { author: 'files', reason: 'scan', rejections }),
    })
    const source = createFilesSource({
      directory: resolve(directory),
      ...(options.settleMs === undefined ? {} : { settleMs: options.settleMs }),
      onHint: () => this.#loader?.warm(),
      onBurst: (burst) => folder.take(burst),
      onError: (found) => this.log.warn(found.message, { code: found.code }),
    })
    this.#folders.push(folder)
    await folder.start(source)
  }

  /**
   * Serves the rules that a Redis key holds, and follows it. Resolves when what is there at start has been applied, or
   * after a few seconds without an answer: it is followed all the same. Needs the package `@redis/client`.
   *
   * Rejects with TURNOUT_OPTION_INVALID or TURNOUT_REDIS_CLIENT_MISSING.
   */
  async redis(options: RedisOptions): Promise<void> {
    this.#refuseClosed()
    const source = await createRedisRules(options, {
      publisher: this.#publisher,
      events: this.#events,
      log: this.log,
    })
    this.#refuseClosed()
    const { owner } = source.status()
    if (this.sources.some((one) => one.owner === owner))
      throw new TurnoutError('TURNOUT_OPTION_INVALID', {
        option: 'redis.key',
        reason: `${owner} is followed already`,
      })
    this.#redis.push(source)
    await source.start()
  }

  /** Looks now at what is looked at from time to time: files, keys, certificates. Resolves when that has been done. */
  async reread(): Promise<void> {
    this.#refuseClosed()
    for (const source of this.#redis) source.hint()
    const certificates = this.#open.map(async (one) => {
      try {
        await one.renewCertificate()
      } catch (error) {
        this.log.error('the certificate cannot be read', mapError(error))
      }
    })
    await Promise.all([...certificates, ...this.#folders.map((folder) => folder.rescan())])
  }

  /**
   * Replaces the worker processes, one after the other, without a request lost; where this process serves, nothing. Resolves
   * when all new ones serve; what is in flight in the old ones has its own time. Rejects with TURNOUT_WORKER_LATE or
   * TURNOUT_WORKER_LOST when a new one does not come to serve: then the old one stays.
   */
  async restart(reason: string = 'restart'): Promise<readonly WorkerStatus[]> {
    this.#refuseClosed()
    await this.#serving.replaceAll(reason, this.#options.streamDrainMs ?? 300_000)
    return this.workers
  }

  get #isServed(): boolean {
    if (this.#serving.gateway !== null) return true
    return this.workers.some(({ state }) => state === 'serving')
  }

  /** The worker processes; none: this process serves. */
  get workers(): readonly WorkerStatus[] {
    return this.#serving.workers()
  }

  /** How the sources of rules are doing. */
  get sources(): readonly RedisStatus[] {
    return this.#redis.map((source) => source.status())
  }

  /** Adds a listener; returns the function that removes it. */
  on<Name extends keyof TurnoutEvents>(
    name: Name,
    listener: (event: TurnoutEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener)
  }

  /**
   * Binds a socket. `tls`: files in PEM, read again when they change. Rejects with TURNOUT_LISTEN_FAILED,
   * TURNOUT_TLS_FILES or TURNOUT_TLS_INVALID.
   */
  async listen(options: Partial<ListenOptions> = {}): Promise<Listener> {
    const { host = '127.0.0.1', port = 8080, tls } = options
    this.#refuseClosed()
    const listener = await this.#serving.listen({ host, port, tls })
    if (this.#closing !== null) await listener.close(0)
    this.#refuseClosed()
    this.#open.push(listener)
    return listener
  }

  #refuseClosed(): void {
    if (this.#closing !== null) throw new TurnoutError('TURNOUT_CLOSED')
  }

  /** Answers a web request: for hosts like Hono, and for tests. */
  fetch(request: Request): Promise<Response> {
    const transport = new WebTransport(request, this.#options.bodyLimit ?? 1024 * 1024)
    const served = async (): Promise<void> => this.#gateway.serve(transport)
    served().catch((error: unknown) => transport.fail(error))
    return transport.response
  }

  /** How this process bears what it is asked; null: `overload` is false, or worker processes serve. */
  get overload(): OverloadStatus | null {
    return this.#serving.overload()
  }

  /** How many modules and routes the current revision has; costs nothing, however many there are. */
  get counts(): { readonly modules: number; readonly routes: number } {
    const { modules, routes } = this.#publisher.table
    return { modules: modules.size, routes: routes.size }
  }

  /** Every route of the current revision. */
  routes(): RouteRow[] {
    const { table } = this.#publisher
    return [...entriesFrom(table.routes, '')].flatMap(
      ([, { id, methods, paths, owner, target }]) => {
        const module = target.kind === 'module' ? target.module : null
        const version = module === null ? null : (getKey(table.modules, module)?.version ?? null)
        const row = { id, owner, module, version }
        return paths.flatMap((path) => methods.map((method) => ({ ...row, method, path })))
      },
    )
  }

  /** Which route would serve a request, why, and what came nearest. */
  probe(method: string, url: string, rest: Pick<Probe, 'headers' | 'from'> = {}): Probed {
    const { encodedSlash = 'reject' } = this.#options
    const probe = { method, url, ...rest }
    return probeTable(this.#publisher.table, probe, { encodedSlash }, this.#asking)
  }

  /** Opens the admin API on a socket of its own. Rejects with TURNOUT_LISTEN_FAILED or TURNOUT_ADMIN_EXPOSED. */
  async admin(options: AdminOptions = {}): Promise<OpenedAdmin> {
    this.#refuseClosed()
    const { host = '127.0.0.1', port = 7070, tls, hosts, token, changesPerSecond } = options
    this.#isAwaitingSocket = options.isAwaitingSocket ?? false
    const directory = options.directory ?? this.#data?.directory
    if (directory === undefined) throw new TurnoutError('TURNOUT_ADMIN_HOMELESS')
    // Stands on packages that an embedding program without an admin API never needs.
    const { openAdmin } = await import('./turnout-admin.ts')
    const admin = await openAdmin(
      {
        publisher: this.#publisher,
        events: this.#events,
        log: this.log,
        directory: resolve(directory),
        token: token ?? process.env['TURNOUT_ADMIN_TOKEN'],
        ...(hosts === undefined ? {} : { hosts }),
        ...(changesPerSecond === undefined ? {} : { changesPerSecond }),
      },
      this.#facts(),
      { host, port, ...(tls === undefined ? {} : { tls }) },
    )
    if (this.#closing !== null) await admin.close(0)
    this.#refuseClosed()
    this.#admin = admin
    this.#serving.keepOut(admin.port)
    return admin
  }

  /**
   * Answers `/healthz` and `/readyz`, with `metrics` also `/metrics`, and nothing else, on a socket of its own, to whoever asks: for probes that come from
   * other machines. Rejects with TURNOUT_LISTEN_FAILED.
   */
  async health({
    host = '127.0.0.1',
    port = 7071,
    metrics = false,
  }: HealthAddress = {}): Promise<HealthServer> {
    this.#refuseClosed()
    const isReady = (): boolean => this.#readiness().isReady
    const health = await openHealthServer({
      host,
      port,
      isReady,
      scrape: metrics ? (this.#metrics?.recent.bind(this.#metrics) ?? null) : null,
    })
    if (this.#closing !== null) await health.close()
    this.#refuseClosed()
    this.#health.push(health)
    return health
  }

  /** What a scrape is answered; OpenMetrics where `accept`, a field of HTTP, asks for it. Rejects with TURNOUT_METRICS_OFF. */
  metrics(accept: string = ''): Promise<Scrape> {
    return scrapeOf(this.#metrics, accept)
  }

  #readiness(): { readonly isReady: boolean; readonly reasons: readonly string[] } {
    const unserved = this.#redis.filter((source) => isUnserved(source, this.#publisher))
    const reasons = [
      ...(this.#closing === null ? [] : ['it is closing']),
      ...(this.#isServed ? [] : ['no worker process serves']),
      ...(this.#isAwaitingSocket && this.#open.length === 0 ? ['nothing listens yet'] : []),
      ...unserved.map((source) => `${source.status().owner} was never read`),
      ...shortagesOf(this.#serving),
    ]
    return { isReady: reasons.length === 0, reasons }
  }

  #facts(): InstanceFacts {
    const startedAt = Date.now()
    return {
      probe: ({ method, url, headers, from }) =>
        this.probe(method, url, { headers, from }) as unknown as Json,
      status: () => ({
        startedAt: new Date(startedAt).toISOString(),
        pid: process.pid,
        listeners: this.#open.map(({ url }) => url),
        store: this.#data === null ? 'memory' : 'local',
        recovered: this.#resumed.recovery?.message ?? null,
        notLive: this.#notLive(),
        draining: this.draining as unknown as Json,
        retired: this.retired as unknown as Json,
        workers: this.workers as unknown as Json,
        overload: this.overload as unknown as Json,
        sources: this.sources as unknown as Json,
      }),
      readiness: () => this.#readiness(),
      moduleFacts: (name) => {
        const draining = this.draining.filter(({ module }) => module === name)
        const reference = getKey(this.#publisher.table.modules, name)
        const called = reference === undefined ? name : moduleNameOf(reference)
        const retired = this.retired.filter(({ module }) => module === called)
        const offences = this.#live.offences.of(called)
        return { draining, retired, offences } as unknown as Json
      },
      upstreamNames: () => this.#serving.worker.upstreamNames(),
      upstreamStatus: (name) => this.#serving.worker.upstreamStatus(name),
      forceBreaker: (name, state) => this.#serving.worker.forceBreaker(name, state),
      workers: () => this.workers,
      restart: (reason) => this.restart(reason),
      loadUpload: (upload, { isPlan }) => this.#loadUpload(upload, isPlan),
      rollouts: this.#live.runner,
      scrape: (accept) => this.metrics(accept),
      besideItem: (module) => besideItem(this.#publisher.table, module),
    }
  }

  /** Modules of the table whose code could not be made ready. */
  #notLive(): readonly string[] {
    const { modules } = this.#publisher.table
    return this.#resumed.rejections.flatMap(({ label }) => {
      const reference = getKey(modules, label)
      return reference === undefined || this.#serving.worker.isLive(reference) ? [] : [label]
    })
  }

  /** Its imports of packages are looked for where this instance's own modules find theirs. */
  async #loadUpload({ name, artifact }: ModuleUpload, isPlan: boolean): Promise<LoadOutcome> {
    const file = resolve(this.#home, `${name}.js`)
    const upload = { artifact, file, name, owner: `admin:${name}`, prefix: '' }
    const loader = this.#loaderOf()
    return isPlan ? loader.planUpload(upload) : loader.loadUpload(upload)
  }

  #tellOffence(offence: Offence, fields: LogFields): void {
    const { module, version, digest, kind, detail, count, exchange } = offence
    this.log.error('a module was contained', {
      module,
      module_version: version,
      kind,
      detail,
      count,
      method: exchange?.method,
      path: exchange?.path,
      trace_id: exchange?.traceId,
      digest,
      ...fields,
    })
    this.#events.emit('offence', offence)
    void this.#live.offences.tell(offence)
  }

  /** Nobody asked for it, so whoever reads the log must find it. */
  #tellTakenBack({ number, author, reason, takesBack }: Revision): void {
    if (takesBack === null || author !== 'turnout') return
    this.log.warn('a change was taken back', { revision: number, takes_back: takesBack, reason })
  }

  #forgotten(kept: ReadonlySet<string>): void {
    const digests = new Set([...kept].map((digest) => digest.split('+')[0]!))
    this.#data?.artifacts
      .keepOnly(digests)
      .catch((error: unknown) => this.log.warn('old artifacts stay', mapError(error)))
  }

  /**
   * Ends for good, once: stops sources and listeners, lets exchanges end, disposes of modules, closes services. Returns what
   * was cut. From the call on `/readyz` answers 503; with `delayMs`, requests are taken for so long after it.
   */
  close(deadlineMs = 30_000, { delayMs = 0 }: { readonly delayMs?: number } = {}): Promise<number> {
    this.#closing ??= this.#close(deadlineMs, delayMs)
    return this.#closing
  }

  async #close(deadlineMs: number, delayMs: number): Promise<number> {
    if (delayMs > 0) await wait(delayMs)
    const endsAt = performance.now() + deadlineMs
    const leftMs = (): number => Math.max(0, endsAt - performance.now())
    const sources = [...this.#folders.splice(0), ...this.#redis]
    await Promise.all(sources.map((source) => source.close()))
    await this.#live.close()
    await this.#publisher.close()
    const cut = await Promise.all(this.#open.splice(0).map((one) => one.close(leftMs())))
    // Until here it could be asked how far this has come.
    await this.#admin?.close(leftMs())
    await this.#serving.close(leftMs())
    this.#metrics?.close()
    await this.#loader?.close()
    await this.#data?.store.close()
    await Promise.all(this.#health.splice(0).map((one) => one.close()))
    return cut.reduce((sum, count) => sum + count, 0)
  }

  #itemOf(module: ModuleSource, mount: Mount, { name }: MountOptions): ChangeItem {
    if (typeof module === 'string' || module instanceof URL) {
      const file = resolve(typeof module === 'string' ? module : fileURLToPath(module))
      const label = name ?? nameOfFile(file)
      const own = `${owner}:${label}`
      return {
        kind: 'module',
        owner: own,
        label,
        load: () => this.#load(file, label, own, mount),
      }
    }
    const loaded = loadObject(module, name, mount, owner)
    return { kind: 'module', owner: loaded.owner, label: loaded.label, load: loaded.load }
  }

  #load(file: string, name: string, own: string, mount: Mount): ReturnType<Loader['load']> {
    return this.#loaderOf().load(file, name, own, mount)
  }

  #loaderOf(): Loader {
    this.#loader ??= new Loader({
      loadTimeoutMs: this.#options.loadTimeoutMs ?? 5_000,
      artifacts: this.#data?.artifacts ?? null,
      isQuarantined: (digest) => this.#publisher.isQuarantined(digest),
    })
    return this.#loader
  }
}

const nameOfFile = (file: string): string => {
  const parts = file.split(/[\\/]/)
  const name = (parts.at(-1) ?? file).replace(/\.\w+$/, '')
  return name === 'index' ? (parts.at(-2) ?? name) : name
}

/** The revision; or the first problem as an error that carries them all. */
const throwRejected = ({ revision, rejections }: Outcome): Revision | null => {
  const problems = rejections.flatMap((one) => one.problems)
  const [first] = problems
  if (first !== undefined) throw TurnoutError.of(first, problems)
  return revision
}

/** What was found in a data folder. */
export interface Resumed {
  /** Damage, and what was recovered. */
  readonly recovery: Problem | null
  /** Modules that could not be made ready; their routes answer 503 until they are proposed again. */
  readonly rejections: readonly Rejection[]
}

/** Opens a gateway whose revisions outlive the process. Rejects as `Turnout.open` does. */
export function openTurnout(options: DurableOptions): Promise<Turnout> {
  return Turnout.open(options)
}

/** Makes a gateway whose routes may change while it serves. */
export function createTurnout(options: TurnoutOptions = {}): Turnout {
  checkOptions(options, false)
  return new Turnout(options)
}

export type {
  AdminOptions,
  AppliedChange,
  ConflictPolicy,
  DurableOptions,
  Explanation,
  FilesOptions,
  HealthAddress,
  Listener,
  Revision,
  Rejection,
  RouteRow,
  ServiceDefinition,
  Services,
  TurnoutOptions,
}
