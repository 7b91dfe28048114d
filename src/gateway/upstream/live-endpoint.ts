import type { Endpoint, Labels } from '../../core/route/upstream.ts'
import type { Client, ClientStats, FailureKind, Origin } from './client.ts'

/** What an endpoint's results are told to. */
export interface EndpointWatcher {
  /** `status`: of an answer; `failure`: why there was none. `now`: on the monotonic clock. */
  onResult(
    endpoint: LiveEndpoint,
    status: number | null,
    failure: FailureKind | null,
    now: number,
  ): void
  /** The last exchange inside has ended. */
  onIdle(endpoint: LiveEndpoint): void
}

const noLabels: Labels = {}

/** An address of an upstream with what has become of it. Its state outlives revisions that leave it alone. */
export class LiveEndpoint {
  /** Identity among the endpoints of its upstream. */
  readonly key: string
  /** As authored. */
  readonly url: string
  readonly origin: Origin
  /** What `host` says of it. */
  readonly authority: string
  readonly #watcher: EndpointWatcher
  /** Clients with earlier settings whose last exchanges are under way. */
  readonly #replaced: Set<Client>
  client: Client
  labels: Labels
  /** As authored. */
  baseWeight: number
  /** What the balancer goes by: less than authored while it starts slowly. */
  weight: number
  /** Exchanges inside. */
  active: number
  /** What active health checks say. */
  isHealthy: boolean
  /** By its answers, until then at least: milliseconds of the monotonic clock; null: it is not. */
  ejectedUntilAt: number | null
  /** Bad answers, and none, since the last good one. */
  consecutiveFailures: number
  /** Since when it takes part: milliseconds of the monotonic clock. */
  admittedAt: number
  /** Takes nothing new; it is closed with its last exchange. */
  isDraining: boolean

  constructor(
    key: string,
    { url, weight, labels = noLabels }: Endpoint,
    origin: Origin,
    authority: string,
    client: Client,
    watcher: EndpointWatcher,
    now: number,
  ) {
    this.key = key
    this.url = url
    this.origin = origin
    this.authority = authority
    this.#watcher = watcher
    this.#replaced = new Set()
    this.client = client
    this.labels = labels
    this.baseWeight = weight
    this.weight = weight
    this.active = 0
    this.isHealthy = true
    this.ejectedUntilAt = null
    this.consecutiveFailures = 0
    this.admittedAt = now
    this.isDraining = false
  }

  get isEjected(): boolean {
    return this.ejectedUntilAt !== null
  }

  /** Of all its connections. */
  get stats(): ClientStats {
    let { connections, idle, waiting, upgraded } = this.client.stats
    for (const { stats } of this.#replaced) {
      connections += stats.connections
      idle += stats.idle
      waiting += stats.waiting
      upgraded += stats.upgraded
    }
    return { connections, idle, waiting, upgraded }
  }

  /** New exchanges use another client; those that are under way end on theirs. */
  reconnect(client: Client): void {
    const before = this.client
    this.client = client
    this.#replaced.add(before)
    before.close(() => this.#replaced.delete(before))
  }

  /** Ends everything now. */
  destroy(): void {
    for (const client of [this.client, ...this.#replaced]) client.destroy()
  }

  enter(): void {
    this.active += 1
  }

  leave(): void {
    this.active -= 1
    if (this.active === 0 && this.isDraining) this.#watcher.onIdle(this)
  }

  note(status: number | null, failure: FailureKind | null, now: number): void {
    this.#watcher.onResult(this, status, failure, now)
  }
}
