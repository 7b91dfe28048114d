import type { BreakerState } from '../../core/protect/breaker.ts'
import type { OutlierCause } from '../../core/protect/outlier.ts'
import type { UpstreamEnvironment } from './environment.ts'

/** What became of an upstream by itself, or by hand, while it serves. Instants are ISO 8601. */
export type UpstreamEvent =
  | {
      readonly kind: 'ejected'
      readonly upstream: string
      readonly endpoint: string
      readonly cause: OutlierCause
      /** It comes back with the first sweep from then on. */
      readonly until: string
    }
  | { readonly kind: 'readmitted'; readonly upstream: string; readonly endpoint: string }
  /** By active health checks. */
  | { readonly kind: 'healthy'; readonly upstream: string; readonly endpoint: string }
  | {
      readonly kind: 'unhealthy'
      readonly upstream: string
      readonly endpoint: string
      readonly reason: string
    }
  | {
      readonly kind: 'breaker'
      readonly upstream: string
      readonly from: BreakerState
      readonly to: BreakerState
    }
  /** A name began to give no address; the last good ones are kept. */
  | {
      readonly kind: 'unresolved'
      readonly upstream: string
      readonly name: string
      readonly error: string
    }
  | { readonly kind: 'resolved'; readonly upstream: string; readonly name: string }

const lines = {
  ejected: ['warn', 'an endpoint was ejected'],
  readmitted: ['info', 'an endpoint was readmitted'],
  healthy: ['info', 'an endpoint is healthy'],
  unhealthy: ['warn', 'an endpoint is unhealthy'],
  breaker: ['info', 'a breaker changed'],
  unresolved: ['warn', 'a name of an upstream gives no address'],
  resolved: ['info', 'a name of an upstream gives addresses again'],
} as const

/** Writes it to the log, counts it, and tells who listens. */
export function tell({ log, counts, onEvent }: UpstreamEnvironment, event: UpstreamEvent): void {
  const { kind, ...fields } = event
  const [level, message] = lines[kind]
  const isLoud = event.kind === 'breaker' && (event.to === 'OPEN' || event.to === 'FORCED_OPEN')
  log[isLoud ? 'warn' : level](message, fields)
  counts?.told(event)
  onEvent(event)
}
