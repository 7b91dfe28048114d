import { fieldValue, withoutField } from '../core/http/fields.ts'
import type { BodySource } from './body-source.ts'

/** What a body may be on its way out. A string or bytes leave in one write with the head; the rest is streamed. */
export type ReplyBody = string | Uint8Array | AsyncIterable<string | Uint8Array> | BodySource | null

/** An answer on its way to the client: status, header fields as a flat list (name, value, name, value), body. */
export class Reply {
  status: number
  headers: string[]
  body: ReplyBody

  constructor(status: number, headers: string[], body: ReplyBody) {
    this.status = status
    this.headers = headers
    this.body = body
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
