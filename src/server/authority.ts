import type { IncomingMessage } from 'node:http'

const absolute = /^https?:\/\/([^/?#]*)/i
/** No user, path, query or space: those would change what a URL made of it means. */
const hostWithPort = /^[^\s/\\?#@]*$/

/** Host and port that a request is for: of an absolute-form target, else of its Host field (RFC 9112 section 3.3). */
export function authorityOf({ url, headers }: IncomingMessage): string {
  const target = url!
  if (target.charCodeAt(0) === 47) return headers.host ?? ''
  return absolute.exec(target)?.[1] ?? headers.host ?? ''
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
export function hasValidAuthority(request: IncomingMessage): boolean {
  const { rawHeaders, headers } = request
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (name.length === 4 && name.toLowerCase() === 'host') count += 1
  }
  return count < 2 && isHost(headers.host ?? '') && isHost(authorityOf(request))
}
