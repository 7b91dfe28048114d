/** Counts of what happened lately, by kind (0, 1, 2 …). A state machine that takes `now`; every call is O(1). */
export interface SlidingWindow {
  add(kind: number, now: number): void
  count(kind: number, now: number): number
}

/**
 * The last `size` of all. A full ring forgets its oldest for each new one:
 *
 *     kinds  0 2 0 1      add 3      kinds  0 2 3 1
 *                ^ next                           ^ next
 */
export function createCountWindow(size: number, kinds: number): SlidingWindow {
  return new CountWindow(size, kinds)
}

/** All of the last `seconds`, the one that runs included: a bucket for each, emptied when its turn comes again. */
export function createTimeWindow(seconds: number, kinds: number, now: number): SlidingWindow {
  return new TimeWindow(seconds, kinds, now)
}

class CountWindow implements SlidingWindow {
  readonly #ring: Uint8Array
  readonly #counts: Float64Array
  #next = 0
  #filled = 0

  constructor(size: number, kinds: number) {
    this.#ring = new Uint8Array(size)
    this.#counts = new Float64Array(kinds)
  }

  add(kind: number): void {
    const size = this.#ring.length
    if (size === 0) return
    if (this.#filled === size) this.#counts[this.#ring[this.#next] ?? 0]! -= 1
    else this.#filled += 1
    this.#ring[this.#next] = kind
    this.#counts[kind]! += 1
    this.#next = (this.#next + 1) % size
  }

  count(kind: number): number {
    return this.#counts[kind] ?? 0
  }
}

class TimeWindow implements SlidingWindow {
  readonly #seconds: number
  readonly #kinds: number
  /** Of the bucket at place p: places p * kinds and on. */
  readonly #buckets: Float64Array
  readonly #counts: Float64Array
  #place = 0
  #second: number

  constructor(seconds: number, kinds: number, now: number) {
    this.#seconds = seconds
    this.#kinds = kinds
    this.#buckets = new Float64Array(seconds * kinds)
    this.#counts = new Float64Array(kinds)
    this.#second = Math.floor(now / 1000)
  }

  add(kind: number, now: number): void {
    this.#move(now)
    this.#buckets[this.#place * this.#kinds + kind]! += 1
    this.#counts[kind]! += 1
  }

  count(kind: number, now: number): number {
    this.#move(now)
    return this.#counts[kind] ?? 0
  }

  /** A clock that went back stays in the bucket it was in. */
  #move(now: number): void {
    const second = Math.floor(now / 1000)
    if (second <= this.#second) return
    const steps = Math.min(second - this.#second, this.#seconds)
    for (let step = 0; step < steps; step += 1) {
      this.#place = (this.#place + 1) % this.#seconds
      for (let kind = 0; kind < this.#kinds; kind += 1) {
        const at = this.#place * this.#kinds + kind
        this.#counts[kind]! -= this.#buckets[at] ?? 0
        this.#buckets[at] = 0
      }
    }
    this.#second = second
  }
}
