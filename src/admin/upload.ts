import type { Artifact } from '../modules/artifact.ts'

/** A built module on its way to an instance. */
export interface ModuleUpload {
  /** Its name and prefix, where the module itself says none. */
  readonly name: string
  /** Entry file, for people. */
  readonly file?: string | undefined
  readonly artifact: Artifact
}
