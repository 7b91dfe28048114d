import { isInBlock, parseAddress, parseBlock, type Address, type Block } from '../address.ts'

/** Why a URI cannot be a target, or the origin that it names. */
export type UriResult =
  | { readonly origin: string; readonly hasPath: boolean; readonly reason: null }
  | { readonly origin: null; readonly reason: string }

export const maxUriLength = 2048

/** Schemes that others know, and what to do instead. */
const schemes: ReadonlyMap<string, string> = new Map([
  ['lb', 'lb:// asks a service registry, which is not yet available: name an upstream'],
  ['ws', 'ws:// is not yet available: write http://'],
  ['wss', 'wss:// is not yet available: write https://'],
  ['forward', 'forward: goes to a handler inside Spring, of which there is none'],
  ['no', 'no:// has no server behind it: write a respond or redirect target'],
])

const names: ReadonlySet<string> = new Set([
  'instance-data',
  'instance-data.ec2.internal',
  'metadata',
  'metadata.goog',
  'metadata.google.internal',
])

const blocksOf = (...texts: readonly string[]): readonly Block[] =>
  texts.flatMap((text) => parseBlock(text) ?? [])
const unspecified = blocksOf('0.0.0.0/8', '::/128')
// It looks like a carrier of 0.0.0.1.
const loopback = blocksOf('::1')
const linkLocal = blocksOf('169.254.0.0/16', 'fe80::/10')
const metadata = blocksOf(
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd20:ce::254',
)

/** Networks of version 6 whose addresses carry one of version 4, and where: NAT64, 6to4, IPv4-compatible. */
const carriers: readonly (readonly [Block, number])[] = [
  ['64:ff9b::/96', 6],
  ['64:ff9b:1::/48', 6],
  ['2002::/16', 1],
  ['::/96', 6],
].flatMap(([text, at]) => blocksOf(String(text)).map((block) => [block, Number(at)] as const))

/**
 * Why a URI cannot be a target, or null: only http, https and unix, no credentials, no fragment, and no address that belongs
 * to the machine or its cloud and not to a server. Loopback and private networks are allowed. A name may still resolve
 * to such an address: who connects has to look again.
 */
export function uriProblem(uri: string): string | null {
  return parseUri(uri).reason
}

/** The origin of a target's URI in its one spelling, or why it cannot be a target. */
export function parseUri(uri: string): UriResult {
  const no = (reason: string): UriResult => ({ origin: null, reason })
  if (uri.length > maxUriLength) return no(`it is longer than ${maxUriLength} characters`)
  // A parser of URLs drops tabs and line breaks, and reads a backslash as a slash.
  if (!/^[\x21-\x5b\x5d-\x7e]+$/.test(uri))
    return no('it has spaces, backslashes or characters outside ASCII')
  const scheme = /^([a-z][a-z\d+.-]*):/i.exec(uri)?.[1]?.toLowerCase()
  if (scheme === undefined) return no('it has no scheme: write http:// or https://')
  if (scheme === 'unix') return parseSocket(uri.slice('unix:'.length))
  if (scheme !== 'http' && scheme !== 'https')
    return no(schemes.get(scheme) ?? `${scheme}: is none of http, https and unix`)
  if (!/^https?:\/\/[^/?#]/i.test(uri)) return no('it has no host after //')
  if (uri.includes('#')) return no('it has a fragment, which is never sent')
  let url: URL
  try {
    url = new URL(uri)
  } catch {
    return no('it is not a URL')
  }
  // Empty credentials leave no trace in the parsed URL.
  if (/^https?:\/\/[^/?]*@/i.test(uri)) return no('it has credentials')
  if (url.port === '0') return no('nothing listens on port 0')
  const reason = hostProblem(url.hostname)
  if (reason !== null) return no(reason)
  return { origin: url.origin, hasPath: url.pathname !== '/' || url.search !== '', reason: null }
}

/** Longest path of a socket that every system takes. */
const maxSocketLength = 103

/** Sockets over which whoever may write rules the machine. A link may still lead to one: who connects cannot tell. */
const ruling: ReadonlySet<string> = new Set([
  'docker.sock',
  'podman.sock',
  'containerd.sock',
  'crio.sock',
  'libvirt-sock',
])

/** `unix:/path/of.sock`. */
function parseSocket(path: string): UriResult {
  const no = (reason: string): UriResult => ({ origin: null, reason })
  if (!path.startsWith('/') || path.startsWith('//'))
    return no('a socket is an absolute path: unix:/path/of.sock')
  if (path.length > maxSocketLength)
    return no(`the path of a socket has at most ${maxSocketLength} characters`)
  const names = path.slice(1).split('/')
  if (names.some((name) => name === '' || name === '.' || name === '..'))
    return no('the path of a socket has no empty segment, no . and no ..')
  if (/[?#%]/.test(path)) return no('the path of a socket has no ?, # or %')
  if (ruling.has(names.at(-1) ?? ''))
    return no('whoever may write to this socket rules the machine')
  return { origin: `unix:${path}`, hasPath: false, reason: null }
}

/** Longest name that DNS can hold, and longest part of one (RFC 1035, section 2.3.4). */
const maxNameLength = 253
const maxLabelLength = 63

/** The host as `URL` has canonicalised it: `0x7f000001` is `127.0.0.1` by then. */
function hostProblem(hostname: string): string | null {
  const name = hostname.replace(/\.$/, '')
  if (name.length > maxNameLength) return `no host has more than ${maxNameLength} characters`
  if (name.split('.').some((label) => label.length > maxLabelLength))
    return `no part of a host's name has more than ${maxLabelLength} characters`
  if (names.has(name)) return `${name} is a metadata service`
  const address = parseAddress(name.replaceAll(/[[\]]/g, ''))
  return address === null ? null : addressProblem(address)
}

/** Why an address is never a target; null: it may be one. */
export function addressProblem(address: Address): string | null {
  const lies = (blocks: readonly Block[]): boolean =>
    blocks.some((block) => isInBlock(address, block))
  if (lies(unspecified)) return 'the unspecified address is no server'
  if (lies(metadata)) return 'the address is a metadata service'
  if (lies(linkLocal)) return 'link-local addresses, where metadata services are, are not allowed'
  if (lies(loopback)) return null
  for (const [block, at] of carriers) {
    const reason = isInBlock(address, block) ? addressProblem(address.slice(at, at + 2)) : null
    if (reason !== null) return reason
  }
  return null
}
