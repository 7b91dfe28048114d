import type { BulkheadSettings } from '../route/upstream.ts'

/** One call that waits for a place. */
export interface Waiting {
  /** When `expire` gives it up. */
  readonly deadlineAt: number
  /** Whether it waited still; if not, its place was handed to it, and must be left. */
  cancel(): boolean
}

/** A limit of calls in flight and waiting. A state machine that takes `now`; every call is O(1). */
export interface Bulkhead {
  readonly inFlight: number
  readonly waiting: number
  /** Takes a place, if one is free; each is left exactly once. */
  tryEnter(): boolean
  /** Waits for a place, which `resume` says it has; null: too many wait, or none may. */
  wait(now: number, resume: () => void): Waiting | null
  /** Hands the place to the one that waits longest, or makes it free. */
  leave(): void
  /** Those that waited too long, the longest first; they wait no more and get no place. */
  expire(now: number): readonly Waiting[]
  /** When `expire` next has something to do; null: nobody waits. */
  nextDeadline(): number | null
}

export function createBulkhead(settings: BulkheadSettings): Bulkhead {
  return new Places(settings)
}

const none: readonly Waiting[] = []

class Places implements Bulkhead {
  readonly #settings: BulkheadSettings
  inFlight = 0
  waiting = 0
  /** A list linked both ways: taken at the front, cancelled anywhere. */
  #first: Waiter | null = null
  #last: Waiter | null = null

  constructor(settings: BulkheadSettings) {
    this.#settings = settings
  }

  tryEnter(): boolean {
    if (this.inFlight >= this.#settings.maxConcurrentCalls) return false
    this.inFlight += 1
    return true
  }

  wait(now: number, resume: () => void): Waiting | null {
    const { maxWaitDuration, maxWaitingCalls } = this.#settings
    if (maxWaitDuration <= 0 || this.waiting >= maxWaitingCalls) return null
    const waiter = new Waiter(this, now + maxWaitDuration, resume)
    waiter.before = this.#last
    if (this.#last === null) this.#first = waiter
    else this.#last.after = waiter
    this.#last = waiter
    this.waiting += 1
    return waiter
  }

  leave(): void {
    const next = this.#first
    if (next === null) {
      this.inFlight = Math.max(0, this.inFlight - 1)
      return
    }
    this.remove(next)
    next.resume()
  }

  expire(now: number): readonly Waiting[] {
    if (this.#first === null || this.#first.deadlineAt > now) return none
    const expired: Waiter[] = []
    while (this.#first !== null && this.#first.deadlineAt <= now) {
      expired.push(this.#first)
      this.remove(this.#first)
    }
    return expired
  }

  nextDeadline(): number | null {
    return this.#first?.deadlineAt ?? null
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
