import { BlockList, isIP } from 'node:net'
import type { AdminAddress } from './context.ts'

const never = new BlockList()
never.addSubnet('169.254.0.0', 16, 'ipv4')
never.addSubnet('fe80::', 10, 'ipv6')
never.addAddress('fd00:ec2::254', 'ipv6')

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('0.0.0.0', 'ipv4')
loopback.addAddress('::1', 'ipv6')
loopback.addAddress('::', 'ipv6')

const has = (list: BlockList, host: string): boolean => {
  const family = isIP(host)
  return family !== 0 && list.check(host, family === 4 ? 'ipv4' : 'ipv6')
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host.endsWith('.localhost') || has(loopback, host)

/**
 * Why a URL may never be what a route leads to, or null: the admin address would be reachable through the gateway, and
 * link-local addresses tell machines their secrets. Names are not resolved here; who connects looks again.
 */
export function forbiddenTarget(url: string, admin: AdminAddress | null): string | null {
  if (!URL.canParse(url)) return null
  const { hostname, port, protocol } = new URL(url)
  // As `new URL` writes it: 2130706433 and 0x7f.1 are 127.0.0.1 by now.
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  if (has(never, host) || host === 'metadata.google.internal')
    return `${host} is a link-local or metadata address`
  if (admin === null) return null
  const target = Number(port || (protocol === 'https:' ? 443 : 80))
  const isAny = admin.host === '0.0.0.0' || admin.host === '::'
  const isSame = host === admin.host || (isLoopback(host) && (isAny || isLoopback(admin.host)))
  return isSame && target === admin.port ? `${host}:${target} is the admin API` : null
}
