/** A judgement of both versions by one condition. */
export interface Judgement {
  readonly condition: string
  readonly verdict: 'pass' | 'fail' | 'inconclusive' | 'error'
  /** Of the canary, in the unit of the metric: ms, a fraction, a count. Null: no number. */
  readonly value: number | null
  readonly limit: number | null
  /** What it means, for people. */
  readonly text: string
}

/** One measurement of a rollout, kept in its history. */
export interface RolloutMeasurement {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly step: number
  readonly canary: FiguresSummary
  readonly stable: FiguresSummary
  readonly judgements: readonly Judgement[]
  readonly verdict: Judgement['verdict']
}

/** Figures as people read them. Times in ms; null: nothing was seen. */
export interface FiguresSummary {
  readonly requests: number
  readonly errors: number
  readonly errorRate: number | null
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
}

/** What the copies of a verify step showed. */
export interface VerifyReport {
  readonly compared: number
  /** Comparisons in which canary and stable differed where two runs of the stable one do not. */
  readonly different: number
  /** Where: `status`, `header content-type`, `body /items/*\/price`; most frequent first, at most 50. */
  readonly differences: readonly {
    readonly place: string
    readonly count: number
    /** How often two runs of the stable version differ there. */
    readonly noise: number
    /** One request that showed it: `GET /users/7`. */
    readonly request: string
    /** Values there, cut to 200 characters. */
    readonly stable: string | null
    readonly canary: string | null
  }[]
  /** Copies that could not be made or answered. */
  readonly failed: number
}
