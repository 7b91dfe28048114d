/** Where a matched route goes. */
export type Target =
  | {
      readonly kind: 'module'
      /** Name of the route module. */
      readonly module: string
    }
  | {
      readonly kind: 'closure'
      /** A handler of the embedding program: volatile, it lives only in this process. */
      readonly run: unknown
    }

/** A route as authored: plain data, never changed once it stands in a table. */
export interface Route {
  /** Unique in a table: `module#METHOD pattern` for a module, `METHOD pattern` for a closure. */
  readonly id: string
  /** Who may replace or remove it: `files:users`, `app`. */
  readonly owner: string
  /** A method token, or `*` for any method. */
  readonly method: string
  /** The pattern's text, `/users/:id`. */
  readonly path: string
  readonly target: Target
}

/** Which code of a module a table means: the artifact is named by digest, never held. */
export interface ModuleReference {
  readonly name: string
  readonly owner: string
  /** SemVer of the module, as its author gave it. */
  readonly version: string
  /** Digest of the artifact, or a label that is unique in this process for a module given as an object. */
  readonly digest: string
  /** Entry file, where the module came from one. */
  readonly file: string | null
}
