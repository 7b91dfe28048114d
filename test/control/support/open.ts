import { silentLogger } from '../../../src/core/logger.ts'
import {
  plainRoute,
  type Route,
  type Target,
  type Upstream,
} from '../../../src/core/route/route.ts'
import type { ChangeItem, ChangeSet, Edit, Outcome } from '../../../src/control/change.ts'
import { Publisher, type PublisherOptions } from '../../../src/control/publisher.ts'
import type { RouteModule } from '../../../src/modules/define.ts'
import { loadObject } from '../../../src/modules/object-module.ts'
import { createMemoryStore } from '../../../src/store/memory.ts'
import { InProcessWorker } from '../../../src/worker/in-process.ts'

/** A publisher over a worker of this process, in memory unless told otherwise. */
export function openRoad(options: Partial<PublisherOptions> = {}): {
  readonly publisher: Publisher
  readonly worker: InProcessWorker
  readonly told: string[]
} {
  const told: string[] = []
  const worker = new InProcessWorker({
    services: () => Promise.resolve({}),
    log: silentLogger,
    drainMs: 1_000,
    streamDrainMs: 1_000,
    onRetired: ({ module, version }) => told.push(`retired ${module} ${version}`),
  })
  const publisher = new Publisher({
    conflicts: 'ambiguous',
    worker,
    store: createMemoryStore(),
    keep: 100,
    onApplied: ({ number }) => told.push(`applied ${number}`),
    onRejected: (_, rejections) =>
      told.push(`rejected ${rejections.map((one) => one.owner).join()}`),
    ...options,
  })
  return { publisher, worker, told }
}

/** A route that goes to a URI. */
export const routeTo = (
  owner: string,
  id: string,
  path: string,
  target: Target = { kind: 'uri', uri: 'http://127.0.0.1:9001' },
): Route => plainRoute(owner, id, 'GET', path, target)

export const upstreamOf = (owner: string, name: string, port = 9001): Upstream => ({
  name,
  owner,
  endpoints: [{ url: `http://127.0.0.1:${port}`, weight: 1 }],
  metadata: null,
  revision: 0,
})

export const edit = (owner: string, parts: Partial<Edit>): ChangeItem => ({
  kind: 'edit',
  owner,
  putRoutes: [],
  removeRoutes: [],
  putUpstreams: [],
  removeUpstreams: [],
  switches: [],
  ...parts,
})

export const change = (
  publisher: Publisher,
  items: ChangeSet['items'],
  rest: Partial<ChangeSet> = {},
): Promise<Outcome> =>
  publisher.change({ author: 'test', reason: 'test', isPartial: false, items, ...rest })

/** A module of one text, as its source would propose it. */
export const moduleItem = (
  owner: string,
  version: string,
  digest: string,
  paths?: readonly string[],
): ChangeItem => {
  const [, name = owner] = owner.split(':')
  const module: RouteModule<never> = {
    version,
    register: (routes) => {
      for (const path of paths ?? [`/${name}`]) routes.get(path, (c) => c.text(version))
    },
  }
  const { load } = loadObject(module, name, { prefix: '', middleware: [] }, 'files')
  return {
    kind: 'module',
    owner,
    label: name,
    load: async () => {
      const loaded = await load()
      if (!loaded.ok) return loaded
      const reference = { ...loaded.module.reference, owner, digest }
      const code = { key: `${name}@${digest}`, open: () => loaded.module.code.open() }
      return { ok: true, module: { ...loaded.module, reference, code } }
    },
  }
}

/** What a worker would serve a path with: a module version, the id of a route, or nothing. */
export const codesOf = ({ rejections }: Outcome): string[] =>
  rejections.flatMap(({ owner, problems }) => problems.map(({ code }) => `${owner} ${code}`))
