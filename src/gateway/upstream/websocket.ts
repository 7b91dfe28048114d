import { createHash } from 'node:crypto'

/** What the answer to a WebSocket key must be (RFC 6455 section 4.2.2). */
export function acceptOf(key: string): string {
  return createHash('sha1')
    .update(`${key.trim()}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')
}
