import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../../src/core/logger.ts'
import type { Filter, StreamPolicy } from '../../../src/core/route/filter.ts'
import type { Route, Target, Upstream } from '../../../src/core/route/route.ts'
import type { Json } from '../../../src/core/json.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { parseTrusted } from '../../../src/core/http/forwarded.ts'
import { limitsOf, type Limits } from '../../../src/core/http/limits.ts'
import { compileAsking, usualAsking } from '../../../src/core/version/asking.ts'
import { createGateway } from '../../../src/gateway/gateway.ts'
import type { UpstreamEnvironment } from '../../../src/gateway/upstream/environment.ts'
import type { UpstreamEvent } from '../../../src/gateway/upstream/event.ts'
import type { LiveEndpoint } from '../../../src/gateway/upstream/live-endpoint.ts'
import type { LiveUpstream } from '../../../src/gateway/upstream/live-upstream.ts'
import type { Upstreams } from '../../../src/gateway/upstream/upstreams.ts'
import { Publisher } from '../../../src/control/publisher.ts'
import type { CertificateFiles } from '../../../src/server/certificate.ts'
import { createNodeServe, openListener } from '../../../src/server/node-listener.ts'
import { createMemoryStore } from '../../../src/store/memory.ts'
import { InProcessWorker } from '../../../src/worker/in-process.ts'
import { change, edit } from '../../control/support/open.ts'

export interface RouteParts {
  readonly methods?: readonly string[]
  readonly filters?: readonly Filter[]
  readonly streams?: StreamPolicy
}

const targetOf = (target: string | Target): Target => {
  if (typeof target !== 'string') return target
  return target.includes(':')
    ? { kind: 'uri', uri: target }
    : { kind: 'upstream', upstream: target }
}

/** A route to a URI, or to an upstream by its name; its id is its path. */
export const route = (path: string, target: string | Target, parts: RouteParts = {}): Route => ({
  id: path,
  owner: 'admin',
  methods: ['*'],
  paths: [path],
  target: targetOf(target),
  selection: null,
  enabled: true,
  metadata: null,
  definition: null,
  revision: 0,
  ...parts,
})

/** An upstream of endpoints by URL, with settings in their own shape. */
export const upstream = (
  name: string,
  urls: readonly string[],
  settings: { readonly [key: string]: Json } = {},
): Upstream => ({
  name,
  owner: 'admin',
  endpoints: urls.map((url) => ({ url, weight: 1 })),
  settings,
  metadata: null,
  revision: 0,
})

export interface Proxy {
  readonly port: number
  readonly url: string
  readonly worker: InProcessWorker
  readonly publisher: Publisher
  readonly upstreams: Upstreams
  /** Errors that a gateway should never have to tell. */
  readonly errors: string[]
  /** What was logged, message and fields. */
  readonly logged: string[]
  /** What upstreams told. */
  readonly events: UpstreamEvent[]
  /** Puts routes and upstreams in, and takes routes away, as one revision. */
  readonly publish: (
    routes: readonly Route[],
    upstreams?: readonly Upstream[],
    removed?: readonly string[],
  ) => Promise<void>
  readonly live: (name: string) => LiveUpstream
  /** Waits until everything that exchanges held was given back; fails where that does not happen. */
  readonly quiet: () => Promise<void>
}

export interface ProxyOptions {
  /** What upstreams are given, where it differs from what is usual. */
  readonly environment?: Partial<UpstreamEnvironment>
  readonly limits?: Partial<Limits>
  readonly tls?: CertificateFiles
  /** Proxies whose word is taken. */
  readonly trusted?: readonly string[]
}

/** A gateway on a free port whose table is given as data. */
export async function openProxy(
  t: TestContext,
  routes: readonly Route[],
  upstreams: readonly Upstream[] = [],
  { environment = {}, limits, tls, trusted = [] }: ProxyOptions = {},
): Promise<Proxy> {
  const errors: string[] = []
  const logged: string[] = []
  const events: UpstreamEvent[] = []
  const tell: Logger['info'] = (message, fields) =>
    void logged.push(`${message} ${JSON.stringify(fields)}`)
  const log: Logger = { debug: tell, info: tell, warn: tell, error: tell }
  const worker = new InProcessWorker({
    services: () => Promise.resolve({}),
    log,
    drainMs: 1_000,
    streamDrainMs: 1_000,
    onRetired: () => undefined,
    upstreams: { onEvent: (event) => void events.push(event), ...environment },
  })
  const publisher = new Publisher({
    conflicts: 'ambiguous',
    worker,
    store: createMemoryStore(),
    keep: 10,
    onApplied: () => undefined,
    onRejected: () => undefined,
  })
  const served = { open: 0 }
  const rules = {
    limits: limitsOf(limits),
    underscores: 'drop',
    trusted: parseTrusted(trusted),
  } as const
  const serve = createGateway(worker.live, {
    trailingSlash: 'strict',
    path: { encodedSlash: 'reject' },
    asking: compileAsking(usualAsking),
    recovery: (error) => void errors.push(String((error as Error).stack)),
    onEnd: () => void (served.open -= 1),
    observer: worker.observer,
  })
  const listener = await openListener(
    createNodeServe(
      (transport, passOn) => {
        served.open += 1
        return serve(transport, passOn)
      },
      1_048_576,
      rules,
    ),
    { host: '127.0.0.1', port: 0, tls },
    rules,
    silentLogger,
  )
  t.after(async () => {
    await listener.close(0)
    await worker.live.current.upstreams.close(0)
  })
  const all = worker.live.current.upstreams
  const proxy: Proxy = {
    port: listener.port,
    url: listener.url,
    worker,
    publisher,
    upstreams: all,
    errors,
    logged,
    events,
    publish: async (put, upstreamsPut = [], removed = []) => {
      const parts = { putRoutes: put, putUpstreams: upstreamsPut, removeRoutes: removed }
      const outcome = await change(publisher, [edit('admin', parts)])
      assert.deepEqual(outcome.rejections, [])
    },
    live: (name) => all.get(name) ?? all.ofUri(name),
    quiet: async () => {
      const held = (): string => {
        const inside = all.all().flatMap((one) => one.endpoints.map(heldBy(one.name)))
        const parts = [...inside, `${served.open} served`, `${all.streams.size} streams`]
        return parts.filter((part) => !part.startsWith('0 ')).join('; ')
      }
      for (let left = 100; left > 0 && held() !== ''; left -= 1) await delay(20)
      assert.equal(held(), '')
    },
  }
  await proxy.publish(routes, upstreams)
  return proxy
}

/** What an endpoint's exchanges hold, as `0 of NAME` where that is nothing. */
const heldBy =
  (name: string) =>
  ({ active, client }: LiveEndpoint): string => {
    const { connections, idle, waiting } = client.stats
    const held = active + connections - idle + waiting
    return held === 0
      ? `0 of ${name}`
      : `${name}: ${active} active, ${connections - idle} busy connections, ${waiting} waiting`
  }
