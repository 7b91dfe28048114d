import { diffMaps, getKey } from '../../core/persistent-map.ts'
import type { Filter } from '../../core/route/filter.ts'
import type { Route, Upstream } from '../../core/route/route.ts'
import { emptyTable, sameRoute, uriKey, usersOf, type Table } from '../../core/route/table.ts'
import type { Handler } from '../snapshot.ts'
import type { UpstreamEnvironment } from './environment.ts'
import { LiveUpstream } from './live-upstream.ts'
import { OpenStreams } from './open-streams.ts'

const stateKey = (filter: Filter): string =>
  filter.kind === 'bulkhead' ? filter.kind : JSON.stringify(filter)

/**
 * The upstreams of an instance, with all that has to outlive a revision: connections, health, breakers, open streams,
 * and what filters count. Applied in the turn of the swap, just before it. Open/close.
 */
export class Upstreams {
  readonly environment: UpstreamEnvironment
  readonly streams: OpenStreams
  /** Handlers of routes whose targets are data; found once for each route. */
  readonly handlers: WeakMap<Route, Handler>
  /** Of routes without filters, by what their targets say. */
  readonly shared: Map<string, Handler>
  readonly #named: Map<string, LiveUpstream>
  /** Those of a bare URI, made with their first exchange. */
  readonly #bare: Map<string, LiveUpstream>
  readonly #closing: Set<LiveUpstream>
  /** What filters keep, by route and by what they are. */
  readonly #states: Map<string, Map<string, unknown>>
  /** The newest table. */
  #table: Table
  #isApplying: boolean

  constructor(environment: UpstreamEnvironment) {
    this.environment = environment
    this.streams = new OpenStreams()
    this.handlers = new WeakMap()
    this.shared = new Map()
    this.#named = new Map()
    this.#bare = new Map()
    this.#closing = new Set()
    this.#states = new Map()
    this.#table = emptyTable
    this.#isApplying = false
  }

  /** One of a table; null: it has gone meanwhile. */
  get(name: string): LiveUpstream | null {
    return this.#named.get(name) ?? null
  }

  /** One by the name that its status has. */
  find(name: string): LiveUpstream | null {
    return this.#named.get(name) ?? this.#bare.get(name) ?? null
  }

  /** Names of all that are alive, in order. */
  names(): readonly string[] {
    return [...new Set([...this.#named.keys(), ...this.#bare.keys()])].sort()
  }

  /**
   * The one of a bare URI. An exchange of an earlier revision may ask for one that no route has any more; what it is given
   * serves it alone, and ends with it.
   */
  ofUri(uri: string): LiveUpstream {
    const known = this.#bare.get(uri)
    if (known !== undefined) return known
    const upstream: Upstream = {
      name: uri,
      owner: '',
      endpoints: [{ url: uri, weight: 1 }],
      metadata: null,
      revision: 0,
    }
    const live = this.#make(upstream)
    if (this.#isUsed(uri)) this.#bare.set(uri, live)
    // In this turn the exchange enters it; from then on it only drains.
    else queueMicrotask(() => this.#close(live))
    return live
  }

  /**
   * What a filter keeps; it lives on while the route's id and the filter's settings stay the same. That of a bulkhead, of
   * which a route has one, outlives other settings too: a change must not let in twice as many.
   */
  stateOf<State>(routeId: string, filter: Filter, make: () => State): State {
    const key = stateKey(filter)
    let states = this.#states.get(routeId)
    if (states === undefined) this.#states.set(routeId, (states = new Map()))
    const known = states.get(key) as State | undefined
    if (known !== undefined) return known
    const made = make()
    states.set(key, made)
    return made
  }

  /** All that are alive, for who wants to see them. */
  all(): readonly LiveUpstream[] {
    return [...this.#named.values(), ...this.#bare.values()]
  }

  /** Brings everything from one table to the next. Costs what was changed. */
  apply(before: Table, after: Table): void {
    this.#table = after
    this.#isApplying = true
    try {
      this.#bring(before, after)
    } finally {
      this.#isApplying = false
    }
  }

  #bring(before: Table, after: Table): void {
    for (const [name, , upstream] of diffMaps(before.upstreams, after.upstreams)) {
      const live = this.#named.get(name)
      if (upstream === undefined) {
        this.#named.delete(name)
        if (live !== undefined) this.#close(live)
      } else if (live === undefined) {
        this.#named.set(name, this.#make(upstream))
      } else live.update(upstream)
    }
    if (this.#bare.size > 0) {
      for (const [, route] of diffMaps(before.users, after.users))
        if (route?.target.kind === 'uri') this.#freeUnused(route.target.uri)
    }
    if (this.streams.size > 0 || this.#states.size > 0) {
      const changed = new Set<string>()
      for (const [id, route] of diffMaps(before.routes, after.routes)) {
        const next = getKey(after.routes, id)
        this.#forgetStates(id, next?.filters ?? [])
        if (route !== undefined && (next === undefined || !sameRoute(route, next))) changed.add(id)
      }
      this.streams.routesChanged(changed)
      this.streams.endpointsLeft()
    }
  }

  /** Forgets what filters of a route kept that are no longer there. */
  #forgetStates(routeId: string, filters: readonly Filter[]): void {
    const states = this.#states.get(routeId)
    if (states === undefined) return
    const kept = new Set(filters.map(stateKey))
    for (const key of states.keys()) if (!kept.has(key)) states.delete(key)
    if (states.size === 0) this.#states.delete(routeId)
  }

  #make(upstream: Upstream): LiveUpstream {
    return new LiveUpstream(upstream, this.environment, () => {
      // An apply looks at all of them once, when it is through.
      if (!this.#isApplying) this.streams.endpointsLeft()
    })
  }

  #isUsed(uri: string): boolean {
    return usersOf(this.#table, uriKey(uri)).next().done !== true
  }

  #freeUnused(uri: string): void {
    const live = this.#bare.get(uri)
    if (live === undefined || this.#isUsed(uri)) return
    this.#bare.delete(uri)
    this.#close(live)
  }

  #close(live: LiveUpstream): void {
    this.#closing.add(live)
    live.close(() => this.#closing.delete(live))
  }

  /** Closes all; what has not ended by the deadline is cut. */
  async close(deadlineMs: number): Promise<void> {
    const all = [...this.all(), ...this.#closing]
    this.#table = emptyTable
    this.#named.clear()
    this.#bare.clear()
    const left = all.filter((live) => !this.#closing.has(live))
    const closed = left.map((live) => new Promise<void>((resolve) => live.close(resolve)))
    const deadline = setTimeout(() => {
      for (const live of all) live.destroy()
    }, deadlineMs)
    await Promise.all(closed)
    clearTimeout(deadline)
  }
}
