import { performance } from 'node:perf_hooks'
import { isDeepStrictEqual } from 'node:util'
import { createBalancer } from '../../core/balance/create-balancer.ts'
import type { Balancer } from '../../core/balance/balancer.ts'
import { slowStartWeight } from '../../core/balance/slow-start.ts'
import { compileSubset } from '../../core/balance/subset.ts'
import { createBreaker, type Breaker, type BreakerState } from '../../core/protect/breaker.ts'
import { createBulkhead, type Bulkhead } from '../../core/protect/bulkhead.ts'
import { createOutlierDetector, type OutlierDetector } from '../../core/protect/outlier.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { Labels, Upstream, UpstreamSettings } from '../../core/route/upstream.ts'
import { settingsOf } from '../../core/route/upstream-settings.ts'
import type { Exchange } from '../exchange.ts'
import type { Reply } from '../reply.ts'
import { affinityCookie, wantedKey } from './affinity.ts'
import { Call } from './call.ts'
import type { Client, FailureKind, Origin } from './client.ts'
import { Discovery, type Found } from './discovery.ts'
import type { Tracer } from '../trace/tracer.ts'
import { authorityOf, type UpstreamEnvironment } from './environment.ts'
import { tell } from './event.ts'
import { HealthChecks } from './health.ts'
import { hashKeyOf } from './hash-key.ts'
import { createClient, parseOrigin } from './http-client.ts'
import { LiveEndpoint, type EndpointWatcher } from './live-endpoint.ts'
import { readPem } from './pem.ts'
import type { UpstreamTally } from './upstream-counts.ts'
import { describeUpstream, wallTime, type UpstreamStatus } from './status.ts'

export type Admitted =
  | { readonly call: Call; readonly code: null }
  | { readonly call: null; readonly code: ErrorCode; readonly retryAfterMs: number }

const tickMs = 1_000
/** What the outlier detection is told of an exchange without an answer (Envoy maps them so). */
const failureStatus: Partial<Record<FailureKind, number>> = {
  connect: 503,
  tls: 503,
  closed: 503,
  invalid: 503,
  truncated: 503,
  'headers-timeout': 504,
  'idle-timeout': 504,
}

/**
 * An upstream as this instance knows it: its endpoints, and what has become of them. It lives on through every revision;
 * `update` keeps whatever the new settings leave alone. Open/close.
 */
export class LiveUpstream implements EndpointWatcher {
  readonly name: string
  /** Null: nobody counts. */
  readonly tally: UpstreamTally | null
  readonly #environment: UpstreamEnvironment
  /** Endpoints were removed with exchanges inside. */
  readonly #onLeft: () => void
  #upstream: Upstream
  #settings: UpstreamSettings
  readonly #endpoints: Map<string, LiveEndpoint>
  readonly #draining: Set<LiveEndpoint>
  #balancer: Balancer
  #breaker: Breaker | null
  #bulkhead: Bulkhead | null
  #outlier: OutlierDetector | null
  readonly #discovery: Discovery
  readonly #health: HealthChecks
  readonly #timer: NodeJS.Timeout
  /** Endpoints that may serve, by subset; made anew when one comes, goes, falls ill or recovers. */
  readonly #eligible: Map<Labels | undefined, readonly LiveEndpoint[]>
  #isWarming: boolean
  #isClosed: boolean
  #onClosed: (() => void) | null

  constructor(upstream: Upstream, environment: UpstreamEnvironment, onLeft: () => void) {
    const now = performance.now()
    this.name = upstream.name
    this.tally = environment.counts?.of(upstream.name) ?? null
    this.#environment = environment
    this.#onLeft = onLeft
    this.#upstream = upstream
    this.#settings = settingsOf(upstream)
    this.#endpoints = new Map()
    this.#draining = new Set()
    const { balancer, breaker, bulkhead, outlier } = this.#settings
    this.#balancer = createBalancer(balancer, environment.random)
    this.#breaker = breaker === null ? null : this.#makeBreaker(breaker, now)
    this.#bulkhead = bulkhead === null ? null : createBulkhead(bulkhead)
    this.#outlier = outlier === null ? null : this.#makeOutlier(outlier, now)
    this.#eligible = new Map()
    this.#isWarming = false
    this.#isClosed = false
    this.#onClosed = null
    this.#health = new HealthChecks(
      (endpoint, isHealthy, reason) => this.#judged(endpoint, isHealthy, reason),
      ({ key }) => this.#outlier?.healthCheckPassed(key, performance.now()),
    )
    this.#discovery = new Discovery(
      environment,
      (found) => this.#place(found),
      (host, error) => this.#resolved(host, error),
    )
    this.#timer = setInterval(() => this.#tick(), tickMs).unref()
    this.#discovery.update(upstream.endpoints, this.#settings.discovery)
    this.#health.update(this.#settings.healthCheck, [...this.#endpoints.values()])
  }

  get tracer(): Tracer | null {
    return this.#environment.tracer
  }

  get settings(): UpstreamSettings {
    return this.#settings
  }

  get upstream(): Upstream {
    return this.#upstream
  }

  get endpoints(): readonly LiveEndpoint[] {
    return [...this.#endpoints.values()]
  }

  get breaker(): Breaker | null {
    return this.#breaker
  }

  /** Exchanges that wait for a connection, or for a place. */
  get waiting(): number {
    let waiting = this.#bulkhead?.waiting ?? 0
    for (const { stats } of this.#endpoints.values()) waiting += stats.waiting
    return waiting
  }

  /** What it does now, with the endpoints that drain still. */
  status(): UpstreamStatus {
    const now = performance.now()
    if (this.#isWarming) this.#warm()
    const parts = {
      upstream: this.#upstream,
      settings: this.#settings,
      endpoints: [...this.#endpoints.values(), ...this.#draining],
      breaker: this.#breaker,
      bulkhead: this.#bulkhead,
      names: this.#discovery.names,
      checkOf: (endpoint: LiveEndpoint) => this.#health.resultOf(endpoint),
    }
    return describeUpstream(parts, now)
  }

  /** Brings the breaker into a state by hand; it stays through every revision that leaves its settings alone. False: there is none. */
  forceBreaker(state: BreakerState): boolean {
    this.#breaker?.forceTo(state, performance.now())
    return this.#breaker !== null
  }

  /** Takes a new revision of it; what is the same keeps its state. */
  update(upstream: Upstream): void {
    const before = this.#settings
    const after = settingsOf(upstream)
    const now = performance.now()
    const { random } = this.#environment
    this.#upstream = upstream
    this.#settings = after
    if (!isDeepStrictEqual(before.balancer, after.balancer))
      this.#balancer = createBalancer(after.balancer, random)
    if (!isDeepStrictEqual(before.breaker, after.breaker))
      this.#breaker = after.breaker === null ? null : this.#makeBreaker(after.breaker, now)
    if (!isDeepStrictEqual(before.bulkhead, after.bulkhead))
      this.#bulkhead = after.bulkhead === null ? null : createBulkhead(after.bulkhead)
    if (!isDeepStrictEqual(before.outlier, after.outlier)) {
      for (const endpoint of this.#endpoints.values()) endpoint.ejectedUntilAt = null
      this.#outlier = after.outlier === null ? null : this.#makeOutlier(after.outlier, now)
      this.#outlier?.retain(this.#endpoints.keys())
    }
    const isReached = (['pool', 'timeouts', 'tls'] as const).every((part) =>
      isDeepStrictEqual(before[part], after[part]),
    )
    if (!isReached) for (const endpoint of this.#endpoints.values()) this.#reconnect(endpoint)
    this.#discovery.update(upstream.endpoints, after.discovery)
    this.#health.update(after.healthCheck, [...this.#endpoints.values()])
    this.#eligible.clear()
  }

  /** Asks breaker and bulkhead. The call that is let in must be ended. */
  admit(): Admitted | Promise<Admitted> {
    // The call of who has nothing to protect has no use for the time.
    if (this.#breaker === null && this.#bulkhead === null) return unprotected
    const now = performance.now()
    const acquired = this.#breaker?.tryAcquire(now)
    if (acquired?.ok === false)
      return this.#refuse('TURNOUT_BREAKER_OPEN', acquired.retryAfterMs ?? 1_000)
    const permit = acquired?.permit ?? null
    const bulkhead = this.#bulkhead
    if (bulkhead === null || bulkhead.tryEnter())
      return { call: new Call(permit, bulkhead, now), code: null }
    return new Promise((resolve) => {
      const waiting = bulkhead.wait(now, () => {
        clearTimeout(timer)
        resolve({ call: new Call(permit, bulkhead, performance.now()), code: null })
      })
      const full = (): void => {
        permit?.release()
        resolve(this.#refuse('TURNOUT_BULKHEAD_FULL', 1_000))
      }
      const timer = setTimeout(
        () => {
          if (waiting?.cancel() === true) full()
        },
        Math.max(0, (waiting?.deadlineAt ?? now) - now),
      )
      if (waiting === null) {
        clearTimeout(timer)
        full()
      }
    })
  }

  #refuse(code: ErrorCode, retryAfterMs: number): Admitted {
    this.tally?.count('turnout_upstream_refusals_total', code)
    return refusal(code, retryAfterMs)
  }

  /**
   * Lets a copy in, which counts for no protection and takes nobody's place. An upstream that is in trouble is spared: that
   * of a breaker which is not closed, or of a bulkhead that is full.
   */
  admitCopy(): Admitted {
    const now = performance.now()
    const state = this.#breaker?.state(now)
    if (state === 'OPEN' || state === 'HALF_OPEN' || state === 'FORCED_OPEN')
      return refusal('TURNOUT_BREAKER_OPEN', 1_000)
    const most = this.#settings.bulkhead?.maxConcurrentCalls ?? Infinity
    if (this.#bulkhead !== null && this.#bulkhead.inFlight >= most)
      return refusal('TURNOUT_BULKHEAD_FULL', 1_000)
    return { call: new Call(null, null, now), code: null }
  }

  /** An endpoint for an exchange; one that was tried comes again only where there is no other. */
  pick(
    exchange: Exchange,
    subset: Labels | undefined,
    tried: readonly LiveEndpoint[],
  ): LiveEndpoint | null {
    let candidates = this.#candidates(subset)
    if (tried.length > 0 && candidates.length > 1) {
      const others = candidates.filter((one) => !tried.includes(one))
      if (others.length > 0) candidates = others
    }
    const { affinity, balancer } = this.#settings
    if (affinity !== null && tried.length === 0) {
      const wanted = wantedKey(affinity, exchange)
      const known = candidates.find(({ key }) => affinityCookie(key) === wanted)
      if (known !== undefined) return known
    }
    if (candidates.length === 1 && candidates[0]!.weight > 0) return candidates[0]!
    const key = balancer.kind === 'ring-hash' ? hashKeyOf(balancer.key, exchange.transport) : null
    return this.#balancer.pick(candidates, key)
  }

  /** Those that are well; where none is, all: an answer may come still, and none is sure otherwise. */
  #candidates(subset: Labels | undefined): readonly LiveEndpoint[] {
    if (this.#isWarming) this.#warm()
    const known = this.#eligible.get(subset)
    if (known !== undefined) return known
    const isIn = subset === undefined ? (): boolean => true : compileSubset(subset)
    const members = [...this.#endpoints.values()].filter(({ labels }) => isIn(labels))
    const well = members.filter(({ isHealthy, isEjected }) => isHealthy && !isEjected)
    const eligible = well.some(({ weight }) => weight > 0) ? well : members
    this.#eligible.set(subset, eligible)
    return eligible
  }

  /** What the client is told beside the answer: which endpoint it belongs to. */
  decorate(exchange: Exchange, { key }: LiveEndpoint, reply: Reply): void {
    const { affinity } = this.#settings
    if (affinity === null) return
    const own = affinityCookie(key)
    if (wantedKey(affinity, exchange) === own) return
    const age = affinity.maxAgeSeconds === null ? '' : `; Max-Age=${affinity.maxAgeSeconds}`
    const cookie = `${affinity.cookie}=${own}; Path=/; HttpOnly; SameSite=Lax${age}`
    reply.appendHeader('set-cookie', cookie)
  }

  onResult(
    endpoint: LiveEndpoint,
    status: number | null,
    failure: FailureKind | null,
    now: number,
  ): void {
    const told = failure === null ? status : (failureStatus[failure] ?? null)
    if (told === null) return
    endpoint.consecutiveFailures = told >= 500 ? endpoint.consecutiveFailures + 1 : 0
    this.#outlier?.record(endpoint.key, told, now)
  }

  onIdle(endpoint: LiveEndpoint): void {
    if (!this.#draining.delete(endpoint)) return
    endpoint.client.close(() => undefined)
    this.#endIfIdle()
  }

  report(endpoint: LiveEndpoint, reason: string, { trace, route }: Exchange): void {
    this.#environment.log.warn('an upstream failed', {
      trace_id: trace.traceId,
      route_id: route?.id,
      upstream: this.name,
      endpoint: endpoint.key,
      reason,
    })
  }

  /** Takes nothing new; `onClosed` when the last exchange has ended. */
  close(onClosed: () => void): void {
    this.#isClosed = true
    this.#onClosed = onClosed
    clearInterval(this.#timer)
    this.#discovery.close()
    this.#health.close()
    this.#place([])
    this.#endIfIdle()
  }

  /** Ends everything now. */
  destroy(): void {
    for (const endpoint of [...this.#endpoints.values(), ...this.#draining]) endpoint.destroy()
  }

  #endIfIdle(): void {
    if (!this.#isClosed || this.#draining.size > 0) return
    this.#onClosed?.()
    this.#onClosed = null
  }

  /** Brings the endpoints to what was found; those that stay keep their state. */
  #place(found: readonly Found[]): void {
    const now = performance.now()
    const wanted = new Map(found.map((one) => [one.key, one]))
    let hasLeft = false
    for (const [key, endpoint] of this.#endpoints) {
      if (wanted.has(key)) continue
      this.#endpoints.delete(key)
      this.#health.remove(endpoint)
      endpoint.isDraining = true
      this.#draining.add(endpoint)
      if (endpoint.active === 0) this.onIdle(endpoint)
      else hasLeft = true
    }
    const isFirst = this.#endpoints.size === 0
    for (const { key, endpoint, address } of found) {
      const known = this.#endpoints.get(key)
      if (known !== undefined) {
        known.labels = endpoint.labels ?? {}
        known.baseWeight = endpoint.weight
        known.weight = endpoint.weight
        continue
      }
      const named = parseOrigin(endpoint.url)
      const origin = address === null ? named : { ...named, host: address }
      const client = this.#connect(origin, named)
      const added = new LiveEndpoint(key, endpoint, origin, authorityOf(named), client, this, now)
      this.#endpoints.set(key, added)
      // The first ones have nobody else to leave the work to.
      if (!isFirst && this.#settings.slowStart !== null) this.#isWarming = true
      else added.admittedAt = -Infinity
      this.#health.add(added)
    }
    this.#outlier?.retain(this.#endpoints.keys())
    this.#eligible.clear()
    if (hasLeft) this.#onLeft()
  }

  #connect(origin: Origin, named: Origin): Client {
    const { pool, timeouts, tls } = this.#settings
    const serverName = tls.serverName ?? named.host
    return createClient(origin, {
      pool,
      timeouts,
      tls: { ...tls, serverName },
      pem: named.protocol === 'https:' ? readPem(tls, this.#environment.log) : {},
      refuseAddress: this.#environment.refuseAddress,
      onLeak: (label, heldMs) => {
        this.tally?.count('turnout_upstream_connection_leaks_total')
        this.#environment.log.warn('a connection is held for long', {
          upstream: this.name,
          endpoint: authorityOf(origin),
          held_by: label,
          held_ms: Math.round(heldMs),
        })
      },
    })
  }

  #reconnect(endpoint: LiveEndpoint): void {
    const named = this.#upstream.endpoints.find(
      ({ url }) => endpoint.key === url || endpoint.key.startsWith(`${url} `),
    )
    endpoint.reconnect(
      this.#connect(
        endpoint.origin,
        named === undefined ? endpoint.origin : parseOrigin(named.url),
      ),
    )
  }

  #makeBreaker(settings: NonNullable<UpstreamSettings['breaker']>, now: number): Breaker {
    return createBreaker(settings, now, (from, to) =>
      tell(this.#environment, { kind: 'breaker', upstream: this.name, from, to }),
    )
  }

  #makeOutlier(settings: NonNullable<UpstreamSettings['outlier']>, now: number): OutlierDetector {
    return createOutlierDetector(settings, this.#environment.random, now, (change, changedAt) => {
      const endpoint = this.#endpoints.get(change.key)
      if (endpoint === undefined) return
      const at = { upstream: this.name, endpoint: change.key }
      this.#eligible.clear()
      if (change.kind === 'ejected') {
        endpoint.ejectedUntilAt = change.untilAt
        const until = wallTime(change.untilAt, changedAt)
        tell(this.#environment, { kind: 'ejected', ...at, cause: change.cause, until })
      } else {
        endpoint.ejectedUntilAt = null
        this.#readmit(endpoint)
        tell(this.#environment, { kind: 'readmitted', ...at })
      }
    })
  }

  #judged(endpoint: LiveEndpoint, isHealthy: boolean, reason: string): void {
    endpoint.isHealthy = isHealthy
    if (isHealthy) this.#readmit(endpoint)
    this.#eligible.clear()
    const at = { upstream: this.name, endpoint: endpoint.key }
    if (isHealthy) tell(this.#environment, { kind: 'healthy', ...at })
    else tell(this.#environment, { kind: 'unhealthy', ...at, reason })
  }

  #resolved(name: string, error: string | null): void {
    const at = { upstream: this.name, name }
    if (error === null) tell(this.#environment, { kind: 'resolved', ...at })
    else tell(this.#environment, { kind: 'unresolved', ...at, error })
  }

  #readmit(endpoint: LiveEndpoint): void {
    endpoint.admittedAt = performance.now()
    this.#isWarming = this.#settings.slowStart !== null
  }

  /** Weights of the endpoints that start slowly. */
  #warm(): void {
    const { slowStart } = this.#settings
    const now = performance.now()
    this.#isWarming = false
    for (const endpoint of this.#endpoints.values()) {
      const age = now - endpoint.admittedAt
      const isYoung = slowStart !== null && age < slowStart.windowMs
      if (isYoung) this.#isWarming = true
      endpoint.weight = isYoung
        ? slowStartWeight(endpoint.baseWeight, slowStart, endpoint.admittedAt, now)
        : endpoint.baseWeight
    }
  }

  #tick(): void {
    const now = performance.now()
    this.#breaker?.tick(now)
    this.#outlier?.tick(now)
  }
}

/** Holds nothing, and tells nobody. */
const unprotected: Admitted = { call: new Call(null, null, 0), code: null }

const refusal = (code: ErrorCode, retryAfterMs: number): Admitted => ({
  call: null,
  code,
  retryAfterMs,
})
