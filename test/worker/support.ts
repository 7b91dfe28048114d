import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { requestOf } from '../../src/control/diff.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { entriesFrom, getKey } from '../../src/core/persistent-map.ts'
import { routeId, routesOfModules, type ListedModule } from '../../src/core/route/module-routes.ts'
import type { ModuleReference, Route, Upstream } from '../../src/core/route/route.ts'
import { emptyTable, tableOf, type Table } from '../../src/core/route/table.ts'
import { codeOf } from '../../src/modules/artifact-code.ts'
import { createBuilder } from '../../src/modules/build.ts'
import { createArtifactFiles, readArtifact } from '../../src/store/artifacts.ts'
import { ProcessServing } from '../../src/supervisor/process-serving.ts'
import { LocalServing, type Serving, type WorkerEvent } from '../../src/turnout-serving.ts'
import type { RetiredVersion, Worker, WorkerResult } from '../../src/worker/worker.ts'
import { ask, makeFolder, save } from '../hot/support/served.ts'

/** Worker processes; 0: exchanges are served in the test's own. */
export const counts = [0, 1, 2] as const

/** A worker port, and the socket in front of it. */
export interface Bench {
  readonly serving: Serving
  readonly worker: Worker
  readonly port: number
  /** Folder for whatever a module waits for. */
  readonly folder: string
  readonly retired: readonly RetiredVersion[]
  readonly events: readonly WorkerEvent[]
  /** What serves now. */
  readonly table: Table
  /** Builds a module, puts it where workers read, and tells the worker. */
  readonly build: (text: string, listed: Listed) => Promise<ListedModule>
  readonly prepare: (table: Table) => Promise<WorkerResult>
  /** Applies with the next number; that which fails is followed by the table before, as the publisher does it. */
  readonly apply: (table: Table) => Promise<WorkerResult>
  /** Prepares and applies, which must go well. */
  readonly serve: (table: Table) => Promise<void>
  /** Asks on new connections, many at once, until each worker has answered; the texts, once each. */
  readonly askAll: (path: string) => Promise<ReadonlySet<string>>
  readonly close: (deadlineMs?: number) => Promise<void>
}

export interface Listed {
  readonly name: string
  readonly version: string
  readonly paths: readonly string[]
}

/** A table of modules, routes and upstreams. */
export function tableWith(
  modules: readonly ListedModule[],
  routes: readonly Route[] = [],
  upstreams: readonly Upstream[] = [],
): Table {
  return tableOf({
    routes: [...modules.flatMap((one) => routesOfModules(one.reference.owner, [one])), ...routes],
    upstreams,
    modules: modules.map(({ reference }) => reference),
    switchedOff: [],
    proposals: [],
  })
}

const requestsOf = (before: Table, after: Table): readonly ReturnType<typeof requestOf>[] =>
  [...entriesFrom(after.modules)].flatMap(([name, reference]) =>
    getKey(before.modules, name)?.digest === reference.digest
      ? []
      : [requestOf(before, after, reference)],
  )

/** Opens it on a free port; it is closed when the test has ended. */
export async function openBench(t: TestContext, count: number): Promise<Bench> {
  const folder = makeFolder(t)
  const data = join(folder, 'data')
  const artifacts = await createArtifactFiles(data, (found) => assert.fail(found.message))
  const retired: RetiredVersion[] = []
  const events: WorkerEvent[] = []
  const wiring = {
    settings: { drainMs: 20_000, streamDrainMs: 20_000 },
    log: silentLogger,
    isLogged: false,
    onRetired: (one: RetiredVersion) => void retired.push(one),
    onUpstream: () => undefined,
    onWorker: (event: WorkerEvent) => void events.push(event),
    onOffence: () => undefined,
    onResource: () => undefined,
    onLeak: () => undefined,
  }
  const process = { log: null, data, services: null }
  const serving: Serving =
    count === 0
      ? new LocalServing(wiring, {})
      : new ProcessServing({ ...wiring, count, memoryBytes: 4 * 1024 ** 3, process })
  const { worker } = serving
  let isClosed = false
  const close = async (deadlineMs = 5_000): Promise<void> => {
    if (isClosed) return
    isClosed = true
    await listener.close(deadlineMs)
    await serving.close(deadlineMs)
  }
  await serving.open()
  const listener = await serving.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => close(0))
  const state = { table: emptyTable, revision: 0 }
  const builder = createBuilder()
  t.after(() => builder.close())
  let files = 0

  const build: Bench['build'] = async (text, { name, version, paths }) => {
    files += 1
    const file = join(folder, `${name}-${files}.js`)
    save(folder, `${name}-${files}.js`, text)
    const built = await builder.build(file)
    assert.ok(built.ok)
    const { artifact } = built
    await artifacts.put(artifact)
    const { digest } = artifact
    const reference: ModuleReference = { name, owner: 'test', version, digest, file, revision: 0 }
    const code = await codeOf(reference, (one) => readArtifact(data, one), 5_000)
    worker.learn(code!)
    return {
      reference,
      routes: paths.map((path) => ({ id: routeId(name, 'GET', path), method: 'GET', path })),
    }
  }
  const prepare: Bench['prepare'] = (table) => worker.prepare(requestsOf(state.table, table))
  const apply: Bench['apply'] = async (table) => {
    state.revision += 1
    const result = await worker.apply(state.revision, table)
    if (result.ok) state.table = table
    else {
      state.revision += 1
      assert.deepEqual(await worker.apply(state.revision, state.table), { ok: true })
    }
    await worker.discard()
    return result
  }
  return {
    serving,
    worker,
    port: listener.port,
    folder,
    retired,
    events,
    get table() {
      return state.table
    },
    build,
    prepare,
    apply,
    serve: async (table) => {
      assert.deepEqual(await prepare(table), { ok: true })
      assert.deepEqual(await apply(table), { ok: true })
    },
    askAll: (path) => askAll(listener.port, path, Math.max(1, count)),
    close,
  }
}

const patienceMs = 20_000

/** `x-pid` of an answer says which worker gave it. */
async function askAll(port: number, path: string, count: number): Promise<ReadonlySet<string>> {
  const pids = new Set<string>()
  const texts = new Set<string>()
  const startedAt = performance.now()
  while (pids.size < count) {
    if (performance.now() - startedAt > patienceMs)
      assert.fail(`${path}: only ${[...pids].join()} answered`)
    const answers = await Promise.all(Array.from({ length: 16 }, () => ask(port, path)))
    for (const { status, text, headers } of answers) {
      pids.add(String(headers['x-pid'] ?? 'any'))
      texts.add(status === 200 ? text : String(status))
    }
    // An answer that says nothing of its worker came from one of them all the same.
    if (pids.has('any')) return texts
  }
  return texts
}

/** A module that answers its version, and says which process did. */
export const answering = (name: string, version: string, more = ''): string => `
export default {
  name: '${name}',
  version: '${version}',
  register(routes) {
    routes.get('/${name}', (c) => c.setHeader('x-pid', String(process.pid)).text('${version}'))
    ${more}
  },
}
`

/** Waits until something is so; fails where that does not come. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const startedAt = performance.now()
  while (!(await isSo())) {
    if (performance.now() - startedAt > patienceMs) assert.fail(what)
    await delay(20)
  }
}

/** A request whose answer is awaited later; `begun` resolves with its first part. */
export function askHeld(
  port: number,
  path: string,
): { readonly begun: Promise<string>; readonly text: Promise<string> } {
  let isBegun: (text: string) => void
  let isLost: (error: Error) => void
  const begun = new Promise<string>((resolve, reject) => {
    isBegun = resolve
    isLost = reject
  })
  const text = new Promise<string>((resolve, reject) => {
    const failed = (error: Error): void => {
      isLost(error)
      reject(error)
    }
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let all = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        all += part
        isBegun(all)
      })
      response.on('end', () => resolve(all))
      response.on('error', failed)
    }).on('error', failed)
  })
  text.catch(() => undefined)
  begun.catch(() => undefined)
  return { begun, text }
}

/** Whether a process is there. A zombie of ours is not: Node reaps it. */
export const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`) || canSignal(pid)

const canSignal = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
