import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'

/** What offers HTTP/2 over plain text; clients of some languages put it on every first request. */
const offers: ReadonlySet<string> = new Set(['upgrade', 'http2-settings'])

/** A list of protocols (RFC 9110 section 7.8). */
const protocols = /^[\w!#$%&'*+.^`|~/-]+(?:, ?[\w!#$%&'*+.^`|~/-]+)*$/

/**
 * Whether a request that asks for another protocol is served as if it did not: HTTP/2, what names none that could be
 * asked for, and whatever has a body.
 */
export function isDeclined({ headers }: IncomingMessage): boolean {
  const { upgrade = '' } = headers
  const hasBody =
    headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  if (hasBody || !protocols.test(upgrade)) return true
  return upgrade.split(',').some((token) => token.trim().toLowerCase() === 'h2c')
}

/**
 * Hands a request back to its server without its wish. Node takes every `Upgrade` for granted once somebody listens,
 * and gives up parsing the connection; what comes again are the fields that its parser has accepted.
 */
export function declineUpgrade(
  server: Server,
  request: IncomingMessage,
  socket: Duplex,
  first: Buffer,
): void {
  const { method, url, httpVersionMinor, rawHeaders } = request
  const lines = [`${method} ${url} HTTP/1.${httpVersionMinor}`]
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase()
    if (offers.has(name)) continue
    const value = rawHeaders[at + 1]!
    lines.push(`${rawHeaders[at]}: ${name === 'connection' ? withoutOffers(value) : value}`)
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), first]))
  // A server of TLS takes what has been decrypted under this name.
  server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket)
}

const withoutOffers = (connection: string): string => {
  const kept = connection.split(',').filter((token) => !offers.has(token.trim().toLowerCase()))
  return kept.length === 0 ? 'keep-alive' : kept.join(',')
}
