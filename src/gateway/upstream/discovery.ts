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

/** What is known of a name. */
export interface NameStatus {
  readonly name: string
  readonly addresses: readonly string[]
  /** When it last gave addresses, ISO 8601; null: never. */
  readonly resolvedAt: string | null
  /** It gives none now, and those of the last time are kept. */
  readonly isKept: boolean
  /** Why it gives none now; null: it does, or was not answered yet. */
  readonly error: string | null
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
  /** Told when a name begins to give no address (`error`), and when it gives some again. */
  readonly #onTrouble: (name: string, error: string | null) => void
  readonly #known: Map<string, NameStatus>
  readonly #timers: Map<string, NodeJS.Timeout>
  #endpoints: readonly Endpoint[]
  #settings: DiscoverySettings
  #isClosed: boolean

  constructor(
    environment: UpstreamEnvironment,
    onFound: (found: readonly Found[]) => void,
    onTrouble: (name: string, error: string | null) => void,
  ) {
    this.#environment = environment
    this.#onFound = onFound
    this.#onTrouble = onTrouble
    this.#known = new Map()
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
      this.#known.delete(name)
    }
    for (const name of names) if (!this.#timers.has(name)) this.#ask(name)
    this.#tell()
  }

  /** What is known of the names that are looked up. */
  get names(): readonly NameStatus[] {
    return [...this.#timers.keys()].map((name) => this.#statusOf(name))
  }

  #statusOf(name: string): NameStatus {
    const unknown = { name, addresses: [], resolvedAt: null, isKept: false, error: null }
    return this.#known.get(name) ?? unknown
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
    try {
      const { addresses, ttlMs } = await this.#environment.resolve(name)
      if (addresses.length === 0) this.#failed(name, 'no address')
      else this.#resolved(name, [...new Set(addresses)].sort())
      return ttlMs ?? refreshMs
    } catch (error) {
      this.#failed(name, thrownMessage(error))
      return leastMs
    }
  }

  #resolved(name: string, addresses: readonly string[]): void {
    if (this.#isClosed || !this.#timers.has(name)) return
    const before = this.#statusOf(name)
    const resolvedAt = new Date().toISOString()
    this.#known.set(name, { name, addresses, resolvedAt, isKept: false, error: null })
    if (before.addresses.join() !== addresses.join()) this.#tell()
    if (before.error !== null) this.#onTrouble(name, null)
  }

  #failed(name: string, error: string): void {
    if (this.#isClosed || !this.#timers.has(name)) return
    const before = this.#statusOf(name)
    this.#known.set(name, { ...before, isKept: before.addresses.length > 0, error })
    if (before.error === null) this.#onTrouble(name, error)
  }

  #tell(): void {
    this.#onFound(
      this.#endpoints.flatMap((endpoint): readonly Found[] => {
        const [name] = this.#settings.kind === 'dns' ? nameOf(endpoint) : []
        if (name === undefined) return [{ key: endpoint.url, endpoint, address: null }]
        const { addresses } = this.#statusOf(name)
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
