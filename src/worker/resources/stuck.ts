import type { ResourceEvent, ResourceSettings } from '../../core/protect/resources.ts'
import type { Exchange } from '../../gateway/exchange.ts'
import type { UnderWay } from '../../gateway/upstream/open-streams.ts'

/** What is under way in a worker. */
export interface UnderWayLook {
  /** Exchanges in modules, by version. */
  inModules(): Iterable<Exchange>
  /** Exchanges with upstreams. */
  withUpstreams(): Iterable<UnderWay>
  /** How many wait, by upstream; null: for a place in the worker. */
  waiting(): Iterable<readonly [string | null, number]>
}

/** What is counted of them, as plain numbers. */
export interface StuckCounts {
  /** Exchanges without an answer for longer than the threshold, now. */
  readonly exchanges: number
  /** Connections of upstreams that are held longer than the exchange that took them, now. */
  readonly connections: number
  /** Waiting lists that were not empty for longer than the threshold, now. */
  readonly waiting: number
}

const mostTold = 20

/**
 * Looks, once in a while, at what should have ended: exchanges without an answer, connections that are kept after their
 * exchange, waiting lists that never empty. It goes through lists that are there anyway: an exchange costs nothing.
 * An answer whose head is out is a stream as far as this goes; who does not read it is cut by its connection.
 */
export class Stuck {
  readonly #settings: Pick<ResourceSettings, 'exchangeMs' | 'waitingMs'>
  readonly #look: UnderWayLook
  readonly #onEvent: (event: ResourceEvent) => void
  readonly #told: WeakSet<object>
  /** What had moved of old exchanges at the look before. */
  readonly #moved: WeakMap<Exchange, number>
  /** Exchanges that were over at the look before, and their connection was not given back. */
  #kept: Map<UnderWay, number>
  /** Since when each was not empty; told: that it is so. */
  readonly #waiting: Map<string | null, { readonly since: number; isTold: boolean }>
  #counts: StuckCounts

  constructor(
    settings: Pick<ResourceSettings, 'exchangeMs' | 'waitingMs'>,
    look: UnderWayLook,
    onEvent: (event: ResourceEvent) => void,
  ) {
    this.#settings = settings
    this.#look = look
    this.#onEvent = onEvent
    this.#told = new WeakSet()
    this.#moved = new WeakMap()
    this.#kept = new Map()
    this.#waiting = new Map()
    this.#counts = { exchanges: 0, connections: 0, waiting: 0 }
  }

  get counts(): StuckCounts {
    return this.#counts
  }

  /** `now`: on the clock of `performance.now`. */
  sweep(now: number = performance.now()): void {
    let left = mostTold
    const told = (event: ResourceEvent): void => {
      if ((left -= 1) >= 0) this.#onEvent(event)
    }
    this.#counts = {
      exchanges: this.#sweepExchanges(now, told),
      connections: this.#sweepConnections(now, told),
      waiting: this.#sweepWaiting(now, told),
    }
  }

  #sweepExchanges(now: number, tell: (event: ResourceEvent) => void): number {
    const { exchangeMs } = this.#settings
    if (exchangeMs === 0) return 0
    let count = 0
    const look = (exchange: Exchange, upstream: string | null): void => {
      const { startedAt, transport, route } = exchange
      const ageMs = now - startedAt
      if (startedAt === 0 || ageMs < exchangeMs || !isMeant(exchange)) return
      const before = this.#moved.get(exchange)
      const moved = transport.bytesMoved?.() ?? 0
      this.#moved.set(exchange, moved)
      if (moved !== before) return
      count += 1
      if (this.#told.has(exchange)) return
      this.#told.add(exchange)
      tell({
        resource: 'exchange',
        level: 'over',
        value: Math.round(ageMs),
        threshold: exchangeMs,
        worker: null,
        route: route?.id ?? '',
        method: exchange.method,
        upstream,
      })
    }
    for (const one of this.#look.inModules()) look(one, null)
    for (const { exchange } of this.#look.withUpstreams()) look(exchange, upstreamOf(exchange))
    return count
  }

  #sweepConnections(now: number, tell: (event: ResourceEvent) => void): number {
    const { exchangeMs } = this.#settings
    const kept = new Map<UnderWay, number>()
    let count = 0
    for (const one of this.#look.withUpstreams()) {
      const { exchange } = one
      // A mirror's copy has a client of its own, and a tunnel no end that its exchange would know of.
      if (!exchange.isOver || exchange.mirrored || exchange.isEndless || exchangeMs === 0) continue
      const since = this.#kept.get(one) ?? now
      kept.set(one, since)
      if (now - since < exchangeMs) continue
      count += 1
      if (this.#told.has(one)) continue
      this.#told.add(one)
      tell({
        resource: 'connection',
        level: 'over',
        value: Math.round(now - since),
        threshold: exchangeMs,
        worker: null,
        upstream: upstreamOf(exchange) ?? '',
        label: `${exchange.method} ${exchange.pattern}`,
      })
    }
    this.#kept = kept
    return count
  }

  #sweepWaiting(now: number, tell: (event: ResourceEvent) => void): number {
    const { waitingMs } = this.#settings
    if (waitingMs === 0) return 0
    const seen = new Set<string | null>()
    let count = 0
    const say = (upstream: string | null, level: 'over' | 'under', value: number): void =>
      tell({
        resource: 'waiting',
        level,
        value: Math.round(value),
        threshold: waitingMs,
        worker: null,
        upstream,
      })
    for (const [upstream, waiting] of this.#look.waiting()) {
      if (waiting === 0) continue
      seen.add(upstream)
      const known = this.#waiting.get(upstream) ?? { since: now, isTold: false }
      this.#waiting.set(upstream, known)
      if (now - known.since < waitingMs) continue
      count += 1
      if (known.isTold) continue
      known.isTold = true
      say(upstream, 'over', now - known.since)
    }
    for (const [upstream, { since, isTold }] of this.#waiting) {
      if (seen.has(upstream)) continue
      this.#waiting.delete(upstream)
      if (isTold) say(upstream, 'under', now - since)
    }
    return count
  }
}

/** It waits for its answer; a copy has nobody who waits, and a tunnel is an answer. */
const isMeant = ({ isOver, isEndless, mirrored, transport }: Exchange): boolean =>
  !isOver && !isEndless && !mirrored && !transport.isHeadSent

const upstreamOf = ({ route }: Exchange): string | null =>
  route?.target.kind === 'upstream' ? route.target.upstream : null
