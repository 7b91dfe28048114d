import { TurnoutError } from '../core/errors.ts'
import type { Transport } from '../gateway/transport.ts'

/** The request's body. It can be read once, in one of its forms. */
export class Body {
  readonly #transport: Transport
  #bytes: Promise<Uint8Array> | null
  #isStreamed: boolean

  constructor(transport: Transport) {
    this.#transport = transport
    this.#bytes = null
    this.#isStreamed = false
  }

  /** The whole body. Rejects with TURNOUT_BODY_TOO_LARGE past the configured limit; may be asked for again. */
  bytes(): Promise<Uint8Array> {
    if (this.#isStreamed) return Promise.reject(new TurnoutError('TURNOUT_BODY_USED'))
    this.#bytes ??= this.#transport.readBody()
    return this.#bytes
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes())
  }

  /** Rejects with TURNOUT_BODY_INVALID when the body is not JSON. */
  async json<Value = unknown>(): Promise<Value> {
    const text = await this.text()
    try {
      return JSON.parse(text) as Value
    } catch (error) {
      throw new TurnoutError('TURNOUT_BODY_INVALID', { reason: (error as Error).message })
    }
  }

  /** The body as it arrives, with no limit on its size; null where there is none. */
  stream(): ReadableStream<Uint8Array> | null {
    if (this.#isStreamed || this.#bytes !== null) throw new TurnoutError('TURNOUT_BODY_USED')
    this.#isStreamed = true
    return this.#transport.bodyStream()
  }
}
