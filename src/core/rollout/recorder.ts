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

/**
 * What was seen in one span of time. It holds the buckets from the lowest to the highest that something fell into:
 *
 *     buckets    0 ... 95 | 96 97 ... 159 | 160 ... 376
 *                            counts, from 96 on
 */
class Slice {
  requests = 0
  errors = 0
  clientErrors = 0
  #from = 0
  #counts: Uint32Array = new Uint32Array(0)

  add(bucket: number, status: number): void {
    this.requests += 1
    if (status >= 500) this.errors += 1
    else if (status >= 400) this.clientErrors += 1
    const place = bucket - this.#from
    if (place >= 0 && place < this.#counts.length) this.#counts[place]! += 1
    else this.#widen(bucket)
  }

  /** Begins anew, with the room that it has. */
  clear(): void {
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
  readonly #fine = new Ring(fineMs, fineSpanMs)
  readonly #coarse = new Ring(coarseMs, longestSpanMs)

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
 * The slice of a number has its place by the number modulo the places; a place is emptied when another number's turn
 * comes. Slices that are too old to be asked for are used again, wherever they lie:
 *
 *     number  8 9 . 7      10 begins, 7 is too old     8 9 10 .
 *                                                          ^ the memory that 7 had
 */
class Ring {
  readonly #sliceMs: number
  readonly #numbers: Float64Array
  readonly #slices: (Slice | null)[]
  readonly #spare: Slice[] = []
  #newest = -1
  #newestSlice: Slice = new Slice()

  constructor(sliceMs: number, spanMs: number) {
    this.#sliceMs = sliceMs
    // One more: of the first and the last slice of a span only a part is in it.
    const places = spanMs / sliceMs + 1
    this.#numbers = new Float64Array(places).fill(-1)
    this.#slices = Array.from({ length: places }, () => null)
  }

  /** The slice of this instant. A clock that went back finds the slice of then, or an empty one. */
  slice(now: number): Slice {
    const number = Math.floor(now / this.#sliceMs)
    if (number === this.#newest) return this.#newestSlice
    const place = this.#placeOf(number)
    if (this.#numbers[place] !== number) this.#begin(place, number)
    this.#newest = number
    this.#newestSlice = this.#slices[place]!
    return this.#newestSlice
  }

  figures(now: number, spanMs: number): Figures {
    const last = Math.floor(now / this.#sliceMs)
    const first = Math.floor((now - spanMs) / this.#sliceMs)
    const sum = new Float64Array(bucketCount)
    let requests = 0
    let errors = 0
    let clientErrors = 0
    for (const [place, number] of this.#numbers.entries()) {
      const slice = this.#slices[place]
      if (number < first || number > last || slice === null || slice === undefined) continue
      requests += slice.requests
      errors += slice.errors
      clientErrors += slice.clientErrors
      slice.addTo(sum)
    }
    if (requests === 0) return noFigures
    return { requests, errors, clientErrors, durations: sparse(sum) }
  }

  #placeOf(number: number): number {
    const places = this.#slices.length
    return ((number % places) + places) % places
  }

  #begin(place: number, number: number): void {
    this.#reclaim(number)
    const slice = this.#slices[place] ?? this.#spare.pop() ?? new Slice()
    slice.clear()
    this.#slices[place] = slice
    this.#numbers[place] = number
  }

  /** Takes back what no span can reach any more. */
  #reclaim(number: number): void {
    const oldest = number - this.#slices.length + 1
    for (const [place, slice] of this.#slices.entries()) {
      if (slice === null || this.#numbers[place]! >= oldest) continue
      this.#slices[place] = null
      this.#numbers[place] = -1
      this.#spare.push(slice)
    }
  }
}
