import type { Reply, ReplyBody } from './reply.ts'
import type { Transport } from './transport.ts'

type Whole = string | Uint8Array | null

const isWhole = (body: ReplyBody): body is Whole =>
  body === null || typeof body === 'string' || body instanceof Uint8Array

/** The body of a reply that has to be streamed; null: it leaves in one write with the head, by `sendWhole`. */
export function streamOf(reply: Reply): Exclude<ReplyBody, Whole> | null {
  if (reply.byteText !== null) return null
  const { body } = reply
  return isWhole(body) ? null : body
}

/** Sends a reply that is not streamed; as text of one byte a character, where it came so and the transport takes it. */
export function sendWhole(transport: Transport, reply: Reply): void {
  const { status, fields, byteText } = reply
  if (byteText !== null && transport.sendByteText !== undefined)
    transport.sendByteText(status, fields, byteText)
  else transport.send(status, fields, reply.body as Whole)
}
