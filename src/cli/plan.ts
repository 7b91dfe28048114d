import { relative } from 'node:path'
import type { ResolvedConfig } from '../config/schema.ts'
import type { Problem } from '../core/errors.ts'
import { entriesFrom, getKey } from '../core/persistent-map.ts'
import { findShadowed, warningOf } from '../core/route/conflict-shadow.ts'
import type { Table } from '../core/route/table.ts'
import type { Rejection } from '../control/change.ts'
import { Publisher } from '../control/publisher.ts'
import type { Mount } from '../modules/definition.ts'
import { loadEntry } from '../modules/load-entry.ts'
import { Loader } from '../modules/loader.ts'
import { scanModules } from '../source/scan.ts'
import { createMemoryStore } from '../store/memory.ts'
import { noFigures } from '../core/rollout/figures.ts'
import type { Worker } from '../worker/worker.ts'
import type { RouteView } from './view.ts'

/** A folder as it would be served: nothing of it has run but in a rehearsal process, and nothing is served. */
export interface Plan {
  readonly table: Table
  readonly modules: number
  /** Problems of the folder itself. */
  readonly problems: readonly Problem[]
  /** Modules that would be refused. */
  readonly rejections: readonly Rejection[]
}

/** Takes part in the road of a change and serves nothing. */
const idleWorker: Worker = {
  revision: 0,
  learn: () => undefined,
  forget: () => undefined,
  prepare: () => Promise.resolve({ ok: true }),
  apply: () => ({ ok: true }),
  discard: () => Promise.resolve(),
  isLive: () => false,
  draining: () => [],
  upstreamNames: () => [],
  upstreamStatus: () => null,
  forceBreaker: () => false,
  figures: (asked) => asked.map(() => noFigures),
  verify: () => undefined,
  verifyCounts: () => null,
  close: () => Promise.resolve(),
}

const atRoot: Mount = { prefix: '', middleware: [] }

/** Builds, rehearses and checks every module of a folder. */
export async function planFolder(
  directory: string,
  { loadTimeoutMs, conflicts }: Pick<ResolvedConfig, 'loadTimeoutMs' | 'conflicts'>,
): Promise<Plan> {
  const { modules, problems } = await scanModules(directory)
  const loader = new Loader({ loadTimeoutMs })
  const publisher = new Publisher({
    worker: idleWorker,
    store: createMemoryStore(),
    keep: 2,
    conflicts,
    onApplied: () => undefined,
    onRejected: () => undefined,
  })
  try {
    const { rejections } = await publisher.change({
      author: 'cli',
      reason: 'plan',
      isPartial: true,
      items: modules.map((entry) => {
        const { name } = entry
        return {
          kind: 'module',
          owner: `files:${name}`,
          label: name,
          load: () =>
            loadEntry(entry, (file, version) =>
              loader.load(file, name, `files:${name}`, atRoot, version),
            ),
        }
      }),
    })
    return { table: publisher.table, modules: modules.length, problems, rejections }
  } finally {
    await loader.close()
  }
}

/** What is not refused, but not meant either: routes that are never reached. */
export function warningsOf(table: Table): readonly Problem[] {
  const routes = [...entriesFrom(table.routes)].map(([, route]) => route)
  return findShadowed(table, routes).map(warningOf)
}

/** The routes of a table for people: by module, then pattern. */
export function viewRoutes(table: Table, directory: string): RouteView[] {
  const views = [...entriesFrom(table.routes)].flatMap(([, { methods, paths, target }]) => {
    const module = target.kind === 'module' ? target.module : 'app'
    const reference = getKey(table.modules, module)
    const rest = {
      module,
      ...(reference === undefined ? {} : { version: reference.version }),
      ...(reference?.file ? { file: relative(directory, reference.file) } : {}),
    }
    return paths.flatMap((pattern) =>
      methods.map((method): RouteView => ({ method, pattern, ...rest })),
    )
  })
  const keyOf = ({ module, pattern, method }: RouteView): string =>
    `${module}\0${pattern}\0${method}`
  return views.sort((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1))
}
