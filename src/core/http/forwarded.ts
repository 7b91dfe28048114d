import { addressText, isInBlock, parseAddress, parseBlock, type Block } from '../address.ts'
import { looseName } from './fields.ts'

/** Reads `trustedProxies`; what is no address and no block is left out, for the config's check has told it. */
export function parseTrusted(proxies: readonly string[]): readonly Block[] {
  return proxies.flatMap((text) => parseBlock(text) ?? [])
}

/** Whether an address is that of a trusted proxy. */
export function isTrusted(address: string | undefined, trusted: readonly Block[]): boolean {
  if (address === undefined || trusted.length === 0) return false
  const parsed = parseAddress(address)
  return parsed !== null && trusted.some((block) => isInBlock(parsed, block))
}

/** The address of an entry, without the port that some proxies add; null where it is none. */
const entryAddress = (entry: string): string | null => {
  const bare = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(entry) ?? /^([\d.]+):\d{1,5}$/.exec(entry)
  const text = bare?.[1] ?? entry
  const address = parseAddress(text)
  if (address === null) return null
  // A mapped address is the version 4 one for everybody who compares texts.
  return address.length === 2 ? addressText(address) : text
}

/** The address of a connection. One of version 4 is written in one way only; reading it costs more than all else here. */
const peerAddress = (peer: string): string =>
  peer.includes(':') ? (entryAddress(peer) ?? peer) : peer

/**
 * Who a request is from: the right-most address that is no trusted proxy's, of the list in `X-Forwarded-For` and the
 * connection's own address behind it. Left of that, anybody may have written anything. Where the list holds something
 * that is no address, the last one before it. `xForwardedFor`: all fields, joined by commas, in their order.
 */
export function clientAddress(
  peer: string | undefined,
  xForwardedFor: string | undefined,
  trusted: readonly Block[],
): string | undefined {
  if (peer === undefined) return undefined
  let found = peerAddress(peer)
  if (xForwardedFor === undefined || !isTrusted(found, trusted)) return found
  const entries = xForwardedFor.split(',')
  for (let at = entries.length - 1; at >= 0; at -= 1) {
    const address = entryAddress(entries[at]!.trim())
    if (address === null) return found
    found = address
    if (!isTrusted(found, trusted)) return found
  }
  return found
}

/** A request on its way to an upstream. */
export interface Forwarding {
  /** Its fields, flat. */
  readonly fields: readonly string[]
  /** Address of the connection. */
  readonly peer: string | undefined
  readonly protocol: 'http' | 'https'
  /** Host and port as the client named them. */
  readonly host: string
  readonly trusted: readonly Block[]
}

/** Whether a field's name claims who or where the client is, in any spelling that some program reads as one. */
const isClaim = (loose: string): boolean =>
  loose.startsWith('x-forwarded') ||
  loose === 'forwarded' ||
  loose === 'x-real-ip' ||
  loose.startsWith('turnout-')

// No other name begins so; most fields are told apart by their first letter.
const mayClaim = (name: string): boolean => 'xXfFtT'.includes(name[0] ?? 'x')

const hostForm = /^[\w.:[\]-]+$/

const forms: Readonly<Record<string, RegExp>> = {
  'x-forwarded-proto': /^https?$/i,
  'x-forwarded-host': hostForm,
  'x-forwarded-port': /^\d{1,5}$/,
}

const portOf = (host: string, protocol: string): string =>
  /:(\d+)$/.exec(host)?.[1] ?? (protocol === 'https' ? '443' : '80')

/** A node of RFC 7239: an address of version 6 stands in brackets and quotes. */
const element = (peer: string, protocol: string, host: string): string => {
  const node = peer.includes(':') ? `"[${peer}]"` : peer
  return `for=${node};proto=${protocol}${hostForm.test(host) ? `;host="${host}"` : ''}`
}

/**
 * The fields to send to an upstream: those of the request, then `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` and
 * `X-Real-IP`. What an untrusted peer says of that kind is dropped, in every spelling. A trusted one's list goes on with its
 * own address, its other claims stay where there is one of each kind that can be read, and `Forwarded` goes on where it sent it.
 */
export function forwardedHeaders(forwarding: Forwarding): string[] {
  const { fields, peer, protocol, host, trusted } = forwarding
  const address = peer === undefined ? undefined : peerAddress(peer)
  const isBelieved = isTrusted(address, trusted)
  const sent: string[] = []
  let claims = null as Map<string, string[]> | null
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!
    const value = fields[at + 1]!
    const loose = mayClaim(name) ? looseName(name) : ''
    if (!isClaim(loose)) sent.push(name, value)
    else if (isBelieved && !name.includes('_')) {
      claims ??= new Map()
      const values = claims.get(loose)
      if (values === undefined) claims.set(loose, [value])
      else values.push(value)
    }
  }
  const list = claims?.get('x-forwarded-for')?.join(', ')
  const client = isBelieved ? clientAddress(peer, list, trusted) : address
  const claimed = (name: string, own: string): void => {
    const values = claims?.get(name)
    const isOne = values?.length === 1 && forms[name]!.test(values[0]!)
    sent.push(name, isOne ? values[0]! : own)
  }
  if (address !== undefined) {
    sent.push('x-forwarded-for', list === undefined ? address : `${list}, ${address}`)
  }
  claimed('x-forwarded-proto', protocol)
  if (host !== '') claimed('x-forwarded-host', host)
  claimed('x-forwarded-port', portOf(host, protocol))
  if (client !== undefined) sent.push('x-real-ip', client)
  for (const [name, values] of claims ?? []) {
    if (name === 'forwarded') {
      const own = element(address ?? 'unknown', protocol, host)
      sent.push(name, `${values.join(', ')}, ${own}`)
    } else if (!ownNames.has(name)) for (const value of values) sent.push(name, value)
  }
  return sent
}

const ownNames: ReadonlySet<string> = new Set([
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-real-ip',
])
