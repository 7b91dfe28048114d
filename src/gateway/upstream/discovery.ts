import { isIP } from 'node:net'
import type { DiscoverySettings, Endpoint } from '../../core/route/upstream.ts'
import { thrownMessage } from '../../core/thrown.ts'
import type { UpstreamEnvironment } from './environment.ts'
import { parseOrigin } from './http-client.ts'

/** An endpoint that was found. `address`: where its host name leads; null: it is connected to as it is named. */
export interface Found {
  readonly key: string
  readonly endpoint: Endpoint
  readonly address: string | null
}

/** A name that is asked about more often than that asks for trouble. */
const leastMs = 1_000

/**
 * Finds the endpoints of an upstream: those that are written down, or the addresses that their names lead to. The last
 * addresses of a name that were good are kept while it gives none. Open/close.
 */
export class Discovery {
  readonly #environment: UpstreamEnvironment
  readonly #onFound: (found: readonly Found[]) => void
  readonly #addresses: Map<string, readonly string[]>
  readonly #timers: Map<string, NodeJS.Timeout>
  #endpoints: readonly Endpoint[]
  #settings: DiscoverySettings
  #isClosed: boolean

  constructor(environment: UpstreamEnvironment, onFound: (found: readonly Found[]) => void) {
    this.#environment = environment
    this.#onFound = onFound
    this.#addresses = new Map()
    this.#timers = new Map()
    this.#endpoints = []
    this.#settings = { kind: 'static' }
    this.#isClosed = false
  }

  update(endpoints: readonly Endpoint[], settings: DiscoverySettings): void {
    this.#endpoints = endpoints
    this.#settings = settings
    const names = settings.kind === 'dns' ? new Set(endpoints.flatMap(nameOf)) : new Set<string>()
    for (const [name, timer] of this.#timers) {
      if (names.has(name)) continue
      clearTimeout(timer)
      this.#timers.delete(name)
      this.#addresses.delete(name)
    }
    for (const name of names) if (!this.#timers.has(name)) this.#ask(name)
    this.#tell()
  }

  close(): void {
    this.#isClosed = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #ask(name: string): void {
    // Holds the place of the timer, so that the name is asked about once.
    this.#timers.set(name, setTimeout(() => undefined, 0).unref())
    void this.#answer(name)
  }

  async #answer(name: string): Promise<void> {
    const refreshMs = this.#settings.kind === 'dns' ? this.#settings.refreshMs : leastMs
    const waitMs = await this.#lookUp(name, refreshMs)
    if (this.#isClosed || !this.#timers.has(name)) return
    const timer = setTimeout(() => this.#ask(name), Math.max(leastMs, Math.min(waitMs, refreshMs)))
    this.#timers.set(name, timer.unref())
  }

  /** Asks, tells what is new, and says for how long the answer holds. */
  async #lookUp(name: string, refreshMs: number): Promise<number> {
    const { log, resolve } = this.#environment
    try {
      const { addresses, ttlMs } = await resolve(name)
      const sorted = [...new Set(addresses)].sort()
      const isNew = sorted.length > 0 && this.#addresses.get(name)?.join() !== sorted.join()
      if (isNew && !this.#isClosed && this.#timers.has(name)) {
        this.#addresses.set(name, sorted)
        this.#tell()
      }
      return ttlMs ?? refreshMs
    } catch (error) {
      log.warn('a name of an upstream gives no address', { name, error: thrownMessage(error) })
      return leastMs
    }
  }

  #tell(): void {
    this.#onFound(
      this.#endpoints.flatMap((endpoint): readonly Found[] => {
        const [name] = this.#settings.kind === 'dns' ? nameOf(endpoint) : []
        if (name === undefined) return [{ key: endpoint.url, endpoint, address: null }]
        const addresses = this.#addresses.get(name) ?? []
        return addresses.map((address) => ({
          key: `${endpoint.url} ${address}`,
          endpoint,
          address,
        }))
      }),
    )
  }
}

/** The host name of an endpoint, where it is one. */
const nameOf = ({ url }: Endpoint): string[] => {
  const { host } = parseOrigin(url)
  return host === null || isIP(host) !== 0 ? [] : [host]
}
