import { bucketCount, bucketOf } from './buckets.ts'
import { noFigures, type Figures } from './figures.ts'
import { sparse } from './quantile.ts'

/** Spans up to it are seen in seconds. */
export const fineSpanMs = 120_000
/** The longest span that is kept; those above `fineSpanMs` are seen in minutes. */
export const longestSpanMs = 3_600_000
const fineMs = 1000
const coarseMs = 60_000

/** A slice's first places count exchanges, errors and client errors; its buckets follow. */
const errorsAt = 1
const clientErrorsAt = 2
const bucketsAt = 3
const sliceLength = bucketsAt + bucketCount

/**
 * What was seen of one version, lately: exchanges, errors and durations, by second for 2 minutes and by minute for an
 * hour. Slices begin at whole seconds and minutes of `now`, so that recorders asked for the same span, also those of
 * other processes, answer for the same one.
 *
 * A slice is 1.5 KB. There are as many as there were seconds with traffic in the last 2 minutes, and minutes in the last
 * hour: 6 KB where nothing happens, 280 KB at most. `record` allocates when there are more of them than ever before.
 */
export class Recorder {
  readonly #fine = new Ring(fineMs, fineSpanMs)
  readonly #coarse = new Ring(coarseMs, longestSpanMs)

  /**
   * An exchange ended. One that its handler's fault cut counts as it would have been answered: 500, or 504 where time
   * ran out.
   */
  record(now: number, durationMs: number, status: number): void {
    const place = bucketsAt + bucketOf(durationMs)
    add(this.#fine.slice(now), place, status)
    add(this.#coarse.slice(now), place, status)
  }

  /**
   * What ended in the span before `now`, and in the part of a slice that lies before it: the span is rounded up to whole
   * seconds, and above 2 minutes to whole minutes.
   */
  figures(now: number, spanMs: number): Figures {
    return (spanMs > fineSpanMs ? this.#coarse : this.#fine).figures(now, spanMs)
  }
}

function add(slice: Uint32Array, place: number, status: number): void {
  slice[0]! += 1
  slice[place]! += 1
  if (status >= 500) slice[errorsAt]! += 1
  else if (status >= 400) slice[clientErrorsAt]! += 1
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
  readonly #slices: (Uint32Array | null)[]
  readonly #spare: Uint32Array[] = []
  #newest = -1
  #newestSlice: Uint32Array = new Uint32Array(0)

  constructor(sliceMs: number, spanMs: number) {
    this.#sliceMs = sliceMs
    // One more: of the first and the last slice of a span only a part is in it.
    const places = spanMs / sliceMs + 1
    this.#numbers = new Float64Array(places).fill(-1)
    this.#slices = Array.from({ length: places }, () => null)
  }

  /** The slice of this instant. A clock that went back finds the slice of then, or an empty one. */
  slice(now: number): Uint32Array {
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
    const sum = new Float64Array(sliceLength)
    for (const [place, number] of this.#numbers.entries()) {
      const slice = this.#slices[place]
      if (number < first || number > last || slice === null || slice === undefined) continue
      for (let at = 0; at < sliceLength; at += 1) sum[at]! += slice[at]!
    }
    const [requests, errors, clientErrors] = [sum[0]!, sum[errorsAt]!, sum[clientErrorsAt]!]
    if (requests === 0) return noFigures
    return { requests, errors, clientErrors, durations: sparse(sum.subarray(bucketsAt)) }
  }

  #placeOf(number: number): number {
    const places = this.#slices.length
    return ((number % places) + places) % places
  }

  #begin(place: number, number: number): void {
    this.#reclaim(number)
    const slice = this.#slices[place] ?? this.#spare.pop() ?? new Uint32Array(sliceLength)
    this.#slices[place] = slice.fill(0)
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
