/** Fields that make a browser careful, and what each says unless an author says otherwise. */
export const secureDefaults: Readonly<Record<string, string>> = {
  'x-xss-protection': '1 ; mode=block',
  'strict-transport-security': 'max-age=631138519',
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy':
    "default-src 'self' https:; font-src 'self' https: data:; img-src 'self' https: data:; object-src 'none'; script-src https:; style-src 'self' https: 'unsafe-inline'",
  'x-download-options': 'noopen',
  'x-permitted-cross-domain-policies': 'none',
}

/** What `permissions-policy` says where it is asked for and nothing is said: it belongs to none of the above. */
export const permissionsPolicy: string = [
  'accelerometer ambient-light-sensor autoplay battery camera cross-origin-isolated display-capture',
  'document-domain encrypted-media execution-while-not-rendered execution-while-out-of-viewport',
  'fullscreen geolocation gyroscope keyboard-map magnetometer microphone midi navigation-override',
  'payment picture-in-picture publickey-credentials-get screen-wake-lock sync-xhr usb web-share',
  'xr-spatial-tracking',
]
  .flatMap((line) => line.split(' '))
  .map((name) => `${name}=()`)
  .join(', ')

/** A field as an author writes it. */
export interface NamedValue {
  readonly name: string
  readonly value: string
}

/**
 * Stops calls of the rest of the route after failures, with the settings that a breaker of an upstream has unless they
 * are said, and serves what failed by another route of the table.
 */
export interface BreakerFilter {
  readonly kind: 'breaker'
  /** For people; it tells two breakers of one route apart. */
  readonly name: string
  /** Answers that count as failures, and are not sent. */
  readonly statuses: readonly number[]
  /** A path, as a template; null: what failed is answered as it is. */
  readonly forward: string | null
  /** Where nothing else answers: an empty 200, but not for what took too long or was not let through. */
  readonly resume: boolean
}

export interface LocationFilter {
  readonly kind: 'rewrite-location'
  /** Whether `/v1` at the front of its path goes: `as-in-request`, where the path of the request has none. */
  readonly stripVersion: 'as-in-request' | 'never' | 'always'
  readonly header: string
  /** Host and port; null: those that the client asked for. */
  readonly host: string | null
  /** An expression (RE2) for the schemes of what is rewritten. */
  readonly protocols: string
}

/** Filters that change single parts of a request or an answer. Plain data. */
export type MessageFilter =
  /** Fields that a request does not have yet; several of one name come together. */
  | { readonly kind: 'add-missing-request-headers'; readonly headers: readonly NamedValue[] }
  | {
      readonly kind: 'add-missing-response-header'
      readonly name: string
      readonly value: string
    }
  /** Values of a field are those of another one, too. */
  | { readonly kind: 'map-request-header'; readonly from: string; readonly to: string }
  | { readonly kind: 'set-host'; readonly host: string }
  | { readonly kind: 'add-query-parameter'; readonly name: string; readonly value: string }
  | { readonly kind: 'remove-query-parameter'; readonly name: string }
  /** Where the parameter is there, it is there once and says this. */
  | {
      readonly kind: 'rewrite-query-parameter'
      readonly name: string
      readonly replacement: string
    }
  /** Most bytes of one field, its name and all of its values together. */
  | {
      readonly kind: 'header-limit'
      readonly bytes: number
      /** A field of the refusal that says why; null: none. */
      readonly errorHeader: string | null
    }
  | { readonly kind: 'set-status'; readonly status: number }
  | {
      readonly kind: 'dedupe-response-header'
      readonly names: readonly string[]
      readonly keep: 'first' | 'last' | 'unique'
    }
  | {
      readonly kind: 'rewrite-response-header'
      readonly name: string
      readonly pattern: string
      readonly replacement: string
    }
  | LocationFilter
  /** Fields that the answer does not have yet. Null: this one is left out. */
  | {
      readonly kind: 'secure-headers'
      readonly headers: Readonly<Record<string, string | null>>
    }
  | BreakerFilter
  /** Tells the target of a route that a breaker forwards to what failed. */
  | {
      readonly kind: 'failure-headers'
      readonly type: string
      readonly message: string
      readonly rootType: string
      readonly rootMessage: string
    }
