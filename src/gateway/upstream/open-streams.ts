import { defaultStreams } from '../../core/route/filter.ts'
import type { Exchange } from '../exchange.ts'
import type { LiveEndpoint } from './live-endpoint.ts'

interface Open {
  readonly endpoint: LiveEndpoint
  deadline: NodeJS.Timeout | null
}

/** Exchanges whose answers are under way, by route: what a change of their route or endpoint does to them is their route's policy. */
export class OpenStreams {
  readonly #byRoute: Map<string, Map<Exchange, Open>>

  constructor() {
    this.#byRoute = new Map()
  }

  get size(): number {
    return this.#byRoute.size
  }

  add(exchange: Exchange, endpoint: LiveEndpoint): void {
    const id = exchange.route!.id
    let open = this.#byRoute.get(id)
    if (open === undefined) this.#byRoute.set(id, (open = new Map()))
    open.set(exchange, { endpoint, deadline: null })
  }

  remove(exchange: Exchange): void {
    const id = exchange.route!.id
    const open = this.#byRoute.get(id)
    const one = open?.get(exchange)
    if (one === undefined) return
    if (one.deadline !== null) clearTimeout(one.deadline)
    open!.delete(exchange)
    if (open!.size === 0) this.#byRoute.delete(id)
  }

  /** A route was changed or removed. */
  routeChanged(id: string): void {
    for (const exchange of Array.from(this.#byRoute.get(id)?.keys() ?? []))
      this.#end(exchange, 'its route was changed')
  }

  /** Endpoints were removed. */
  endpointsLeft(): void {
    for (const open of Array.from(this.#byRoute.values()))
      for (const [exchange, { endpoint }] of Array.from(open))
        if (endpoint.isDraining) this.#end(exchange, 'its endpoint was removed')
  }

  #end(exchange: Exchange, reason: string): void {
    const one = this.#byRoute.get(exchange.route!.id)?.get(exchange)
    if (one === undefined || one.deadline !== null) return
    const { onChange, drainMs } = exchange.route!.streams ?? defaultStreams
    if (onChange === 'close') exchange.abort(reason)
    if (onChange === 'drain')
      one.deadline = setTimeout(() => exchange.abort(reason), drainMs).unref()
  }
}
