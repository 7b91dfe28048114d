import { Buffer } from 'node:buffer'
import { fieldList, type Fields } from '../core/http/field-lines.ts'
import { fieldValue, withoutField } from '../core/http/fields.ts'
import type { BodySource } from './body-source.ts'

/** What a body may be on its way out. A string or bytes leave in one write with the head; the rest is streamed. */
export type ReplyBody = string | Uint8Array | AsyncIterable<string | Uint8Array> | BodySource | null

/** An answer on its way to the client: status, header fields, body. */
export class Reply {
  status: number
  #body: ReplyBody
  #byteText: string | null
  #fields: Fields

  constructor(status: number, fields: Fields, body: ReplyBody) {
    this.status = status
    this.#body = body
    this.#byteText = null
    this.#fields = fields
  }

  /** One whose body is text of one byte a character, as it comes from an endpoint and goes to a client. */
  static ofByteText(status: number, fields: Fields, text: string): Reply {
    const reply = new Reply(status, fields, null)
    reply.#byteText = text
    return reply
  }

  /** The body as text of one byte a character, where it came so and nobody has asked for another; else null. */
  get byteText(): string | null {
    return this.#byteText
  }

  get body(): ReplyBody {
    const text = this.#byteText
    if (text === null) return this.#body
    this.#byteText = null
    this.#body = Buffer.from(text, 'latin1')
    return this.#body
  }

  set body(body: ReplyBody) {
    this.#body = body
    this.#byteText = null
  }

  /** As they are: lines, where nobody has asked for the list. */
  get fields(): Fields {
    return this.#fields
  }

  /** Flat list (name, value, name, value). Whoever asks may change it. */
  get headers(): string[] {
    if (typeof this.#fields === 'string') this.#fields = fieldList(this.#fields)
    return this.#fields
  }

  set headers(headers: string[]) {
    this.#fields = headers
  }

  /** First value of a field, by name in any case. */
  header(name: string): string | undefined {
    return fieldValue(this.headers, name.toLowerCase())
  }

  /** Replaces every field of that name by one. */
  setHeader(name: string, value: string): this {
    return this.removeHeader(name).appendHeader(name, value)
  }

  /** Adds a field and keeps those of the same name, as `Set-Cookie` needs. */
  appendHeader(name: string, value: string): this {
    this.headers.push(name, value)
    return this
  }

  removeHeader(name: string): this {
    if (this.header(name) !== undefined)
      this.headers = withoutField(this.headers, name.toLowerCase())
    return this
  }
}

/** The reply of a handler that wrote to the transport itself: a Node app. */
export const handled: Reply = new Reply(0, [], null)
