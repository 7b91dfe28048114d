import type { IncomingMessage } from 'node:http'

const absolute = /^https?:\/\/([^/?#]*)/i
/** Name or address, and port: nothing that changes what a URL made of it means, or that two readers split in two ways. */
const hostWithPort = /^(?:\w[\w.~%-]*|\[[\da-f:.]+\])(?::\d{0,5})?$/i

/**
 * Of these, what a URL takes as it is, and port: its last label is no number, which would make it an address, and none is
 * of another alphabet.
 */
const plainHost = /^(?!.*xn--)(?:\w[\w~-]*\.)*[a-z_][\w~-]*\.?(?::\d{1,4})?$/i

/** The Host field; empty where there is none or there are two. `headers` would make an object of all fields. */
const hostField = (rawHeaders: readonly string[]): string => {
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (name.length === 4 && name.toLowerCase() === 'host') return rawHeaders[at + 1]!
  }
  return ''
}

const authorityFor = (target: string, host: string): string =>
  target.charCodeAt(0) === 47 ? host : (absolute.exec(target)?.[1] ?? host)

/** Host and port that a request is for: of an absolute-form target, else of its Host field (RFC 9112 section 3.3). */
export function authorityOf({ url, rawHeaders }: IncomingMessage): string {
  return authorityFor(url!, hostField(rawHeaders))
}

// Most requests of a server name the same host.
let lastValid = ''

/** Whether a Host field is one that every reader takes for the same host. */
export const isHost = (host: string): boolean => {
  if (host === '' || host === lastValid) return true
  // Where thousands of hosts are served, hardly ever is it the last one.
  if (plainHost.test(host)) {
    lastValid = host
    return true
  }
  if (!hostWithPort.test(host) || host.includes('..') || !URL.canParse(`http://${host}/`)) {
    return false
  }
  lastValid = host
  return true
}

/** As names are compared: case, a dot at the end and the scheme's own port make no difference. */
const normalized = (authority: string, scheme: string): string => {
  const [, name = '', port = ''] = /^(.*?)(?::(\d*))?$/.exec(authority.toLowerCase()) ?? []
  const isOwn = port === '' || Number(port) === (scheme === 'https' ? 443 : 80)
  return `${name.replace(/\.$/, '')}:${isOwn ? '' : Number(port)}`
}

/**
 * False for what RFC 9112 section 3.2 asks to refuse, and for a target with an authority that is not the Host's: the next
 * reader may go by the other one. `host`: the Host field, null where there is none.
 */
export function isValidAuthority(target: string, host: string | null): boolean {
  if (host !== null && !isHost(host)) return false
  if (target.charCodeAt(0) === 47) return true
  const own = absolute.exec(target)?.[1]
  if (own === undefined) return true
  if (own === '' || !isHost(own)) return false
  if (host === null) return true
  const scheme = target.slice(0, target.indexOf(':')).toLowerCase()
  return normalized(own, scheme) === normalized(host, scheme)
}
