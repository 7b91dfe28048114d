// Node's timers overflow to 1 ms above this.
const longestMs = 2_147_483_647

/** One timer for each revision that waits for its confirmation. */
export class Deadlines {
  readonly #timers: Map<number, NodeJS.Timeout>
  readonly #onMissed: (revision: number) => void
  #isClosed: boolean

  constructor(onMissed: (revision: number) => void) {
    this.#timers = new Map()
    this.#onMissed = onMissed
    this.#isClosed = false
  }

  /** `at`: milliseconds since the epoch; one that has passed is missed in a turn. */
  set(revision: number, at: number): void {
    if (this.#isClosed) return
    const leftMs = Math.max(0, at - Date.now())
    const timer = setTimeout(
      () => {
        this.#timers.delete(revision)
        if (leftMs > longestMs) this.set(revision, at)
        else this.#onMissed(revision)
      },
      Math.min(leftMs, longestMs),
    )
    this.#timers.set(revision, timer)
  }

  clear(revision: number): void {
    clearTimeout(this.#timers.get(revision))
    this.#timers.delete(revision)
  }

  close(): void {
    this.#isClosed = true
    for (const revision of this.#timers.keys()) this.clear(revision)
  }
}
