import { performance } from 'node:perf_hooks'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Limits } from '../core/http/limits.ts'
import { BodyPace } from './body-pace.ts'
import { endSlowBody } from './raw-reply.ts'

/** A request whose body may still be coming. */
export interface Coming {
  readonly complete: boolean
  readonly destroyed: boolean
  /** Bytes that wait for us. */
  readonly readableLength: number
}

/** An answer that is not complete. */
export interface Going {
  readonly headersSent: boolean
  shouldKeepAlive: boolean
}

/** Whoever reads requests of a connection without `node:http`, which watches over its own. */
export interface Reader {
  /** Since when it has waited for the rest of a head, and of a body; 0: it does not. */
  readonly headSince: number
  readonly bodySince: number
  /** Nothing of a request has come that is not answered. */
  readonly isAtRest: boolean
  /** Something came behind the request that is served. */
  readonly hasMore: boolean
  /** Bytes that wait for the client and are not in `writableLength`. */
  readonly waitingBeside: number
  /** It took too long: head, or body. */
  endLate(): void
  /** Writes what waits for the end of the turn. */
  flush(): void
}

/** What is known of a connection. */
export interface Use {
  /** Exchanges in flight. */
  open: number
  /** Requests that came. */
  requests: number
  /** Requests that wait behind another of the connection. */
  waiting: number
  /** Sweep at which the last exchange ended. */
  usedAt: number
  /** How far the client had read, and the sweep at which that was new. */
  flow: number
  flowedAt: number
  /** No HTTP any more: it has no requests to wait for. */
  isUpgraded: boolean
  /** The last answer that is not complete. */
  response: Going | null
  /** The last request, whose body may still be coming. */
  request: Coming | null
  /** Of that request, once a sweep has met it unfinished. */
  pace: BodyPace | null
  /** Null: it is `node:http` that reads. */
  reader: Reader | null
  /** A request has left the queue of its connection. */
  readonly advance: () => void
}

/**
 * A socket's handle, which knows what libuv still holds of the chunk that is being written: a large one is one chunk however
 * much of it is out. Under that of TLS there is another.
 */
interface Handle {
  readonly bytesWritten?: number
  readonly writeQueueSize?: number
  readonly _parent?: Handle
}

const longestSweepMs = 5_000
/** For so long a request may be on its way on a connection that has brought none, while the listener closes. */
const silentMs = 1_000

const isIdle = ({ open, isUpgraded }: Use): boolean => open === 0 && !isUpgraded

/** Bytes that wait for the client. */
const waitingOf = (socket: Socket, { reader }: Use): number =>
  socket.writableLength + (reader?.waitingBeside ?? 0)

/** What is answered has left, as far as the system takes it. */
const cut = (socket: Socket, { reader }: Use): void => {
  reader?.flush()
  socket.destroy()
}

/** Grows with what the client takes, and only with that. */
const flowOf = (socket: Socket): number => {
  const handle = (socket as unknown as { readonly _handle?: Handle | null })._handle
  const { bytesWritten, writeQueueSize } = handle?._parent ?? handle ?? {}
  return bytesWritten === undefined || writeQueueSize === undefined
    ? socket.bytesWritten - socket.writableLength
    : bytesWritten - writeQueueSize
}

type ConnectionLimits = Pick<
  Limits,
  | 'bodyBytesPerSecond'
  | 'bodyGraceMs'
  | 'headersMs'
  | 'keepAliveMs'
  | 'requestMs'
  | 'writeIdleMs'
  | 'pipelining'
  | 'requestsPerConnection'
>

/** Shares of the most connections: above the one, idle ones are closed until the other is left. */
const crowded = 0.8
const relieved = 0.75
/** A search for idle ones that found too few is not made again before that. */
const searchRestMs = 100

/** What becomes of a request: one behind the last of its connection is never answered. */
export type Admission = 'serve' | 'refuse' | 'ignore'

/**
 * The connections of a listener. Who has been idle for too long, or does not read, is closed by one sweep every few
 * seconds, because a timer per answer costs more than the answer's routing. Open until `close`.
 */
export class Connections {
  readonly #uses: Map<Socket, Use>
  readonly #timer: NodeJS.Timeout
  readonly #idleSweeps: number
  readonly #stuckSweeps: number
  readonly #pipelining: number
  readonly #requests: number
  readonly #bytesPerSecond: number
  readonly #bodyGraceMs: number
  readonly #headersMs: number
  readonly #requestMs: number
  readonly #most: number
  #searchAt: number
  /** A search that somebody was turned away before. */
  #search: NodeJS.Timeout | null
  #sweep: number

  /** `most`: connections that the listener may hold. */
  constructor(limits: ConnectionLimits, most: number) {
    const { bodyBytesPerSecond, bodyGraceMs, headersMs, keepAliveMs, requestMs, writeIdleMs } =
      limits
    const shortestMs = Math.min(
      headersMs,
      requestMs === 0 ? Infinity : requestMs,
      keepAliveMs,
      writeIdleMs,
      bodyBytesPerSecond === 0 ? Infinity : bodyGraceMs,
    )
    const sweepMs = Math.min(longestSweepMs, Math.ceil(shortestMs / 4))
    this.#bytesPerSecond = bodyBytesPerSecond
    this.#bodyGraceMs = bodyGraceMs
    this.#headersMs = headersMs
    this.#requestMs = requestMs
    this.#most = most
    this.#searchAt = 0
    this.#search = null
    this.#uses = new Map()
    this.#idleSweeps = Math.ceil(keepAliveMs / sweepMs)
    this.#stuckSweeps = Math.ceil(writeIdleMs / sweepMs)
    this.#pipelining = limits.pipelining
    this.#requests = limits.requestsPerConnection
    this.#sweep = 0
    this.#timer = setInterval(() => this.sweep(), sweepMs)
    this.#timer.unref()
  }

  add(socket: Socket): Use {
    const use: Use = {
      open: 0,
      requests: 0,
      waiting: 0,
      usedAt: this.#sweep,
      flow: 0,
      flowedAt: this.#sweep,
      isUpgraded: false,
      response: null,
      request: null,
      pace: null,
      reader: null,
      advance: () => {
        use.waiting -= 1
      },
    }
    this.#uses.set(socket, use)
    socket.once('close', () => this.#uses.delete(socket))
    if (this.#uses.size > this.#most * crowded) this.relieve()
    return use
  }

  /** A request of a reader of its own began. `coming`: its body; null: it is here, or there is none. */
  begin(use: Use, going: Going, coming: Coming | null): void {
    use.requests += 1
    use.open += 1
    use.response = going
    use.request = coming
    use.pace = null
    if (use.requests >= this.#requests) going.shouldKeepAlive = false
  }

  /** It ended; the next one of its connection may have begun already. */
  end(use: Use, going: Going): void {
    use.open -= 1
    if (use.response === going) use.response = null
    use.usedAt = this.#sweep
  }

  /**
   * Makes room: closes idle connections, those first that have been so for longest. Nobody new is refused while others
   * sit there for nothing. One that has brought no request yet is not idle.
   */
  relieve(): void {
    const now = performance.now()
    const wanted = this.#uses.size - Math.floor(this.#most * relieved)
    if (wanted <= 0) return
    if (now < this.#searchAt) return this.#searchLater(this.#searchAt - now)
    const idle = [...this.#uses].filter(
      ([socket, use]) => isIdle(use) && use.requests > 0 && waitingOf(socket, use) === 0,
    )
    idle.sort(([, one], [, other]) => one.usedAt - other.usedAt)
    if (idle.length < wanted) this.#searchAt = now + searchRestMs
    for (const [socket] of idle.slice(0, wanted)) {
      this.#uses.delete(socket)
      socket.destroy()
    }
  }

  /** Whoever was turned away has a place when they come again. */
  #searchLater(delayMs: number): void {
    if (this.#search !== null) return
    this.#search = setTimeout(() => {
      this.#search = null
      this.relieve()
    }, delayMs)
    this.#search.unref()
  }

  /** Counts a request: too many may wait for their turn, and the last that the connection may bring says so. */
  admit(socket: Socket, response: ServerResponse): Admission {
    const use = this.#uses.get(socket)
    if (use === undefined) return 'serve'
    use.requests += 1
    use.request = response.req
    use.pace = null
    if (use.requests > this.#requests) return 'ignore'
    // Node's own counter says so too, but leaves the connection open.
    if (use.requests === this.#requests) response.shouldKeepAlive = false
    // One without a socket is behind another, and is told when its turn comes.
    if (response.socket !== null) return 'serve'
    use.waiting += 1
    response.once('socket', use.advance)
    return use.waiting < this.#pipelining ? 'serve' : 'refuse'
  }

  /** Whether the request whose body still comes has had its answer: what is said now would be taken for the next one's. */
  isAnswered(socket: Duplex): boolean {
    const use = this.#uses.get(socket as Socket)
    return use !== undefined && use.request?.complete === false && use.open === 0
  }

  /** An exchange began on this connection; `done` is its end, undefined where it has ended already. */
  track(socket: Socket, response: ServerResponse, done: Promise<void> | void): void {
    const use = this.#uses.get(socket)
    if (use === undefined) return
    use.usedAt = this.#sweep
    if (done === undefined) return
    use.open += 1
    use.response = response
    const ended = (): void => {
      if (use.response === response) use.response = null
      use.open -= 1
      use.usedAt = this.#sweep
    }
    done.then(ended, ended)
  }

  /** The connection has become a tunnel: only whether its client reads is still looked at. */
  upgraded(socket: Socket): void {
    const use = this.#uses.get(socket)
    if (use !== undefined) use.isUpgraded = true
  }

  /**
   * Closes who has been idle for longer than the limit, who takes nothing of what waits for it, and whose body comes too
   * slowly.
   */
  sweep(): void {
    this.#sweep += 1
    const now = this.#sweep
    for (const [socket, use] of this.#uses) {
      if (use.reader !== null && this.#isLate(use.reader)) {
        use.reader.endLate()
        continue
      }
      if (use.request !== null && this.#isTooSlow(socket, use, use.request)) {
        // Without an exchange, its answer is out already.
        if (use.open === 0) cut(socket, use)
        else if (use.reader === null) endSlowBody(socket)
        else use.reader.endLate()
        continue
      }
      if (waitingOf(socket, use) === 0) {
        use.flowedAt = now
        if (isIdle(use) && now - use.usedAt > this.#idleSweeps) socket.destroy()
        continue
      }
      const flow = flowOf(socket)
      if (flow !== use.flow) {
        use.flow = flow
        use.flowedAt = now
      } else if (now - use.flowedAt > this.#stuckSweeps) socket.destroy()
    }
  }

  #isLate({ headSince, bodySince }: Reader): boolean {
    const now = performance.now()
    if (headSince !== 0) return now - headSince > this.#headersMs
    return bodySince !== 0 && this.#requestMs !== 0 && now - bodySince > this.#requestMs
  }

  #isTooSlow(socket: Socket, use: Use, request: Coming): boolean {
    if (request.complete || request.destroyed || this.#bytesPerSecond === 0) {
      use.request = null
      use.pace = null
      return false
    }
    const now = performance.now()
    use.pace ??= new BodyPace(socket.bytesRead, now)
    // What waits for us is no fault of the client.
    use.pace.look(socket.bytesRead, now, request.readableLength === 0)
    return use.pace.isBelow(this.#bytesPerSecond, this.#bodyGraceMs)
  }

  /** The last answer of each connection will say so, where it is not on its way yet. */
  sayLast(): void {
    for (const { response, reader } of this.#uses.values())
      if (response?.headersSent === false && reader?.hasMore !== true)
        response.shouldKeepAlive = false
  }

  /**
   * Closes those that wait for a request, where `node:http` does not know of them. The first one may be on its way, for a
   * while: clients also open connections before they need them.
   */
  closeIdle(): void {
    const silentSince = performance.now() - silentMs
    for (const [socket, use] of this.#uses) {
      const { reader } = use
      if (reader?.isAtRest !== true || !isIdle(use)) continue
      reader.flush()
      if (waitingOf(socket, use) > 0) continue
      if (use.requests > 0 || reader.headSince < silentSince) socket.destroy()
    }
  }

  /** Cuts all, also those that are no HTTP any more. */
  destroyAll(): void {
    for (const [socket, use] of this.#uses) cut(socket, use)
  }

  close(): void {
    clearInterval(this.#timer)
    if (this.#search !== null) clearTimeout(this.#search)
  }
}
