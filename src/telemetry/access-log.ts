import { isInShare } from '../core/http/trace-context.ts'
import type { AccessLogSettings } from '../core/access-log-settings.ts'
import type { Logger } from '../core/logger.ts'
import { moduleNameOf, type Route } from '../core/route/route.ts'
import { getKey } from '../core/persistent-map.ts'
import type { Exchange } from '../gateway/exchange.ts'

const usualSlowMs = 1_000

/** Null: none of them is. */
export function accessLog(
  log: Logger,
  option: boolean | AccessLogSettings = true,
): ((exchange: Exchange) => void) | null {
  if (option === false) return null
  const { sample = 1, slowMs = usualSlowMs, client = false } = option === true ? {} : option
  return (exchange) => {
    const durationMs = performance.now() - exchange.startedAt
    const { traceId } = exchange.trace
    const isKept =
      sample < 1 && (hasFailed(exchange) || (durationMs >= slowMs && !exchange.isEndless))
    if (!isKept && !isInShare(traceId, sample)) return
    const { route } = exchange
    const target = route?.target
    const module = target?.kind === 'module' ? moduleOf(exchange, target.module) : undefined
    // Of one shape for all, and no copy of another object: that would cost more than the line.
    log.info('request', {
      trace_id: traceId,
      method: exchange.method,
      path: exchange.path,
      status: exchange.status,
      duration_ms: Math.round(durationMs * 1000) / 1000,
      route_id: route?.id,
      revision: exchange.snapshot.revision,
      module: module?.name,
      module_version: module?.version,
      upstream: target === undefined ? undefined : upstreamOf(target),
      endpoint: exchange.endpoint?.key,
      outcome: exchange.abortReason ?? exchange.failure ?? undefined,
      client: client ? exchange.transport.clientAddress() : undefined,
      sample: isKept ? 1 : sample,
    })
  }
}

const hasFailed = ({ status, fault, abortReason, failure }: Exchange): boolean =>
  status >= 500 || fault >= 500 || abortReason !== null || failure === 'TURNOUT_CLIENT_LEFT'

/** What a module of the table calls itself; the version only where its code is live. */
function moduleOf(
  { snapshot }: Exchange,
  key: string,
): { readonly name: string | undefined; readonly version: string | undefined } {
  const live = snapshot.versions.get(key)
  if (live !== undefined) return live
  const reference = getKey(snapshot.table.modules, key)
  return {
    name: reference === undefined ? undefined : moduleNameOf(reference),
    version: undefined,
  }
}

const upstreamOf = (target: Route['target']): string | undefined => {
  if (target.kind === 'upstream') return target.upstream
  return target.kind === 'uri' ? target.uri : undefined
}
