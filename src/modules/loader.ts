import { TurnoutError, type Problem } from '../core/errors.ts'
import type { ModuleReference } from '../core/route/route.ts'
import type { Artifact } from './artifact.ts'
import { createBuilder, type Builder } from './build.ts'
import { readDefinition, type Definition, type Mount } from './definition.ts'
import { evaluate } from './evaluate.ts'
import type { Manifest } from './inspect.ts'
import { routeId } from './module-version.ts'
import { codeKey } from '../worker/worker.ts'
import { createRehearsal, type Rehearsal } from './rehearsal.ts'

/** A module from a file, ready to be prepared: what it is, what it lists, how its code is opened anew. */
export interface FileModule {
  readonly reference: ModuleReference
  readonly routes: readonly {
    readonly id: string
    readonly method: string
    readonly path: string
  }[]
  readonly code: { readonly key: string; open(): Promise<Definition> }
}

/** `inputs`: every file that was read or looked for, also when it failed. */
export type FileLoad =
  | { readonly ok: true; readonly module: FileModule; readonly inputs: readonly string[] }
  | {
      readonly ok: false
      readonly problems: readonly Problem[]
      readonly inputs: readonly string[]
    }

export interface LoaderOptions {
  /** Milliseconds that a module's import and `register` may take. */
  readonly loadTimeoutMs: number
}

const remembered = 1_000

/** From a file to code that can be prepared: build, then rehearse in a process of its own. Open/close. */
export class Loader {
  readonly #builder: Builder
  readonly #rehearsal: Rehearsal
  readonly #timeoutMs: number
  /** Manifests by digest and name: what was rehearsed well needs no second time. */
  readonly #manifests: Map<string, Manifest>
  readonly #mounts: WeakMap<Mount, string>
  #mountCount: number

  constructor({ loadTimeoutMs }: LoaderOptions) {
    this.#builder = createBuilder()
    this.#timeoutMs = loadTimeoutMs
    this.#rehearsal = createRehearsal({
      inspector: { module: new URL('./inspect.js', import.meta.url), export: 'inspectModule' },
      timeoutMs: loadTimeoutMs,
    })
    this.#manifests = new Map()
    this.#mounts = new WeakMap()
    this.#mountCount = 0
  }

  async load(file: string, name: string, owner: string, mount: Mount): Promise<FileLoad> {
    this.warm()
    const built = await this.#builder.build(file)
    if (!built.ok) return built
    const { artifact, inputs } = built
    const key = `${artifact.digest} ${name} ${mount.prefix}`
    let manifest = this.#manifests.get(key)
    if (manifest === undefined) {
      const rehearsed = await this.#rehearsal.rehearse(artifact, file, {
        name,
        mount: mount.prefix,
      })
      if (!rehearsed.ok) return { ok: false, problems: [rehearsed.problem], inputs }
      manifest = rehearsed.result as Manifest
      this.#remember(key, manifest)
    }
    return {
      ok: true,
      module: this.#moduleOf(artifact, { file, name, owner, mount }, manifest),
      inputs,
    }
  }

  /** Gets ready for a change that may come: a rehearsal process takes longer to start than most builds. */
  warm(): void {
    this.#rehearsal.warm()
  }

  async close(): Promise<void> {
    await Promise.all([this.#builder.close(), this.#rehearsal.close()])
  }

  #moduleOf(
    artifact: Artifact,
    { file, name, owner, mount }: { file: string; name: string; owner: string; mount: Mount },
    manifest: Manifest,
  ): FileModule {
    const timeoutMs = this.#timeoutMs
    const digest = artifact.digest + this.#markOf(mount)
    const { version } = manifest
    const reference = { name: manifest.name, owner, version, digest, file, revision: 0 }
    return {
      reference,
      routes: manifest.routes.map(({ method, path }) => ({
        id: routeId(manifest.name, method, path),
        method,
        path,
      })),
      code: {
        key: codeKey(reference),
        open: async () => {
          const evaluated = await evaluate(artifact, { file, timeoutMs })
          if (!evaluated.ok) throw TurnoutError.of(evaluated.problem)
          return readDefinition(evaluated.exports['default'], name, mount)
        },
      },
    }
  }

  /** The same file behind another prefix or other middleware is another version of the module. */
  #markOf(mount: Mount): string {
    if (mount.prefix === '' && mount.middleware.length === 0) return ''
    const known = this.#mounts.get(mount)
    if (known !== undefined) return known
    this.#mountCount += 1
    const mark = `+mount${this.#mountCount}`
    this.#mounts.set(mount, mark)
    return mark
  }

  #remember(key: string, manifest: Manifest): void {
    if (this.#manifests.size >= remembered) {
      const oldest = this.#manifests.keys().next().value
      if (oldest !== undefined) this.#manifests.delete(oldest)
    }
    this.#manifests.set(key, manifest)
  }
}
