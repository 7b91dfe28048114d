import type { Exchange } from '../exchange.ts'
import type { AnswerListener, OutgoingRequest } from '../upstream/client.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { FilterMaker } from './filter.ts'

/** Copies under way at once; what is more is not copied. */
const most = 256
/** How long a copy may take where its upstream sets no limit: its answer may have no end. */
const longestMs = 60_000

/** Sends a copy elsewhere and throws the answer away. Only of requests without a body, and never waited for. */
export const mirror: FilterMaker<'mirror'> = ({ upstream, percent }, { upstreams, stateOf }) => {
  const copies = stateOf(() => ({ open: 0 }))
  const { random } = upstreams.environment
  return (next) => (exchange) => {
    const { transport } = exchange
    const isWanted =
      transport.bodyLength() === 0 && transport.upgrade === null && random() * 100 < percent
    if (isWanted && copies.open < most) copy(upstreams, upstream, exchange, copies)
    return next(exchange)
  }
}

function copy(
  upstreams: Upstreams,
  name: string,
  exchange: Exchange,
  copies: { open: number },
): void {
  const outbound = exchange.outbound!
  const live = upstreams.get(name)
  const endpoint = live?.pick(exchange, undefined, [])
  if (endpoint === undefined || endpoint === null) return
  copies.open += 1
  endpoint.enter()
  let deadline: NodeJS.Timeout | null = null
  let isOver = false
  const ended = (): void => {
    if (isOver) return
    isOver = true
    if (deadline !== null) clearTimeout(deadline)
    copies.open -= 1
    endpoint.leave()
  }
  const listener: AnswerListener = {
    onInformational: () => undefined,
    onHead: () => undefined,
    onData: () => true,
    onEnd: ended,
    onUpgrade: (_, socket) => {
      socket.destroy()
      ended()
    },
    onFailure: ended,
    onDrain: () => undefined,
  }
  const { path, search, headers, host } = outbound
  const request: OutgoingRequest = {
    method: exchange.method,
    target: path + search,
    headers: ['host', host ?? endpoint.authority, ...headers],
    bodyLength: 0,
    upgrade: null,
  }
  try {
    const outgoing = endpoint.client.send(request, listener, 'mirror')
    const { totalMs } = live!.settings.timeouts
    deadline = setTimeout(() => outgoing.abort('the copy took too long'), totalMs || longestMs)
    deadline.unref()
    if (isOver) clearTimeout(deadline)
  } catch {
    // A request that cannot be sent is told to who sends the original.
    ended()
  }
}
