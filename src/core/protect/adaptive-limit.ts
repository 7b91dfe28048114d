/** How busy a worker's event loop was since the last look. */
export interface LoopLook {
  /** Part of the time in which it ran: 0 to 1. */
  readonly utilization: number
  /** Length of its turns in ms, on the average; 0: nobody measured. */
  readonly turnMs: number
  /** Of the longest of a hundred of them. */
  readonly longTurnMs: number
}

export interface AdaptiveLimitSettings {
  /** It goes no lower, but as a last resort. */
  readonly floor: number
  /** Where it is while the worker is not overloaded. */
  readonly ceiling: number
}

/** A limit that finds out how many may be in flight. A state machine that takes `now`. */
export interface AdaptiveLimit {
  readonly limit: number
  /** The loop cannot do what it is asked to: the limit holds. */
  readonly isHolding: boolean
  /** Turns are so long that the floor holds no more. */
  readonly isLastResort: boolean
  /** Takes a look, about every 100 ms, and how many were in flight. */
  look(now: number, loop: LoopLook, inFlight: number): void
}

/** The loop has no time left. */
const saturated = 0.95
const relieved = 0.9
/** Looks in a row: one long turn, as of a module that loads, is no overload. */
const saturatedLooks = 2
/** Turns as long as that let a client wait for about as long as most handlers do. */
const wantedTurnMs = 25
const relievedMs = 1_000
/** The last resort begins and ends after so long, at these lengths of a turn. */
const resortAfterMs = 1_000
const resortTurnMs = 200
const resortEndTurnMs = 100

export function createAdaptiveLimit(settings: AdaptiveLimitSettings): AdaptiveLimit {
  return new LoopLimit(settings)
}

/**
 * What is scarce in a worker is its event loop. How long exchanges take says little about it: they wait for upstreams, and
 * routes differ. So the limit is not in force until the loop is saturated, and then goes where its turns are short enough:
 *
 *     next = limit x (wanted / turn, from 1/2 to 1) + square root of limit
 *
 * Below that it may grow again; after a second with time to spare it is lifted.
 */
class LoopLimit implements AdaptiveLimit {
  limit: number
  isHolding = false
  isLastResort = false
  readonly #floor: number
  readonly #ceiling: number
  #saturatedLooks = 0
  #relievedAt: number | null = null
  /** Since when the length of the turns asks for the other state of the last resort. */
  #resortAt: number | null = null

  constructor({ floor, ceiling }: AdaptiveLimitSettings) {
    this.#floor = Math.min(floor, ceiling)
    this.#ceiling = ceiling
    this.limit = ceiling
  }

  look(now: number, loop: LoopLook, inFlight: number): void {
    this.#saturatedLooks = loop.utilization < saturated ? 0 : this.#saturatedLooks + 1
    this.#lookForResort(now, loop)
    if (this.isHolding) this.#hold(now, loop, inFlight)
    else if (this.#saturatedLooks >= saturatedLooks && loop.turnMs > wantedTurnMs) {
      // Whoever holds now lets in step by step, which is often enough: the next look tells.
      this.isHolding = true
      this.#relievedAt = null
    }
  }

  #hold(now: number, { utilization, turnMs }: LoopLook, inFlight: number): void {
    const floor = this.isLastResort ? 1 : this.#floor
    if (utilization >= relieved) {
      this.#relievedAt = null
      if (turnMs > wantedTurnMs) {
        // Room that nobody uses is none that helps.
        const used = Math.min(this.limit, Math.max(inFlight, floor))
        this.#set(used * Math.max(0.5, wantedTurnMs / turnMs) + Math.sqrt(used), floor)
      } else if (inFlight * 2 >= this.limit) this.#set(this.limit + Math.sqrt(this.limit), floor)
      return
    }
    this.#relievedAt ??= now
    const isLifted = now - this.#relievedAt >= relievedMs && !this.isLastResort
    if (isLifted) this.isHolding = false
    this.#set(isLifted ? this.#ceiling : this.limit * 1.25 + Math.sqrt(this.limit), floor)
  }

  #set(limit: number, floor: number): void {
    this.limit = Math.min(this.#ceiling, Math.max(floor, Math.floor(limit)))
  }

  #lookForResort(now: number, { utilization, longTurnMs }: LoopLook): void {
    const isAsked = this.isLastResort
      ? utilization < relieved || longTurnMs < resortEndTurnMs
      : this.isHolding && longTurnMs > resortTurnMs && this.limit <= this.#floor
    if (!isAsked) this.#resortAt = null
    else if (now - (this.#resortAt ??= now) >= resortAfterMs) {
      this.isLastResort = !this.isLastResort
      this.#resortAt = null
    }
  }
}
