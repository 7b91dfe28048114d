import { performance } from 'node:perf_hooks'
import type { Problem } from '../../core/errors.ts'
import { fieldList } from '../../core/http/field-lines.ts'
import { cleanFields, endToEndFields, withoutField } from '../../core/http/fields.ts'
import { forwardedHeaders, type Forwarding } from '../../core/http/forwarded.ts'
import type { TimeoutSettings } from '../../core/route/upstream.ts'
import type { BodySink } from '../body-source.ts'
import type { Exchange } from '../exchange.ts'
import type { Transport } from '../transport.ts'
import type { UpstreamEnvironment } from './environment.ts'

/** What a request is sent on as, where it begins. */
interface Beginning {
  readonly path: string
  readonly search: string
  readonly host: string | null
  /** Flat; null: they are made of `lines` when somebody asks. */
  readonly headers: string[] | null
  /** The same fields as whole lines, each complete and checked; null: there is only the list. */
  readonly lines: string | null
}

/** The request as it is sent on. Filters change it; the client's own stays as it was. */
export class Outbound {
  /** Canonical, with a leading slash. */
  path: string
  /** With its question mark, or empty. */
  search: string
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
  #headers: string[] | null
  #lines: string | null

  constructor({ path, search, host, headers, lines }: Beginning) {
    this.path = path
    this.search = search
    this.host = host
    this.timeouts = null
    this.maxBody = null
    this.life = null
    this.tap = null
    this.body = null
    this.#headers = headers
    this.#lines = lines
  }

  /** Flat; end-to-end fields without `host`. Whoever asks may change them. */
  get headers(): string[] {
    this.#headers ??= fieldList(this.#lines!)
    this.#lines = null
    return this.#headers
  }

  set headers(headers: string[]) {
    this.#headers = headers
    this.#lines = null
  }

  /** The fields as whole lines, where nobody has asked for the list; else null. */
  get lines(): string | null {
    return this.#lines
  }

  /** The request as it is now, for whoever sends it more than once: filters further in change it each time. */
  copy(): Outbound {
    const copy = new Outbound({
      path: this.path,
      search: this.search,
      host: this.host,
      headers: this.#lines === null ? this.#headers!.slice() : null,
      lines: this.#lines,
    })
    copy.timeouts = this.timeouts
    copy.maxBody = this.maxBody
    copy.life = this.life
    copy.tap = this.tap
    copy.body = this.body
    return copy
  }
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
  const { transport, path } = exchange
  const search = escaped(exchange.search)
  const plain = exchange.mirrored ? null : transport.plainFields()
  if (plain !== null) {
    const lines = plain + forwardedLines(transport)
    return new Outbound({ path, search, host: null, headers: null, lines })
  }
  const given = transport.headers()
  const fields = endToEndFields(underscores === 'drop' ? cleanFields(given) : given)
  if ('code' in fields) return fields
  const headers = forwardedHeaders({
    fields: withoutField(fields, 'host'),
    ...whereFrom(transport),
    trusted,
  })
  if (exchange.mirrored) headers.push(...mirrorMark)
  return new Outbound({ path, search, host: null, headers, lines: null })
}

const whereFrom = (transport: Transport): Pick<Forwarding, 'peer' | 'protocol' | 'host'> => ({
  peer: transport.remoteAddress(),
  protocol: transport.origin().startsWith('https:') ? 'https' : 'http',
  host: transport.header('host') ?? '',
})

let lastPeer: string | undefined
let lastOrigin = ''
let lastLines = ''

/** What `forwardedHeaders` adds for a request that claims nothing of that kind; of one client it is always the same. */
const forwardedLines = (transport: Transport): string => {
  const peer = transport.remoteAddress()
  const origin = transport.origin()
  if (peer !== lastPeer || origin !== lastOrigin) {
    const fields = forwardedHeaders({ fields: [], ...whereFrom(transport), trusted: [] })
    lastLines = ''
    for (let at = 0; at < fields.length; at += 2)
      lastLines += `${fields[at]}: ${fields[at + 1]}\r\n`
    lastPeer = peer
    lastOrigin = origin
  }
  return lastLines
}

/** Bytes that stand for no character of a target leave in the same spelling as those of the path. */
const escaped = (search: string): string =>
  search === ''
    ? ''
    : search.replace(
        /[^!-~]/g,
        (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
      )
