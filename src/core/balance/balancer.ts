/** An endpoint that may serve now. */
export interface Candidate {
  /** Its identity, which a balancer keeps state by. */
  readonly key: string
  /** Effective: after slow start. */
  readonly weight: number
  /** Exchanges in flight. */
  readonly active: number
}

/**
 * Picks an endpoint. Every balancer passes `test/core/balance/conformance.ts`: it picks one of the candidates, whatever
 * they were before; none of weight 0; null where there is none of more, for an upstream whose weights are all 0 was
 * switched off by somebody who meant it.
 */
export interface Balancer {
  /** `hashKey`: what the request is hashed by; null: it has none, or needs none. */
  pick<Some extends Candidate>(candidates: readonly Some[], hashKey: string | null): Some | null
}
