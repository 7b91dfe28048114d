import { bucketCount, bucketOf } from './buckets.ts'
import { noFigures, type Figures } from './figures.ts'
import { sparse } from './quantile.ts'

/** Spans up to it are seen in seconds. */
export const fineSpanMs = 120_000
/** The longest span that is kept; those above `fineSpanMs` are seen in minutes. */
export const longestSpanMs = 3_600_000
const fineMs = 1000
const coarseMs = 60_000

/** Buckets by which a slice grows: durations of one version lie close together. */
const growth = 32

const nothing = new Uint32Array(0)

/**
 * What was seen in one span of time. It holds the buckets from the lowest to the highest that something fell into:
 *
 *     buckets    0 ... 95 | 96 97 ... 159 | 160 ... 376
 *                            counts, from 96 on
 */
class Slice {
  /** Which one it is, counted from instant 0. */
  number = 0
  requests = 0
  errors = 0
  clientErrors = 0
  #from = 0
  #counts: Uint32Array = nothing

  add(bucket: number, status: number): void {
    this.requests += 1
    if (status >= 500) this.errors += 1
    else if (status >= 400) this.clientErrors += 1
    const place = bucket - this.#from
    if (place >= 0 && place < this.#counts.length) this.#counts[place]! += 1
    else this.#widen(bucket)
  }

  /** Begins anew, with the room that it has. */
  begin(number: number): void {
    this.number = number
    this.requests = 0
    this.errors = 0
    this.clientErrors = 0
    this.#counts.fill(0)
  }

  addTo(sum: Float64Array): void {
    const counts = this.#counts
    for (let at = 0; at < counts.length; at += 1) sum[this.#from + at]! += counts[at]!
  }

  #widen(bucket: number): void {
    const isEmpty = this.#counts.length === 0
    const low = isEmpty ? bucket : Math.min(bucket, this.#from)
    const high = isEmpty ? bucket : Math.max(bucket, this.#from + this.#counts.length - 1)
    const from = Math.floor(low / growth) * growth
    const counts = new Uint32Array(
      Math.min(bucketCount, Math.ceil((high + 1) / growth) * growth) - from,
    )
    counts.set(this.#counts, isEmpty ? 0 : this.#from - from)
    counts[bucket - from]! += 1
    this.#from = from
    this.#counts = counts
  }
}

/**
 * What was seen of one version, lately: exchanges, errors and durations, by second for 2 minutes and by minute for an
 * hour. Slices begin at whole seconds and minutes of `now`, so that recorders asked for the same span, also those of
 * other processes, answer for the same one.
 *
 * A slice is about 0.5 KB where durations are of one order of magnitude, and 1.6 KB at most. There are as many as there
 * were seconds with traffic in the last 2 minutes, and minutes in the last hour. `record` allocates when there are more of
 * them than ever before, or one gets wider.
 */
export class Recorder {
  readonly #fine = new Slices(fineMs, fineSpanMs)
  readonly #coarse = new Slices(coarseMs, longestSpanMs)

  /**
   * An exchange ended. One that its handler's fault cut counts as it would have been answered: 500, or 504 where time
   * ran out.
   */
  record(now: number, durationMs: number, status: number): void {
    const bucket = bucketOf(durationMs)
    this.#fine.slice(now).add(bucket, status)
    this.#coarse.slice(now).add(bucket, status)
  }

  /**
   * What ended in the span before `now`, and in the part of a slice that lies before it: the span is rounded up to whole
   * seconds, and above 2 minutes to whole minutes.
   */
  figures(now: number, spanMs: number): Figures {
    return (spanMs > fineSpanMs ? this.#coarse : this.#fine).figures(now, spanMs)
  }
}

/**
 * The slices of a span, in no order: there are few, and most records go to the newest. Memory comes with the traffic, and
 * is used again for what begins next:
 *
 *     numbers  9 8 7      10 begins, 7 is out of reach     9 8 10
 */
class Slices {
  readonly #sliceMs: number
  /** What a span reaches: of its first and its last slice only a part is in it. */
  readonly #reach: number
  readonly #all: Slice[] = []
  #newest: Slice | null = null

  constructor(sliceMs: number, spanMs: number) {
    this.#sliceMs = sliceMs
    this.#reach = spanMs / sliceMs + 1
  }

  /** The slice of this instant. A clock that went back finds the slice of then, or an empty one. */
  slice(now: number): Slice {
    const number = Math.floor(now / this.#sliceMs)
    const newest = this.#newest
    if (newest?.number === number) return newest
    return (this.#newest = this.#find(number))
  }

  /** The one of this number, begun where there is none. */
  #find(number: number): Slice {
    let spare: Slice | null = null
    for (const slice of this.#all) {
      if (slice.number === number) return slice
      if (Math.abs(slice.number - number) >= this.#reach) spare = slice
    }
    const slice = spare ?? new Slice()
    if (spare === null) this.#all.push(slice)
    slice.begin(number)
    return slice
  }

  figures(now: number, spanMs: number): Figures {
    const last = Math.floor(now / this.#sliceMs)
    const first = Math.floor((now - spanMs) / this.#sliceMs)
    const seen = this.#all.filter(({ number, requests }) => {
      return requests > 0 && number >= first && number <= last
    })
    if (seen.length === 0) return noFigures
    const sum = new Float64Array(bucketCount)
    let requests = 0
    let errors = 0
    let clientErrors = 0
    for (const slice of seen) {
      requests += slice.requests
      errors += slice.errors
      clientErrors += slice.clientErrors
      slice.addTo(sum)
    }
    return { requests, errors, clientErrors, durations: sparse(sum) }
  }
}
