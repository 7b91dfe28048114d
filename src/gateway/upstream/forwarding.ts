import { performance } from 'node:perf_hooks'
import { Buffer } from 'node:buffer'
import type { Duplex } from 'node:stream'
import { TurnoutError, type ErrorCode } from '../../core/errors.ts'
import type { Fields } from '../../core/http/field-lines.ts'
import { fieldValue } from '../../core/http/fields.ts'
import type { Labels, TimeoutSettings } from '../../core/route/upstream.ts'
import { withTap, type BodyPump, type BodySink, type BodySource } from '../body-source.ts'
import type { Exchange } from '../exchange.ts'
import { isEventStream } from '../observe/event-stream.ts'
import { Reply, handled } from '../reply.ts'
import type { AnswerListener, Failure, Outgoing } from './client.ts'
import { failureCodes, failureReply, mayResend } from './failure.ts'
import type { Call } from './call.ts'
import type { AttemptSpan, Tracer } from '../trace/tracer.ts'
import type { LiveEndpoint } from './live-endpoint.ts'
import type { LiveUpstream } from './live-upstream.ts'
import type { OpenStreams, UnderWay } from './open-streams.ts'
import { sentLength, type Outbound } from './outbound.ts'
import { giveBack, mostUnlent } from './slabs.ts'
import type { UpstreamTally } from './upstream-counts.ts'
import { acceptOf } from './websocket.ts'

/** Endpoints that are tried for one request, where it may be sent again. */
const maxAttempts = 3

/**
 * One exchange with an upstream: the only owner of what goes out and what comes back. Whatever ends it - the client, the
 * endpoint, a deadline, a change of the route - ends it through here, once, and everything that it held is given back.
 *
 *     client ── body ──> outgoing ──> endpoint
 *     client <── reply ── sink <──── answer
 */
export class Forwarding implements AnswerListener, BodySource, UnderWay {
  isOpen: boolean
  previous: UnderWay | null
  next: UnderWay | null
  length: number | null
  readonly #exchange: Exchange
  readonly #outbound: Outbound
  readonly #upstream: LiveUpstream
  readonly #subset: Labels | undefined
  readonly #call: Call
  readonly #streams: OpenStreams
  readonly #resolve: (reply: Reply) => void
  #tried: readonly LiveEndpoint[]
  /** A copy counts nowhere. */
  readonly #tally: UpstreamTally | null
  /** When the attempt under way began. */
  #sentAt: number
  #timeouts: TimeoutSettings
  #endpoint: LiveEndpoint | null
  /** Null: nobody follows it. */
  #span: AttemptSpan | null
  #outgoing: Outgoing | null
  #pump: BodyPump | null
  /** When all attempts together must have ended, on the monotonic clock. */
  deadlineAt: number
  /** Why it was ended from our side before an answer came. */
  #ending: ErrorCode
  /** The head of an answer is there; from here on nothing is tried again. */
  #isAnswered: boolean
  #isOver: boolean
  #sink: BodySink | null
  /** What came before the sink. */
  #early: readonly Buffer[]
  #outcome: 'ended' | { readonly error: TurnoutError } | null

  constructor(
    exchange: Exchange,
    upstream: LiveUpstream,
    subset: Labels | undefined,
    call: Call,
    streams: OpenStreams,
    resolve: (reply: Reply) => void,
  ) {
    this.isOpen = false
    this.previous = null
    this.next = null
    this.length = null
    this.#exchange = exchange
    const outbound = exchange.outbound!
    this.#outbound = outbound
    this.#upstream = upstream
    this.#subset = subset
    this.#call = call
    this.#streams = streams
    this.#resolve = resolve
    this.#tried = noEndpoints
    this.#tally = exchange.mirrored ? null : upstream.tally
    this.#sentAt = 0
    const { timeouts } = upstream.settings
    this.#timeouts = outbound.timeouts === null ? timeouts : { ...timeouts, ...outbound.timeouts }
    this.#endpoint = null
    this.#span = null
    this.#outgoing = null
    this.#pump = null
    this.deadlineAt = Infinity
    this.#ending = 'TURNOUT_CLIENT_LEFT'
    this.#isAnswered = false
    this.#isOver = false
    this.#sink = null
    this.#early = noBytes
    this.#outcome = null
  }

  get label(): string {
    const { method, pattern, route } = this.#exchange
    return `${route?.id ?? ''} ${method} ${pattern}`
  }

  get exchange(): Exchange {
    return this.#exchange
  }

  get endpoint(): LiveEndpoint | null {
    return this.#endpoint
  }

  start(): void {
    const { transport } = this.#exchange
    this.#exchange.worker = this
    transport.onClose(() => this.abort('the client left'))
    if (this.#exchange.abortReason !== null) this.abort(this.#exchange.abortReason)
    // What is before it may have waited, and its client not.
    if (this.#isOver) return
    const { totalMs } = this.#timeouts
    const now = performance.now()
    if (totalMs > 0 && transport.upgrade === null) {
      this.deadlineAt = this.#deadline(totalMs, now)
      if (this.deadlineAt <= now) return this.timeOut()
    }
    this.#streams.begin(this)
    this.#attempt(now)
  }

  /** When all attempts together must have ended. */
  #deadline(totalMs: number, now: number): number {
    const { life } = this.#outbound
    if (life === null) return now + totalMs
    life.deadline = life.beganAt + totalMs
    return life.deadline
  }

  #attempt(now: number): void {
    const exchange = this.#exchange
    const { method, transport } = exchange
    const endpoint = this.#upstream.pick(exchange, this.#subset, this.#tried)
    if (endpoint === null) return this.#refuse('TURNOUT_UPSTREAM_EMPTY')
    this.#endpoint = endpoint
    // A list that is pushed to has room for many.
    this.#tried = this.#tried.length === 0 ? [endpoint] : [...this.#tried, endpoint]
    this.#exchange.endpoint = endpoint
    endpoint.enter()
    this.#sentAt = now
    if (this.#tally !== null) this.#countAttempt(this.#tally)
    const outbound = this.#outbound
    const { tracer } = this.#upstream
    if (tracer !== null) this.#follow(tracer, endpoint)
    const { path, search, host, lines } = outbound
    const bodyLength = sentLength(exchange)
    const authority = host ?? endpoint.authority
    try {
      this.#outgoing = endpoint.client.send(
        {
          method,
          target: path + search,
          headers:
            lines === null
              ? ['host', authority, ...(this.#span?.headers ?? outbound.headers)]
              : ['host', authority],
          lines: lines ?? '',
          bodyLength,
          upgrade: transport.upgrade,
        },
        this,
        this.#timeouts,
        now,
      )
    } catch (error) {
      // What filters made of it is no request.
      this.#finish()
      throw error
    }
    if (bodyLength !== 0 && !this.#isOver && this.#pump === null) this.#sendBody()
  }

  #countAttempt(tally: UpstreamTally): void {
    const { life } = this.#outbound
    const isRepeat = this.#tried.length > 1 || (life !== null && life.attempts > 0)
    if (isRepeat) tally.count('turnout_upstream_retries_total')
    if (life !== null) life.attempts += 1
  }

  #follow(tracer: Tracer, { url }: LiveEndpoint): void {
    const { path, headers } = this.#outbound
    const { name: upstream } = this.#upstream
    this.#span = tracer.attempt(this.#exchange, { upstream, url, target: path }, headers)
  }

  #sendBody(): void {
    const { body, maxBody, tap } = this.#outbound
    if (body !== null) {
      this.#pump = own
      this.#outgoing!.write(body)
      this.#outgoing!.end()
      return
    }
    let size = 0
    const sink: BodySink = {
      write: (bytes) => {
        size += bytes.byteLength
        if (maxBody === null || size <= maxBody) return this.#outgoing?.write(bytes) ?? false
        this.#ending = 'TURNOUT_BODY_TOO_LARGE'
        this.abort('the body is too large')
        return false
      },
      end: () => this.#outgoing?.end(),
      fail: () => this.abort('the client left'),
    }
    this.#pump = this.#exchange.transport.pumpBody(tap === null ? sink : withTap(sink, tap))
  }

  onDrain(): void {
    this.#pump?.resume()
  }

  onInformational(status: number, headers: readonly string[]): void {
    this.#exchange.transport.inform(status, headers)
  }

  onHead(
    status: number,
    fields: Fields,
    length: number | null,
    whole: Buffer | string | null,
    now: number,
  ): void {
    this.#isAnswered = true
    this.#tally?.answered(status, this.#sentAt, now)
    this.#settle(status, null, now)
    const exchange = this.#exchange
    const reply =
      typeof whole === 'string'
        ? Reply.ofByteText(status, fields, whole)
        : new Reply(status, fields, whole)
    this.#upstream.decorate(exchange, this.#endpoint!, reply)
    if (exchange.method === 'HEAD' || status === 304) {
      if (length !== null) reply.appendHeader('content-length', String(length))
      // Of a whole body the length is known, and would be said: of this one nobody has said it.
      reply.body = length === null ? this : null
    } else if (typeof whole !== 'string' && (whole === null || whole.length > mostUnlent)) {
      reply.body = this
      this.length = whole?.length ?? length
      if (whole !== null) this.#early = [whole]
      // What has no end of its own is under the deadlines between two pieces only.
      const isEndless = isEventStream(reply.fields)
      if (isEndless) this.deadlineAt = Infinity
      this.#streams.open(this, isEndless)
    }
    this.#resolve(reply)
  }

  onData(bytes: Buffer): boolean {
    if (this.#sink !== null) return this.#sink.write(bytes)
    // The sink comes later in the same turn, mostly: stopping for it would cost more than one piece is worth.
    this.#early = this.#early.length === 0 ? [bytes] : [...this.#early, bytes]
    return this.#early.length === 1
  }

  onEnd(): void {
    this.#outcome = 'ended'
    this.#sink?.end()
    this.#finish()
  }

  onUpgrade(headers: string[], socket: Duplex, first: Buffer): void {
    this.#isAnswered = true
    const now = performance.now()
    this.#tally?.answered(101, this.#sentAt, now)
    this.#settle(101, null, now)
    const exchange = this.#exchange
    const { transport } = exchange
    const key = transport.header('sec-websocket-key')
    const isWebSocket = transport.upgrade!.toLowerCase() === 'websocket'
    const isAccepted =
      key !== undefined && fieldValue(headers, 'sec-websocket-accept') === acceptOf(key)
    if (isWebSocket && !isAccepted) {
      socket.destroy()
      this.#upstream.report(
        this.#endpoint!,
        'the answer to a WebSocket key is not its own',
        exchange,
      )
      return this.#refuse('TURNOUT_UPSTREAM_INVALID')
    }
    exchange.status = 101
    exchange.headSent(true)
    this.#streams.open(this, true)
    const cut = (): void => void socket.destroy()
    this.#outgoing = { ...idle, abort: cut }
    const ended = (): void => {
      this.#finish()
      this.#resolve(handled)
    }
    transport.tunnel(headers, socket, first).then(ended, ended)
  }

  onFailure(failure: Failure): void {
    if (this.#isOver) return
    const { method } = this.#exchange
    const code = failureCodes[failure.kind]
    if (this.#isAnswered) {
      if (failure.kind !== 'aborted') {
        this.#tally?.count('turnout_upstream_answers_cut_total')
        this.#upstream.report(this.#endpoint!, failure.reason, this.#exchange)
      }
      const cut = failure.kind === 'stalled' ? code : 'TURNOUT_UPSTREAM_TRUNCATED'
      this.#span?.note(null, cut)
      const error = new TurnoutError(cut, { upstream: this.#upstream.name })
      this.#outcome = { error }
      this.#sink?.fail(error)
      return this.#finish()
    }
    const isTimeUp = failure.kind === 'aborted' && this.#ending === 'TURNOUT_UPSTREAM_TIMEOUT'
    this.#tally?.failed(isTimeUp ? 'total-timeout' : failure.kind)
    if (failure.kind === 'aborted') return this.#refuse(this.#ending)
    this.#upstream.report(this.#endpoint!, failure.reason, this.#exchange)
    // The endpoint is not to blame.
    if (failure.kind === 'stalled') return this.#refuse(code)
    const isFresh = this.#pump === null
    // Waiting for the same one again would be waiting for longer than was said.
    const isElsewhere =
      failure.kind !== 'busy' || this.#upstream.endpoints.length > this.#tried.length
    if (isFresh && isElsewhere && this.#tried.length < maxAttempts && mayResend(failure, method)) {
      const now = performance.now()
      this.#note(null, failure.kind, now)
      this.#span?.end()
      this.#endpoint!.leave()
      this.#endpoint = null
      return this.#attempt(now)
    }
    this.#settle(null, failure.kind, performance.now())
    this.#refuse(code)
  }

  /** Ends it from outside: the client left, a deadline passed, its route was changed. */
  abort(reason: string): void {
    if (this.#isOver) return
    if (this.#outgoing === null) this.#refuse(this.#ending)
    else this.#outgoing.abort(reason)
  }

  /** Its time is over. */
  timeOut(): void {
    this.deadlineAt = Infinity
    this.#ending = 'TURNOUT_UPSTREAM_TIMEOUT'
    this.abort('the exchange took too long')
  }

  flow(sink: BodySink): void {
    this.#sink = sink
    const early = this.#early
    this.#early = noBytes
    let isOpen = true
    for (const bytes of early) isOpen = sink.write(bytes)
    if (this.#outcome === 'ended') sink.end()
    else if (this.#outcome !== null) sink.fail(this.#outcome.error)
    else if (early.length > 0 && isOpen) this.#outgoing?.resume()
  }

  resume(): void {
    this.#outgoing?.resume()
  }

  recycle(bytes: Uint8Array): void {
    giveBack(bytes)
  }

  cancel(reason: string): void {
    this.abort(reason)
  }

  /** No answer came: this one is ours. */
  #refuse(code: ErrorCode): void {
    this.#exchange.failure = code
    this.#span?.note(null, code)
    const waitMs = code === 'TURNOUT_UPSTREAM_BUSY' ? 1_000 : 0
    this.#finish()
    this.#resolve(failureReply(code, this.#upstream.name, waitMs, this.#outbound.maxBody ?? 0))
  }

  /** Tells the breaker and the outlier detection what it came to, once. */
  #settle(status: number | null, failure: Failure['kind'] | null, now: number): void {
    this.#call.settle(status !== null && status < 500, now)
    this.#note(status, failure, now)
  }

  /** A copy says nothing of its endpoint. */
  #note(status: number | null, failure: Failure['kind'] | null, now: number): void {
    if (!this.#exchange.mirrored) this.#endpoint?.note(status, failure, now)
    this.#span?.note(status, failure)
  }

  /** Gives everything back. */
  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#pump?.stop()
    this.#endpoint?.leave()
    this.#span?.end()
    this.#call.end()
    this.#streams.end(this)
    // A repeat may have begun meanwhile.
    if (this.#exchange.worker === this) this.#exchange.worker = null
  }
}

const noEndpoints: readonly LiveEndpoint[] = []
const noBytes: readonly Buffer[] = []

/** A body that was handed over in one piece. */
const own: BodyPump = { resume: () => undefined, stop: () => undefined }

const idle: Outgoing = {
  write: () => true,
  end: () => undefined,
  resume: () => undefined,
  abort: () => undefined,
  hasSentBody: false,
}
