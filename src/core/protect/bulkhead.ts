import type { BulkheadSettings } from '../route/upstream.ts'

/** One call that waits for a place. */
export interface Waiting {
  /** When `expire` gives it up, unless the line is cut short. */
  readonly deadlineAt: number
  /** Whether it waited still; if not, its place was handed to it, and must be left. */
  cancel(): boolean
}

/**
 * Who is next. `oldest`: who waits longest. `relief`: the same, until somebody is turned away; from then on, and until
 * nobody was for as long as one may wait, it is the newest, and the line is short in length and time. A line that stands
 * serves everybody late, and those first whose clients have given up.
 */
export type LineOrder = 'oldest' | 'relief'

/** What is left of the longest wait, and of the longest line, while it is cut short. */
const shortWait = 1 / 20
const shortLine = 1 / 8

/** A limit of calls in flight and waiting. A state machine that takes `now`; every call is O(1). */
export interface Bulkhead {
  readonly inFlight: number
  readonly waiting: number
  /** Takes a place, if one is free; each is left exactly once. */
  tryEnter(): boolean
  /** Takes a place that is not there: in flight are more than the limit until so many have left. */
  enterAnyway(): void
  /** Waits for a place, which `resume` says it has; null: too many wait, or none may. */
  wait(now: number, resume: () => void): Waiting | null
  /** Hands the place to the next in line, or makes it free. */
  leave(now: number): void
  /** Makes the place free, and leaves it to `handOn` who has it. */
  free(): void
  /** Gives a free place to the next in line; false: none is free, or nobody waits. */
  handOn(now: number): boolean
  /** Those that waited too long, the longest first; they wait no more and get no place. */
  expire(now: number): readonly Waiting[]
  /** When `expire` next has something to do; null: nobody waits. */
  nextDeadline(now: number): number | null
  /** Goes on with other settings; who is in stays in, and `handOn` gives away what is free now. */
  update(settings: BulkheadSettings): void
}

export function createBulkhead(settings: BulkheadSettings, order: LineOrder = 'oldest'): Bulkhead {
  return new Places(settings, order)
}

const none: readonly Waiting[] = []

class Places implements Bulkhead {
  #settings: BulkheadSettings
  readonly #order: LineOrder
  inFlight = 0
  waiting = 0
  /** A list linked both ways: taken at either end, cancelled anywhere. */
  #first: Waiter | null = null
  #last: Waiter | null = null
  #isShortUntil = -Infinity

  constructor(settings: BulkheadSettings, order: LineOrder) {
    this.#settings = settings
    this.#order = order
  }

  tryEnter(): boolean {
    if (this.inFlight >= this.#settings.maxConcurrentCalls) return false
    this.inFlight += 1
    return true
  }

  enterAnyway(): void {
    this.inFlight += 1
  }

  wait(now: number, resume: () => void): Waiting | null {
    const { maxWaitDuration, maxWaitingCalls } = this.#settings
    const most = this.#isShort(now) ? Math.ceil(maxWaitingCalls * shortLine) : maxWaitingCalls
    if (maxWaitDuration <= 0 || this.waiting >= most) {
      this.#turnedAway(now)
      return null
    }
    const waiter = new Waiter(this, now + maxWaitDuration, resume)
    waiter.before = this.#last
    if (this.#last === null) this.#first = waiter
    else this.#last.after = waiter
    this.#last = waiter
    this.waiting += 1
    return waiter
  }

  leave(now: number): void {
    this.free()
    this.handOn(now)
  }

  free(): void {
    this.inFlight = Math.max(0, this.inFlight - 1)
  }

  expire(now: number): readonly Waiting[] {
    const late = now + this.#cutOff(now)
    if (this.#first === null || this.#first.deadlineAt > late) return none
    const expired: Waiter[] = []
    while (this.#first !== null && this.#first.deadlineAt <= late) {
      expired.push(this.#first)
      this.remove(this.#first)
    }
    this.#turnedAway(now)
    return expired
  }

  nextDeadline(now: number): number | null {
    return this.#first === null ? null : this.#first.deadlineAt - this.#cutOff(now)
  }

  update(settings: BulkheadSettings): void {
    this.#settings = settings
  }

  handOn(now: number): boolean {
    const next = this.#isShort(now) ? this.#last : this.#first
    if (next === null || this.inFlight >= this.#settings.maxConcurrentCalls) return false
    this.inFlight += 1
    this.remove(next)
    next.resume()
    return true
  }

  #isShort(now: number): boolean {
    return now < this.#isShortUntil
  }

  #turnedAway(now: number): void {
    if (this.#order === 'relief') this.#isShortUntil = now + this.#settings.maxWaitDuration
  }

  /** By how much one may wait less than at other times. */
  #cutOff(now: number): number {
    return this.#isShort(now) ? this.#settings.maxWaitDuration * (1 - shortWait) : 0
  }

  remove(waiter: Waiter): boolean {
    if (waiter.places === null) return false
    waiter.places = null
    if (waiter.before === null) this.#first = waiter.after
    else waiter.before.after = waiter.after
    if (waiter.after === null) this.#last = waiter.before
    else waiter.after.before = waiter.before
    waiter.before = null
    waiter.after = null
    this.waiting -= 1
    return true
  }
}

class Waiter implements Waiting {
  /** Null: it waits no more. */
  places: Places | null
  readonly deadlineAt: number
  readonly resume: () => void
  before: Waiter | null = null
  after: Waiter | null = null

  constructor(places: Places, deadlineAt: number, resume: () => void) {
    this.places = places
    this.deadlineAt = deadlineAt
    this.resume = resume
  }

  cancel(): boolean {
    return this.places?.remove(this) ?? false
  }
}
