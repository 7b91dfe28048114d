import { TurnoutError } from './core/errors.ts'
import { parseTrusted } from './core/http/forwarded.ts'
import { limitsOf } from './core/http/limits.ts'
import { overloadOf, type OverloadStatus } from './core/protect/overload.ts'
import type { LogFields, Logger } from './core/logger.ts'
import { thrownError } from './core/thrown.ts'
import { compileAsking } from './core/version/asking.ts'
import { askingOf } from './core/version/asking-parse.ts'
import type { Exchange } from './gateway/exchange.ts'
import { createGateway, type Serve } from './gateway/gateway.ts'
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
import { admittingLane } from './server/lane/admitting-lane.ts'
import type { LaneOptions } from './server/lane/lane.ts'
import { Admission } from './server/overload/admission.ts'
import type { WorkerItem as WorkerStatus } from './admin/answers.ts'
import { isolatedSetup } from './turnout-isolated.ts'
import type { TurnoutOptions } from './turnout-settings.ts'
import {
  openContainment,
  type Containment,
  type ContainmentOptions,
} from './worker/containment/containment.ts'
import type { Offence } from './worker/containment/offence.ts'
import { InProcessWorker } from './worker/in-process.ts'
import type { RetiredVersion, Worker } from './worker/worker.ts'

/** What exchanges are served by. Plain data: it goes to worker processes, too. */
export type ServingSettings = Pick<
  TurnoutOptions,
  | 'trailingSlash'
  | 'encodedSlash'
  | 'bodyLimit'
  | 'limits'
  | 'overload'
  | 'trustedProxies'
  | 'underscores'
  | 'versions'
  | 'labels'
  | 'loadTimeoutMs'
  | 'drainMs'
  | 'streamDrainMs'
  | 'recovery'
  | 'figures'
  | 'modules'
  | 'configFile'
  | 'containment'
  | 'lane'
>

const names: readonly (keyof ServingSettings)[] = [
  'trailingSlash',
  'encodedSlash',
  'bodyLimit',
  'limits',
  'overload',
  'trustedProxies',
  'underscores',
  'versions',
  'labels',
  'loadTimeoutMs',
  'drainMs',
  'streamDrainMs',
  'recovery',
  'figures',
  'modules',
  'configFile',
  'containment',
  'lane',
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
export interface ServingWiring {
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

/** Serves in this process: what embedding uses, and each worker process. */
export class LocalServing implements Serving {
  readonly worker: InProcessWorker
  readonly gateway: Gateway
  readonly #log: Logger
  readonly #rules: ClientRules
  readonly #services: ServiceSet
  readonly #admission: Admission | null
  readonly #lane: LaneOptions | null
  readonly #containment: Containment | null
  #adminPort: number

  constructor(
    { settings, log, isLogged, onRetired, onUpstream, onOffence }: Omit<ServingWiring, 'onWorker'>,
    services: Readonly<Record<string, unknown>>,
    contained: Contained = {},
  ) {
    const { recovery = true, bodyLimit = 1024 * 1024 } = settings
    this.#log = log
    this.#adminPort = 0
    this.#services = new ServiceSet(services)
    this.#rules = {
      limits: limitsOf(settings.limits),
      underscores: settings.underscores ?? 'drop',
      trusted: parseTrusted(settings.trustedProxies ?? []),
    }
    const { trusted, underscores } = this.#rules
    this.#containment =
      settings.containment === true
        ? openContainment({
            ...contained,
            log,
            onOffence: (offence, error) =>
              onOffence(offence, error === null ? {} : mapError(error)),
          })
        : null
    this.worker = new InProcessWorker({
      services: () => this.#services.open(),
      log,
      drainMs: settings.drainMs ?? 60_000,
      streamDrainMs: settings.streamDrainMs ?? 300_000,
      onRetired,
      isCounting: settings.figures ?? true,
      upstreams: {
        trusted,
        underscores,
        refuseAddress: (address, port) => this.#refuseAddress(address, port),
        onEvent: onUpstream,
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
      onEnd: isLogged ? (exchange) => tellEnded(log, exchange) : null,
      observer: this.worker.observer,
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
            serve: this.#admission === null ? serve : admittingLane(this.#admission, serve),
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

  overload(): OverloadStatus | null {
    return this.#admission?.status() ?? null
  }

  replaceAll(): Promise<void> {
    return Promise.resolve()
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
    await this.#containment?.close()
    await this.#services.close((error) =>
      this.#log.error('a service did not close', mapError(error)),
    )
  }
}

const tellRecovered = (log: Logger, error: unknown, exchange: Exchange): void => {
  const thrown = thrownError(error)
  if (thrown instanceof TurnoutError && thrown.status < 500) return
  log.error('a handler failed', {
    method: exchange.method,
    path: exchange.path,
    route_id: exchange.route?.id,
    revision: exchange.snapshot.revision,
    ...exchange.thrower,
    ...mapError(error),
  })
}

const tellEnded = (log: Logger, exchange: Exchange): void => {
  log.info('request', {
    method: exchange.method,
    path: exchange.path,
    status: exchange.status,
    duration_ms: Math.round((performance.now() - exchange.startedAt) * 1000) / 1000,
    route_id: exchange.route?.id,
    revision: exchange.snapshot.revision,
  })
}
