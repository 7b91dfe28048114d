import type { Labels } from '../../core/route/upstream.ts'
import type { Exchange } from '../exchange.ts'
import type { Reply } from '../reply.ts'
import type { Handler } from '../snapshot.ts'
import { failureReply } from './failure.ts'
import { Forwarding } from './forwarding.ts'
import { beginLife } from './outbound.ts'
import type { Admitted, LiveUpstream } from './live-upstream.ts'
import type { Upstreams } from './upstreams.ts'

/** The handler of a target that leads elsewhere. `find`: the upstream as it is when the exchange gets there. */
export function forwardTo(
  { streams }: Pick<Upstreams, 'streams'>,
  name: string,
  find: () => LiveUpstream | null,
  subset: Labels | undefined,
): Handler {
  const send = (
    exchange: Exchange,
    upstream: LiveUpstream,
    admitted: Admitted,
  ): Reply | Promise<Reply> => {
    if (admitted.call === null) {
      exchange.failure = admitted.code
      return failureReply(admitted.code, name, admitted.retryAfterMs)
    }
    const { call } = admitted
    return new Promise((resolve) =>
      new Forwarding(exchange, upstream, subset, call, streams, resolve).start(),
    )
  }
  return (exchange) => {
    exchange.failure = null
    const upstream = find()
    if (upstream === null) {
      exchange.failure = 'TURNOUT_UPSTREAM_GONE'
      return failureReply('TURNOUT_UPSTREAM_GONE', name)
    }
    const admitted = exchange.mirrored ? upstream.admitCopy() : upstream.admit()
    if (!(admitted instanceof Promise)) return send(exchange, upstream, admitted)
    // What it waits for its turn counts.
    exchange.outbound!.life ??= beginLife()
    return admitted.then((later) => send(exchange, upstream, later))
  }
}
