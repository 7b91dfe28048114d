/** What a load consists of. */
export interface LoadPlan {
  readonly port: number
  readonly groups: readonly LoadGroup[]
  /** Milliseconds until it ends by itself. At most 30 minutes. */
  readonly durationMs: number
}

/** Loops that ask for the paths in turn, each one request at a time. */
export interface LoadGroup {
  readonly name: string
  readonly loops: number
  /** True: each loop keeps its connection. False: a new connection for each request. */
  readonly isKeptAlive: boolean
  readonly paths: readonly string[]
  /**
   * `version`: status 200, and header and body must be wholly of one version (`versionBody`). `status`: status 200
   * and nothing else.
   */
  readonly expects: 'version' | 'status'
}

/** The body of a version's answers: its tag, again and again, so that half of one version shows. */
export function versionBody(tag: string): string {
  return `${tag} `.repeat(600)
}

/** How every request of a load ended. Each is counted once: `sent` is the sum of the others. */
export interface LoadCounts {
  sent: number
  /** A whole answer, as expected. */
  completed: number
  /** No connection: refused, or no free port. */
  refused: number
  /** The connection ended before the first byte of the answer. */
  reset: number
  /** The connection ended inside the answer. */
  truncated: number
  wrongStatus: number
  /** Whole, but not of one version, or not what HTTP allows. */
  wrongBody: number
  /** No answer within 10 s. */
  unanswered: number
}

export interface LoadReport extends LoadCounts {
  readonly durationMs: number
  readonly requestsPerSecond: number
  /** Completed requests by group. */
  readonly byGroup: Readonly<Record<string, number>>
  /**
   * Requests that ended without a whole answer on connections whose answer before said its process (`x-pid`), by that;
   * `new`: nothing had been answered there.
   */
  readonly lostOf: Readonly<Record<string, number>>
  /** Different versions that answered. */
  readonly versions: number
  /** Answers that were older than the answer before on the same connection. */
  readonly wentBack: number
  /** The first few things that went wrong. */
  readonly faults: readonly string[]
  /** Milliseconds. */
  readonly latencies: { readonly p50: number; readonly p99: number; readonly max: number }
}

/** Sum of everything that is not a whole, right answer. */
export function lossOf(report: LoadReport): number {
  const { refused, reset, truncated, wrongStatus, wrongBody, unanswered } = report
  return refused + reset + truncated + wrongStatus + wrongBody + unanswered
}
