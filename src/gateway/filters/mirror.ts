import type { BodySink } from '../body-source.ts'
import type { Exchange } from '../exchange.ts'
import type { AnswerListener, OutgoingRequest } from '../upstream/client.ts'
import { withoutTrace } from '../trace/trace-fields.ts'
import { mirrorMark, type Outbound } from '../upstream/outbound.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { FilterMaker } from './filter.ts'

/** Copies under way at once, those whose bodies are still coming too; what is more is not copied. */
const most = 256
/** How long a copy may take where its upstream sets no limit: its answer may have no end. */
const longestMs = 60_000

/** What a filter knows of its copies. */
interface Copies {
  open: number
  /** A body that was too long has been told. */
  isTold: boolean
}

/**
 * Sends a copy elsewhere and throws the answer away. It is never waited for, and its body is sent when all of the
 * request's own has come.
 */
export const mirror: FilterMaker<'mirror'> = (
  { upstream, percent, maxBodyBytes },
  { routeId, upstreams, stateOf },
) => {
  const copies = stateOf((): Copies => ({ open: 0, isTold: false }))
  const { log, random } = upstreams.environment
  const tooLong = (): void => {
    if (copies.isTold) return
    copies.isTold = true
    log.warn('requests with longer bodies are not mirrored', {
      route_id: routeId,
      upstream,
      max_body_bytes: maxBodyBytes,
    })
  }
  return (next) => (exchange) => {
    const { transport } = exchange
    const isWanted = !exchange.mirrored && transport.upgrade === null && random() * 100 < percent
    if (!isWanted || copies.open >= most) return next(exchange)
    const length = transport.bodyLength()
    const own = exchange.outbound!.body
    if (own !== null) copy(upstreams, upstream, exchange, exchange.outbound!, [own], copies)
    else if (length === 0) copy(upstreams, upstream, exchange, exchange.outbound!, [], copies)
    else if (length !== null && length > maxBodyBytes) tooLong()
    else {
      const outbound = exchange.outbound!
      // As it is now: filters further in change it.
      const before = outbound.copy()
      const send = (pieces: readonly Uint8Array[]): void =>
        copy(upstreams, upstream, exchange, before, pieces, copies)
      outbound.tap = collect(exchange, outbound.tap, maxBodyBytes, copies, send, tooLong)
    }
    return next(exchange)
  }
}

/** Keeps a body until it is whole; one that is too long, or breaks off, is forgotten. `before`: another mirror's. */
function collect(
  { transport }: Exchange,
  before: BodySink | null,
  maxBodyBytes: number,
  copies: Copies,
  send: (pieces: readonly Uint8Array[]) => void,
  tooLong: () => void,
): BodySink {
  let pieces: Uint8Array[] | null = []
  let size = 0
  copies.open += 1
  const take = (): readonly Uint8Array[] | null => {
    const taken = pieces
    pieces = null
    if (taken !== null) copies.open -= 1
    return taken
  }
  // Nobody may ever ask for the body.
  transport.onClose(take)
  return {
    write: (bytes) => {
      before?.write(bytes)
      size += bytes.byteLength
      if (size <= maxBodyBytes) pieces?.push(bytes)
      else if (take() !== null) tooLong()
      return true
    },
    end: () => {
      before?.end()
      const whole = take()
      if (whole !== null) send(whole)
    },
    fail: (error) => {
      before?.fail(error)
      take()
    },
  }
}

function copy(
  upstreams: Upstreams,
  name: string,
  exchange: Exchange,
  outbound: Outbound,
  pieces: readonly Uint8Array[],
  copies: Copies,
): void {
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
    label: 'mirror',
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
  const { path, search, host } = outbound
  const { tracer } = upstreams.environment
  const headers = tracer === null ? outbound.headers : withoutTrace(outbound.headers)
  const request: OutgoingRequest = {
    method: exchange.method,
    target: path + search,
    headers: ['host', host ?? endpoint.authority, ...headers, ...mirrorMark],
    bodyLength: pieces.reduce((size, piece) => size + piece.byteLength, 0),
    upgrade: null,
  }
  try {
    const outgoing = endpoint.client.send(request, listener)
    // It waits in the connection's own memory, where the endpoint is slow: so much, and no more.
    for (const piece of pieces) outgoing.write(piece)
    const { totalMs } = live!.settings.timeouts
    deadline = setTimeout(() => outgoing.abort('the copy took too long'), totalMs || longestMs)
    deadline.unref()
    if (isOver) clearTimeout(deadline)
  } catch {
    // A request that cannot be sent is told to who sends the original.
    ended()
  }
}
