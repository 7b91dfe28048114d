import type { Duplex } from 'node:stream'
import type { Fields } from '../../core/http/field-lines.ts'
import type { PoolSettings, TimeoutSettings, TlsSettings } from '../../core/route/upstream.ts'

/** Why an exchange with an endpoint failed, in the order in which it can. */
export type FailureKind =
  /** No connection within the deadline, refused, unreachable, not resolved. */
  | 'connect'
  | 'tls'
  /** The address may not be reached. */
  | 'forbidden'
  /** All connections are in use and as many exchanges wait, or one waited for too long. */
  | 'busy'
  /** The connection ended, or was reset, before the first byte of the answer. */
  | 'closed'
  | 'headers-timeout'
  /** The answer is none: status, fields, framing, too many of them, too many informational ones. */
  | 'invalid'
  /** After the head: the connection ended or was reset before the body did. */
  | 'truncated'
  | 'idle-timeout'
  /** Others wait for its connection, and its client neither sends nor takes anything. */
  | 'stalled'
  /** `abort` was called. */
  | 'aborted'

/** A failure is an outcome, so a value. */
export interface Failure {
  readonly kind: FailureKind
  /** For the log and for people; no bytes of the answer. */
  readonly reason: string
  /** No byte of the request has reached a connection that the endpoint answers on: it may be sent again, whatever it is. */
  readonly isUnsent: boolean
  /** It went out on a connection that was used before, and nothing came back: the endpoint may have closed it just then. */
  readonly isStale: boolean
}

export interface OutgoingRequest {
  readonly method: string
  /** Origin form: path and query, or `*`. */
  readonly target: string
  /**
   * Flat: name, value, name, value. End-to-end fields only, with `host`; checked. The client adds `content-length` or
   * `transfer-encoding`, and `connection`.
   */
  readonly headers: readonly string[]
  /** Further fields as whole lines of a head, complete and checked. */
  readonly lines?: string
  /** 0: no body, and no framing field but where the method expects one; a number: its length; null: chunked. */
  readonly bodyLength: number | null
  /** Tokens of `upgrade`, which is then sent with `connection: upgrade`; null: none. */
  readonly upgrade: string | null
}

/** What comes back. Exactly one of `onEnd`, `onUpgrade` and `onFailure` is the last call; each call is in a turn of its own connection. */
export interface AnswerListener {
  /** Where the request came from, for leak reports. */
  readonly label?: string
  /** 1xx but 100 and 101. */
  onInformational(status: number, headers: readonly string[]): void
  /**
   * The head, checked: status 200 to 599, fields of RFC 9110 syntax, one framing. `fields`: end-to-end ones, without
   * framing, without what `connection` named; as lines, where the head needed no second look. `length` of the body: null where it is
   * chunked or ends with the connection; of HEAD and 304, the length that was said, if any; of 204, 0. `whole`: the
   * body, where all of it came with the head, small ones as text of one byte a character; `onEnd` follows in the same turn, without `onData`. Bytes are the
   * listener's to keep. `now`: when it came, on the monotonic clock.
   */
  onHead(
    status: number,
    fields: Fields,
    length: number | null,
    whole: Buffer | string | null,
    now: number,
  ): void
  /** Bytes of the body, the listener's to keep. False: no more until `resume` is called. */
  onData(bytes: Buffer): boolean
  onEnd(): void
  /**
   * A 101 that names one of the tokens that were sent; `headers` are all of its fields, `connection` and `upgrade` too.
   * The connection is the listener's from now on, and not the pool's, which counts it until it closes; `first` are bytes
   * behind the head.
   */
  onUpgrade(headers: string[], socket: Duplex, first: Buffer): void
  onFailure(failure: Failure): void
  /** The request's body may go on. */
  onDrain(): void
}

/** An exchange with an endpoint, under way. */
export interface Outgoing {
  /** Sends a piece of the body. False: wait for `onDrain`. Nothing is kept of `bytes` after the call that is not copied or written. */
  write(bytes: Uint8Array): boolean
  /** The body is complete. Not called for a request without one. */
  end(): void
  /** Goes on after `onData` said false. */
  resume(): void
  /** Ends it and its connection; `onFailure` comes with `aborted`, unless the exchange is over. Idempotent. */
  abort(reason: string): void
  /** Whether bytes of the request's body were handed to a connection. */
  readonly hasSentBody: boolean
}

/** Where an endpoint is. */
export interface Origin {
  readonly protocol: 'http:' | 'https:'
  /** Host name or address, or null where `path` is. */
  readonly host: string | null
  readonly port: number
  /** Socket file. */
  readonly path: string | null
}

export interface ClientOptions {
  readonly pool: PoolSettings
  readonly timeouts: TimeoutSettings
  readonly tls: TlsSettings
  /** PEM texts of the files that `tls` names. */
  readonly pem: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  /** The address that was resolved, or given, just before it is connected to; a text says why it may not be. */
  readonly refuseAddress: (address: string, port: number) => string | null
  /** A connection was held for longer than `leakDetectionThresholdMs`; `label` as its listener says it. */
  readonly onLeak: (label: string, heldMs: number) => void
}

export interface ClientStats {
  readonly connections: number
  readonly idle: number
  readonly waiting: number
  /** Connections that became another protocol: the listener's, but still ones to the endpoint. */
  readonly upgraded: number
}

/**
 * Connections to one endpoint. Open/close. Connections are used last in, first out; one on which anything unexpected
 * came is closed.
 */
export interface Client {
  /**
   * Sends a request on an idle connection, a new one, or the next that gets free. `timeouts`: of this exchange, where they
   * differ from the client's. `now`: where somebody has looked at the monotonic clock just before.
   */
  send(
    request: OutgoingRequest,
    listener: AnswerListener,
    timeouts?: TimeoutSettings,
    now?: number,
  ): Outgoing
  readonly stats: ClientStats
  /** Takes nothing new, closes what is idle; calls back when the last exchange has ended. */
  close(onClosed: () => void): void
  /** Ends everything now. */
  destroy(): void
}
