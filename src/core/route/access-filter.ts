/** Who may show what: a name, and the secret by reference or as a hash. Never the secret itself. */
export type ClientSecret = {
  readonly name: string
  /** As `parseSecret` reads it. */
  readonly secret: string
}

/** What filters that ask for credentials have in common. */
interface Asking {
  /** Field of the request that is sent on in which the client's name stands; what a client says there is removed. */
  readonly identityHeader: string
  /** Whether the credentials are sent on as well. */
  readonly forward: boolean
  readonly realm: string
}

export interface KeyAuthFilter extends Asking {
  readonly kind: 'key-auth'
  /** Where the key stands; null: not there. */
  readonly header: string | null
  readonly query: string | null
  readonly clients: readonly ClientSecret[]
}

export interface BasicAuthFilter extends Asking {
  readonly kind: 'basic-auth'
  readonly clients: readonly ClientSecret[]
}

export interface JwtFilter extends Asking {
  readonly kind: 'jwt'
  readonly algorithms: readonly string[]
  readonly issuer: string
  /** A token is for one of them. */
  readonly audiences: readonly string[]
  /** Reference to a key, or address of a set of keys: one of the two. */
  readonly key: string | null
  readonly jwks: string | null
  readonly clockToleranceMs: number
  /** Values of which each claim must have one. */
  readonly required: { readonly [claim: string]: readonly string[] }
  /** Claims that are sent on, each in a field. */
  readonly claims: { readonly [claim: string]: string }
}

/** Filters that decide who may pass. */
export type AccessFilter =
  | KeyAuthFilter
  | BasicAuthFilter
  | JwtFilter
  /** Addresses and blocks; `deny` wins, and where `allow` names some, nobody else passes. */
  | {
      readonly kind: 'ip-filter'
      readonly allow: readonly string[]
      readonly deny: readonly string[]
    }
