import { bucketCount, bucketOf } from '../../../src/core/rollout/buckets.ts'
import type { Figures } from '../../../src/core/rollout/figures.ts'
import { sparse } from '../../../src/core/rollout/quantile.ts'

export type Random = () => number

/** What a version answers: how often it fails, and log-normal times. */
export interface Behaviour {
  readonly errorRate: number
  readonly medianMs: number
  readonly sigma: number
}

/** 0.5 % errors; p95 of 102 ms with a long tail. */
export const healthy: Behaviour = { errorRate: 0.005, medianMs: 45, sigma: 0.5 }

/** Exchanges that ended in one short time. */
export interface Slice {
  readonly buckets: Uint16Array
  readonly errors: number
}

const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

/** How many come in a time in which `mean` come on average. */
function poisson(random: Random, mean: number): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)))
  const limit = Math.exp(-mean)
  let count = 0
  for (let product = random(); product > limit; product *= random()) count += 1
  return count
}

export function drawSlice(random: Random, mean: number, of: Behaviour): Slice {
  const count = poisson(random, mean)
  let errors = 0
  const buckets = new Uint16Array(count)
  for (let at = 0; at < count; at += 1) {
    buckets[at] = bucketOf(of.medianMs * Math.exp(of.sigma * normal(random)))
    if (random() < of.errorRate) errors += 1
  }
  return { buckets, errors }
}

/**
 * Many slices drawn once, from which rollouts then draw theirs: a thousand of them need no more random numbers than a
 * few. There are so many that the pool's own quantiles are those of the behaviour to a fraction of a percent.
 */
export class Pools {
  readonly #pools = new Map<Behaviour, Map<number, readonly Slice[]>>()
  readonly #random: Random
  readonly #exchanges: number

  constructor(random: Random, exchanges = 200_000) {
    this.#random = random
    this.#exchanges = exchanges
  }

  draw(mean: number, of: Behaviour): Slice {
    let pools = this.#pools.get(of)
    if (pools === undefined) {
      pools = new Map()
      this.#pools.set(of, pools)
    }
    let pool = pools.get(mean)
    if (pool === undefined) {
      const length = Math.min(
        50_000,
        Math.max(500, Math.ceil(this.#exchanges / Math.max(mean, 1e-3))),
      )
      pool = Array.from({ length }, () => drawSlice(this.#random, mean, of))
      pools.set(mean, pool)
    }
    return pool[Math.floor(this.#random() * pool.length)]!
  }
}

/** The slices of a window that slides. */
export class SliceWindow {
  readonly #counts = new Float64Array(bucketCount)
  #slices: Slice[] = []
  #requests = 0
  #errors = 0
  #first = 0

  /** Keeps the newest `most`. */
  add(slice: Slice, most: number): void {
    this.#slices.push(slice)
    this.#change(slice, 1)
    while (this.#slices.length - this.#first > most) {
      this.#change(this.#slices[this.#first]!, -1)
      this.#first += 1
    }
    if (this.#first > 4096) {
      this.#slices = this.#slices.slice(this.#first)
      this.#first = 0
    }
  }

  clear(): void {
    this.#slices = []
    this.#first = 0
    this.#requests = 0
    this.#errors = 0
    this.#counts.fill(0)
  }

  figures(): Figures {
    return {
      requests: this.#requests,
      errors: this.#errors,
      clientErrors: 0,
      durations: sparse(this.#counts),
    }
  }

  #change({ buckets, errors }: Slice, by: 1 | -1): void {
    for (let at = 0; at < buckets.length; at += 1) this.#counts[buckets[at]!]! += by
    this.#requests += by * buckets.length
    this.#errors += by * errors
  }
}
