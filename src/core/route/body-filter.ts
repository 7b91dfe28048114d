/** What becomes of a placeholder that stands for nothing. */
export type Missing = 'empty' | 'refuse'

/** A body made from a template. */
interface Templated {
  readonly contentType: string
  readonly body: string
  readonly missing: Missing
  /** Most bytes of the body that the template reads. */
  readonly maxBytes: number
}

/** Filters that work on bodies. */
export type BodyFilter =
  | {
      readonly kind: 'compress'
      /** In the order in which they are taken where the client likes them alike. */
      readonly encodings: readonly string[]
      /** Media types; one part of each may be `*`. */
      readonly types: readonly string[]
      readonly minBytes: number
      /** Event streams too, each event flushed. */
      readonly eventStreams: boolean
    }
  | {
      readonly kind: 'response-cache'
      readonly timeToLiveMs: number
      /** Of all answers that it keeps. */
      readonly maxBytes: number
    }
  | ({ readonly kind: 'request-template' } & Templated)
  | ({
      readonly kind: 'response-template'
      /** Answers that are changed: those of 2xx, of 400 and above, or both. */
      readonly when: 'success' | 'error' | 'always'
    } & Templated)
