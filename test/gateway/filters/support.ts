import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { defineModule, type Filter as ModuleFilter } from '../../../src/modules/define.ts'
import { readDefinition } from '../../../src/modules/definition.ts'
import { ModuleVersion } from '../../../src/modules/module-version.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Filter } from '../../../src/core/route/filter.ts'
import { plainRoute, type Route } from '../../../src/core/route/route.ts'
import { emptyTable, setUpstream } from '../../../src/core/route/table.ts'
import type { BodySource } from '../../../src/gateway/body-source.ts'
import { Exchange } from '../../../src/gateway/exchange.ts'
import { withFilters } from '../../../src/gateway/filters/compile.ts'
import { Reply } from '../../../src/gateway/reply.ts'
import type { Handler, Snapshot } from '../../../src/gateway/snapshot.ts'
import type { Transport } from '../../../src/gateway/transport.ts'
import { usualEnvironment } from '../../../src/gateway/upstream/environment.ts'
import { beginOutbound, type Outbound } from '../../../src/gateway/upstream/outbound.ts'
import { Upstreams } from '../../../src/gateway/upstream/upstreams.ts'

/** What a request of a test says; everything else is that of `GET /` without a body. */
export interface Said {
  readonly method?: string
  readonly target?: string
  /** Flat. */
  readonly headers?: readonly string[]
  readonly params?: Readonly<Record<string, string>>
  readonly pattern?: string
  /** Null: chunked. */
  readonly bodyLength?: number | null
  readonly upgrade?: string
  readonly peer?: string
  /** The module `own` of its snapshot; null: it is not live. */
  readonly own?: ModuleVersion | null
}

/** An exchange over no socket, and the client leaving it. */
export interface Opened {
  readonly exchange: Exchange
  readonly outbound: () => Outbound
  /** The client's own fields, which nobody may change. */
  readonly headers: readonly string[]
  leave(): void
}

const never = (): never => {
  throw new Error('a filter does not do that')
}

/** A version of the module `own` that registers these filters. */
export function versionOf(filters: Readonly<Record<string, ModuleFilter>>): ModuleVersion {
  const module = defineModule({
    version: '1.2.3',
    register(routes) {
      for (const [name, filter] of Object.entries(filters)) routes.filter(name, filter)
    },
  })
  const version = new ModuleVersion({
    definition: readDefinition(module, 'own'),
    key: 'own',
    digest: 'own',
    services: {},
    log: silentLogger,
    drainMs: 1_000,
    streamDrainMs: 1_000,
  })
  version.open(undefined)
  return version
}

/** Changes the request, then the answer. */
const bothWays: ModuleFilter = async (c, next, { value }) => {
  c.setRequestHeader('x-own', value as string).removeRequestHeader('x-sent')
  return (await next()).setHeader('x-answer', 'own')
}

export function openExchange(said: Said = {}): Opened {
  const { method = 'GET', target = '/', params = {}, pattern = '/', bodyLength = 0 } = said
  const headers = Object.freeze(['host', 'gateway.test', ...(said.headers ?? [])])
  let listeners: (() => void)[] = []
  let hasLeft = false
  const transport: Transport = {
    method,
    target,
    upgrade: said.upgrade ?? null,
    isHeadSent: false,
    isGone: false,
    origin: () => 'http://gateway.test',
    remoteAddress: () => said.peer ?? '192.0.2.1',
    clientAddress: () => said.peer ?? '192.0.2.1',
    header: (name) => {
      const values = headers.filter(
        (_, at) => at % 2 === 1 && headers[at - 1]!.toLowerCase() === name,
      )
      return values.length === 0 ? undefined : values.join(', ')
    },
    headers: () => headers,
    plainFields: () => null,
    bodyLength: () => bodyLength,
    inform: () => undefined,
    onClose: (listener) => {
      if (hasLeft) listener()
      else listeners.push(listener)
    },
    send: () => undefined,
    destroy: () => undefined,
    node: () => null,
    readBody: never,
    bodyStream: never,
    pumpBody: never,
    copyBody: never,
    stream: never,
    tunnel: never,
  }
  const { own = versionOf({ 'both-ways': bothWays }) } = said
  const versions = new Map(own === null ? [] : [['own', own]])
  const exchange = new Exchange(transport, { versions } as unknown as Snapshot)
  const [path = ''] = target.split('?')
  const value = plainRoute('test', 'route', method, pattern, { kind: 'uri', uri: 'http://a.test' })
  const match = { kind: 'match', value, params, pattern, canonical: path, leaf: null }
  exchange.matched(match as never, path)
  const outbound = beginOutbound(exchange, { trusted: [], underscores: 'drop' })
  if ('code' in outbound) throw new Error(outbound.message)
  exchange.outbound = outbound
  return {
    exchange,
    outbound: () => exchange.outbound!,
    headers,
    leave: () => {
      hasLeft = true
      for (const listener of listeners) listener()
      listeners = []
    },
  }
}

/** Upstreams that say nothing and draw these numbers, one after another, then the last one again. */
export function openUpstreams(drawn: readonly number[] = [0.5]): Upstreams {
  let at = 0
  const random = (): number => drawn[Math.min(at++, drawn.length - 1)]!
  return new Upstreams({ ...usualEnvironment(silentLogger), random })
}

/** Upstreams with one named `other`, which is a server of this process. */
export async function openOther(
  t: TestContext,
  listener: RequestListener,
  drawn?: readonly number[],
): Promise<Upstreams> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const upstreams = openUpstreams(drawn)
  const endpoints = [{ url: `http://127.0.0.1:${port}`, weight: 1 }]
  const other = { name: 'other', owner: 'test', endpoints, metadata: null, revision: 1 }
  upstreams.apply(emptyTable, setUpstream(emptyTable, 'other', other))
  t.after(async () => {
    await upstreams.close(1_000)
    server.closeAllConnections()
    server.close()
  })
  return upstreams
}

/** A route that has these filters. */
export const routeWith = (filters: readonly Filter[], id = 'route'): Route => ({
  ...plainRoute('test', id, 'GET', '/', { kind: 'uri', uri: 'http://a.test' }),
  filters,
})

/** The filters around a target that answers `ok`, unless another one is given. */
export const around = (
  filters: Filter | readonly Filter[],
  target: Handler = answers(200),
  upstreams: Upstreams = openUpstreams(),
): Handler => withFilters(routeWith([filters].flat()), target, upstreams)

/** A target that gives these statuses, one after another, then the last one again; counts how often it was asked. */
export function answers(...statuses: readonly number[]): Handler & { count: number } {
  const target = Object.assign(
    () => {
      const status = statuses[Math.min(target.count, statuses.length - 1)]!
      target.count += 1
      return new Reply(status, ['x-answer', String(target.count)], 'ok')
    },
    { count: 0 },
  )
  return target
}

/** A pushed body that tells whether it was cancelled. */
export function bodySource(): BodySource & { isCancelled: boolean } {
  const source = {
    length: null,
    isCancelled: false,
    flow: () => undefined,
    resume: () => undefined,
    cancel: () => {
      source.isCancelled = true
    },
  }
  return source
}

/** The values of a field. */
export const valuesOf = (headers: readonly string[], name: string): readonly string[] =>
  headers.filter((_, at) => at % 2 === 1 && headers[at - 1]!.toLowerCase() === name)

/** What an answer says in its `code`. */
export const codeOf = ({ body }: Reply): unknown => JSON.parse(body as string).code
