import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Block } from '../../core/address.ts'
import { TurnoutError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { routeId } from '../../core/route/module-routes.ts'
import type { ModuleReference } from '../../core/route/route.ts'
import type { Handler } from '../../gateway/snapshot.ts'
import type { UpstreamEnvironment } from '../../gateway/upstream/environment.ts'
import { forwardTo } from '../../gateway/upstream/forward.ts'
import { LiveUpstream } from '../../gateway/upstream/live-upstream.ts'
import { OpenStreams } from '../../gateway/upstream/open-streams.ts'
import type { CodeSource } from '../../worker/worker.ts'
import { HeldVersion } from '../held-version.ts'
import type { Listed } from '../module-version.ts'
import { enclose } from './envelope.ts'
import { endedProblem, HostEnded, HostProcess } from './host-process.ts'
import { Keeper } from './keeper.ts'
import type { GivenState, HostListing, HostOrder } from './messages.ts'
import type { ModuleSettings } from './module-settings.ts'
import { upstreamAt } from './reach.ts'
import { uncloneableReason } from './uncloneable.ts'

/** What processes of isolated modules are made of and given, in one worker. */
export interface IsolatedSetup {
  /** The script that they run. */
  readonly entry: URL
  readonly bodyLimit: number
  readonly trusted: readonly Block[]
  readonly loadTimeoutMs: number
  /** A config, whose services each process opens. Null: there is none. */
  readonly configFile: string | null
  /** As they were given to this process. */
  readonly services: Readonly<Record<string, unknown>>
}

export interface IsolatedOptions {
  readonly reference: ModuleReference
  readonly source: CodeSource
  readonly memoryMb: number | null
  readonly settings: ModuleSettings | undefined
  readonly setup: IsolatedSetup
  readonly state: GivenState | null
  readonly environment: UpstreamEnvironment
  readonly log: Logger
  readonly drainMs: number
  readonly streamDrainMs: number
}

/**
 * One version of a module whose code runs in a process of its own. That process is an upstream: what protects the one
 * protects the other.
 */
export class IsolatedVersion extends HeldVersion {
  readonly listed: Listed
  readonly upstream: LiveUpstream
  readonly hasSettle: boolean
  readonly #keeper: Keeper
  readonly #handlers: Map<string, Handler>
  #key: string

  private constructor(given: IsolatedOptions, opened: Opened) {
    // A state that was taken over is not kept for ever.
    const options = { ...given, state: null }
    const { reference, environment, log, memoryMb, settings, drainMs } = options
    const { host, listing, secret } = opened
    super({ ...options, name: listing.name, version: listing.version, digest: reference.digest })
    const { name: key } = reference
    this.#key = key
    this.hasSettle = listing.hasSettle
    const name = `isolated:${listing.name}@${listing.version}`
    const forward = forwardTo({ streams: new OpenStreams() }, name, () => this.upstream, undefined)
    this.#handlers = new Map()
    const routes = listing.routes.map(({ method, path }, place) => {
      const id = routeId(key, method, path)
      if (this.#handlers.has(id)) throw new TurnoutError('TURNOUT_ROUTE_TWICE', { route: id })
      this.#handlers.set(id, (exchange) => {
        exchange.outbound = enclose(exchange, place, secret)
        return forward(exchange)
      })
      return { id, method, path }
    })
    this.listed = { routes, filters: listing.filters }
    const at = ({ socket }: HostProcess) => upstreamAt(name, socket, settings?.upstream)
    this.upstream = new LiveUpstream(at(host), environment, () => undefined)
    this.#keeper = new Keeper({
      start: (state) => startAgain({ ...options, state }, { listing, secret }),
      onServing: (next) => this.upstream.update(at(next)),
      drained: (left) => this.#drained(left, drainMs),
      memoryMb,
      log,
    })
  }

  /** Starts its process. Throws what the author's code throws there. */
  static async open(options: IsolatedOptions): Promise<IsolatedVersion> {
    const opened = await start(options, randomBytes(16).toString('hex'))
    const { name: module } = options.reference
    try {
      const { filters } = opened.listing
      if (filters.length > 0) {
        const reason = `its filter ${filters[0]} runs around targets of this process`
        throw new TurnoutError('TURNOUT_ISOLATION_REFUSED', { module, reason })
      }
      const version = new IsolatedVersion(options, opened)
      version.#keeper.take(opened.host)
      return version
    } catch (error) {
      await opened.host.dispose()
      throw error
    }
  }

  /** Of the process that serves now. */
  get pid(): number | undefined {
    return this.#keeper.serving?.pid
  }

  rename(key: string): void {
    const from = `${this.#key}#`
    this.#key = key
    for (const [id, handler] of this.#handlers)
      if (id.startsWith(from)) this.#handlers.set(`${key}#${id.slice(from.length)}`, handler)
  }

  handlerOf(id: string): Handler | undefined {
    return this.#handlers.get(id)
  }

  filterOf(): undefined {
    return undefined
  }

  /** A copy. Rejects with TURNOUT_STATE_UNCLONEABLE; of a process that is down it is undefined. */
  async currentState(): Promise<unknown> {
    const { serving } = this.#keeper
    if (serving === null) return undefined
    return await serving.state().catch((error: unknown) => {
      if (error instanceof HostEnded) return undefined
      throw error
    })
  }

  async settle(other: unknown): Promise<void> {
    const copy = cloneable(other, this.name)
    if (copy !== undefined) await this.#keeper.serving?.settle(copy)
  }

  async discard(): Promise<void> {
    await this.#keeper.close()
    await new Promise<void>((resolve) => {
      this.upstream.close(resolve)
      this.upstream.destroy()
    })
  }

  /** Resolves when no exchange is inside a process that was replaced. */
  async #drained({ socket }: HostProcess, mostMs: number): Promise<void> {
    const endsAt = performance.now() + mostMs
    const isInside = (): boolean =>
      this.upstream.status().endpoints.some(({ url }) => url === `unix:${socket}`)
    while (isInside() && performance.now() < endsAt) await pause(100, undefined, { ref: false })
  }
}

interface Opened {
  readonly host: HostProcess
  readonly listing: HostListing
  readonly secret: string
}

const start = async (options: IsolatedOptions, secret: string): Promise<Opened> => {
  const { source, setup, memoryMb, log } = options
  const host = new HostProcess({ entry: setup.entry, memoryMb, log })
  try {
    const listing = await host.open(orderOf(options, secret), setup.loadTimeoutMs + startMs)
    return { host, listing, secret }
  } catch (error) {
    host.kill('it did not open')
    await host.ended
    throw error instanceof HostEnded ? endedProblem(error, source.file) : error
  }
}

/** The same once more: exchanges name its routes by their places in the first list. */
const startAgain = async (
  options: IsolatedOptions,
  first: Omit<Opened, 'host'>,
): Promise<HostProcess> => {
  const { host, listing } = await start(options, first.secret)
  if (isDeepStrictEqual(listing, first.listing)) return host
  await host.dispose()
  const difference = 'it is not the list of its first start'
  throw new TurnoutError('TURNOUT_MODULE_LIST_DIFFERS', { module: listing.name, difference })
}

/** What a process needs to start, beside what its module takes to load. */
const startMs = 5_000

const orderOf = (
  { source, setup, reference, state }: IsolatedOptions,
  secret: string,
): Omit<HostOrder, 'socket'> => {
  const { bodyLimit, trusted, configFile } = setup
  const named = Object.entries(setup.services)
  const own = named.filter(([, value]) => uncloneableReason(value) === null)
  const elsewhere = named.filter(([, value]) => uncloneableReason(value) !== null)
  const { artifact, file, name, prefix } = source
  return {
    artifact,
    file,
    name,
    prefix,
    version: reference.version,
    state,
    secret,
    bodyLimit,
    trusted,
    configFile,
    services: Object.fromEntries(own),
    elsewhere: elsewhere.map(([name]) => name),
  }
}

/** The same value; throws TURNOUT_STATE_UNCLONEABLE where it cannot go to another process. */
export function cloneable(state: unknown, module: string): unknown {
  const reason = uncloneableReason(state)
  if (reason === null) return state
  throw new TurnoutError('TURNOUT_STATE_UNCLONEABLE', { module, reason })
}
