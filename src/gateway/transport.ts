import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Fields } from '../core/http/field-lines.ts'
import type { BodyPump, BodySink, BodySource } from './body-source.ts'

/**
 * One request and the way to answer it, in a listener's own terms. The gateway knows nothing else of sockets,
 * so a second listener is a second implementation of this.
 */
export interface Transport {
  readonly method: string
  /** Request target in origin form: raw path and query, always with a leading slash. */
  readonly target: string
  /** `http://example.test:8080`: scheme and authority as the client named them. */
  origin(): string
  remoteAddress(): string | undefined
  /** Who the request is from: the connection, or whom trusted proxies name. */
  clientAddress(): string | undefined
  /** Value of a request field by lower-case name; several are joined as RFC 9110 section 5.3 asks. */
  header(name: string): string | undefined
  /** All request fields as received, flat: name, value, name, value. */
  headers(): readonly string[]
  /**
   * The end-to-end fields but `host` as lines of an HTTP head, each complete, where they need no look: none is of the
   * connection, or claims who or where the client is, or has a name with `_`. Null: ask for the list.
   */
  plainFields(): string | null
  /** Reads the whole body; rejects with TURNOUT_BODY_TOO_LARGE past the listener's limit. */
  readBody(): Promise<Uint8Array>
  /** The body as it arrives, or null where the request has none. */
  bodyStream(): ReadableStream<Uint8Array> | null
  /** Bytes of the request's body: 0 where there is none, null where nobody knows before. */
  bodyLength(): number | null
  /** Hands over the body as it comes; `fail` where the client left before its end. Called at most once. */
  pumpBody(sink: BodySink): BodyPump
  /**
   * Keeps the body as it comes, beside whoever reads it; asked for before anybody does. What it gives is the whole body, or
   * null where it did not come to its end, or is longer than `limit`.
   */
  copyBody(limit: number): () => Uint8Array | null
  /** Tokens of `Upgrade`, where the client asked for another protocol and can be given one; else null. */
  readonly upgrade: string | null
  /** True once the status line is on its way: nothing but the body can be changed after that. */
  readonly isHeadSent: boolean
  /** The client had left before a whole answer was sent. */
  readonly isGone: boolean
  /** Bytes that came and went on its connection so far: whether anything moves. Not there: nobody knows. */
  bytesMoved?(): number
  /** Sends a whole answer in one write. */
  send(status: number, fields: Fields, body: string | Uint8Array | null): void
  /** The same with a body of one byte a character. Not there: it takes bytes. */
  sendByteText?(status: number, fields: Fields, text: string): void
  /** Sends the head, then the body as it comes, at the client's pace. Rejects when the body fails or the client left. */
  stream(
    status: number,
    fields: Fields,
    body: AsyncIterable<string | Uint8Array> | BodySource,
  ): Promise<void>
  /** Sends an informational answer, where the listener can. */
  inform(status: number, headers: readonly string[]): void
  /**
   * Answers 101 and joins the client's connection with another one, both ways, until one of them ends. `first` came from
   * the other one already.
   */
  tunnel(headers: readonly string[], other: Duplex, first: Uint8Array): Promise<void>
  /** Calls once when the exchange's connection is gone, also after a complete answer. */
  onClose(listener: () => void): void
  /** Ends the connection at once, so that a cut answer is seen as cut. */
  destroy(): void
  /** Node's own objects, for Node apps; null where the request did not come through `node:http`. */
  node(): { readonly request: IncomingMessage; readonly response: ServerResponse } | null
}
