import * as systemNames from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { addressText, parseAddress, type Block } from '../../core/address.ts'
import type { Underscores } from '../../core/http/fields.ts'
import type { Logger } from '../../core/logger.ts'
import { addressProblem } from '../../core/route/uri.ts'
import type { Tracer } from '../trace/tracer.ts'
import type { Origin } from './client.ts'
import type { UpstreamEvent } from './event.ts'
import type { UpstreamCounts } from './upstream-counts.ts'

/** What the upstreams of an instance are given. */
export interface UpstreamEnvironment {
  readonly log: Logger
  /** Proxies in front of us whose word is taken for who the client is. */
  readonly trusted: readonly Block[]
  /** Whether fields with `_` in their name are sent on. */
  readonly underscores: Underscores
  readonly random: () => number
  /** Why an address may not be connected to, whatever name led there; null: it may. */
  readonly refuseAddress: (address: string, port: number) => string | null
  /** All addresses of a name, and for how long they hold (ms; null: nobody said). Rejects where it has none. */
  readonly resolve: (host: string) => Promise<Resolved>
  /** Told of what becomes of upstreams, beside the log. Neither throws nor blocks. */
  readonly onEvent: (event: UpstreamEvent) => void
  /** Counts attempts and what becomes of them; null: nobody does. */
  readonly counts: UpstreamCounts | null
  /** Null: nobody follows exchanges to their upstreams. */
  readonly tracer: Tracer | null
}

export interface Resolved {
  readonly addresses: readonly string[]
  readonly ttlMs: number | null
}

/** What an instance gives its upstreams where nothing else is said. */
export function usualEnvironment(log: Logger): UpstreamEnvironment {
  return {
    log,
    trusted: [],
    underscores: 'drop',
    random: Math.random,
    refuseAddress: forbiddenAddress,
    resolve: (host) => resolveName(host),
    onEvent: () => undefined,
    counts: null,
    tracer: null,
  }
}

/** Never a target, whatever name leads there: link-local addresses and metadata services. */
export function forbiddenAddress(address: string): string | null {
  const parsed = parseAddress(address)
  return parsed === null ? null : addressProblem(parsed)
}

/** Whether an address is one of this machine, however it is written. */
export function isThisHost(address: string): boolean {
  const parsed = parseAddress(address)
  if (parsed === null) return false
  const text = addressText(parsed)
  if (text === '::1' || text.startsWith('127.') || text === '0.0.0.0' || text === '::') return true
  return Object.values(networkInterfaces())
    .flat()
    .some((own) => own !== undefined && parseAddress(own.address)?.join() === parsed.join())
}

/** What names are asked of. */
export interface NameService {
  resolve4(host: string, options: { readonly ttl: true }): Promise<AddressRecord[]>
  resolve6(host: string, options: { readonly ttl: true }): Promise<AddressRecord[]>
  lookup(host: string, options: { readonly all: true }): Promise<{ readonly address: string }[]>
}

interface AddressRecord {
  readonly address: string
  /** In seconds. */
  readonly ttl: number
}

/** Addresses by the resolver, which says how long they hold; what only the hosts file knows, by that. */
export async function resolveName(
  host: string,
  names: NameService = systemNames,
): Promise<Resolved> {
  const found = await Promise.allSettled([
    names.resolve4(host, { ttl: true }),
    names.resolve6(host, { ttl: true }),
  ])
  const records = found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
  if (records.length > 0) {
    const ttl = Math.min(...records.map((record) => record.ttl))
    return { addresses: records.map(({ address }) => address), ttlMs: ttl * 1000 }
  }
  const known = await names.lookup(host, { all: true })
  return { addresses: known.map(({ address }) => address), ttlMs: null }
}

/** `host:port` as `Host` says it: without the port that the scheme implies. */
export function authorityOf({ protocol, host, port, path }: Origin): string {
  if (path !== null || host === null) return 'localhost'
  const name = host.includes(':') ? `[${host}]` : host
  return port === (protocol === 'https:' ? 443 : 80) ? name : `${name}:${port}`
}
