import type { Problem } from '../../core/errors.ts'
import { cleanFields, endToEndFields, withoutField } from '../../core/http/fields.ts'
import { forwardedHeaders } from '../../core/http/forwarded.ts'
import type { TimeoutSettings } from '../../core/route/upstream.ts'
import type { BodySink } from '../body-source.ts'
import type { Exchange } from '../exchange.ts'
import type { UpstreamEnvironment } from './environment.ts'

/** The request as it is sent on. Filters change it; the client's own stays as it was. */
export interface Outbound {
  /** Canonical, with a leading slash. */
  path: string
  /** With its question mark, or empty. */
  search: string
  /** Flat; end-to-end fields without `host`. */
  headers: string[]
  /** Null: the endpoint's own. */
  host: string | null
  /** Deadlines of the route, where they differ from the upstream's. */
  timeouts: Partial<TimeoutSettings> | null
  /** Most bytes of the request's body; null: whatever comes. */
  maxBody: number | null
  /** One for all attempts of an exchange that may be one of several; null: its only attempt begins when it is sent. */
  life: Life | null
  /** Is handed the request's body beside the upstream; null: nobody. */
  tap: BodySink | null
  /** Sent in place of the client's body; null: that one. */
  body: Uint8Array | null
}

/** Bytes of the body that is sent: 0 where there is none, null where nobody knows before. */
export const sentLength = ({ outbound, transport }: Exchange): number | null => {
  const body = outbound?.body ?? null
  return body === null ? transport.bodyLength() : body.byteLength
}

/** Times of an exchange whose attempts have one deadline together: milliseconds of the monotonic clock. */
export interface Life {
  readonly beganAt: number
  /** Known once an attempt has begun; `Infinity`: none. */
  deadline: number
  /** Attempts that have begun. */
  attempts: number
}

/** Tells a copy from a request that is meant. */
export const mirrorMark: readonly [string, string] = ['turnout-mirror', 'true']

/** It begins now. */
export const beginLife = (): Life => ({
  beganAt: performance.now(),
  deadline: Infinity,
  attempts: 0,
})

/**
 * What a request is sent on as, before any filter: without what is of its connection, with who it is from. A problem,
 * where the client asks to have a field removed that is not its own to remove.
 */
export function beginOutbound(
  exchange: Exchange,
  { trusted, underscores }: Pick<UpstreamEnvironment, 'trusted' | 'underscores'>,
): Outbound | Problem {
  const { transport } = exchange
  const given = transport.headers()
  const fields = endToEndFields(underscores === 'drop' ? cleanFields(given) : given)
  if ('code' in fields) return fields
  const headers = forwardedHeaders({
    fields: withoutField(fields, 'host'),
    peer: transport.remoteAddress(),
    protocol: transport.origin().startsWith('https:') ? 'https' : 'http',
    host: transport.header('host') ?? '',
    trusted,
  })
  if (exchange.mirrored) headers.push(...mirrorMark)
  const { path, search } = exchange
  return {
    path,
    search: escaped(search),
    headers,
    host: null,
    timeouts: null,
    maxBody: null,
    life: null,
    tap: null,
    body: null,
  }
}

/** Bytes that stand for no character of a target leave in the same spelling as those of the path. */
const escaped = (search: string): string =>
  search.replace(
    /[^!-~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )

/** The request as it is now, for whoever sends it more than once: filters further in change it each time. */
export const copyOutbound = (outbound: Outbound): Outbound => ({
  ...outbound,
  headers: outbound.headers.slice(),
})
