import type { Answer } from '../../core/rollout/compare.ts'
import { TurnoutError } from '../../core/errors.ts'
import { isBodyless } from '../../core/http/bodyless.ts'
import { fieldList, type Fields } from '../../core/http/field-lines.ts'
import {
  isBodySource,
  pulled,
  type BodyPump,
  type BodySink,
  type BodySource,
} from '../body-source.ts'
import type { Transport } from '../transport.ts'
import type { CopiedRequest } from './copied-request.ts'
import { mirrorNode, type NodePair } from './mirror-node.ts'

/** Largest body of an answer that is compared; a longer one, and one without an end, cannot be. */
export const maxAnswerBytes: number = 256 * 1024

/** A request that nobody waits for, and the answer to it: what a handler is given in place of a client. */
export class MirrorTransport implements Transport {
  readonly method: string
  readonly target: string
  /** The whole answer; null: there was none that can be compared. */
  readonly answer: Promise<Answer | null>
  readonly upgrade: null
  readonly isGone: boolean
  isHeadSent: boolean
  readonly #request: CopiedRequest
  readonly #resolve: (answer: Answer | null) => void
  readonly #closers: (() => void)[]
  #isClosed: boolean
  #isRead: boolean
  #node: NodePair | null

  constructor(request: CopiedRequest) {
    let resolve!: (answer: Answer | null) => void
    this.answer = new Promise((settle) => (resolve = settle))
    this.method = request.method
    this.target = request.target
    this.upgrade = null
    this.isGone = false
    this.isHeadSent = false
    this.#request = request
    this.#resolve = resolve
    this.#closers = []
    this.#isClosed = false
    this.#isRead = false
    this.#node = null
  }

  origin(): string {
    return this.#request.origin
  }

  remoteAddress(): string | undefined {
    return this.#request.remoteAddress
  }

  clientAddress(): string | undefined {
    return this.#request.clientAddress
  }

  header(name: string): string | undefined {
    return this.#request.header(name)
  }

  headers(): readonly string[] {
    return this.#request.headers
  }

  plainFields(): null {
    return null
  }

  async readBody(): Promise<Uint8Array> {
    return this.#read()
  }

  bodyStream(): ReadableStream<Uint8Array> | null {
    if (this.bodyLength() === 0) return null
    const body = this.#read()
    return new ReadableStream({
      start: (controller) => {
        controller.enqueue(body)
        controller.close()
      },
    })
  }

  bodyLength(): number {
    return this.#request.body.byteLength
  }

  pumpBody(sink: BodySink): BodyPump {
    let isStopped = false
    const body = this.#read()
    // Not before whoever asks has its pump.
    queueMicrotask(() => {
      if (isStopped) return
      if (body.byteLength > 0) sink.write(body)
      sink.end()
    })
    return { resume: () => undefined, stop: () => (isStopped = true) }
  }

  /** A copy each: a handler may change what it is given, and the request is answered more than once. */
  #read(): Uint8Array {
    if (this.#isRead) throw new TurnoutError('TURNOUT_BODY_USED')
    this.#isRead = true
    return this.#request.body.slice()
  }

  send(status: number, fields: Fields, body: string | Uint8Array | null): void {
    this.isHeadSent = true
    const hasBody = !isBodyless(status) && this.method !== 'HEAD'
    const bytes = hasBody ? Buffer.from(body ?? '') : Buffer.alloc(0)
    const isLong = bytes.length > maxAnswerBytes
    this.#settle(isLong ? null : { status, headers: fieldList(fields), body: bytes })
  }

  async stream(
    status: number,
    fields: Fields,
    body: AsyncIterable<string | Uint8Array> | BodySource,
  ): Promise<void> {
    const headers = fieldList(fields)
    this.isHeadSent = true
    const iterator = (isBodySource(body) ? pulled(body) : body)[Symbol.asyncIterator]()
    const pieces: Buffer[] = []
    let size = 0
    const isLeft = new Promise<null>((resolve) => this.onClose(() => resolve(null)))
    try {
      if (isBodyless(status) || this.method === 'HEAD') {
        return this.#settle({ status, headers, body: Buffer.alloc(0) })
      }
      for (;;) {
        const part = await Promise.race([iterator.next(), isLeft])
        if (part === null) return
        if (part.done === true) break
        const piece = Buffer.from(part.value as Uint8Array)
        size += piece.length
        if (size > maxAnswerBytes) return this.#settle(null)
        pieces.push(piece)
      }
      this.#settle({ status, headers, body: Buffer.concat(pieces) })
    } finally {
      // One that waits in `next` for ever is not waited for.
      iterator.return?.(undefined).catch(() => undefined)
    }
  }

  inform(): void {}

  tunnel(): Promise<void> {
    return Promise.reject(new Error('a copy is not upgraded'))
  }

  copyBody(): () => null {
    return () => null
  }

  onClose(listener: () => void): void {
    if (this.#isClosed) listener()
    else this.#closers.push(listener)
  }

  /** There is no answer, or none that is whole. */
  destroy(): void {
    this.#settle(null)
  }

  node(): NodePair {
    this.#node ??= mirrorNode(this.#request, maxAnswerBytes, (answer) => {
      this.isHeadSent = true
      this.#settle(answer)
    })
    return this.#node
  }

  #settle(answer: Answer | null): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#resolve(answer)
    this.#node?.response.destroy()
    for (const closer of this.#closers.splice(0)) closer()
  }
}
