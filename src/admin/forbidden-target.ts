import { BlockList, isIP } from 'node:net'
import type { AdminAddress } from './context.ts'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addSubnet('0.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')
loopback.addAddress('::', 'ipv6')
// Addresses of version 6 that carry one of version 4, here 127.0.0.0/8: IPv4-compatible, NAT64, 6to4.
for (const block of ['::7f00:0', '64:ff9b::7f00:0', '64:ff9b:1::7f00:0'])
  loopback.addSubnet(block, 104, 'ipv6')
loopback.addSubnet('2002:7f00::', 24, 'ipv6')

const isLoopback = (host: string): boolean => {
  const family = isIP(host)
  if (family === 0) return host === 'localhost' || host.endsWith('.localhost')
  return loopback.check(host, family === 4 ? 'ipv4' : 'ipv6')
}

/**
 * Whether a URL leads to the admin API, which would then be reachable through the gateway. Names are not resolved
 * here; who connects looks again.
 */
export function isAdminTarget(url: string, admin: AdminAddress | null): boolean {
  if (admin === null || !URL.canParse(url)) return false
  const { hostname, port, protocol } = new URL(url)
  // As `new URL` writes it: 2130706433 and 0x7f.1 are 127.0.0.1 by now.
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  const target = Number(port || (protocol === 'https:' ? 443 : 80))
  if (target !== admin.port) return false
  const isAny = admin.host === '0.0.0.0' || admin.host === '::'
  return host === admin.host || (isLoopback(host) && (isAny || isLoopback(admin.host)))
}
