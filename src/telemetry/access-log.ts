import { isInShare } from '../core/http/trace-context.ts'
import type { AccessLogSettings } from '../core/access-log-settings.ts'
import type { LogFields, Logger } from '../core/logger.ts'
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
    log.info('request', {
      trace_id: traceId,
      method: exchange.method,
      path: exchange.path,
      status: exchange.status,
      duration_ms: Math.round(durationMs * 1000) / 1000,
      route_id: exchange.route?.id,
      revision: exchange.snapshot.revision,
      ...targetFields(exchange),
      outcome: exchange.abortReason ?? exchange.failure ?? undefined,
      client: client ? exchange.transport.clientAddress() : undefined,
      sample: isKept ? 1 : sample,
    })
  }
}

const hasFailed = ({ status, fault, abortReason, failure }: Exchange): boolean =>
  status >= 500 || fault >= 500 || abortReason !== null || failure === 'TURNOUT_CLIENT_LEFT'

/** What served it. */
function targetFields({ route, snapshot, endpoint }: Exchange): LogFields | undefined {
  if (route === null) return undefined
  const { target } = route
  if (target.kind === 'module') {
    const version = snapshot.versions.get(target.module)
    const reference = getKey(snapshot.table.modules, target.module)
    const module = version?.name ?? (reference === undefined ? undefined : moduleNameOf(reference))
    return { module, module_version: version?.version, endpoint: endpoint?.key }
  }
  const upstream = upstreamOf(target)
  return upstream === null ? undefined : { upstream, endpoint: endpoint?.key }
}

const upstreamOf = (target: Route['target']): string | null => {
  if (target.kind === 'upstream') return target.upstream
  return target.kind === 'uri' ? target.uri : null
}
