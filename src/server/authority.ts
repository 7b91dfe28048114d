import type { IncomingMessage } from 'node:http'

const absolute = /^https?:\/\/([^/?#]*)/i
/** No user, path, query or space: those would change what a URL made of it means. */
const hostWithPort = /^[^\s/\\?#@]*$/

/** The Host field; empty where there is none, null where there are two. `headers` would make an object of all fields. */
const hostField = (rawHeaders: readonly string[]): string | null => {
  let found: string | null = null
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue
    if (found !== null) return null
    found = rawHeaders[at + 1]!
  }
  return found ?? ''
}

const authorityFor = (target: string, host: string): string =>
  target.charCodeAt(0) === 47 ? host : (absolute.exec(target)?.[1] ?? host)

/** Host and port that a request is for: of an absolute-form target, else of its Host field (RFC 9112 section 3.3). */
export function authorityOf({ url, rawHeaders }: IncomingMessage): string {
  return authorityFor(url!, hostField(rawHeaders) ?? '')
}

// Most requests of a server name the same host.
let lastValid = ''

const isHost = (host: string): boolean => {
  if (host === '' || host === lastValid) return true
  if (!hostWithPort.test(host) || !URL.canParse(`http://${host}/`)) return false
  lastValid = host
  return true
}

/** False for what RFC 9112 section 3.2 asks to refuse: a Host that is not one, or two of them. */
export function hasValidAuthority({ url, rawHeaders }: IncomingMessage): boolean {
  const host = hostField(rawHeaders)
  return host !== null && isHost(host) && isHost(authorityFor(url!, host))
}
