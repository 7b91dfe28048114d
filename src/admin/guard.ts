import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { TurnoutError } from '../core/errors.ts'

const maxFields = 100
const maxTargetLength = 8 * 1024
/** Node would take the first one; what stands in front of us may have looked at the other. */
const twice = 'it stands there twice'
const loopback: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/** The Host without its port, as browsers write it. */
const nameOf = (host: string): string => host.toLowerCase().replace(/:\d*$/, '')

/** Names under which the API may be asked: those of loopback, the bound address, and what was configured. */
export function allowedHosts(
  bound: string | null,
  further: readonly string[],
): ReadonlySet<string> {
  const names = bound === null ? further : [bound, ...further]
  return new Set([
    ...loopback,
    ...names.map((name) => (isIP(name) === 6 ? `[${name}]` : nameOf(name))),
  ])
}

/**
 * Refuses what no client of the API sends, before anything else is looked at: a name that was pointed at this address
 * (DNS rebinding), and whatever a browser sends for another site (CSRF).
 *
 * @throws TurnoutError
 */
export function guardRequest(request: IncomingMessage, hosts: ReadonlySet<string>): void {
  const { headers, rawHeaders, url } = request
  if (rawHeaders.length > maxFields * 2) throw new TurnoutError('TURNOUT_HEADERS_TOO_MANY')
  if (url!.length > maxTargetLength) throw new TurnoutError('TURNOUT_TARGET_TOO_LONG')
  const { host, origin, upgrade } = headers
  const names = rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())
  const isTwice = (field: string): boolean => names.indexOf(field) !== names.lastIndexOf(field)
  if (host === undefined || isTwice('host') || !hosts.has(nameOf(host)))
    throw new TurnoutError('TURNOUT_ADMIN_HOST', { host: (host ?? '').slice(0, 100) })
  const scheme = 'encrypted' in request.socket ? 'https' : 'http'
  if (origin !== undefined && origin !== `${scheme}://${host}`)
    throw new TurnoutError('TURNOUT_ADMIN_ORIGIN', { field: 'Origin' })
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    throw new TurnoutError('TURNOUT_ADMIN_ORIGIN', { field: 'Sec-Fetch-Site' })
  for (const field of ['authorization', 'content-type'])
    if (isTwice(field)) throw new TurnoutError('TURNOUT_HEADER_INVALID', { field, reason: twice })
  if (upgrade !== undefined)
    throw new TurnoutError('TURNOUT_HEADER_INVALID', { field: 'Upgrade', reason: 'expected none' })
}
