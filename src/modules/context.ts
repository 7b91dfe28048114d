import { TurnoutError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Exchange } from '../gateway/exchange.ts'
import { Reply, type ReplyBody } from '../gateway/reply.ts'
import { exchangeLog } from './author-log.ts'
import { Body } from './body.ts'
import type { ParamNames } from './define.ts'
import { webRequest } from './web.ts'

/** The author's view of an exchange: what was asked, and makers for the answer. */
export class Context<Path extends string = string> {
  readonly exchange: Exchange
  #status: number
  #headers: string[] | null
  #query: URLSearchParams | null
  #body: Body | null
  #request: Request | null
  #log: Logger | null
  #isBound: boolean

  /** `log`: of the module whose code it is given to; null: that of the route's. */
  constructor(exchange: Exchange, log: Logger | null = null) {
    this.exchange = exchange
    this.#log = log
    this.#isBound = false
    this.#status = 200
    this.#headers = null
    this.#query = null
    this.#body = null
    this.#request = null
  }

  get method(): string {
    return this.exchange.transport.method
  }

  /** The canonical path. */
  get path(): string {
    return this.exchange.path
  }

  /** The pattern that matched, `/users/:id`. */
  get pattern(): string {
    return this.exchange.pattern
  }

  /** The revision that serves this exchange. */
  get revision(): number {
    return this.exchange.snapshot.revision
  }

  /** Aborts when the client leaves or the exchange is cut. */
  get signal(): AbortSignal {
    return this.exchange.signal
  }

  /**
   * True: a copy of an exchange that was answered already, made to compare versions. What a handler does beyond its answer
   * (a mail, a payment, a count) it leaves undone then.
   */
  get mirrored(): boolean {
    return this.exchange.mirrored
  }

  /** The trace that the exchange belongs to: that of the client, or a new one. */
  get traceId(): string {
    return this.exchange.trace.traceId
  }

  /** The module's log; what it says carries the trace of this exchange, whenever it is said. */
  get log(): Logger {
    if (!this.#isBound) {
      this.#log = exchangeLog(this.exchange, this.#log)
      this.#isBound = true
    }
    return this.#log!
  }

  get params(): Readonly<Record<string, string>> {
    return this.exchange.params
  }

  /** A param of the pattern, percent-decoded. */
  param(name: ParamNames<Path>): string
  param(name: string): string | undefined
  param(name: string): string | undefined {
    const { params } = this.exchange
    return Object.hasOwn(params, name) ? params[name] : undefined
  }

  /** First value of a query parameter. */
  query(name: string): string | undefined {
    return this.queries.get(name) ?? undefined
  }

  /** All query parameters. */
  get queries(): URLSearchParams {
    this.#query ??= new URLSearchParams(this.exchange.search)
    return this.#query
  }

  /** A request header, by name in any case. */
  header(name: string): string | undefined {
    return this.exchange.transport.header(name.toLowerCase())
  }

  /** The request's body. */
  get body(): Body {
    this.#body ??= new Body(this.exchange.transport)
    return this.#body
  }

  /** The request as a web `Request`; made when first asked for. Its body is the same as `body`. */
  get request(): Request {
    this.#request ??= webRequest(this.exchange, '')
    return this.#request
  }

  /** Keeps a value for middleware and handlers further on. */
  set(name: string, value: unknown): this {
    this.exchange.setValue(name, value)
    return this
  }

  /** What `set` kept under this name; its type is the author's word. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a cast at every use is worse
  get<Value = unknown>(name: string): Value | undefined {
    return this.exchange.getValue(name) as Value | undefined
  }

  /** Status of the answers made after it. */
  status(status: number): this {
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new TurnoutError('TURNOUT_ANSWER_INVALID', { reason: `status ${status}` })
    }
    this.#status = status
    return this
  }

  /** Sets a header of whatever answer this exchange ends with; `Set-Cookie` adds up. */
  setHeader(name: string, value: string): this {
    this.#headers ??= []
    this.#headers.push(name, value)
    return this
  }

  json(value: unknown, status: number = this.#status): Reply {
    const text = JSON.stringify(value)
    if (text === undefined) {
      throw new TurnoutError('TURNOUT_ANSWER_INVALID', { reason: 'the value has no JSON form' })
    }
    return new Reply(status, ['content-type', 'application/json'], text)
  }

  text(text: string, status: number = this.#status): Reply {
    return new Reply(status, ['content-type', 'text/plain; charset=utf-8'], text)
  }

  html(html: string, status: number = this.#status): Reply {
    return new Reply(status, ['content-type', 'text/html; charset=utf-8'], html)
  }

  /** Bytes or nothing, with a content type of your own by `setHeader`. */
  bytes(bytes: Uint8Array | null, status: number = this.#status): Reply {
    return new Reply(status, [], bytes)
  }

  /** Sends what the source yields, at the client's pace. A generator function is called with the signal. */
  stream(
    source:
      | AsyncIterable<string | Uint8Array>
      | ((signal: AbortSignal) => AsyncIterable<string | Uint8Array>),
    status: number = this.#status,
  ): Reply {
    const body: ReplyBody = typeof source === 'function' ? source(this.signal) : source
    return new Reply(status, [], body)
  }

  redirect(location: string, status: 301 | 302 | 303 | 307 | 308 = 302): Reply {
    // A field is ASCII: what is not goes percent-encoded, as browsers do, and a line break can start no other field.
    const ascii = location.replaceAll(/[^!-~]+/g, encodeURIComponent)
    return new Reply(status, ['location', ascii], '')
  }

  /** Puts the headers collected by `setHeader` on the answer; the runner calls it once. */
  finish(reply: Reply): Reply {
    const headers = this.#headers
    if (headers === null) return reply
    // A copy: a handler may return one reply to many, and a cookie is for one of them.
    const own = new Reply(reply.status, [...reply.headers], reply.body)
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at]!
      if (name.toLowerCase() === 'set-cookie') own.appendHeader(name, headers[at + 1]!)
      else own.setHeader(name, headers[at + 1]!)
    }
    return own
  }
}
