import { TurnoutError } from '../core/errors.ts'
import { isBodyless } from '../core/http/bodyless.ts'
import { fieldList, type Fields } from '../core/http/field-lines.ts'
import {
  isBodySource,
  pulled,
  pump,
  type BodyPump,
  type BodySink,
  type BodySource,
} from '../gateway/body-source.ts'
import type { Transport } from '../gateway/transport.ts'

/** A web `Request` answered by a web `Response`: `turnout.fetch(request)`. */
export class WebTransport implements Transport {
  readonly method: string
  readonly target: string
  readonly response: Promise<Response>
  readonly #request: Request
  readonly #url: URL
  readonly #bodyLimit: number
  readonly #resolve: (response: Response) => void
  readonly #reject: (error: unknown) => void
  readonly #closers: (() => void)[]
  #isHeadSent: boolean
  #isClosed: boolean
  #controller: ReadableStreamDefaultController<Uint8Array> | null

  constructor(request: Request, bodyLimit: number) {
    const { promise, resolve, reject } = deferred<Response>()
    this.#request = request
    this.#url = new URL(request.url)
    this.method = request.method
    this.target = this.#url.pathname + this.#url.search
    this.response = promise
    this.#resolve = resolve
    this.#reject = reject
    this.#bodyLimit = bodyLimit
    this.#closers = []
    this.#isHeadSent = false
    this.#isClosed = false
    this.#controller = null
    request.signal.addEventListener('abort', () => this.#close(), { once: true })
  }

  origin(): string {
    return this.#url.origin
  }

  remoteAddress(): undefined {
    return undefined
  }

  clientAddress(): undefined {
    return undefined
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name) ?? undefined
  }

  headers(): readonly string[] {
    return [...this.#request.headers].flat()
  }

  plainFields(): null {
    return null
  }

  async readBody(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of this.#request.body ?? []) {
      size += chunk.byteLength
      if (size > this.#bodyLimit) {
        throw new TurnoutError('TURNOUT_BODY_TOO_LARGE', { limit: this.#bodyLimit })
      }
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  bodyStream(): ReadableStream<Uint8Array> | null {
    return this.#request.body
  }

  bodyLength(): number | null {
    if (this.#request.body === null) return 0
    const length = this.#request.headers.get('content-length')
    return length === null ? null : Number(length)
  }

  pumpBody(sink: BodySink): BodyPump {
    return pump(this.#request.body, sink)
  }

  copyBody(limit: number): () => Uint8Array | null {
    const pieces: Uint8Array[] = []
    let size = 0
    let isWhole = false
    const read = async (): Promise<void> => {
      for await (const piece of this.#request.clone().body ?? []) {
        size += piece.byteLength
        if (size > limit) return
        pieces.push(piece)
      }
      isWhole = true
    }
    // A body that breaks off is told to its reader.
    read().catch(() => undefined)
    return () => (isWhole ? Buffer.concat(pieces) : null)
  }

  get upgrade(): null {
    return null
  }

  /** A web response has no room for it. */
  inform(): void {}

  tunnel(): Promise<void> {
    return Promise.reject(new Error('a web request cannot be upgraded'))
  }

  get isGone(): boolean {
    return this.#request.signal.aborted
  }

  get isHeadSent(): boolean {
    return this.#isHeadSent
  }

  send(status: number, given: Fields, body: string | Uint8Array | null): void {
    const headers = fieldList(given)
    const hasBody = !isBodyless(status) && this.method !== 'HEAD'
    this.#respond(status, headers, hasBody ? (body ?? '') : null)
    this.#close()
  }

  async stream(
    status: number,
    given: Fields,
    body: AsyncIterable<string | Uint8Array> | BodySource,
  ): Promise<void> {
    const headers = fieldList(given)
    const pieces = isBodySource(body) ? pulled(body) : body
    const iterator = pieces[Symbol.asyncIterator]()
    if (isBodyless(status) || this.method === 'HEAD') {
      this.#respond(status, headers, null)
      await iterator.return?.()
      this.#close()
      return
    }
    const encoder = new TextEncoder()
    const { promise, resolve, reject } = deferred<void>()
    const readable = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller
      },
      pull: async (controller) => {
        try {
          const part = await iterator.next()
          if (part.done === true) {
            controller.close()
            resolve()
          } else {
            const { value } = part
            controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value)
          }
        } catch (error) {
          reject(error)
        }
      },
      cancel: () => {
        iterator.return?.().catch(() => undefined)
        resolve()
      },
    })
    this.onClose(resolve)
    this.#respond(status, headers, readable)
    await promise
    this.#close()
  }

  onClose(listener: () => void): void {
    if (this.#isClosed) listener()
    else this.#closers.push(listener)
  }

  /** Hands an error of the gateway to whoever waits for the response. */
  fail(error: unknown): void {
    this.#reject(error)
    this.#close()
  }

  destroy(): void {
    const error = new TurnoutError('TURNOUT_EXCHANGE_CUT', {
      reason: 'the exchange was ended early',
    })
    if (this.#isHeadSent) this.#controller?.error(error)
    else this.#reject(error)
    this.#close()
  }

  node(): null {
    return null
  }

  #respond(
    status: number,
    headers: string[],
    body: ConstructorParameters<typeof Response>[0],
  ): void {
    const fields = new Headers()
    for (let at = 0; at < headers.length; at += 2) fields.append(headers[at]!, headers[at + 1]!)
    const response = new Response(body, { status, headers: fields })
    this.#isHeadSent = true
    this.#resolve(response)
  }

  #close(): void {
    this.#isClosed = true
    for (const closer of this.#closers.splice(0)) closer()
  }
}

const deferred = <Value>(): {
  promise: Promise<Value>
  resolve: (value: Value) => void
  reject: (error: unknown) => void
} => {
  let resolve!: (value: Value) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<Value>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
