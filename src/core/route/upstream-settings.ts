import type { Json } from '../json.ts'
import {
  defaultBreaker,
  defaultBulkhead,
  defaultHealthCheck,
  defaultOutlier,
  defaultSettings,
  defaultSlowStart,
  type BreakerSettings,
  type Upstream,
  type UpstreamSettings,
} from './upstream.ts'

const filled = new WeakMap<object, UpstreamSettings>()

/** Cookie of an affinity that names none. */
export const defaultAffinityCookie = 'turnout-affinity'
/** Where an answer of DNS has no time to live, and at most. */
export const defaultRefreshMs = 30_000

/** How an upstream is reached and protected: what it says, and the defaults for the rest. Made once for each. */
export function settingsOf({ settings }: Upstream): UpstreamSettings {
  if (settings === undefined) return defaultSettings
  const known = filled.get(settings)
  if (known !== undefined) return known
  const made = fill(settings)
  filled.set(settings, made)
  return made
}

/** `said` has the keys and kinds of the settings: `readSettings` lets nothing else through. */
function fill(said: { readonly [key: string]: Json }): UpstreamSettings {
  const over = <Section>(key: keyof UpstreamSettings, defaults: Section): Section =>
    said[key] === undefined ? defaults : { ...defaults, ...(said[key] as object) }
  const optional = <Section>(key: keyof UpstreamSettings, defaults: Section): Section | null =>
    said[key] === undefined || said[key] === false ? null : over(key, defaults)
  return {
    balancer: over('balancer', defaultSettings.balancer),
    affinity: optional('affinity', { cookie: defaultAffinityCookie, maxAgeSeconds: null }),
    healthCheck: optional('healthCheck', defaultHealthCheck),
    outlier: said['outlier'] === false ? null : over('outlier', defaultOutlier),
    slowStart: optional('slowStart', defaultSlowStart),
    discovery:
      (said['discovery'] as { readonly kind?: string } | undefined)?.kind === 'dns'
        ? over('discovery', { kind: 'dns', refreshMs: defaultRefreshMs })
        : defaultSettings.discovery,
    pool: over('pool', defaultSettings.pool),
    timeouts: over('timeouts', defaultSettings.timeouts),
    tls: over('tls', defaultSettings.tls),
    breaker: reachable(optional('breaker', defaultBreaker)),
    bulkhead: optional('bulkhead', defaultBulkhead),
  }
}

/** A window of so many calls never has more of them: as in Resilience4j, the minimum is at most its size. */
function reachable(breaker: BreakerSettings | null): BreakerSettings | null {
  if (breaker === null || breaker.slidingWindowType === 'TIME_BASED') return breaker
  const { minimumNumberOfCalls, slidingWindowSize } = breaker
  return { ...breaker, minimumNumberOfCalls: Math.min(minimumNumberOfCalls, slidingWindowSize) }
}
