import { defaultStreams, type StreamPolicy } from '../../core/route/filter.ts'
import type { Exchange } from '../exchange.ts'
import type { LiveEndpoint } from './live-endpoint.ts'

/** An exchange whose answer has no head yet. */
export interface Pending {
  readonly exchange: Exchange
  readonly endpoint: LiveEndpoint | null
}

interface Open {
  readonly exchange: Exchange
  readonly endpoint: LiveEndpoint
}

/** Why an exchange has to end, and when at the latest. */
interface Ending {
  readonly reason: string
  readonly deadline: NodeJS.Timeout
}

const policyOf = ({ route }: Exchange): StreamPolicy => route!.streams ?? defaultStreams

/**
 * Exchanges with endpoints: what a change of their route or endpoint does to them is their route's policy.
 *
 *     wait ──> settle ──> add ──> remove
 *       no head yet         answer under way
 *
 * Without a head nobody can tell a short request from a stream, and a short one is never failed by a change: until
 * then `close` is as `drain`.
 */
export class OpenStreams {
  readonly #pending: Set<Pending>
  readonly #byRoute: Map<string, Map<Exchange, Open>>
  readonly #ending: Map<Exchange, Ending>

  constructor() {
    this.#pending = new Set()
    this.#byRoute = new Map()
    this.#ending = new Map()
  }

  get size(): number {
    return this.#pending.size + this.#byRoute.size
  }

  wait(pending: Pending): void {
    this.#pending.add(pending)
  }

  settle(pending: Pending): void {
    this.#pending.delete(pending)
  }

  /** `isEndless`: the answer has no end of its own. */
  add(exchange: Exchange, endpoint: LiveEndpoint, isEndless: boolean): void {
    const { id } = exchange.route!
    let open = this.#byRoute.get(id)
    if (open === undefined) this.#byRoute.set(id, (open = new Map()))
    open.set(exchange, { exchange, endpoint })
    if (this.#ending.size === 0 || !isEndless) return
    const ending = this.#ending.get(exchange)
    if (ending === undefined || policyOf(exchange).onChange !== 'close') return
    // With its head out first: clients open a stream again that was cut, and give up on one that was refused.
    setImmediate(() => exchange.abort(ending.reason))
  }

  remove(exchange: Exchange): void {
    const { id } = exchange.route!
    const open = this.#byRoute.get(id)
    if (open?.delete(exchange) === true && open.size === 0) this.#byRoute.delete(id)
    if (this.#ending.size === 0) return
    clearTimeout(this.#ending.get(exchange)?.deadline)
    this.#ending.delete(exchange)
  }

  /** Routes were changed or removed. */
  routesChanged(ids: ReadonlySet<string>): void {
    const reason = 'its route was changed'
    for (const id of ids)
      for (const { exchange } of Array.from(this.#byRoute.get(id)?.values() ?? []))
        this.#end(exchange, reason)
    for (const { exchange } of this.#pending)
      if (ids.has(exchange.route!.id)) this.#endLater(exchange, reason)
  }

  /** Endpoints were removed. */
  endpointsLeft(): void {
    const reason = 'its endpoint was removed'
    for (const open of Array.from(this.#byRoute.values()))
      for (const { exchange, endpoint } of Array.from(open.values()))
        if (endpoint.isDraining) this.#end(exchange, reason)
    for (const { exchange, endpoint } of this.#pending)
      if (endpoint?.isDraining === true) this.#endLater(exchange, reason)
  }

  #end(exchange: Exchange, reason: string): void {
    if (policyOf(exchange).onChange === 'close') exchange.abort(reason)
    else this.#endLater(exchange, reason)
  }

  #endLater(exchange: Exchange, reason: string): void {
    const { onChange, drainMs } = policyOf(exchange)
    if (onChange === 'keep' || this.#ending.has(exchange)) return
    const deadline = setTimeout(() => exchange.abort(reason), drainMs).unref()
    this.#ending.set(exchange, { reason, deadline })
  }
}
