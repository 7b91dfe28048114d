import { problem, type Problem } from '../core/errors.ts'
import type { ModuleReference } from '../core/route/route.ts'
import { digestArtifact, type Artifact } from './artifact.ts'
import { codeFrom, codeOf, mountOf } from './artifact-code.ts'
import { createBuilder, type Builder } from './build.ts'
import type { Mount } from './definition.ts'
import type { Manifest } from './inspect.ts'
import { routeId } from '../core/route/module-routes.ts'
import { referenceOf } from './module-version.ts'
import { codeKey, type ModuleCode } from '../worker/worker.ts'
import { createRehearsal, type Rehearsal } from './rehearsal.ts'

/** A module from a file, ready to be prepared: what it is, what it lists, how its code is opened anew. */
export interface FileModule {
  readonly reference: ModuleReference
  readonly routes: readonly {
    readonly id: string
    readonly method: string
    readonly path: string
  }[]
  readonly code: ModuleCode
  /** Puts the artifact where it outlives the process; null: middleware of the embedding program goes with it. */
  readonly save: (() => Promise<void>) | null
}

/** Where artifacts outlive the process. */
export interface ArtifactStore {
  /** Resolves when it is on the disk. */
  put(artifact: Artifact): Promise<void>
  /** Null: it is not there, or damaged. */
  get(digest: string): Promise<Artifact | null>
}

/** `inputs`: every file that was read or looked for, also when it failed. */
export type FileLoad =
  | { readonly ok: true; readonly module: FileModule; readonly inputs: readonly string[] }
  | {
      readonly ok: false
      readonly problems: readonly Problem[]
      readonly inputs: readonly string[]
      /** Of the artifact that was refused. */
      readonly digest?: string
    }

export interface LoaderOptions {
  /** Milliseconds that a module's import and `register` may take. */
  readonly loadTimeoutMs: number
  /** Absent: artifacts live as long as the process. */
  readonly artifacts?: ArtifactStore | null
  /** Artifacts that are not to be tried again. */
  readonly isQuarantined?: (digest: string) => boolean
}

/** A module that came as an artifact. */
export interface Upload {
  readonly artifact: Artifact
  /** Names its place for imports and stacks; nothing is read from it. */
  readonly file: string
  readonly name: string
  readonly owner: string
  readonly prefix: string
}

/** What loading an artifact came to. */
export type LoadedArtifact =
  | { readonly ok: true; readonly module: FileModule }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly digest?: string }

interface Source {
  readonly artifact: Artifact
  readonly file: string
  readonly name: string
  readonly owner: string
  readonly mount: Mount
  /** What its file is called, where that is a version. */
  readonly version?: string | null
}

/** Code goes by its digest from here on: under that of another it would pass for what was tried, stored and rolled back to. */
const forgery = ({ artifact }: Upload): LoadedArtifact | null => {
  const { digest } = artifact
  if (digestArtifact(artifact) === digest) return null
  const reason = 'its digest is another'
  return { ok: false, problems: [problem('TURNOUT_ARTIFACT_DAMAGED', { digest, reason })] }
}

const inspector = { module: new URL('./inspect.js', import.meta.url), export: 'inspectModule' }

const remembered = 1_000

/** From a file to code that can be prepared: build, then rehearse in a process of its own. Open/close. */
export class Loader {
  readonly #builder: Builder
  readonly #artifacts: ArtifactStore | null
  readonly #isQuarantined: (digest: string) => boolean
  readonly #rehearsal: Rehearsal
  readonly #timeoutMs: number
  /** Manifests by digest and name: what was rehearsed well needs no second time. */
  readonly #manifests: Map<string, Manifest>
  readonly #mounts: WeakMap<Mount, string>
  #mountCount: number

  constructor({ loadTimeoutMs, artifacts = null, isQuarantined }: LoaderOptions) {
    this.#artifacts = artifacts
    this.#isQuarantined = isQuarantined ?? (() => false)
    this.#builder = createBuilder()
    this.#timeoutMs = loadTimeoutMs
    this.#rehearsal = createRehearsal({ inspector, timeoutMs: loadTimeoutMs })
    this.#manifests = new Map()
    this.#mounts = new WeakMap()
    this.#mountCount = 0
  }

  /** `version`: what the file is called, where it is one of several side by side; its module may say no other. */
  async load(
    file: string,
    name: string,
    owner: string,
    mount: Mount,
    version: string | null = null,
  ): Promise<FileLoad> {
    this.warm()
    const built = await this.#builder.build(file)
    if (!built.ok) return built
    const { artifact, inputs } = built
    const module = await this.#rehearsed(
      { artifact, file, name, owner, mount, version },
      this.#rehearsal,
    )
    return { ...module, inputs }
  }

  /** A module whose artifact was built elsewhere: the same road from there on. */
  async loadUpload(upload: Upload): Promise<LoadedArtifact> {
    const forged = forgery(upload)
    if (forged !== null) return forged
    return await this.#rehearsed({ ...upload, mount: mountOf(upload.prefix) }, this.#rehearsal)
  }

  /** The same to look at it only: its code sees an empty environment, and what it did well is not remembered. */
  async planUpload(upload: Upload): Promise<LoadedArtifact> {
    const forged = forgery(upload)
    if (forged !== null) return forged
    const rehearsal = createRehearsal({
      inspector,
      timeoutMs: this.#timeoutMs,
      environment: 'empty',
    })
    try {
      return await this.#rehearsed({ ...upload, mount: mountOf(upload.prefix) }, rehearsal, false)
    } finally {
      await rehearsal.close()
    }
  }

  /** The code of a module that an earlier process built; null: its artifact is gone or damaged. */
  async codeOf(reference: ModuleReference): Promise<ModuleCode | null> {
    const artifacts = this.#artifacts
    if (artifacts === null) return null
    return codeOf(reference, (digest) => artifacts.get(digest), this.#timeoutMs)
  }

  async #rehearsed(
    from: Source,
    rehearsal: Rehearsal,
    isKept: boolean = true,
  ): Promise<LoadedArtifact> {
    const { artifact, file, name, mount, version = null } = from
    const { digest } = artifact
    if (this.#isQuarantined(digest + this.#markOf(mount))) {
      return { ok: false, problems: [problem('TURNOUT_ARTIFACT_QUARANTINED', { file })] }
    }
    const key = `${digest} ${name} ${version ?? ''} ${mount.prefix}`
    let manifest = this.#manifests.get(key)
    if (manifest === undefined) {
      const outcome = await rehearsal.rehearse(artifact, file, {
        name,
        mount: mount.prefix,
        ...(version !== null && { version }),
      })
      if (!outcome.ok) {
        return { ok: false, problems: [outcome.problem], digest: digest + this.#markOf(mount) }
      }
      manifest = outcome.result as Manifest
      if (isKept) this.#remember(key, manifest)
    }
    if (version !== null && manifest.version !== version) {
      const reason = `its version is ${manifest.version}, and its file is called ${version}`
      const problems = [problem('TURNOUT_MODULE_EXPORT_INVALID', { reason })]
      return { ok: false, problems, digest: digest + this.#markOf(mount) }
    }
    return { ok: true, module: this.#moduleOf(from, manifest) }
  }

  /** Gets ready for a change that may come: a rehearsal process takes longer to start than most builds. */
  warm(): void {
    this.#rehearsal.warm()
  }

  async close(): Promise<void> {
    await Promise.all([this.#builder.close(), this.#rehearsal.close()])
  }

  #moduleOf({ artifact, file, name, owner, mount }: Source, manifest: Manifest): FileModule {
    const digest = artifact.digest + this.#markOf(mount)
    const { version, filters, lifecycle, isolation } = manifest
    const reference = referenceOf({
      name: manifest.name,
      owner,
      version,
      digest,
      file,
      filters,
      lifecycle,
      isolation,
    })
    const store = this.#artifacts
    const save = async (): Promise<void> => store?.put(artifact)
    return {
      reference,
      routes: manifest.routes.map(({ method, path }) => ({
        id: routeId(manifest.name, method, path),
        method,
        path,
      })),
      code: codeFrom(artifact, codeKey(reference), { file, name, mount, version }, this.#timeoutMs),
      save: mount.middleware.length > 0 ? null : save,
    }
  }

  /** The same file behind another prefix or other middleware is another version of the module. */
  #markOf(mount: Mount): string {
    if (mount.prefix === '' && mount.middleware.length === 0) return ''
    if (mount.middleware.length === 0) return `+${mount.prefix}`
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
