/** What is to be said of how a request came to its route, where others could have served it. */
export interface Told {
  /** The fields that had a say, as `Vary` names them; null: none had. */
  readonly vary: string | null
  /** The versions of the place that any client may ask for, highest first. */
  versions(): readonly string[]
}

/** What decided, for people. */
export type DecidedBy =
  | 'version'
  | 'baseline'
  | 'labels'
  | 'weight'
  | 'highest'
  | 'unversioned'
  | 'order'

/** No route of the path serves the version that was asked for. */
export interface RefusedVersion {
  readonly kind: 'refused'
  readonly code: 'TURNOUT_VERSION_INVALID' | 'TURNOUT_VERSION_UNAVAILABLE'
  /** As it was asked for. */
  readonly version: string
  /** Those that may be asked for, highest first. */
  readonly versions: readonly string[]
  readonly vary: string
}
