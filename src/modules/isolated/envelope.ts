import type { Exchange } from '../../gateway/exchange.ts'
import { requestConnectionFields } from '../../core/http/fields.ts'
import { Outbound } from '../../gateway/upstream/outbound.ts'

/** The field in which an exchange goes to the process of an isolated module. What clients send of it goes nowhere. */
export const envelopeField = 'turnout-exchange'

/** What the process has to know of an exchange beside the request itself. */
export interface Envelope {
  /** Place of the route in the list that the process gave. */
  readonly route: number
  readonly revision: number
  /** The client's connection is encrypted. */
  readonly isSecure: boolean
  readonly isMirrored: boolean
  readonly remoteAddress: string | undefined
  readonly params: Readonly<Record<string, string>>
  /** The canonical path where it differs from the target's. */
  readonly path: string | null
  /** Fields of the client's connection, flat: a handler sees them, and they say nothing of ours. */
  readonly fields: readonly string[]
  /** Lines of the log are of it, here as there. */
  readonly traceId: string
}

/** Fields that the message itself has on every connection. */
const isFraming = (name: string): boolean =>
  name === 'content-length' || name === 'transfer-encoding'

const isPlain = /^[ -~]*$/

/** Any text as characters that a field may have. */
const escapeText = (json: string): string =>
  isPlain.test(json)
    ? json
    : json.replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

const isTarget = /^\/[!-~]*$/

/** Bytes that stand for no character of a target leave percent-encoded. */
const escapeTarget = (target: string): string =>
  isTarget.test(target)
    ? target
    : target.replace(/[^!-~]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** The request as the process gets it: what the client sent, and the envelope. `secret`: of the process. */
export function enclose(exchange: Exchange, route: number, secret: string): Outbound {
  const { transport, path, params } = exchange
  const { target } = transport
  const [scheme = '', authority = ''] = transport.origin().split('://')
  const headers = [envelopeField, '']
  const fields: string[] = []
  const given = transport.headers()
  for (let at = 0; at < given.length; at += 2) {
    const name = given[at]!
    const lower = name.toLowerCase()
    if (requestConnectionFields.has(lower)) {
      if (!isFraming(lower)) fields.push(name, given[at + 1]!)
    } else if (lower !== 'host' && lower !== envelopeField) headers.push(name, given[at + 1]!)
  }
  const end = target.indexOf('?')
  const own = end < 0 ? target : target.slice(0, end)
  const flags = (scheme === 'https' ? 1 : 0) + (exchange.mirrored ? 2 : 0)
  const { revision } = exchange.snapshot
  const remote = transport.remoteAddress() ?? ''
  const canonical = own === path ? null : path
  headers[1] = escapeText(
    JSON.stringify([
      secret,
      route,
      revision,
      flags,
      remote,
      params,
      canonical,
      fields,
      exchange.trace.traceId,
    ]),
  )
  return new Outbound({
    path: escapeTarget(target),
    search: '',
    headers,
    host: authority,
    lines: null,
  })
}

type Sent = [
  string,
  number,
  number,
  number,
  string,
  Record<string, string>,
  string | null,
  string[],
  string,
]

/** Null: it was not made by who knows the secret. */
export function openEnvelope(text: string, secret: string): Envelope | null {
  if (!text.startsWith(`["${secret}",`)) return null
  const [, route, revision, flags, remote, params, path, fields, traceId] = JSON.parse(text) as Sent
  return {
    route,
    revision,
    isSecure: (flags & 1) !== 0,
    isMirrored: (flags & 2) !== 0,
    remoteAddress: remote === '' ? undefined : remote,
    params,
    path,
    fields,
    traceId,
  }
}
