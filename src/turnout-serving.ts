import { parseTrusted } from './core/http/forwarded.ts'
import { limitsOf } from './core/http/limits.ts'
import { overloadOf, type OverloadStatus } from './core/protect/overload.ts'
import type { LogFields, Logger } from './core/logger.ts'
import { ReadingsWriter, type Readings } from './core/metrics/series.ts'
import { Totals } from './core/metrics/totals.ts'
import { compileAsking } from './core/version/asking.ts'
import { askingOf } from './core/version/asking-parse.ts'
import { createGateway, type Serve } from './gateway/gateway.ts'
import { handlerOf } from './gateway/targets.ts'
import type { Tracer } from './gateway/trace/tracer.ts'
import { forbiddenAddress, isThisHost } from './gateway/upstream/environment.ts'
import type { UpstreamEvent } from './gateway/upstream/event.ts'
import { mapError } from './modules/report.ts'
import { ServiceSet } from './modules/services.ts'
import {
  createNodeServe,
  openListener,
  type ClientRules,
  type Listener,
  type ListenOptions,
  type NodeServe,
} from './server/node-listener.ts'
import { admittingLane, serving } from './server/lane/admitting-lane.ts'
import type { LaneOptions } from './server/lane/lane.ts'
import { ListenerCounts } from './server/listener-counts.ts'
import { Admission } from './server/overload/admission.ts'
import type { WorkerItem as WorkerStatus } from './admin/answers.ts'
import { ProcessMeter } from './telemetry/process-meter.ts'
import { openTracer } from './telemetry/tracing.ts'
import { accessLog } from './telemetry/access-log.ts'
import type { RetiredFacts } from './core/leak.ts'
import type { ResourceName } from './core/protect/resources.ts'
import { isolatedSetup } from './turnout-isolated.ts'
import { watchResources, type ResourceTelling } from './turnout-resources.ts'
import type { TurnoutOptions } from './turnout-settings.ts'
import { tellRecovered } from './turnout-telling.ts'
import {
  openContainment,
  type Containment,
  type ContainmentOptions,
} from './worker/containment/containment.ts'
import type { Offence } from './worker/containment/offence.ts'
import { InProcessWorker } from './worker/in-process.ts'
import type { Resources } from './worker/resources/resources.ts'
import type { StuckCounts } from './worker/resources/stuck.ts'
import type { RetiredVersion, Worker } from './worker/worker.ts'

/** What exchanges are served by. Plain data: it goes to worker processes, too. */
export type ServingSettings = Pick<
  TurnoutOptions,
  | 'trailingSlash'
  | 'encodedSlash'
  | 'bodyLimit'
  | 'limits'
  | 'overload'
  | 'resources'
  | 'trustedProxies'
  | 'underscores'
  | 'versions'
  | 'labels'
  | 'loadTimeoutMs'
  | 'drainMs'
  | 'streamDrainMs'
  | 'recovery'
  | 'figures'
  | 'metrics'
  | 'modules'
  | 'configFile'
  | 'containment'
  | 'lane'
  | 'accessLog'
  | 'tracing'
>

const names: readonly (keyof ServingSettings)[] = [
  'trailingSlash',
  'encodedSlash',
  'bodyLimit',
  'limits',
  'overload',
  'resources',
  'trustedProxies',
  'underscores',
  'versions',
  'labels',
  'loadTimeoutMs',
  'drainMs',
  'streamDrainMs',
  'recovery',
  'figures',
  'metrics',
  'modules',
  'configFile',
  'containment',
  'lane',
  'accessLog',
  'tracing',
]

/** Those of a Turnout's options. */
export const servingSettings = (options: TurnoutOptions): ServingSettings =>
  Object.fromEntries(
    names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  )

export type { WorkerStatus }

/** What became of a worker process. */
export interface WorkerEvent {
  readonly kind: 'started' | 'ended' | 'replaced'
  readonly worker: number
  readonly pid: number
  /** Why it ended, or is replaced; null: it has started. */
  readonly reason: string | null
}

/** What serving is given beside its settings. */
export interface ServingWiring extends ResourceTelling {
  readonly settings: ServingSettings
  readonly log: Logger
  /** Whether each exchange is a line of the log. */
  readonly isLogged: boolean
  readonly onRetired: (version: RetiredVersion) => void
  readonly onUpstream: (event: UpstreamEvent) => void
  readonly onWorker: (event: WorkerEvent) => void
  /** Told of what code of a module did to the process; `fields` are the error's, for the log. */
  readonly onOffence: (offence: Offence, fields: LogFields) => void
}

/** How a worker process is contained beyond what every process of ours is. */
export type Contained = Pick<ContainmentOptions, 'blockedMs' | 'reportFd' | 'diesWithParent'>

/** Exchanges answered in this process. */
export interface Gateway {
  readonly serve: Serve
  readonly nodeServe: NodeServe
}

/** Whoever serves exchanges, in this process or in others. Open until `close`. */
export interface Serving {
  readonly worker: Worker
  /** Null: exchanges are served in other processes. */
  readonly gateway: Gateway | null
  /** Resolves when there is somebody to serve. Rejects with TURNOUT_WORKERS_FAILED. */
  open(): Promise<void>
  /** Binds a socket. Rejects with TURNOUT_LISTEN_FAILED, TURNOUT_TLS_FILES or TURNOUT_TLS_INVALID. */
  listen(place: ListenOptions): Promise<Listener>
  /** The admin API listens there: it is never reached through the gateway, whatever name leads there. */
  keepOut(port: number): void
  /** The worker processes; none: exchanges are served in this one. */
  workers(): readonly WorkerStatus[]
  /** What is counted and measured where exchanges are served; of all workers together. Empty: metrics are off. */
  readings(): Promise<Readings>
  /** Module versions that were disposed of, until some time after their collection. */
  retired(): readonly RetiredFacts[]
  /** What each process that serves is short of. */
  shortOf(): readonly (readonly ResourceName[])[]
  /** What this process is short of, where it does not serve. */
  ownShortage(): readonly ResourceName[]
  /** How this process bears what it is asked; null: it takes everything, or others serve. */
  overload(): OverloadStatus | null
  /**
   * Replaces each worker process by another, one after the other; nothing is dropped. What is in flight in the old ones
   * has until the deadline.
   */
  replaceAll(reason: string, deadlineMs: number): Promise<void>
  /** Retires everything and gives it back; what has not ended by the deadline is cut. */
  close(deadlineMs: number): Promise<void>
}

/** Serves in this process: what embedding uses, and each worker process, whose `place` is from 1. */
export class LocalServing implements Serving {
  readonly worker: InProcessWorker
  readonly gateway: Gateway
  readonly #log: Logger
  readonly #rules: ClientRules
  readonly #services: ServiceSet
  readonly #admission: Admission | null
  readonly #lane: LaneOptions | null
  readonly #containment: Containment | null
  /** Null: metrics are off. */
  readonly #counts: ListenerCounts | null
  readonly #meter: ProcessMeter | null
  readonly #totals: Totals<LocalServing>
  readonly #place: number
  readonly #tracer: Tracer | null
  readonly #resources: Resources | null
  #adminPort: number

  constructor(
    wiring: Omit<ServingWiring, 'onWorker'>,
    services: Readonly<Record<string, unknown>>,
    contained: Contained = {},
    place: number = 0,
  ) {
    const { settings, log, isLogged, onRetired, onUpstream, onOffence } = wiring
    const { recovery = true, bodyLimit = 1024 * 1024 } = settings
    this.#log = log
    this.#adminPort = 0
    const isMeasured = settings.metrics !== false
    this.#counts = isMeasured ? new ListenerCounts() : null
    this.#meter = isMeasured ? new ProcessMeter(place) : null
    this.#totals = new Totals()
    this.#place = place
    this.#services = new ServiceSet(services)
    this.#rules = {
      limits: limitsOf(settings.limits),
      underscores: settings.underscores ?? 'drop',
      trusted: parseTrusted(settings.trustedProxies ?? []),
      counts: this.#counts,
    }
    const { trusted, underscores } = this.#rules
    const tracer = openTracer(settings.tracing)
    this.#tracer = tracer
    this.#containment =
      settings.containment === true
        ? openContainment({
            ...contained,
            log,
            onOffence: (offence, error) =>
              onOffence(offence, error === null ? {} : mapError(error)),
          })
        : null
    this.#resources = watchResources({
      ...wiring,
      services: () => this.#services.opened,
      worker: () => this.worker,
      admission: () => this.#admission,
    })
    const resources = this.#resources
    this.worker = new InProcessWorker({
      ...(resources !== null && { trace: () => resources.trace() }),
      services: () => this.#services.open(),
      log,
      drainMs: settings.drainMs ?? 60_000,
      streamDrainMs: settings.streamDrainMs ?? 300_000,
      onRetired,
      isCounting: settings.figures ?? true,
      isMeasured,
      upstreams: {
        trusted,
        underscores,
        refuseAddress: (address, port) => this.#refuseAddress(address, port),
        onEvent: onUpstream,
        tracer,
      },
      guard: this.#containment,
      nodeRoutes: {
        path: { encodedSlash: settings.encodedSlash ?? 'reject' },
        isLoose: settings.trailingSlash === 'ignore',
      },
      modules: settings.modules ?? {},
      isolated: isolatedSetup(settings, services, bodyLimit, trusted),
    })
    const serve = createGateway(this.worker.live, {
      trailingSlash: settings.trailingSlash ?? 'strict',
      path: { encodedSlash: settings.encodedSlash ?? 'reject' },
      asking: compileAsking(askingOf(settings)),
      recovery: recovery ? (error, exchange) => tellRecovered(log, error, exchange) : null,
      onEnd: isLogged ? accessLog(log, settings.accessLog) : null,
      observer: tracer === null ? this.worker.observer : tracer.observer(this.worker.observer),
      ...(tracer !== null && { find: tracer.handlers(handlerOf) }),
      ...(this.#containment !== null && { onOpen: this.#containment.endsBy }),
    })
    const overload = overloadOf(settings.overload)
    this.#admission = overload === null ? null : new Admission(overload, log)
    const nodeServe = createNodeServe(serve, bodyLimit, this.#rules, this.#admission)
    this.gateway = { serve, nodeServe }
    this.#lane =
      (settings.lane ?? process.env['TURNOUT_LANE']) === 'safe'
        ? null
        : {
            serve:
              this.#admission === null ? serving(serve) : admittingLane(this.#admission, serve),
            needsNode: ({ method, target }) => this.worker.needsNode(method, target),
            bodyLimit,
          }
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  workers(): readonly WorkerStatus[] {
    return []
  }

  retired(): readonly RetiredFacts[] {
    return this.#resources?.retired ?? []
  }

  /** Another number: `retired` may say something new. */
  get retiredSerial(): string {
    return this.#resources?.serial ?? ''
  }

  shortOf(): readonly (readonly ResourceName[])[] {
    return [this.#resources?.over ?? []]
  }

  ownShortage(): readonly ResourceName[] {
    return []
  }

  /** What does not end, as counts. */
  get stuck(): StuckCounts | null {
    return this.#resources?.stuck ?? null
  }

  overload(): OverloadStatus | null {
    return this.#admission?.status() ?? null
  }

  replaceAll(): Promise<void> {
    return Promise.resolve()
  }

  async readings(): Promise<Readings> {
    this.#totals.take(this, await this.ownReadings(), performance.now())
    return this.#totals.merged()
  }

  /** What this process alone counts and measures. */
  async ownReadings(): Promise<Readings> {
    if (this.#meter === null) return {}
    const writer = new ReadingsWriter()
    this.worker.read(writer)
    this.#counts?.read(writer)
    writer.add('turnout_worker_revision', [String(this.#place)], this.worker.revision)
    const overload = this.overload()
    if (overload !== null) {
      writer.add('turnout_listener_refusals_total', ['TURNOUT_OVERLOADED'], overload.shed)
      writer.add('turnout_overload_waiting', [], overload.waiting)
      writer.add('turnout_overload_holding', [], overload.isHolding ? 1 : 0)
    }
    for (const [kind, count] of Object.entries(this.stuck ?? {}))
      writer.add('turnout_overdue', [kind], count)
    await this.#meter.read(writer)
    return writer.readings()
  }

  listen(place: ListenOptions): Promise<Listener> {
    return openListener(
      this.gateway.nodeServe,
      place,
      this.#rules,
      this.#log,
      this.#admission,
      this.#lane,
    )
  }

  keepOut(port: number): void {
    this.#adminPort = port
  }

  #refuseAddress(address: string, port: number): string | null {
    if (this.#adminPort !== 0 && port === this.#adminPort && isThisHost(address))
      return 'the admin API is there'
    return forbiddenAddress(address)
  }

  async close(deadlineMs: number): Promise<void> {
    this.#admission?.close()
    await this.worker.close(deadlineMs)
    this.#resources?.close()
    await this.#containment?.close()
    this.#meter?.close()
    await this.#tracer?.close()
    await this.#services.close((error) =>
      this.#log.error('a service did not close', mapError(error)),
    )
  }
}
