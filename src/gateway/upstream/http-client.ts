import { isIPv6 } from 'node:net'
import { performance } from 'node:perf_hooks'
import { TurnoutError } from '../../core/errors.ts'
import type { Client, ClientOptions, Origin } from './client.ts'
import { createDial } from './dial.ts'
import { OutgoingExchange } from './outgoing.ts'
import { Pool } from './pool.ts'
import { requestHead } from './request-head.ts'

/** Of Windows, where sockets are no files. */
const pipes = String.raw`\\.\pipe` + '\\'

/** Reads `http://host:port`, `https://host:port` or `unix:/path`. */
export function parseOrigin(url: string): Origin {
  const invalid = (): TurnoutError => new TurnoutError('TURNOUT_ORIGIN_INVALID', { url })
  if (url.startsWith('unix:')) {
    const path = url.slice(5)
    if (!(path.startsWith('/') || path.startsWith(pipes)) || path.includes('\0')) throw invalid()
    return { protocol: 'http:', host: null, port: 0, path }
  }
  if (!URL.canParse(url)) throw invalid()
  const parsed = new URL(url)
  const { hostname, origin, protocol } = parsed
  if (protocol !== 'http:' && protocol !== 'https:') throw invalid()
  // User, path, query or fragment would be left out without a word.
  if (parsed.href !== `${origin}/`) throw invalid()
  const inBrackets = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  const host = isIPv6(inBrackets) ? inBrackets : hostname
  const port = parsed.port === '' ? (protocol === 'http:' ? 80 : 443) : Number(parsed.port)
  if (port === 0) throw invalid()
  return { protocol, host, port, path: null }
}

/** Makes the client to one endpoint; nothing is opened before the first exchange. */
export function createClient(origin: Origin, options: ClientOptions): Client {
  const isTls = origin.protocol === 'https:'
  const pool = new Pool(createDial(origin, options), isTls, options)
  return {
    send(request, listener, timeouts = options.timeouts, now = performance.now()) {
      const head = requestHead(request)
      const exchange = new OutgoingExchange(request, head, listener, timeouts, pool, now)
      pool.acquire(exchange, now)
      return exchange
    },
    get stats() {
      return pool.stats
    },
    close: (onClosed) => pool.close(onClosed),
    destroy: () => pool.destroy(),
  }
}
