import type { BreakerStatus, EndpointStatus, UpstreamStatus } from '../gateway/upstream/status.ts'
import type { Draining } from '../worker/worker.ts'

const sum = <Value>(all: readonly Value[], of: (one: Value) => number): number =>
  all.reduce((total, one) => total + of(one), 0)

/** The one that wants to be seen most. */
const worst = <Value>(all: readonly Value[], order: readonly Value[]): Value =>
  order.find((one) => all.includes(one)) ?? all[0]!

const latest = (all: readonly (string | null)[]): string | null =>
  all.reduce((max, one) => (max === null || (one !== null && one > max) ? one : max), null)

const mean = (
  parts: readonly { readonly rate: number | null; readonly of: number }[],
): number | null => {
  const known = parts.filter(({ rate }) => rate !== null)
  const weight = sum(known, ({ of }) => of)
  if (known.length === 0) return null
  return weight === 0 ? known[0]!.rate : sum(known, ({ rate, of }) => rate! * of) / weight
}

const states = ['ejected', 'unhealthy', 'draining', 'slow-start', 'healthy'] as const
const breakerStates = [
  'FORCED_OPEN',
  'OPEN',
  'HALF_OPEN',
  'CLOSED',
  'METRICS_ONLY',
  'DISABLED',
] as const

/** What an upstream does in several workers, as one: counts add up, of states the one that wants to be seen most. */
export function mergeStatus(all: readonly UpstreamStatus[]): UpstreamStatus | null {
  const [first] = all
  if (first === undefined || all.length === 1) return first ?? null
  const places = new Map<string, EndpointStatus[]>()
  for (const endpoint of all.flatMap(({ endpoints }) => endpoints)) {
    const key = `${endpoint.url} ${endpoint.address}`
    const place = places.get(key)
    if (place === undefined) places.set(key, [endpoint])
    else place.push(endpoint)
  }
  const breakers = all.flatMap(({ breaker }) => breaker ?? [])
  const bulkheads = all.flatMap(({ bulkhead }) => bulkhead ?? [])
  return {
    ...first,
    endpoints: [...places.values()].map(mergeEndpoint),
    active: sum(all, ({ active }) => active),
    waiting: sum(all, ({ waiting }) => waiting),
    breaker: breakers.length === 0 ? null : mergeBreaker(breakers),
    bulkhead:
      bulkheads.length === 0
        ? null
        : {
            inFlight: sum(bulkheads, ({ inFlight }) => inFlight),
            maxConcurrentCalls: sum(bulkheads, ({ maxConcurrentCalls }) => maxConcurrentCalls),
            waiting: sum(bulkheads, ({ waiting }) => waiting),
            maxWaitingCalls: sum(bulkheads, ({ maxWaitingCalls }) => maxWaitingCalls),
          },
  }
}

const mergeEndpoint = (all: readonly EndpointStatus[]): EndpointStatus => {
  const connections = all.map((one) => one.connections)
  const checks = all.flatMap(({ check }) => check ?? [])
  return {
    ...all[0]!,
    effectiveWeight: sum(all, ({ effectiveWeight }) => effectiveWeight) / all.length,
    state: worst(
      all.map(({ state }) => state),
      states,
    ),
    ejectedUntil: latest(all.map(({ ejectedUntil }) => ejectedUntil)),
    active: sum(all, ({ active }) => active),
    connections: {
      open: sum(connections, ({ open }) => open),
      idle: sum(connections, ({ idle }) => idle),
      upgraded: sum(connections, ({ upgraded }) => upgraded),
    },
    waiting: sum(all, ({ waiting }) => waiting),
    consecutiveFailures: Math.max(...all.map(({ consecutiveFailures }) => consecutiveFailures)),
    check: checks.sort((left, right) => (left.at < right.at ? 1 : -1))[0] ?? null,
  }
}

const mergeBreaker = (all: readonly BreakerStatus[]): BreakerStatus => ({
  state: worst(
    all.map(({ state }) => state),
    breakerStates,
  ),
  failureRate: mean(all.map((one) => ({ rate: one.failureRate, of: one.bufferedCalls }))),
  slowCallRate: mean(all.map((one) => ({ rate: one.slowCallRate, of: one.bufferedCalls }))),
  bufferedCalls: sum(all, ({ bufferedCalls }) => bufferedCalls),
  failedCalls: sum(all, ({ failedCalls }) => failedCalls),
  slowCalls: sum(all, ({ slowCalls }) => slowCalls),
  notPermittedCalls: sum(all, ({ notPermittedCalls }) => notPermittedCalls),
  openUntil: latest(all.map(({ openUntil }) => openUntil)),
})

/** Versions that drain in several workers, each once. */
export function mergeDraining(all: readonly Draining[]): readonly Draining[] {
  const found = new Map<string, Draining>()
  for (const one of all) {
    const key = `${one.module} ${one.version}`
    const known = found.get(key)
    found.set(
      key,
      known === undefined
        ? one
        : {
            ...known,
            exchanges: known.exchanges + one.exchanges,
            timers: known.timers + one.timers,
            listeners: known.listeners + one.listeners,
            since: known.since < one.since ? known.since : one.since,
            routes: [...known.routes, ...one.routes].slice(0, 5),
          },
    )
  }
  return [...found.values()]
}
