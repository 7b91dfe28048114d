import { createHash } from 'node:crypto'

/** Where an import stands in the author's sources: an index into `Artifact.sources`, line and column from 1. */
export interface SourcePosition {
  readonly source: number
  readonly line: number
  readonly column: number
}

/** A static import that was left to Node: a package or a builtin. */
export interface ArtifactImport {
  readonly specifier: string
  readonly attributes: Readonly<Record<string, string>>
  /** Names that the importing code needs, without `*`; a missing one is a problem before any code runs. */
  readonly names: readonly string[]
  /** `export * from`: every name of the dependency is exported again. */
  readonly star: boolean
  readonly position: SourcePosition
}

/** What the script's function is called with, in order. Indexes point into `imports` and `sources`. */
export type ArtifactParameter = { readonly name: string } & (
  | { readonly gives: 'exports' }
  | { readonly gives: 'namespace'; readonly import: number }
  | { readonly gives: 'binding'; readonly import: number; readonly imported: string }
  | { readonly gives: 'dynamicImport'; readonly source: number }
  | { readonly gives: 'meta'; readonly source: number }
  | { readonly gives: 'require' }
)

/** A package that the module uses, and its version when it was built. Turnout itself is not listed. */
export interface ArtifactExternal {
  readonly specifier: string
  /** Absent where the package was not found, or has no version. */
  readonly version?: string
}

/** Everything of an artifact but its name. */
export interface ArtifactContent {
  /** Body of a function that returns a promise; `parameters` are its parameters. */
  readonly script: string
  /** Source map (version 3, JSON) of `script`, with the sources' text. */
  readonly map: string
  /** The author's files, relative to the folder of the entry file, with `/`. */
  readonly sources: readonly string[]
  readonly imports: readonly ArtifactImport[]
  readonly parameters: readonly ArtifactParameter[]
  readonly externals: readonly ArtifactExternal[]
}

/**
 * A built module: plain data that can be stored as JSON and loaded by another process on another
 * machine; no absolute path is in it.
 */
export interface Artifact extends ArtifactContent {
  /** SHA-256 of the content, hex. */
  readonly digest: string
}

/** SHA-256 (hex) of an artifact's content. The source map counts: a moved line is another artifact. */
export function digestArtifact(content: ArtifactContent): string {
  const { script, map, sources, imports, parameters, externals } = content
  return createHash('sha256')
    .update(JSON.stringify([script, map, sources, imports, parameters, externals]))
    .digest('hex')
}
