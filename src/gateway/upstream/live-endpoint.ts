import type { Endpoint, Labels } from '../../core/route/upstream.ts'
import type { Client, FailureKind, Origin } from './client.ts'

/** What an endpoint's results are told to. */
export interface EndpointWatcher {
  /** `status`: of an answer; `failure`: why there was none. */
  onResult(endpoint: LiveEndpoint, status: number | null, failure: FailureKind | null): void
  /** The last exchange inside has ended. */
  onIdle(endpoint: LiveEndpoint): void
}

const noLabels: Labels = {}

/** An address of an upstream with what has become of it. Its state outlives revisions that leave it alone. */
export class LiveEndpoint {
  /** Identity among the endpoints of its upstream. */
  readonly key: string
  readonly origin: Origin
  /** What `host` says of it. */
  readonly authority: string
  readonly #watcher: EndpointWatcher
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
  isEjected: boolean
  /** Since when it takes part: milliseconds of the monotonic clock. */
  admittedAt: number
  /** Takes nothing new; it is closed with its last exchange. */
  isDraining: boolean

  constructor(
    key: string,
    { weight, labels = noLabels }: Endpoint,
    origin: Origin,
    authority: string,
    client: Client,
    watcher: EndpointWatcher,
    now: number,
  ) {
    this.key = key
    this.origin = origin
    this.authority = authority
    this.#watcher = watcher
    this.client = client
    this.labels = labels
    this.baseWeight = weight
    this.weight = weight
    this.active = 0
    this.isHealthy = true
    this.isEjected = false
    this.admittedAt = now
    this.isDraining = false
  }

  enter(): void {
    this.active += 1
  }

  leave(): void {
    this.active -= 1
    if (this.active === 0 && this.isDraining) this.#watcher.onIdle(this)
  }

  note(status: number | null, failure: FailureKind | null): void {
    this.#watcher.onResult(this, status, failure)
  }
}
