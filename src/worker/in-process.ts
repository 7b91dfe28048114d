import { problem, type Problem } from '../core/errors.ts'
import { childLogger, type Logger } from '../core/logger.ts'
import { getKey } from '../core/persistent-map.ts'
import { emptyTable, type Table } from '../core/route/table.ts'
import type { Switch } from '../gateway/snapshot.ts'
import type { Services } from '../modules/define.ts'
import { ModuleVersion } from '../modules/module-version.ts'
import { authorProblem } from '../modules/report.ts'
import { synchronous } from '../modules/state.ts'
import {
  codeKey,
  type Draining,
  type ModuleCode,
  type PrepareRequest,
  type RetiredVersion,
  type Worker,
  type WorkerResult,
} from './worker.ts'

export interface InProcessOptions {
  readonly services: () => Promise<Services>
  readonly log: Logger
  readonly drainMs: number
  readonly streamDrainMs: number
  readonly maxLiveVersions: number
  readonly onRetired: (version: RetiredVersion) => void
}

/** A version that is ready, and how its state comes to it in the turn of the swap. */
interface Prepared {
  readonly version: ModuleVersion
  readonly migratesFrom: ModuleVersion | null
}

/** The worker port in this process: what embedding and a single-process server use. */
export class InProcessWorker implements Worker {
  /** What the gateway serves. */
  readonly live: Switch
  readonly #options: InProcessOptions
  readonly #codes: Map<string, ModuleCode>
  readonly #retired: Set<ModuleVersion>
  #prepared: Map<string, Prepared>
  #idle: (() => void)[]

  constructor(options: InProcessOptions) {
    this.live = { current: { revision: 0, table: emptyTable, versions: new Map() } }
    this.#options = options
    this.#codes = new Map()
    this.#retired = new Set()
    this.#prepared = new Map()
    this.#idle = []
  }

  learn(code: ModuleCode): void {
    this.#codes.set(code.key, code)
  }

  forget(key: string): void {
    this.#codes.delete(key)
  }

  async prepare(requests: readonly PrepareRequest[]): Promise<WorkerResult> {
    const problems = new Map<string, readonly Problem[]>()
    let services: Services = {}
    try {
      if (requests.length > 0) services = await this.#options.services()
    } catch (error) {
      const found = authorProblem(error, { module: 'services', file: null })
      return { ok: false, problems: new Map(requests.map((one) => [one.reference.name, [found]])) }
    }
    await Promise.all(
      requests.map(async (request) => {
        const { name } = request.reference
        const found = await this.#prepareOne(request, services)
        if (found !== null) problems.set(name, [found])
      }),
    )
    return problems.size === 0 ? { ok: true } : { ok: false, problems }
  }

  async #prepareOne(
    { reference, routeIds }: PrepareRequest,
    services: Services,
  ): Promise<Problem | null> {
    const { name, digest, file } = reference
    const code = this.#codes.get(codeKey(reference))
    if (code === undefined) return problem('TURNOUT_ARTIFACT_MISSING', { module: name, digest })
    let version: ModuleVersion | null = null
    try {
      const definition = await code.open()
      version = new ModuleVersion({
        definition,
        digest,
        services,
        log: childLogger(this.#options.log, { module: name, module_version: definition.version }),
        drainMs: this.#options.drainMs,
        streamDrainMs: this.#options.streamDrainMs,
      })
      const before = this.#serving(name)
      const migrates = before?.state !== undefined && definition.state?.migrate !== undefined
      const migratesFrom = migrates ? before : null
      const listed = version.open(firstState(version, before))
      const difference = differenceOf(routeIds, listed)
      if (difference !== null) {
        await version.discard()
        return problem('TURNOUT_MODULE_LIST_DIFFERS', { module: name, difference })
      }
      await this.#prepared.get(name)?.version.discard()
      this.#prepared.set(name, { version, migratesFrom })
      return null
    } catch (error) {
      await version?.discard()
      return authorProblem(error, { module: name, file })
    }
  }

  apply(revision: number, table: Table): WorkerResult {
    const before = this.live.current
    const versions = new Map(before.versions)
    const replaced: ModuleVersion[] = []
    for (const name of before.versions.keys()) {
      if (getKey(table.modules, name) !== undefined) continue
      replaced.push(versions.get(name) as ModuleVersion)
      versions.delete(name)
    }
    const entering = [...this.#prepared].filter(
      ([name, { version }]) => getKey(table.modules, name)?.digest === version.digest,
    )
    const problems = new Map<string, readonly Problem[]>()
    for (const [name, { version, migratesFrom }] of entering) {
      const failure = migratesFrom === null ? null : migrateNow(version, migratesFrom)
      if (failure !== null) problems.set(name, [failure])
    }
    if (problems.size > 0) return { ok: false, problems }
    for (const [name, { version }] of entering) {
      const old = versions.get(name) as ModuleVersion | undefined
      if (old !== undefined) replaced.push(old)
      versions.set(name, version)
      this.#prepared.delete(name)
    }
    this.live.current = { revision, table, versions }
    for (const version of replaced) this.#retire(version)
    return { ok: true }
  }

  async discard(): Promise<void> {
    const left = [...this.#prepared.values()]
    this.#prepared = new Map()
    await Promise.all(left.map(({ version }) => version.discard()))
  }

  draining(): readonly Draining[] {
    return [...this.#retired].map((version) => ({
      module: version.name,
      version: version.version,
      ...version.holding,
    }))
  }

  async close(): Promise<void> {
    await this.discard()
    const { revision, versions } = this.live.current
    this.live.current = { revision, table: emptyTable, versions: new Map() }
    for (const version of versions.values()) this.#retire(version as ModuleVersion)
    if (this.#retired.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #serving(name: string): ModuleVersion | null {
    return (this.live.current.versions.get(name) as ModuleVersion | undefined) ?? null
  }

  #retire(version: ModuleVersion): void {
    this.#retired.add(version)
    const retiredAt = performance.now()
    const survivor = (): ModuleVersion | null => this.#serving(version.name)
    version.retire(survivor, () => {
      this.#retired.delete(version)
      const waitedMs = performance.now() - retiredAt
      this.#options.onRetired({ module: version.name, version: version.version, waitedMs })
      if (this.#retired.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
    })
    this.#capLiveVersions(version.name)
  }

  /** Oldest first: a Set keeps the order in which versions were retired. */
  #capLiveVersions(name: string): void {
    const held = [...this.#retired].filter((version) => version.name === name)
    const tooMany = held.length - this.#options.maxLiveVersions
    for (const version of held.slice(0, Math.max(0, tooMany)))
      version.cutStreams('too many live versions')
  }
}

/** The state to register with: handed on, migrated as a rehearsal, or new. */
const firstState = (version: ModuleVersion, before: ModuleVersion | null): unknown => {
  const rules = version.definition.state
  if (rules === null) return undefined
  if (before === null || before.state === undefined) return synchronous(rules.create())
  if (rules.migrate === undefined) return before.state
  return synchronous(rules.migrate(before.state as never, before.version))
}

/** The real migration, in the turn of the swap: what was written since the rehearsal comes along. */
const migrateNow = (version: ModuleVersion, before: ModuleVersion): Problem | null => {
  try {
    version.reopen(firstState(version, before))
    return null
  } catch (error) {
    return authorProblem(error, { module: version.name, file: null })
  }
}

const differenceOf = (
  expected: readonly string[],
  listed: readonly { readonly id: string }[],
): string | null => {
  const here = new Set(listed.map(({ id }) => id))
  const there = new Set(expected)
  const missing = expected.filter((id) => !here.has(id))
  const extra = [...here].filter((id) => !there.has(id))
  if (missing.length === 0 && extra.length === 0) return null
  return [...missing.map((id) => `-${id}`), ...extra.map((id) => `+${id}`)].slice(0, 5).join(', ')
}
