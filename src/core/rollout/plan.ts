import type { Cohort } from './rollout.ts'

/** `p95 <= stable * 1.15`, `errorRate <= stable + 0.5%`, `p99 <= 800ms`. */
export interface Condition {
  /** As it was written. */
  readonly text: string
  readonly metric: 'errorRate' | 'clientErrorRate' | 'p50' | 'p95' | 'p99' | 'requests'
  readonly compare: '<=' | '<' | '>=' | '>'
  /** True: the limit is `times` the stable version's value, plus `plus`. False: it is `plus`. */
  readonly isRelative: boolean
  readonly times: number
  /** Milliseconds of a duration, a fraction of a rate, else a count. */
  readonly plus: number
}

/** How the two versions are judged. Durations in ms. */
export interface AnalysisSettings {
  readonly conditions: readonly Condition[]
  /** Fewest exchanges of the canary that are judged; of the stable version where a condition compares with it. */
  readonly minimumSamples: number
  /** What is judged is what was seen in so long before. */
  readonly windowMs: number
  /** One judgement each so long. What fails clearly is seen between them. */
  readonly intervalMs: number
  /** So many failed judgements are borne: more than that abort (Argo's strict `>`). */
  readonly failureLimit: number
  /** The same for judgements that got no figures one after the other; the rollout pauses. */
  readonly consecutiveErrorLimit: number
}

export type Step =
  /** Copies of exchanges are answered by both versions, and the answers compared. */
  | {
      readonly kind: 'verify'
      /** Share of the exchanges that is copied. */
      readonly percent: number
      /** Comparisons that are needed. */
      readonly samples: number
      /** Largest share of comparisons that may differ beyond what two runs of the stable version differ by, in percent. */
      readonly maxDifferentPercent: number
      /** False: only GET, HEAD and OPTIONS. True: each copied write is done by the stable version twice and by the canary once more. */
      readonly allMethods: boolean
      /** Answer fields that are compared beside status and body; lower case. */
      readonly headers: readonly string[]
      /** JSON pointers into bodies that are not compared; `*` is any one token. */
      readonly ignore: readonly string[]
      readonly timeoutMs: number
      /** Without enough samples by then it pauses, or goes on if what was compared is within the limit. */
      readonly onTimeout: 'pause' | 'continue'
    }
  | { readonly kind: 'weight'; readonly weight: number }
  | ({ readonly kind: 'cohort' } & Cohort)
  /** Null: until somebody promotes or resumes it. */
  | { readonly kind: 'pause'; readonly ms: number | null }
  /** So many judgements in a row must pass before it goes on. */
  | ({ readonly kind: 'analysis'; readonly count: number } & AnalysisSettings)
  /** After promotion: the stable version stays warm so long, and the same conditions go back to it. The last step only. */
  | { readonly kind: 'watch'; readonly ms: number }

/** What a rollout does. Immutable, plain data. */
export interface Plan {
  readonly steps: readonly Step[]
  /** Judged all the time while the canary serves anybody, and in `watch`. */
  readonly analysis: AnalysisSettings
}
